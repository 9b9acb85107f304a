//! Linear samples → FLAC frames of one length (RFC 9639), by way of `flacenc`: the only file that names it.
//!
//! Cameras send 20 to 128 ms of audio at a time; players want frames of one length, and QuickTime wants to be told so
//! in STREAMINFO. So samples are kept until a frame is full, 40 ms.

use bytes::Bytes;
use flacenc::bitsink::ByteSink;
use flacenc::component::{BitRepr as _, StreamInfo};
use flacenc::config;
use flacenc::error::{Verified, Verify as _};
use flacenc::source::{Fill as _, FrameBuf};

use super::Frame;
use crate::media::{AudioCodec, AudioTrack, Ticks, Timescale};

/// Frames a second: of 40 ms, which is no longer than a picture, and costs a header of some ten bytes each.
const FRAMES_PER_SECOND: u32 = 25;

const BITS_PER_SAMPLE: u8 = 16;

/// Frame numbers have 31 bits (§9.1.5); at 25 a second they last for years, and start again then.
const FRAME_NUMBERS: usize = 1 << 31;

/// Makes frames of one length out of whatever comes.
#[derive(Debug)]
pub(super) struct Encoder {
    timescale: Timescale,
    channels: usize,
    /// Samples of a channel in each frame.
    frame_length: usize,
    info: StreamInfo,
    config: Verified<config::Encoder>,
    buffer: FrameBuf,
    /// Samples of the next frame, channels interleaved; less than one frame of them.
    pending: Vec<i32>,
    frame_number: usize,
}

impl Encoder {
    /// An encoder of that sample rate; `None` for what FLAC has no number for.
    pub(super) fn new(timescale: Timescale, channels: u16) -> Option<Self> {
        let rate = timescale.hz();
        if !(4_000..=192_000).contains(&rate) || !(1..=8).contains(&channels) {
            return None;
        }
        let channels = usize::from(channels);
        let frame_length = usize::try_from(rate / FRAMES_PER_SECOND).ok()?;
        let info =
            StreamInfo::new(usize::try_from(rate).ok()?, channels, usize::from(BITS_PER_SAMPLE)).ok()?;
        // Linear prediction would save a few bytes and cost most of the time.
        let mut config = config::Encoder::default();
        config.subframe_coding.use_lpc = false;
        config.block_size = frame_length;
        Some(Self {
            timescale,
            channels,
            frame_length,
            info,
            config: config.into_verified().ok()?,
            buffer: FrameBuf::with_size(channels, frame_length).ok()?,
            pending: Vec::new(),
            frame_number: 0,
        })
    }

    /// What it makes.
    pub(super) fn track(&self) -> AudioTrack {
        AudioTrack {
            codec: AudioCodec::Flac,
            timescale: self.timescale,
            channels: u16::try_from(self.channels).unwrap_or(1),
            rfc6381: "fLaC".into(),
            decoder_config: self.stream_info(),
            frame_length: Ticks(i64::try_from(self.frame_length).unwrap_or(i64::MAX)),
        }
    }

    /// `STREAMINFO` (§8.2): frames of one length, of a size that is not known, of a stream that has no end.
    fn stream_info(&self) -> Bytes {
        let length = u16::try_from(self.frame_length).unwrap_or(u16::MAX).to_be_bytes();
        let channels = u64::try_from(self.channels - 1).unwrap_or(0);
        let bits = u64::from(BITS_PER_SAMPLE - 1);
        // 20 bits of rate, 3 of channels, 5 of bits a sample, 36 of the number of samples.
        let format = u64::from(self.timescale.hz()) << 44 | channels << 41 | bits << 36;
        let mut info = Vec::with_capacity(34);
        info.extend(length);
        info.extend(length);
        info.extend([0; 6]); // least and greatest size of a frame
        info.extend(format.to_be_bytes());
        info.extend([0; 16]); // no checksum
        info.into()
    }

    /// Takes interleaved samples whose first has the stamp `pts`; hands each frame that is full to `take`.
    pub(super) fn push(&mut self, pts: Ticks, samples: &[i32], mut take: impl FnMut(Frame)) {
        let whole = self.frame_length * self.channels;
        // Half a pair would have left and right change places for good.
        let samples = &samples[..samples.len() - samples.len() % self.channels];
        // What is pending came just before: the newest stamp is the best witness of when that was.
        let waiting = self.pending.len() / self.channels;
        let mut pts = pts - Ticks(i64::try_from(waiting).unwrap_or(0));
        self.pending.extend_from_slice(samples);
        let pending = std::mem::take(&mut self.pending);
        let mut frames = pending.chunks_exact(whole);
        for frame in frames.by_ref() {
            if let Some(data) = self.encode(frame) {
                take(Frame { pts, data });
            }
            pts += self.track_length();
        }
        self.pending = frames.remainder().to_vec();
    }

    fn track_length(&self) -> Ticks {
        Ticks(i64::try_from(self.frame_length).unwrap_or(i64::MAX))
    }

    /// A frame in which nothing is heard. What is pending stays for the next.
    pub(super) fn silence(&mut self) -> Bytes {
        let zeros = vec![0; self.frame_length * self.channels];
        self.encode(&zeros).unwrap_or_default()
    }

    /// `None` only for samples that are no samples of 16 bits, which the decoders here do not make.
    fn encode(&mut self, samples: &[i32]) -> Option<Bytes> {
        self.buffer.fill_interleaved(samples).ok()?;
        let frame =
            flacenc::encode_fixed_size_frame(&self.config, &self.buffer, self.frame_number, &self.info)
                .ok()?;
        self.frame_number = (self.frame_number + 1) % FRAME_NUMBERS;
        let mut sink = ByteSink::with_capacity(frame.count_bits());
        frame.write(&mut sink).ok()?;
        Some(sink.into_inner().into())
    }
}
