//! `camgate probe`: connects to a camera and says what it sends.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::clock;
use crate::ingest::guard::Policy;
use crate::ingest::reach::Reach;
use crate::ingest::rtsp::{self, Limit};
use crate::ingest::{AudioOffer, Event, IngestError, Session, SourceUrl};
use crate::media::VideoTrack;

/// How long the camera may take to agree to send.
const CONNECT: Duration = Duration::from_secs(10);

/// What was seen of a camera.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The link, without credentials.
    pub source: String,
    /// How the camera asks who is there: the schemes of its challenges, or none.
    pub authentication: Vec<String>,
    /// What the camera calls itself (`Server`, RFC 2326 §12.36).
    pub server: Option<String>,
    /// From the start until the camera agreed to send.
    pub connect_ms: u64,
    /// From the start until the first keyframe was there.
    pub first_keyframe_ms: Option<u64>,
    /// What the camera offers.
    pub tracks: Vec<Offer>,
    /// The video, once its parameter sets were seen.
    pub video: Option<Video>,
    /// The audio, where the camera offers some.
    pub audio: Option<Audio>,
    /// RTP packets that were lost or made no sense.
    pub packets_lost: u64,
    /// Why watching ended early.
    pub ended: Option<String>,
    /// The session description (RFC 8866).
    pub sdp: String,
}

/// A track as the SDP offers it.
#[derive(Debug, Serialize)]
pub struct Offer {
    /// `video`, `audio`, …
    pub media: String,
    /// As in `a=rtpmap`.
    pub encoding: String,
    /// Hz.
    pub clock_rate: u32,
    /// Of audio.
    pub channels: Option<u16>,
}

/// The video as it was seen.
#[derive(Debug, Serialize)]
pub struct Video {
    /// Usual name.
    pub codec: &'static str,
    /// RFC 6381.
    pub rfc6381: String,
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
    /// Width to height of a pixel, where it is not square.
    pub pixel_aspect: Option<(u16, u16)>,
    /// Pictures per second that the camera claims.
    pub claimed_frame_rate: Option<f64>,
    /// Pictures per second that came.
    pub frame_rate: f64,
    /// Bits per second that came.
    pub bitrate_bps: f64,
    /// Seconds between keyframes; none if fewer than two came.
    pub keyframe_interval_seconds: Option<f64>,
    /// Pictures that came.
    pub frames: u32,
    /// Keyframes among them.
    pub keyframes: u32,
}

/// The audio as it was seen.
#[derive(Debug, Serialize)]
pub struct Audio {
    /// Usual name of what the camera sends.
    pub codec: Option<&'static str>,
    /// Hz.
    pub sample_rate: Option<u32>,
    /// Channels.
    pub channels: Option<u16>,
    /// Packets or frames that came.
    pub units: u32,
    /// Why it would be left out.
    pub left_out: Option<String>,
}

/// Connects to `source` and watches it for `watch` after the first picture, or for as long without any.
///
/// # Errors
/// When the camera does not agree to send; what it says before that is in the error.
pub async fn probe(source: &SourceUrl, watch: Duration) -> Result<Report, IngestError> {
    // Who asks could connect there without camgate.
    let reach = Reach::open();
    let greeting = greeting(source, &reach).await;
    let begin = clock::elapsed();
    let limit = Limit::from_now(CONNECT);
    let description = rtsp::describe(source, &reach, Policy::Auto, limit, Arc::default()).await?;
    let offer = |track: rtsp::OfferedTrack| Offer {
        media: track.media,
        encoding: track.encoding,
        clock_rate: track.clock_rate,
        channels: track.channels,
    };
    let tracks = description.tracks().into_iter().map(offer).collect();
    let sdp = description.sdp();
    let mut session = description.play(limit, Ok(())).await?;
    drop(greeting.connection);
    let connect = clock::elapsed() - begin;

    let mut seen = Seen::default();
    let mut until = tokio::time::Instant::now() + watch;
    let mut ended = None;
    loop {
        let next = std::future::poll_fn(|context| session.poll_next(context));
        match tokio::time::timeout_at(until, next).await {
            Ok(Ok(event)) => {
                if seen.first.is_none() && matches!(event, Event::Video { .. }) {
                    until = tokio::time::Instant::now() + watch;
                }
                seen.take(event, begin);
            }
            Ok(Err(error)) => break ended = Some(error.to_string()),
            Err(_elapsed) => break,
        }
    }
    if seen.first.is_none() && ended.is_none() {
        ended = Some(IngestError::Silent(watch).to_string());
    }
    Ok(Report {
        source: source.to_string(),
        authentication: greeting.authentication,
        server: greeting.server,
        connect_ms: millis(connect),
        first_keyframe_ms: seen.first_keyframe.map(millis),
        tracks,
        audio: seen.audio(session.audio()),
        packets_lost: seen.packets_lost,
        video: seen.video(session.codec().name()),
        ended,
        sdp,
    })
}

