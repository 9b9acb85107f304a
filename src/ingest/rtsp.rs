//! RTSP cameras, by way of retina: the only module that names it.
//!
//! retina speaks the protocol and puts RTP packets together to access units (RFC 2326, RFC 6184). What it leaves
//! to its caller is here: opening a session, which track to take, and what becomes of what comes. The way there and its limit of
//! time are `route`, what is offered is read in `tracks`, and what goes wrong gets its words in `errors`.

mod errors;
mod route;
mod tracks;

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, Stream as _};
use retina::client::{
    Credentials, Demuxed, Described, InitialTimestampPolicy, PlayOptions, SessionGroup, SessionOptions,
    SetupOptions, TeardownPolicy, Tool, UnassignedChannelDataPolicy,
};
use retina::codec::{AudioFrame, CodecItem, FrameFormat, VideoFrame};
use retina::rtcp::{ReceivedCompoundPacket, TypedPacketRef};

pub use self::route::Limit;

use self::errors::{first_line, is_bad_packet, is_foreign, protocol_error, session_error};
use self::route::Route;
use self::tracks::{CARRIED, CARRIED_AUDIO, audio_source, codec_name, track_of};
use super::guard::Policy;
use super::reach::Reach;
use super::tls::Trust;
use super::{AudioOffer, Connector, Event, IngestError, Session, SourceUrl, Step};
use crate::clock;
use crate::media::{AccessUnit, AudioSource, AudioUnit, SenderReport, Ticks, VideoCodec, VideoTrack};

/// Packets that make no sense, in a row, after which the session is given up. One picture that is malformed at its
/// start makes nonsense of all its packets, and one of a megabyte has seven hundred: it takes several such.
const MAX_BAD_PACKETS: u32 = 3000;

/// Packets of another SSRC, in a row, after which the session is given up. Reolink sends what is left of the last session
/// first, and tells no SSRC: retina then holds to that of the last session, and this one would show nothing.
const MAX_FOREIGN_PACKETS: u32 = 200;

/// Larger access units are not believed.
const MAX_ACCESS_UNIT: usize = 8 << 20;

/// A camera that has not answered a request for its audio by then gets none: the video is not to wait for it.
const AUDIO_SETUP: Duration = Duration::from_secs(2);

/// More codecs than a camera has are not told: an error stays a sentence.
const MOST_CODEC_NAMES: usize = 8;

/// How cameras are connected to that may be.
#[derive(Clone)]
pub struct Road {
    /// Which get a guard.
    pub policy: Policy,
    /// Whose certificates are trusted of those that speak TLS.
    pub trust: Trust,
}

/// Connects to RTSP cameras over TCP.
pub struct RtspConnector {
    timeout: Duration,
    reach: Reach,
    road: Road,
    audio: bool,
    sessions: Arc<SessionGroup>,
}

impl RtspConnector {
    /// To open a session may take as long as `timeout`; `reach` says which cameras may be connected to, `road` how. Without
    /// `audio`, cameras are asked for video alone.
    pub fn new(timeout: Duration, reach: Reach, road: Road, audio: bool) -> Self {
        Self { timeout, reach, road, audio, sessions: Arc::default() }
    }
}

