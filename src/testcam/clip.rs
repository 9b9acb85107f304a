//! What the camera films: an H.264 byte stream, cut into access units.
//!
//! Here belong reading Annex B, the embedded clips and what can be made of
//! them. RTP does not: that is [`super::packet`].

use bytes::Bytes;

use crate::media::parameter_sets::{ParameterSetError, h264_track};

/// Why a byte stream cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClipError {
    /// There is no SPS and PPS before the first picture.
    #[error("the clip does not begin with H.264 parameter sets (is it an Annex B byte stream?)")]
    NoParameterSets,
    /// The first picture is not an IDR picture, or there is no picture.
    #[error("the clip does not begin with a keyframe")]
    NoKeyframe,
    /// Another SPS comes later: the loop would begin with the wrong one.
    #[error("the clip changes its sequence parameter set on the way")]
    SpsChanges,
    /// A B slice: its output time is not its place in the stream.
    #[error("the clip has B-frames; encode it without them (-bf 0)")]
    BFrames,
    /// The parameter sets do not parse.
    #[error(transparent)]
    ParameterSets(#[from] ParameterSetError),
}

/// NAL unit types (ISO/IEC 14496-10 table 7-1).
mod unit_type {
    pub(super) const SLICE: u8 = 1;
    pub(super) const IDR: u8 = 5;
    pub(super) const SEI: u8 = 6;
    pub(super) const SPS: u8 = 7;
    pub(super) const PPS: u8 = 8;
    pub(super) const AUD: u8 = 9;
    pub(super) const END_OF_SEQUENCE: u8 = 10;
    pub(super) const END_OF_STREAM: u8 = 11;
    pub(super) const FILLER: u8 = 12;
}

/// One coded picture: its NAL units without start codes, parameter sets and delimiters.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) units: Vec<Bytes>,
    pub(super) keyframe: bool,
}

/// A loop of H.264 pictures in decode order, which is their output order, at a constant rate.
#[derive(Clone, Debug)]
pub struct Clip {
    /// SPS first, then each PPS.
    pub(super) parameter_sets: Vec<Bytes>,
    pub(super) pictures: Vec<Picture>,
    /// How long a picture lasts, in ticks of 90 kHz.
    pub(super) picture_ticks: u32,
}

impl Clip {
    /// The clip of `camgate demo`: 10 s, 1280x720, 25 fps, a keyframe every 2 s, 0.2 Mbit/s.
    pub fn demo() -> Self {
        Self::embedded(include_bytes!("../../fixtures/demo.h264"))
    }

    /// A clip with other parameter sets: 2 s, 640x360, 25 fps.
    pub fn switch() -> Self {
        Self::embedded(include_bytes!("../../fixtures/switch.h264"))
    }

    #[expect(clippy::expect_used, reason = "the embedded clips are constants, and a test reads each")]
    fn embedded(data: &'static [u8]) -> Self {
        Self::from_annex_b(&Bytes::from_static(data)).expect("the embedded clip is valid")
    }

