//! The vocabulary: times, tracks, access units and samples.
//!
//! Here belong the nouns that every other module speaks, and the rules that
//! hold for one stream's times alone: decode times ([`timeline`]), audio beside video ([`audio_timeline`]), changes of
//! parameter sets ([`parameter_sets`]), NAL unit framing ([`nal`]). Containers, playlists,
//! sockets and clocks do not: everything here is pure, and time is an argument.

pub mod access_unit;
pub mod audio;
pub mod audio_timeline;
pub mod nal;
mod pace;
pub mod parameter_sets;
pub mod report;
pub mod time;
pub mod timeline;
pub mod track;

pub use access_unit::{AccessUnit, Sample};
pub use audio::{AudioCodec, AudioEncoding, AudioSample, AudioSource, AudioTrack, AudioUnit};
pub use parameter_sets::ParameterSets;
pub use report::SenderReport;
pub use time::{Arrival, Ticks, Timescale, WallTime};
pub use track::{Tracks, VideoCodec, VideoTrack};