impl Connector for RtspConnector {
    fn connect(
        &self,
        source: &SourceUrl,
        broken_audio: Option<&str>,
    ) -> BoxFuture<'static, Result<Box<dyn Session>, IngestError>> {
        let (source, reach, road) = (source.clone(), self.reach.clone(), self.road.clone());
        let (limit, sessions) = (Limit::from_now(self.timeout), self.sessions.clone());
        let audio = match broken_audio {
            _ if !self.audio => Err("audio is turned off (AUDIO=off)".to_owned()),
            Some(what) => Err(format!("it ended sessions twice in a row: {what}")),
            None => Ok(()),
        };
        async move {
            let description = describe(&source, &reach, &road, limit, sessions.clone()).await?;
            let session = match description.play(limit, audio).await {
                // The picture is worth more than the sound: once more, and without it.
                Err(IngestError::BrokenAudio(what)) => {
                    let description = describe(&source, &reach, &road, limit, sessions).await?;
                    description.play(limit, Err(format!("it could not be set up: {what}"))).await?
                }
                played => played?,
            };
            Ok(Box::new(session) as Box<dyn Session>)
        }
        .boxed()
    }

    fn judge(&self, source: &SourceUrl) -> Result<(), IngestError> {
        self.reach.judge_link(source)
    }

    fn drain(&self) -> BoxFuture<'static, ()> {
        let sessions = self.sessions.clone();
        async move {
            // A camera that does not answer TEARDOWN forgets the session by itself.
            let _ = sessions.await_teardown().await;
        }
        .boxed()
    }
}

/// What a camera answered to `DESCRIBE`.
pub struct Description {
    session: retina::client::Session<Described>,
    route: Route,
}

/// A track as its SDP describes it.
#[derive(Debug, Clone)]
pub struct OfferedTrack {
    /// `video`, `audio`, `application`.
    pub media: String,
    /// As in `a=rtpmap`, in lower case.
    pub encoding: String,
    /// RTP clock in Hz.
    pub clock_rate: u32,
    /// Audio channels.
    pub channels: Option<u16>,
}

/// Connects where `reach` lets it, and asks the camera what it offers. Where its name has several addresses, each gets an
/// equal share of the time that is left.
pub async fn describe(
    source: &SourceUrl,
    reach: &Reach,
    road: &Road,
    limit: Limit,
    sessions: Arc<SessionGroup>,
) -> Result<Description, IngestError> {
    let addresses = limit.hold(Step::Describe, reach.addresses(source)).await??;
    let mut left = addresses.len();
    loop {
        let (address, limit) = (addresses[addresses.len() - left], limit.share(left));
        left -= 1;
        let describe = |teardown| describe_at(source, address, road, limit, sessions.clone(), teardown);
        match Box::pin(describe(TeardownPolicy::Auto)).await {
            Ok(description) if description.may_lead_elsewhere() => {
                return Box::pin(describe(TeardownPolicy::Never)).await;
            }
            Err(IngestError::Unreachable { .. } | IngestError::Timeout { .. }) if left > 0 => {}
            outcome => return outcome,
        }
    }
}

async fn describe_at(
    source: &SourceUrl,
    address: SocketAddr,
    road: &Road,
    limit: Limit,
    sessions: Arc<SessionGroup>,
    teardown: TeardownPolicy,
) -> Result<Description, IngestError> {
    let credentials = source
        .credentials()
        .map(|c| Credentials { username: c.username.clone(), password: c.password.clone() });
    let has_credentials = credentials.is_some();
    let options = SessionOptions::default()
        .creds(credentials)
        .user_agent(concat!("camgate/", env!("CARGO_PKG_VERSION")).into())
        .session_group(sessions)
        .teardown(teardown)
        .unassigned_channel_data(UnassignedChannelDataPolicy::Ignore);
    let describing = Box::pin(async {
        let mut route = Route::to(source, address, road).await?;
        let describing = retina::client::Session::describe(route.url.clone(), options);
        let session = route.hold(describing, Step::Describe, has_credentials).await?;
        Ok(Description { session, route })
    });
    limit.hold(Step::Describe, describing).await?
}

impl Description {
    /// The session description as the camera sent it (RFC 8866).
    pub fn sdp(&self) -> String {
        self.route.unmask_text(&String::from_utf8_lossy(self.session.sdp()))
    }