#[derive(Default)]
struct Greeting {
    authentication: Vec<String>,
    server: Option<String>,
    /// Held until the session proper plays: GStreamer's RTSP server takes down what it made ready for a DESCRIBE when
    /// its connection closes, and answers 503 to who asks meanwhile.
    connection: Option<TcpStream>,
}

/// What a camera answers to who does not say who they are. No more than a help: what fails here will be
/// told by the session proper.
async fn greeting(source: &SourceUrl, reach: &Reach) -> Greeting {
    let url = source.request_url();
    let ask = async {
        let addresses = reach.addresses(source).await.ok()?;
        let mut socket = TcpStream::connect(addresses.as_slice()).await.ok()?;
        let request = format!("DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n");
        socket.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        while !answer.windows(4).any(|end| end == b"\r\n\r\n") && answer.len() < 16 << 10 {
            if socket.read_buf(&mut answer).await.ok()? == 0 {
                break;
            }
        }
        Some((String::from_utf8_lossy(&answer).into_owned(), socket))
    };
    let (answer, connection) = tokio::time::timeout(CONNECT / 2, ask).await.ok().flatten().unzip();
    let answer = answer.unwrap_or_default();
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    let values = |wanted: &'static str| {
        let fields = head.lines().filter_map(|line| line.split_once(':'));
        let named = fields.filter(move |(name, _)| name.trim().eq_ignore_ascii_case(wanted));
        named.map(|(_, value)| value.trim().to_owned())
    };
    let scheme = |challenge: String| Some(challenge.split_whitespace().next()?.to_lowercase());
    Greeting {
        authentication: values("WWW-Authenticate").filter_map(scheme).collect(),
        server: values("Server").next(),
        connection,
    }
}

#[derive(Default)]
struct Seen {
    track: Option<VideoTrack>,
    first: Option<Duration>,
    last: Duration,
    first_keyframe: Option<Duration>,
    keyframe_arrivals: Vec<Duration>,
    frames: u32,
    bytes: usize,
    packets_lost: u64,
    audio_units: u32,
}

impl Seen {
    fn take(&mut self, event: Event, begin: Duration) {
        self.audio_units += u32::from(matches!(event, Event::Audio(_)));
        let Event::Video { track, unit } = event else { return };
        let at = unit.arrival.elapsed;
        if let Some(track) = track {
            self.track = Some(*track);
        }
        self.first.get_or_insert(at);
        self.last = at;
        self.frames += 1;
        self.bytes += unit.data.len();
        self.packets_lost += u64::from(unit.lost_packets);
        if unit.random_access {
            self.first_keyframe.get_or_insert(at.saturating_sub(begin));
            self.keyframe_arrivals.push(at);
        }
    }

    fn audio(&self, offer: &AudioOffer) -> Option<Audio> {
        let nothing = Audio { codec: None, sample_rate: None, channels: None, units: 0, left_out: None };
        match offer {
            AudioOffer::None => None,
            AudioOffer::LeftOut(why) => Some(Audio { left_out: Some(why.clone()), ..nothing }),
            AudioOffer::Carried(source) => Some(Audio {
                codec: Some(source.encoding.name()),
                sample_rate: Some(source.timescale.hz()),
                channels: Some(source.channels),
                units: self.audio_units,
                left_out: None,
            }),
        }
    }