    /// Reads a byte stream (ISO/IEC 14496-10 Annex B) that begins with parameter sets and a keyframe.
    ///
    /// The frame rate is the one that the SPS states, otherwise 25.
    pub fn from_annex_b(data: &Bytes) -> Result<Self, ClipError> {
        let mut parameter_sets: Vec<Bytes> = Vec::new();
        let mut pictures: Vec<Picture> = Vec::new();
        let mut pending = Vec::new();
        let mut has_slice = false;
        let mut keyframe = false;
        let mut finish = |units: &mut Vec<Bytes>, has_slice: &mut bool, keyframe: bool| {
            if std::mem::take(has_slice) {
                pictures.push(Picture { units: std::mem::take(units), keyframe });
            }
        };
        for unit in nal_units(data) {
            let kind = unit[0] & 0x1f;
            if has_slice && begins_picture(kind, &unit) {
                finish(&mut pending, &mut has_slice, keyframe);
            }
            match kind {
                unit_type::SPS | unit_type::PPS => {
                    let known = parameter_sets.contains(&unit);
                    if kind == unit_type::SPS && !known && !parameter_sets.is_empty() {
                        return Err(ClipError::SpsChanges);
                    }
                    if !known {
                        parameter_sets.push(unit);
                    }
                }
                unit_type::AUD | unit_type::END_OF_SEQUENCE | unit_type::END_OF_STREAM => {}
                unit_type::SLICE..=unit_type::IDR => {
                    if is_b_slice(&unit) {
                        return Err(ClipError::BFrames);
                    }
                    has_slice = true;
                    keyframe = kind == unit_type::IDR;
                    pending.push(unit);
                }
                _ => pending.push(unit),
            }
        }
        finish(&mut pending, &mut has_slice, keyframe);

        let [sps, pps, ..] = &parameter_sets[..] else { return Err(ClipError::NoParameterSets) };
        if sps[0] & 0x1f != unit_type::SPS {
            return Err(ClipError::NoParameterSets);
        }
        if !pictures.first().is_some_and(|picture| picture.keyframe) {
            return Err(ClipError::NoKeyframe);
        }
        let picture_ticks = picture_ticks(h264_track(sps.clone(), pps.clone())?.frame_rate);
        Ok(Self { parameter_sets, pictures, picture_ticks })
    }

    /// The clip cut off after so many pictures, at least one: a loop point within reach of a test.
    pub fn first(mut self, pictures: usize) -> Self {
        self.pictures.truncate(pictures.max(1));
        self
    }

    /// The same pictures with filler data (ISO/IEC 14496-10 §7.3.2.7) behind them, so that the clip as a
    /// whole has `bits_per_second`. Decoders skip it silently; gateways must carry it. A clip that is
    /// heavier already stays as it is.
    pub fn padded(mut self, bits_per_second: u32) -> Self {
        let budget = u64::from(bits_per_second) * u64::from(self.picture_ticks) / 90_000 / 8;
        let budget = usize::try_from(budget).unwrap_or(usize::MAX);
        // What a keyframe takes beyond its share, the pictures after it leave out.
        let (mut allowed, mut used) = (0_usize, 0_usize);
        for picture in &mut self.pictures {
            allowed = allowed.saturating_add(budget);
            used += picture.units.iter().map(Bytes::len).sum::<usize>();
            let padding = allowed.saturating_sub(used);
            if padding >= 2 {
                picture.units.push(filler(padding));
                used += padding;
            }
        }
        self
    }
}

/// A NAL unit of filler data of so many bytes, at least two.
pub(super) fn filler(length: usize) -> Bytes {
    let mut filler = vec![0xff; length.max(2)];
    filler[0] = unit_type::FILLER;
    // rbsp_trailing_bits
    if let Some(last) = filler.last_mut() {
        *last = 0x80;
    }
    filler.into()
}

/// Ticks of 90 kHz that a picture lasts at `frame_rate`.
fn picture_ticks(frame_rate: Option<f64>) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is 0.1 to 240")]
    let ticks = |fps: f64| (90_000.0 / fps).round() as u32;
    frame_rate.map_or(3600, ticks)
}

/// The NAL units of a byte stream, without start codes and trailing zeros.
fn nal_units(data: &Bytes) -> impl Iterator<Item = Bytes> {
    let starts: Vec<usize> =
        data.windows(3).enumerate().filter(|(_, w)| *w == [0, 0, 1]).map(|(at, _)| at).collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([data.len()]).collect();
    starts.into_iter().zip(ends).filter_map(move |(start, end)| {
        let unit = &data[start + 3..end];
        let zeros = unit.iter().rev().take_while(|byte| **byte == 0).count();
        let unit = data.slice(start + 3..end - zeros);
        (!unit.is_empty()).then_some(unit)
    })
}

/// Whether a NAL unit after a slice belongs to the next picture (ISO/IEC 14496-10 §7.4.1.2.3, without
/// redundant pictures and arbitrary slice order).
fn begins_picture(kind: u8, unit: &[u8]) -> bool {
    match kind {
        unit_type::SEI | unit_type::SPS | unit_type::PPS | unit_type::AUD => true,
        // first_mb_in_slice is ue(v): zero is a single one bit.
        unit_type::SLICE..=unit_type::IDR => unit.get(1).is_some_and(|byte| byte & 0x80 != 0),
        _ => false,
    }
}