    /// Whether retina might take its leave at another address than the camera's: of some versions of live555 it does so on a
    /// new connection, to where the answer's `Content-Base` says, and that may be anywhere.
    ///
    /// retina does not tell the header. A track whose link is relative shows it, unless links may be absolute.
    fn may_lead_elsewhere(&self) -> bool {
        if !self.session.tool().is_some_and(Tool::has_live555_tcp_bug) {
            return false;
        }
        let sdp = String::from_utf8_lossy(self.session.sdp()).to_ascii_lowercase();
        let mut links = sdp.split(['\r', '\n']).filter_map(|line| line.trim().strip_prefix("a=control:"));
        let place = |url: &url::Url| (url.host_str().map(str::to_owned), url.port().unwrap_or(554));
        let is_here = |url: &url::Url| place(url) == place(&self.route.url);
        let shown = |stream: &retina::client::Stream| stream.control().is_some_and(is_here);
        links.any(|link| link.contains(':')) || !self.session.streams().iter().any(shown)
    }

    /// What the camera offers.
    pub fn tracks(&self) -> Vec<OfferedTrack> {
        let track = |stream: &retina::client::Stream| OfferedTrack {
            media: stream.media().to_owned(),
            encoding: stream.encoding_name().to_owned(),
            clock_rate: stream.clock_rate_hz(),
            channels: stream.channels().map(std::num::NonZeroU16::get),
        };
        self.session.streams().iter().map(track).collect()
    }

    /// Asks for the video, and for `audio` where there is some and nothing is against it, and lets them play.
    ///
    /// # Errors
    /// [`IngestError::BrokenAudio`] where asking for the audio ended the session: without it, the video may play.
    pub async fn play(mut self, limit: Limit, audio: Result<(), String>) -> Result<RtspSession, IngestError> {
        let (stream, codec) = self.choose_video()?;
        let chosen_audio = self.choose_audio(audio);
        let Self { session, route } = &mut self;
        let setup = SetupOptions::default().frame_format(FrameFormat::MP4);
        let asking = route.hold(session.setup(stream, setup), Step::Setup, true);
        limit.hold(Step::Setup, asking).await??;
        let (audio_stream, audio) = match chosen_audio {
            Some((stream, Ok(source))) => {
                let setup = SetupOptions::default().frame_format(FrameFormat::MP4);
                let asking = route.hold(session.setup(stream, setup), Step::Setup, true);
                match limit.at_most(AUDIO_SETUP).hold(Step::Setup, asking).await.and_then(|answer| answer) {
                    Ok(()) => (Some(stream), AudioOffer::Carried(source)),
                    Err(error @ (IngestError::Rejected { .. } | IngestError::Protocol(_))) => {
                        (None, AudioOffer::LeftOut(format!("it could not be set up: {error}")))
                    }
                    // There is nothing left to go on with.
                    Err(error) => return Err(IngestError::BrokenAudio(error.to_string())),
                }
            }
            Some((_, Err(why))) => (None, AudioOffer::LeftOut(why)),
            None => (None, AudioOffer::None),
        };
        // Cameras stamp as they like: what a stamp is worth, the timeline decides.
        let options = PlayOptions::default()
            .initial_timestamp(InitialTimestampPolicy::Permissive)
            .initial_seq(retina::client::InitialSequenceNumberPolicy::Ignore);
        let asking = self.route.hold(self.session.play(options), Step::Play, true);
        let playing = limit.hold(Step::Play, asking).await??;
        let demuxed = playing.demuxed().map_err(|error| self.route.unmask(protocol_error(&error)))?;
        if let Some(relay) = &mut self.route.relay {
            relay.completed();
        }
        Ok(RtspSession {
            demuxed: Box::pin(demuxed),
            route: self.route,
            stream,
            codec,
            audio_stream,
            audio,
            has_track: false,
            bad_packets: 0,
            bad_audio: None,
            lost_packets: 0,
        })
    }

