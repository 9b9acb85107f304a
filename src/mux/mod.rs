//! Samples to bytes: the two containers of HLS.
//!
//! A [`Muxer`] turns the samples of a part into the bytes that a player fetches.
//! It knows boxes and packets, and nothing of playlists, cuts or time of day.

pub mod fmp4;
pub mod mpegts;
#[cfg(test)]
pub(crate) mod testing;

use bytes::Bytes;

use crate::media::{AudioSample, AudioTrack, Sample, Tracks, VideoCodec};

/// The bytes of a part or a segment, as the buffers they already lie in: to be sent one after the other.
pub type Chunks = Vec<Bytes>;

/// How segments are packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Container {
    /// Fragmented MP4, CMAF (ISO/IEC 14496-12, 23000-19).
    #[default]
    Fmp4,
    /// MPEG-2 transport stream (ISO/IEC 13818-1).
    MpegTs,
}

impl Container {
    /// File extension of segments and parts.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Fmp4 => "m4s",
            Self::MpegTs => "ts",
        }
    }

    /// The container for `codec` where this one is wished for: H.265 goes into fragmented MP4 alone (Apple's HLS Authoring
    /// Specification, 1.5).
    pub fn carrying(self, codec: VideoCodec) -> Self {
        match codec {
            VideoCodec::H264 => self,
            VideoCodec::H265 => Self::Fmp4,
        }
    }

    /// Whether it takes `audio`: MPEG-TS takes AAC alone.
    pub fn carries_audio(self, audio: &AudioTrack) -> bool {
        match self {
            Self::Fmp4 => true,
            Self::MpegTs => mpegts::audio::carries(audio),
        }
    }

    /// Media type of segments and parts (RFC 8216 §3.2, §3.3).
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Fmp4 => "video/mp4",
            Self::MpegTs => "video/mp2t",
        }
    }
}

/// Writes one stream in one container; its counters run on for the life of the stream.
#[derive(Debug)]
pub enum Muxer {
    /// Fragmented MP4.
    Fmp4(fmp4::Muxer),
    /// MPEG-2 transport stream.
    MpegTs(mpegts::Muxer),
}

impl Muxer {
    /// A muxer at the start of a stream.
    pub fn new(container: Container) -> Self {
        match container {
            Container::Fmp4 => Self::Fmp4(fmp4::Muxer::default()),
            Container::MpegTs => Self::MpegTs(mpegts::Muxer::default()),
        }
    }

    /// The container that it writes.
    pub fn container(&self) -> Container {
        match self {
            Self::Fmp4(_) => Container::Fmp4,
            Self::MpegTs(_) => Container::MpegTs,
        }
    }

    /// What a decoder needs before the first segment of `tracks`; MPEG-TS carries it in-band.
    pub fn init_section(&self, tracks: &Tracks) -> Option<Bytes> {
        match self {
            Self::Fmp4(_) => Some(fmp4::init_section(tracks)),
            Self::MpegTs(_) => None,
        }
    }

    /// Packs `samples`, at least one, that follow each other in decode order, and the `audio` beside them, which may be
    /// none.
    pub fn part(
        &mut self,
        tracks: &Tracks,
        samples: &[Sample],
        audio: &[AudioSample],
        starts_segment: bool,
    ) -> Chunks {
        match self {
            Self::Fmp4(muxer) => muxer.part(samples, audio),
            Self::MpegTs(muxer) => muxer.part(tracks, samples, audio, starts_segment),
        }
    }
}