/// Whether `slice_type` (ISO/IEC 14496-10 §7.4.3) is B.
fn is_b_slice(unit: &[u8]) -> bool {
    let mut header = [0; 8];
    let length = unit.len().saturating_sub(1).min(8);
    header[..length].copy_from_slice(&unit[1..=length]);
    let mut bits = u64::from_be_bytes(header);
    let mut exp_golomb = || {
        let zeros = bits.leading_zeros().min(31);
        bits <<= zeros;
        let value = (bits >> (63 - zeros)) - 1;
        bits <<= zeros + 1;
        value
    };
    exp_golomb();
    exp_golomb() % 5 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_clips_are_what_the_fixtures_say() {
        for (clip, pictures, keyframes) in [(Clip::demo(), 250, 5), (Clip::switch(), 50, 1)] {
            assert_eq!(clip.pictures.len(), pictures);
            assert_eq!(clip.pictures.iter().filter(|p| p.keyframe).count(), keyframes);
            assert_eq!(clip.picture_ticks, 3600);
            assert_eq!(clip.parameter_sets.len(), 2);
            assert!(clip.pictures.iter().all(|p| p.units.len() == 1), "one slice a picture");
        }
    }

    #[test]
    fn units_are_found_behind_short_and_long_start_codes() {
        let data = Bytes::from_static(&[0, 0, 0, 1, 9, 16, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0]);
        let units: Vec<_> = nal_units(&data).collect();
        assert_eq!(units, [&[9, 16][..], &[0x67, 1], &[0x68, 2]]);
    }

    #[test]
    fn several_slices_are_one_picture() {
        let clip = Clip::demo();
        let mut stream = Vec::new();
        let mut push = |unit: &[u8]| stream.extend([&[0, 0, 1], unit].concat());
        clip.parameter_sets.iter().for_each(|set| push(set));
        push(&clip.pictures[0].units[0]);
        push(&[0x65, 0x42, 0x20]); // first_mb_in_slice 1, slice_type I
        push(&clip.pictures[1].units[0]);
        let read = Clip::from_annex_b(&stream.into()).unwrap();
        let slices: Vec<_> = read.pictures.iter().map(|p| p.units.len()).collect();
        assert_eq!(slices, [2, 1]);
    }

    #[test]
    fn what_cannot_be_served_is_refused_with_the_reason() {
        let clip = Clip::demo();
        let stream = |units: &[&[u8]]| {
            let bytes: Vec<u8> = units.iter().flat_map(|unit| [&[0, 0, 1], *unit].concat()).collect();
            Clip::from_annex_b(&bytes.into()).unwrap_err()
        };
        let (sps, pps) = (&clip.parameter_sets[0][..], &clip.parameter_sets[1][..]);
        let (idr, p) = (&clip.pictures[0].units[0][..], &clip.pictures[1].units[0][..]);
        assert_eq!(stream(&[]), ClipError::NoParameterSets);
        assert_eq!(stream(&[idr]), ClipError::NoParameterSets);
        assert_eq!(stream(&[sps, pps]), ClipError::NoKeyframe);
        assert_eq!(stream(&[sps, pps, p]), ClipError::NoKeyframe);
        assert_eq!(stream(&[sps, pps, idr, &Clip::switch().parameter_sets[0]]), ClipError::SpsChanges);
        // first_mb_in_slice 0, slice_type 1
        assert_eq!(stream(&[sps, pps, idr, &[0x41, 0b1010_0000, 0x80]]), ClipError::BFrames);
    }

    #[test]
    fn padding_brings_the_clip_to_the_bit_rate() {
        let clip = Clip::demo().padded(3_000_000);
        let bytes: usize = clip.pictures.iter().flat_map(|p| &p.units).map(Bytes::len).sum();
        assert!((3_700_000..=3_750_000).contains(&bytes), "{bytes} bytes in 10 s");
    }
}
