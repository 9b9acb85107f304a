//! Parts and segments, and the names they have in URLs.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;

use crate::media::{Arrival, WallTime};
use crate::mux::{Chunks, Container};

/// A segment's number in its stream: rises by one, never goes back (RFC 8216 §4.3.3.2).
pub type MediaSequence = u64;

/// One run of a stream, from start to stop: a path segment of every media URL, so that no cached
/// response can be mistaken for one of another run. Random, because a box without a clock of its own may start twice
/// at the same time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunId(pub u64);

impl RunId {
    /// Whether `text` is what URLs have for it.
    pub fn is(self, text: &str) -> bool {
        let digits = (u64::BITS - self.0.leading_zeros()).div_ceil(4).max(1) as usize;
        let usual = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        text.len() == digits
            && text.bytes().all(usual)
            && u64::from_str_radix(text, 16).is_ok_and(|value| value == self.0)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// Number of an initialisation section within its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InitId(pub u32);

/// An initialisation section (`EXT-X-MAP`, RFC 8216 §4.3.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Init {
    /// Its number in URLs.
    pub id: InitId,
    /// `ftyp` and `moov`.
    pub bytes: Bytes,
}

/// A stretch of a segment that can be fetched by itself (bis §4.4.4.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Sum of its samples' durations.
    pub duration: Duration,
    /// Whether a random access point comes first in it.
    pub independent: bool,
    /// What is sent.
    pub chunks: Chunks,
    /// Sum of the chunks' lengths.
    pub byte_length: usize,
    /// Room for whoever sends it.
    pub beside: Beside,
}

/// What may be of a part.
pub trait OfPart {
    /// The one that all its bytes are of.
    fn part(&self) -> Option<&Arc<Part>>;
}

/// What is kept beside a part for as long as there is the part. Nothing here knows what it is: parts are alike without it, and a
/// clone begins with none.
#[derive(Default)]
pub struct Beside(OnceLock<Box<dyn Any + Send + Sync>>);

impl Beside {
    /// What is kept, made by `make` for who asks first; `None` if it is of another type.
    pub fn get_or_init<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Option<&T> {
        self.0.get_or_init(|| Box::new(make())).downcast_ref()
    }
}

impl Clone for Beside {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Beside {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Beside {}

impl fmt::Debug for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Beside")
    }
}

/// A media segment: the chain of its parts. Immutable once it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its number.
    pub media_sequence: MediaSequence,
    /// How many discontinuities stand before it in the stream (RFC 8216 §4.3.3.3).
    pub discontinuity_sequence: u64,
    /// Whether the one before it can't be decoded on into it (§4.3.2.3).
    pub discontinuity: bool,
    /// How it is packed.
    pub container: Container,
    /// Its initialisation section, where the container has one.
    pub init: Option<Arc<Init>>,
    /// When its first picture arrived (§4.3.2.6).
    pub program_date_time: WallTime,
    /// Sum of its samples' durations.
    pub duration: Duration,
    /// Whether a random access point comes first in it.
    pub independent: bool,
    /// In order, at least one.
    pub parts: Vec<Arc<Part>>,
    /// Sum over the parts.
    pub byte_length: usize,
    /// Number of pictures.
    pub frames: u32,
    /// When its last picture arrived.
    pub completed: Arrival,
}

/// A segment that is still being made, as far as viewers may know of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenParts {
    /// The number that the segment will have.
    pub media_sequence: MediaSequence,
    /// How it is packed.
    pub container: Container,
    /// Whether the one before it can't be decoded on into it.
    pub discontinuity: bool,
    /// When its first picture arrived; `None` before there is a part.
    pub program_date_time: Option<WallTime>,
    /// The initialisation section of what comes next.
    pub init: Option<Arc<Init>>,
    /// Its parts so far.
    pub parts: Vec<Arc<Part>>,
}

impl Segment {
    /// The whole segment's bytes, in order.
    pub fn chunks(&self) -> impl Iterator<Item = &Bytes> {
        self.parts.iter().flat_map(|part| &part.chunks)
    }

    /// Mean bit rate, in bits per second.
    pub fn bit_rate(&self) -> f64 {
        bit_rate(self.byte_length, self.duration)
    }
}

/// `bytes` in `duration` as bits per second; nothing in no time is nothing.
pub fn bit_rate(bytes: usize, duration: Duration) -> f64 {
    if duration.is_zero() {
        return 0.0;
    }
    #[allow(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
    let bits = bytes as f64 * 8.0;
    bits / duration.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_written_in_one_way() {
        for run in [0, 7, 0xab_cdef, u64::MAX, 1 << 60] {
            let text = RunId(run).to_string();
            assert!(RunId(run).is(&text), "{text}");
            for other in
                [format!("0{text}"), format!("+{text}"), format!("{text} "), String::new(), "z".into()]
            {
                assert!(!RunId(run).is(&other), "{other:?} for {text}");
            }
        }
        assert!(!RunId(0xab).is("AB") && !RunId(0xab).is("ac") && !RunId(0xab).is("é"));
    }
}