    /// The first audio track that can be carried, or why none of those there are is.
    fn choose_audio(&self, wanted: Result<(), String>) -> Option<(usize, Result<AudioSource, String>)> {
        let streams = self.session.streams();
        let offers = || streams.iter().enumerate().filter(|(_, stream)| stream.media() == "audio");
        let (first, _) = offers().next()?;
        if let Err(why) = wanted {
            return Some((first, Err(why)));
        }
        let carried = offers().find_map(|(at, stream)| Some((at, Ok(audio_source(stream)?))));
        carried.or_else(|| {
            let mut names: Vec<_> = offers().map(|(_, stream)| codec_name(stream.encoding_name())).collect();
            names.dedup();
            names.truncate(MOST_CODEC_NAMES);
            let names = names.join(", ");
            let known = offers().any(|(_, stream)| CARRIED_AUDIO.contains(&stream.encoding_name()));
            let why = if known {
                format!("the camera describes its {names} in a way that no decoder takes")
            } else {
                format!("the camera sends {names}; camgate carries AAC, G.711 and L16")
            };
            Some((first, Err(why)))
        })
    }

    /// The first video track of the codec that most browsers play. MJPEG will find its place here.
    fn choose_video(&self) -> Result<(usize, VideoCodec), IngestError> {
        let streams = self.session.streams();
        let video = || streams.iter().enumerate().filter(|(_, stream)| stream.media() == "video");
        for (name, codec) in CARRIED {
            let Some((index, stream)) = video().find(|(_, stream)| stream.encoding_name() == name) else {
                continue;
            };
            // Parameter sets that the SDP has show early that the pictures are of no use. Others may yet be mended in-band.
            return match track_of(stream) {
                Err(error @ IngestError::Interlaced) => Err(error),
                _ => Ok((index, codec)),
            };
        }
        let mut names: Vec<_> = video().map(|(_, stream)| codec_name(stream.encoding_name())).collect();
        if names.is_empty() {
            return Err(IngestError::NoVideo);
        }
        names.dedup();
        names.truncate(MOST_CODEC_NAMES);
        Err(IngestError::UnsupportedCodec { codecs: names.join(", ") })
    }
}

/// A camera that sends video.
pub struct RtspSession {
    demuxed: Pin<Box<Demuxed>>,
    route: Route,
    codec: VideoCodec,
    stream: usize,
    audio: AudioOffer,
    audio_stream: Option<usize>,
    has_track: bool,
    bad_packets: u32,
    /// What was wrong with the audio, if that was the last thing to be read.
    bad_audio: Option<String>,
    /// Lost since the last access unit that was handed on.
    lost_packets: u32,
}

impl Session for RtspSession {
    fn codec(&self) -> VideoCodec {
        self.codec
    }

