//! AAC as it is: what its configuration says, and a frame of silence (ISO/IEC 14496-3).

use bytes::Bytes;

use crate::media::{AudioCodec, AudioSource, AudioTrack, Ticks};

/// The longest configuration that is believed: real ones have two to seven bytes.
const MAX_CONFIG: usize = 64;

/// The track of a source, if its description can be one.
pub(super) fn track(
    source: &AudioSource,
    config: &Bytes,
    rfc6381: &str,
    frame_length: u32,
) -> Option<AudioTrack> {
    let believable = (2..=MAX_CONFIG).contains(&config.len()) && (1..=8).contains(&source.channels);
    (believable && frame_length > 0).then(|| AudioTrack {
        codec: AudioCodec::Aac,
        timescale: source.timescale,
        channels: source.channels,
        rfc6381: rfc6381.to_owned(),
        decoder_config: config.clone(),
        frame_length: Ticks(frame_length.into()),
    })
}

/// A `raw_data_block` (§4.4.2.1) without spectral data: of one channel, or of a pair. A stream of more channels gets that
/// of a pair, which is a frame that decoders take.
pub(super) fn silence(channels: u16) -> Bytes {
    const SINGLE_CHANNEL_ELEMENT: u32 = 0;
    const CHANNEL_PAIR_ELEMENT: u32 = 1;
    const END: u32 = 7;
    let mut bits = Bits::default();
    if channels == 1 {
        bits.put(SINGLE_CHANNEL_ELEMENT, 3);
        bits.put(0, 4); // element_instance_tag
        bits.put(0, 8); // global_gain
        bits.put(0, ICS_INFO);
        bits.put(0, NO_TOOLS);
    } else {
        bits.put(CHANNEL_PAIR_ELEMENT, 3);
        bits.put(0, 4); // element_instance_tag
        bits.put(1, 1); // common_window
        bits.put(0, ICS_INFO);
        bits.put(0, 2); // ms_mask_present
        for _ in 0..2 {
            bits.put(0, 8); // global_gain
            bits.put(0, NO_TOOLS);
        }
    }
    bits.put(END, 3);
    bits.0
        .chunks(8)
        .map(|byte| {
            byte.iter()
                .rev()
                .enumerate()
                .fold(0, |sum, (at, bit)| sum | u8::from(*bit) << (at + 8 - byte.len()))
        })
        .collect()
}

/// Bits of `ics_info` (§4.4.2.1): a reserved one, the window's sequence and shape, `max_sfb` (6), no prediction. With
/// `max_sfb` 0 there is neither section nor spectral data.
const ICS_INFO: u32 = 1 + 2 + 1 + 6 + 1;
/// Neither pulse data, temporal noise shaping nor gain control.
const NO_TOOLS: u32 = 3;

/// Bits, the most significant first.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        self.0.extend((0..count).rev().map(|at| value >> at & 1 == 1));
    }
}
