//! What comes from a camera, and what goes into a container.
//!
//! An [`AccessUnit`] is as the camera sent it, with the camera's presentation
//! time. A [`Sample`] is the same picture placed on the stream's own timeline.

use bytes::Bytes;

use super::time::{Arrival, Ticks};

/// One coded picture, in decode order (ISO/IEC 14496-10 §3.1).
#[derive(Clone, Debug)]
pub struct AccessUnit {
    /// Presentation time on the camera's clock, unwrapped, in the track's timescale. As sent: it may be nonsense.
    pub pts: Ticks,
    /// When its last packet arrived.
    pub arrival: Arrival,
    /// A decoder can start here: an IDR picture.
    pub random_access: bool,
    /// RTP packets missing since the access unit before this one.
    pub lost_packets: u32,
    /// NAL units, each behind its length in four bytes, big-endian, without parameter sets
    /// (ISO/IEC 14496-15 §5.3).
    pub data: Bytes,
}

/// One coded picture on the stream's timeline (ISO/IEC 14496-12 §3.1.26).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Decode time: rises from sample to sample for the life of a stream.
    pub decode_time: Ticks,
    /// Until the decode time of the next sample; positive.
    pub duration: Ticks,
    /// Presentation time less decode time. Negative only while the depth of B-frames is being learned.
    pub composition_offset: Ticks,
    /// When its picture arrived. The wall clock is that of an arrival without delay: of pictures that come in a burst behind a
    /// stall it tells when they were due.
    pub arrival: Arrival,
    /// A decoder can start here.
    pub random_access: bool,
    /// As [`AccessUnit::data`].
    pub data: Bytes,
}
