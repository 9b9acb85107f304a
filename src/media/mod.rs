//! The vocabulary: times, tracks, access units and samples.
//!
//! Here belong the nouns that every other module speaks, and the rules that
//! hold for one track alone: decode times ([`timeline`]), changes of parameter
//! sets ([`parameter_sets`]), NAL unit framing ([`nal`]). Containers, playlists,
//! sockets and clocks do not: everything here is pure, and time is an argument.

pub mod access_unit;
pub mod nal;
mod pace;
pub mod parameter_sets;
pub mod time;
pub mod timeline;
pub mod track;

pub use access_unit::{AccessUnit, Sample};
pub use parameter_sets::ParameterSets;
pub use time::{Arrival, Ticks, Timescale, WallTime};
pub use track::{VideoCodec, VideoTrack};
