//! The nouns of audio: what a camera sends, and what goes into a container.
//!
//! An [`AudioUnit`] is as the camera sent it, in one of the encodings of an [`AudioSource`]. An [`AudioSample`] is a frame of
//! an [`AudioTrack`], a codec that browsers play, placed on the stream's own timeline. What lies between the two is in
//! [`audio`](crate::audio).

use bytes::Bytes;

use super::time::{Arrival, Ticks, Timescale};

/// How a camera encodes audio, of what camgate can carry.
#[derive(Clone, Debug, PartialEq)]
pub enum AudioEncoding {
    /// AAC (ISO/IEC 14496-3), a raw frame a unit.
    Aac {
        /// `AudioSpecificConfig` (§1.6.2.1).
        config: Bytes,
        /// The `CODECS` value, for example `mp4a.40.2` (RFC 6381 §3.3).
        rfc6381: String,
        /// Samples in a frame, on the clock of the source.
        frame_length: u32,
    },
    /// µ-law (ITU-T G.711).
    Pcmu,
    /// A-law (ITU-T G.711).
    Pcma,
    /// 16 bits, big-endian (RFC 3551 §4.5.11).
    L16,
}

impl AudioEncoding {
    /// The name an operator knows it by.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Aac { .. } => "AAC",
            Self::Pcmu => "G.711 µ-law",
            Self::Pcma => "G.711 A-law",
            Self::L16 => "L16",
        }
    }
}

/// The audio of a camera, as its session description tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct AudioSource {
    /// How it is encoded.
    pub encoding: AudioEncoding,
    /// The clock of its stamps, which is its sample rate.
    pub timescale: Timescale,
    /// Channels, at least one.
    pub channels: u16,
}

/// What a camera sent in one go.
#[derive(Clone, Debug)]
pub struct AudioUnit {
    /// Time of its first sample on the camera's clock, unwrapped, in the source's timescale. As sent.
    pub pts: Ticks,
    /// When it arrived.
    pub arrival: Arrival,
    /// As the encoding has it.
    pub data: Bytes,
}

/// An audio codec of the containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AudioCodec {
    /// ISO/IEC 14496-3.
    Aac,
    /// RFC 9639.
    Flac,
}

impl AudioCodec {
    /// The name an operator knows it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aac => "AAC",
            Self::Flac => "FLAC",
        }
    }
}

/// An audio track, as containers and playlists describe it.
#[derive(Clone, Debug, PartialEq)]
pub struct AudioTrack {
    /// The codec.
    pub codec: AudioCodec,
    /// The clock of its samples, which is the sample rate.
    pub timescale: Timescale,
    /// Channels.
    pub channels: u16,
    /// The `CODECS` value: `mp4a.40.2`, `fLaC`.
    pub rfc6381: String,
    /// `AudioSpecificConfig` of AAC (ISO/IEC 14496-3 §1.6.2.1), `STREAMINFO` of FLAC (RFC 9639 §8.2).
    pub decoder_config: Bytes,
    /// How long each frame is, in the track's timescale.
    pub frame_length: Ticks,
}

/// One coded frame on the stream's timeline. Audio is shown in the order in which it is decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioSample {
    /// In the track's timescale, from the stream's zero; rises from sample to sample.
    pub decode_time: Ticks,
    /// Until the next sample. It differs from the frame's own length by a little where the camera's clock does.
    pub duration: Ticks,
    /// The frame.
    pub data: Bytes,
}
