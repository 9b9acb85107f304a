//! What an operator wants to know of a stream.

use serde::Serialize;

use super::{Stream, lock};
use crate::clock;
use crate::hls::{self, Snapshot};

/// How a stream's camera is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
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

/// A stream at one instant, as the API tells it.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
    /// Bits per second over the listed segments.
    pub bitrate_bps: u64,
    /// Since the stream was started.
    pub uptime_seconds: u64,
    /// Since someone asked for it.
    pub idle_seconds: u64,
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

impl Stream {
    /// The stream now.
    pub fn status(&self) -> Status {
        let camera = self.camera();
        let progress = camera.progress();
        let track = camera.track();
        let snapshot = self.snapshots.borrow().clone();
        let frame_rate = snapshot.as_ref().and_then(|snapshot| snapshot.frame_rate());
        let frame_rate = frame_rate.or(track.as_ref().and_then(|track| track.frame_rate));
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
            bitrate_bps,
            uptime_seconds: clock::elapsed().saturating_sub(self.started).as_secs(),
            idle_seconds: self.idle().as_secs(),
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
