//! What a decoder must know before the first picture.

use bytes::Bytes;

use super::audio::AudioTrack;
use super::parameter_sets::ParameterSets;
use super::time::Timescale;

/// A video codec that camgate carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VideoCodec {
    /// ITU-T H.264, ISO/IEC 14496-10.
    H264,
    /// ITU-T H.265, ISO/IEC 23008-2.
    H265,
}

impl VideoCodec {
    /// The name an operator knows it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::H264 => "H.264",
            Self::H265 => "H.265",
        }
    }
}

/// A video track, as its parameter sets describe it.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoTrack {
    /// The codec.
    pub codec: VideoCodec,
    /// The clock of its samples.
    pub timescale: Timescale,
    /// The `CODECS` value, for example `avc1.64001F` (RFC 6381 §3.3).
    pub rfc6381: String,
    /// The body of the decoder configuration box: `avcC` (ISO/IEC 14496-15 §5.3.3.1.2) or `hvcC` (§8.3.3.1.2).
    pub decoder_config: Bytes,
    /// The parameter sets that the configuration holds, for containers that carry them in-band.
    pub parameter_sets: ParameterSets,
    /// Width of the cropped picture in pixels.
    pub width: u16,
    /// Height of the cropped picture in pixels.
    pub height: u16,
    /// Width to height of a pixel, where it is not square (`pasp`, ISO/IEC 14496-12 §12.1.4).
    pub pixel_aspect: Option<(u16, u16)>,
    /// Pictures per second as the camera claims, if it does.
    pub frame_rate: Option<f64>,
    /// How many pictures may precede a picture in decode order and follow it in output order
    /// (`max_num_reorder_frames`, ISO/IEC 14496-10 §E.2.1); `None` where the camera does not say.
    pub reorder_depth: Option<u8>,
}

/// What a decoder is initialised with: the tracks of one presentation.
#[derive(Clone, Debug, PartialEq)]
pub struct Tracks {
    /// The video.
    pub video: VideoTrack,
    /// The audio beside it, where there is any.
    pub audio: Option<AudioTrack>,
}

impl Tracks {
    /// The `CODECS` value of a variant (RFC 8216 §4.3.4.2).
    pub fn codecs(&self) -> String {
        let audio = self.audio.iter().map(|audio| &*audio.rfc6381);
        std::iter::once(&*self.video.rfc6381).chain(audio).collect::<Vec<_>>().join(",")
    }
}