    fn video(self, codec: &'static str) -> Option<Video> {
        let track = self.track?;
        let watched = self.last.saturating_sub(self.first?);
        // The first picture opens the first interval, so there is one interval less than pictures.
        let intervals = f64::from(self.frames.saturating_sub(1));
        let rate = if watched.is_zero() { 0.0 } else { intervals / watched.as_secs_f64() };
        let keyframes = u32::try_from(self.keyframe_arrivals.len()).unwrap_or(u32::MAX);
        let span = self.keyframe_arrivals.last().zip(self.keyframe_arrivals.first());
        let span = span.map(|(last, first)| last.saturating_sub(*first).as_secs_f64());
        Some(Video {
            codec,
            rfc6381: track.rfc6381,
            width: track.width,
            height: track.height,
            pixel_aspect: track.pixel_aspect,
            claimed_frame_rate: track.frame_rate,
            frame_rate: rate,
            bitrate_bps: crate::hls::segment::bit_rate(self.bytes, watched),
            keyframe_interval_seconds: span
                .filter(|_| keyframes > 1)
                .map(|span| span / f64::from(keyframes - 1)),
            frames: self.frames,
            keyframes,
        })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, value: &str| writeln!(f, "{name:<20} {value}");
        line("camera", &self.source)?;
        if let Some(server) = &self.server {
            line("server", server)?;
        }
        let authentication = self.authentication.join(", ");
        line("authentication", if authentication.is_empty() { "none" } else { &authentication })?;
        for track in &self.tracks {
            let channels = track.channels.map(|count| format!(", {count} channel(s)")).unwrap_or_default();
            line(
                "track",
                &format!("{} {} at {} Hz{channels}", track.media, track.encoding, track.clock_rate),
            )?;
        }
        line("plays after", &format!("{} ms", self.connect_ms))?;
        match self.first_keyframe_ms {
            Some(after) => line("first keyframe after", &format!("{after} ms"))?,
            None => line("first keyframe after", "none came")?,
        }
        if let Some(video) = &self.video {
            line("video", &format!("{} ({}), {}x{}", video.codec, video.rfc6381, video.width, video.height))?;
            if let Some((horizontal, vertical)) = video.pixel_aspect {
                line("pixel aspect", &format!("{horizontal}:{vertical}"))?;
            }
            let claimed = video.claimed_frame_rate.map(|rate| format!(" (the camera claims {rate:.2})"));
            let claimed = claimed.unwrap_or_default();
            line("frame rate", &format!("{:.2} per second{claimed}", video.frame_rate))?;
            line("bitrate", &format!("{:.2} Mbit/s", video.bitrate_bps / 1e6))?;
            let interval = video.keyframe_interval_seconds.map(|seconds| format!("{seconds:.2} s"));
            line("keyframe interval", &interval.unwrap_or_else(|| "unknown: fewer than two came".into()))?;
            line("watched", &format!("{} pictures, {} of them keyframes", video.frames, video.keyframes))?;
        }
        if let Some(audio) = &self.audio {
            let what = match (audio.codec, audio.sample_rate, audio.channels, &audio.left_out) {
                (Some(codec), Some(rate), Some(channels), _) => {
                    format!("{codec}, {rate} Hz, {channels} channel(s), {} packets came", audio.units)
                }
                (.., Some(why)) => format!("left out: {why}"),
                _ => String::new(),
            };
            line("audio", &what)?;
        }
        line("packets lost", &self.packets_lost.to_string())?;
        if let Some(ended) = &self.ended {
            line("trouble", ended)?;
        }
        writeln!(f, "\nSDP:")?;
        self.sdp.lines().try_for_each(|line| writeln!(f, "  {}", line.trim_end()))
    }
}
