//! What an operator wants to know of a stream.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::{Stream, lock};
use crate::clock;
use crate::hls::{self, Snapshot};
use crate::ingest::AudioOffer;
use crate::media::AudioTrack;

/// How a stream's camera is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// No picture yet.
    #[default]
    Connecting,
    /// Pictures arrive.
    Live,
    /// Pictures arrived once; the camera is being connected to again.
    Reconnecting,
}

impl State {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Self::Connecting, Self::Live, Self::Reconnecting];

    /// As the API has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Live => "live",
            Self::Reconnecting => "reconnecting",
        }
    }
}

/// A stream at one instant, as the API tells it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Status {
    /// Its name.
    pub indicator_id: String,
    /// Where players find it.
    pub stream_path: String,
    /// How its camera is.
    pub state: State,
    /// The camera's link, without credentials.
    pub source: String,
    /// Video codec by its usual name.
    pub codec: Option<&'static str>,
    /// Video codec as `CODECS` has it (RFC 6381).
    pub rfc6381: Option<String>,
    /// Pixels.
    pub width: Option<u16>,
    /// Pixels.
    pub height: Option<u16>,
    /// Pictures per second, measured; as the camera claims before there is a segment.
    pub frame_rate: Option<f64>,
    /// The audio beside it; none if there is none.
    pub audio: Option<AudioStatus>,
    /// Why there is no audio, or none is heard, where one might expect some.
    pub audio_note: Option<String>,
    /// Bits per second over the listed segments.
    pub bitrate_bps: u64,
    /// Since the stream was started.
    pub uptime_seconds: u64,
    /// Since someone asked for it.
    pub idle_seconds: u64,
    /// Whether it is kept with nobody watching.
    pub warm: bool,
    /// Viewers of the last 15 seconds, estimated.
    pub viewers: usize,
    /// Segments that can be fetched.
    pub segments: usize,
    /// Bytes of media held.
    pub bytes_held: usize,
    /// How often its camera came back.
    pub reconnects: u64,
    /// RTP packets that did not arrive, or made no sense.
    pub packets_lost: u64,
    /// Why the camera was lost the last time.
    pub last_error: Option<String>,
    /// What is not as it should be while the stream plays, and what to do about it.
    pub warning: Option<String>,
}

/// The audio of a stream.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AudioStatus {
    /// Usual name of what players get.
    pub codec: &'static str,
    /// As `CODECS` has it (RFC 6381).
    pub rfc6381: String,
    /// Usual name of what the camera sends.
    pub source: &'static str,
    /// Hz.
    pub sample_rate: u32,
    /// Channels.
    pub channels: u16,
}

/// A camera that has sent no audio for so long is silent.
const SILENT_AFTER: Duration = Duration::from_secs(5);

/// What is told of the audio: the track that viewers have, and what is to be said of it.
fn audio(
    offer: &AudioOffer,
    heard: Option<Duration>,
    wanted: bool,
    track: Option<&AudioTrack>,
    has_segments: bool,
    uptime: Duration,
) -> (Option<AudioStatus>, Option<String>) {
    let source = match offer {
        AudioOffer::None => return (None, None),
        AudioOffer::LeftOut(why) => return (None, Some(why.clone())),
        AudioOffer::Carried(_) if !wanted => {
            return (None, Some("the stream was started without audio (audio=0)".into()));
        }
        AudioOffer::Carried(source) => source,
    };
    let name = source.encoding.name();
    let Some(track) = track else {
        let why = format!(
            "the camera sends {name} of a kind that MPEG-TS does not carry: HLS_SEGMENT_TYPE=fmp4 does"
        );
        return (None, has_segments.then_some(why));
    };
    let quiet = heard.map_or(uptime, |heard| clock::elapsed().saturating_sub(heard));
    let note = (quiet > SILENT_AFTER).then(|| {
        format!("the camera offers {name} and has sent none for {} s: silence is played", quiet.as_secs())
    });
    let status = AudioStatus {
        codec: track.codec.name(),
        rfc6381: track.rfc6381.clone(),
        source: name,
        sample_rate: track.timescale.hz(),
        channels: track.channels,
    };
    (Some(status), note)
}

impl Stream {
    /// The stream now.
    pub fn status(&self) -> Status {
        let camera = self.camera();
        let progress = camera.progress();
        let track = camera.track();
        let snapshot = self.snapshots.borrow().clone();
        let frame_rate = snapshot.as_ref().and_then(|snapshot| snapshot.frame_rate());
        let frame_rate = frame_rate.or(track.as_ref().and_then(|track| track.frame_rate));
        let uptime = clock::elapsed().saturating_sub(self.started);
        let (offer, heard) = camera.audio();
        let audio_track = snapshot.as_ref().and_then(|snapshot| snapshot.tracks.audio.as_ref());
        // Before the first one there is no track of any kind.
        let has_segments = snapshot.as_ref().is_some_and(|snapshot| !snapshot.listed.is_empty());
        let (audio, audio_note) =
            audio(&offer, heard, self.audio.load(Ordering::Relaxed), audio_track, has_segments, uptime);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "far below 2^53, not negative"
        )]
        let bitrate_bps = snapshot.as_ref().map_or(0.0, |snapshot| snapshot.average_bit_rate()) as u64;
        Status {
            indicator_id: self.id.to_string(),
            stream_path: self.path(),
            state: progress.state,
            source: camera.source.to_string(),
            codec: progress.codec.map(crate::media::VideoCodec::name),
            rfc6381: track.as_ref().map(|track| track.rfc6381.clone()),
            width: track.as_ref().map(|track| track.width),
            height: track.as_ref().map(|track| track.height),
            frame_rate: frame_rate.map(|rate| (rate * 100.0).round() / 100.0),
            audio,
            audio_note,
            bitrate_bps,
            uptime_seconds: uptime.as_secs(),
            idle_seconds: self.idle().as_secs(),
            warm: self.is_warm(),
            viewers: lock(&self.viewers).count(clock::elapsed()),
            segments: snapshot.as_ref().map_or(0, |snapshot| snapshot.segment_count()),
            bytes_held: self.byte_length(),
            reconnects: progress.reconnects,
            packets_lost: camera.packets_lost(),
            last_error: progress.last_error.map(|error| error.to_string()),
            warning: snapshot.filter(|snapshot| snapshot.cut_short).map(|snapshot| too_few_bytes(&snapshot)),
        }
    }

    /// Where players find the stream.
    pub fn path(&self) -> String {
        format!("/streams/{}/stream.m3u8", self.id)
    }
}

/// What `MAX_STREAM_BYTES` leaves of a playlist.
fn too_few_bytes(snapshot: &Snapshot) -> String {
    let hls::Settings { max_bytes, list_size, .. } = snapshot.settings;
    let (count, length) = (snapshot.listed.len(), snapshot.duration());
    let enough = 3 * snapshot.settings.target_duration();
    let wanted = if length.as_secs() < enough.into() {
        format!("players count on {enough} s")
    } else {
        format!("HLS_LIST_SIZE asks for {list_size}")
    };
    format!(
        "MAX_STREAM_BYTES ({max_bytes} bytes) cuts the playlist short: it lists {count} segments of {:.1} s in all, and \
         {wanted}; raise it, or choose a lower bit rate in the camera's video settings",
        length.as_secs_f64()
    )
}
