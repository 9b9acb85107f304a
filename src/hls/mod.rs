//! Samples → parts → segments → playlists.
//!
//! Here is everything that HTTP Live Streaming is about (RFC 8216 and its
//! successor draft, "bis"), as pure functions and values: where to cut
//! ([`segmenter`]), what is kept and for how long ([`window`]), what a playlist
//! says ([`playlist`]). A [`Packager`] joins them: access units in, [`Snapshot`]s
//! out. Sockets, tasks and clocks are elsewhere.

mod audio_lane;
pub mod packager;
pub mod playlist;
pub mod segment;
pub mod segmenter;
pub mod window;

#[cfg(test)]
mod testing;

pub use packager::Packager;
pub use segment::{InitId, MediaSequence, Part, RunId, Segment};
pub use window::{Form, Snapshot};

use std::time::Duration;

use crate::mux::Container;

/// How a stream is cut and what is kept of it; fixed for the life of the stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How segments are packed, where the codec allows it.
    pub container: Container,
    /// The length that segments aim at; they are cut at keyframes.
    pub segment_time: Duration,
    /// The length that parts aim at; `PART-TARGET` (bis §4.4.3.7) is the whole number of pictures closest to it.
    pub part_time: Duration,
    /// How many segments a playlist lists at least, once there are so many.
    pub list_size: usize,
    /// Bytes of media that are held at most: beyond, the oldest go first.
    pub max_bytes: usize,
}

impl Settings {
    /// `EXT-X-TARGETDURATION` in seconds (RFC 8216 §4.3.3.1): the segment time and half of it again, rounded up,
    /// so that most keyframe intervals fit whole. It must be known before the first keyframe interval
    /// is, because it may never change.
    pub fn target_duration(&self) -> u32 {
        let seconds = (self.segment_time.as_secs_f64() * 1.5).ceil().clamp(1.0, 3600.0);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        {
            seconds as u32
        }
    }

    /// The longest segment: one that has no keyframe in time is cut here.
    pub fn longest_segment(&self) -> Duration {
        Duration::from_secs(self.target_duration().into())
    }
}