    fn audio(&self) -> &AudioOffer {
        &self.audio
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Event, IngestError>> {
        if let Some(relay) = &mut self.route.relay {
            relay.poll(context)?;
        }
        loop {
            // retina asserts that it never sees some of what a hostile camera can send: that ends the session, not the
            // stream. A session whose poll has panicked is dropped, so what it left half done is seen by no one.
            let polled = catch_unwind(AssertUnwindSafe(|| self.demuxed.as_mut().poll_next(context)));
            let Ok(next) = polled else {
                let what = "it sent packets that can't be put together";
                return Poll::Ready(Err(IngestError::Protocol(what.into())));
            };
            let next = ready!(next);
            let bad_audio = self.bad_audio.take();
            match next {
                Some(Ok(CodecItem::VideoFrame(frame))) if frame.stream_id() == self.stream => {
                    self.bad_packets = 0;
                    if let Some(relay) = &mut self.route.relay {
                        relay.completed();
                    }
                    if let Some(event) = self.take(frame)? {
                        return Poll::Ready(Ok(event));
                    }
                }
                Some(Ok(CodecItem::AudioFrame(frame))) if Some(frame.stream_id()) == self.audio_stream => {
                    return Poll::Ready(Ok(Event::Audio(audio_unit(&frame))));
                }
                Some(Ok(CodecItem::Rtcp(packet))) => {
                    if let Some(event) = self.report(&packet) {
                        return Poll::Ready(Ok(event));
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(error)) if is_bad_packet(&error) && self.is_of_audio(&error) => {
                    tracing::debug!(error = %first_line(&error), "audio of the camera was skipped");
                    self.bad_audio = Some(first_line(&error));
                }
                // One packet that makes no sense does not end a stream.
                Some(Err(error)) if is_bad_packet(&error) && self.bad_packets < MAX_BAD_PACKETS => {
                    tracing::debug!(error = %first_line(&error), "a packet of the camera was skipped");
                    self.bad_packets += 1;
                    self.lost_packets += 1;
                    if self.bad_packets >= MAX_FOREIGN_PACKETS && is_foreign(&error) {
                        let what = "it sends packets of another session";
                        return Poll::Ready(Err(IngestError::Protocol(what.into())));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(self.route.unmask(session_error(&error)))),
                // retina reads no more behind a frame of audio that it cannot put together.
                None => {
                    return Poll::Ready(Err(bad_audio.map_or(IngestError::Closed, IngestError::BrokenAudio)));
                }
            }
        }
    }
}

impl RtspSession {
    fn take(&mut self, frame: VideoFrame) -> Result<Option<Event>, IngestError> {
        self.lost_packets += u32::from(frame.loss());
        if frame.data().len() > MAX_ACCESS_UNIT {
            self.lost_packets += 1;
            return Ok(None);
        }
        let track = if frame.has_new_parameters() || !self.has_track { self.track()? } else { None };
        self.has_track |= track.is_some();
        if !self.has_track {
            // Parameter sets come in the stream, with the next keyframe at the latest.
            return Ok(None);
        }
        let unit = AccessUnit {
            pts: Ticks(frame.timestamp().timestamp()),
            arrival: clock::arrival(),
            random_access: frame.is_random_access_point(),
            lost_packets: std::mem::take(&mut self.lost_packets),
            data: Bytes::from(frame.into_data()),
        };
        Ok(Some(Event::Video { track, unit }))
    }

    fn track(&self) -> Result<Option<Box<VideoTrack>>, IngestError> {
        track_of(&self.demuxed.streams()[self.stream])
    }

    /// What a camera says of one of its clocks, if it says something.
    fn report(&self, packet: &ReceivedCompoundPacket) -> Option<Event> {
        let stamp = Ticks(packet.rtp_timestamp()?.timestamp());
        let report = packet.pkts().find_map(|part| match part.as_typed() {
            Ok(Some(TypedPacketRef::SenderReport(report))) => Some(report),
            _ => None,
        })?;
        // Seconds since 1900, and their fraction in 32 bits (RFC 3550 §4).
        let ntp = report.ntp_timestamp().0;
        let nanos = ((ntp & 0xffff_ffff) * 1_000_000_000) >> 32;
        let report =
            SenderReport { ntp: Duration::from_secs(ntp >> 32) + Duration::from_nanos(nanos), stamp };
        match packet.stream_id() {
            stream if stream == self.stream => Some(Event::VideoReport(report)),
            stream if Some(stream) == self.audio_stream => Some(Event::AudioReport(report)),
            _ => None,
        }
    }

    /// Whether a bad packet was one of the audio: then no picture is missing.
    fn is_of_audio(&self, error: &retina::Error) -> bool {
        let context = self.audio_stream.and_then(|stream| self.demuxed.streams()[stream].ctx());
        context.is_some_and(|context| error.to_string().contains(&format!("\nstream: {context}\n")))
    }
}

fn audio_unit(frame: &AudioFrame) -> AudioUnit {
    AudioUnit {
        pts: Ticks(frame.timestamp().timestamp()),
        arrival: clock::arrival(),
        data: Bytes::copy_from_slice(frame.data()),
    }
}
