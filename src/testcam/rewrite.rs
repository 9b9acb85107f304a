//! H.264 in other words: the same pictures as another encoder would have written them (ISO/IEC 14496-10 §7.3).
//!
//! For faults that a decoder must not notice. What does not parse stays as it is.

use bytes::Bytes;
use h264_reader::Context;
use h264_reader::nal::NalHeader;
use h264_reader::nal::pps::PicParameterSet;
use h264_reader::nal::slice::SliceHeader;
use h264_reader::nal::sps::SeqParameterSet;
use h264_reader::rbsp::{self, BitRead as _, BitReader};

/// Slice headers are far shorter.
const LONGEST_HEADER: usize = 64;

/// What a slice says of itself, where that is to change.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SliceChange {
    /// `pic_parameter_set_id`.
    pub(super) pps_id: Option<u32>,
    /// `frame_num`, of which the SPS says how many bits count.
    pub(super) frame_num: Option<u32>,
}

/// The SPS with a VUI that says of pictures that they last twice as long.
pub(super) fn sps_with_other_timing(unit: &Bytes) -> Bytes {
    let timing = || {
        let vui = parse_sps(unit)?.vui_parameters?;
        vui.timing_info.map(|timing| (timing.num_units_in_tick, timing.time_scale))
    };
    let Some((units, scale)) = timing() else { return unit.clone() };
    let Some(mut bits) = Bits::of(unit) else { return unit.clone() };
    let (old, new) = (Bits::fixed(&[units, scale]), Bits::fixed(&[units.wrapping_mul(2), scale]));
    if let Some(at) = bits.0.windows(64).position(|window| window == old.0) {
        bits.0[at..at + 64].copy_from_slice(&new.0);
    }
    bits.into_unit(unit[0])
}

/// The PPS under another id.
pub(super) fn pps_with_id(unit: &Bytes, id: u32) -> Bytes {
    let changed = || {
        let bits = Bits::of(unit)?;
        let mut at = 0;
        bits.skip_ue(&mut at)?;
        Some(Bits([Bits::ue(id).0, bits.0[at..].to_vec()].concat()).into_unit(unit[0]))
    };
    changed().unwrap_or_else(|| unit.clone())
}

/// The slice with another header; `sets` are an SPS and the PPS that it refers to.
pub(super) fn slice(unit: &Bytes, sets: &[Bytes], change: SliceChange) -> Bytes {
    changed_slice(unit, sets, change).unwrap_or_else(|| unit.clone())
}

fn changed_slice(unit: &Bytes, sets: &[Bytes], change: SliceChange) -> Option<Bytes> {
    let [sps, pps, ..] = sets else { return None };
    let mut context = Context::new();
    context.put_seq_param_set(parse_sps(sps)?);
    let pps = rbsp::decode_nal(pps).ok()?;
    let pps = PicParameterSet::from_bits(&context, BitReader::new(&*pps)).ok()?;
    let cabac = pps.entropy_coding_mode_flag;
    context.put_pic_param_set(pps);

    // What is left behind the header says where it ends.
    let payload = rbsp::decode_nal(unit).ok()?;
    let beginning = &payload[..payload.len().min(LONGEST_HEADER)];
    let mut reader = BitReader::new(beginning);
    let nal_header = NalHeader::new(unit[0]).ok()?;
    let (_, sps, _) = SliceHeader::from_bits(&context, &mut reader, nal_header).ok()?;
    let rest = std::iter::from_fn(|| reader.skip(1, "slice_data").ok()).count();
    let end = beginning.len() * 8 - rest;

    let bits = Bits::of(unit)?;
    let mut at = 0;
    bits.skip_ue(&mut at)?; // first_mb_in_slice
    bits.skip_ue(&mut at)?; // slice_type
    let mut out = bits.0[..at].to_vec();
    let id_at = at;
    bits.skip_ue(&mut at)?;
    match change.pps_id {
        Some(id) => out.extend(Bits::ue(id).0),
        None => out.extend(&bits.0[id_at..at]),
    }
    let number_at = at + 2 * usize::from(sps.chroma_info.separate_colour_plane_flag);
    out.extend(&bits.0[at..number_at]);
    let width = usize::from(sps.log2_max_frame_num());
    match change.frame_num {
        Some(number) => out.extend(&Bits::fixed(&[number]).0[32 - width..]),
        None => out.extend(&bits.0[number_at..number_at + width]),
    }
    out.extend(&bits.0[number_at + width..end]);
    let mut data = end;
    if cabac {
        // cabac_alignment_one_bit (§7.3.4), as many as the new header needs.
        out.resize(out.len().next_multiple_of(8), true);
        data = end.next_multiple_of(8);
    }
    out.extend(&bits.0[data..]);
    Some(Bits(out).into_unit(unit[0]))
}

fn parse_sps(unit: &[u8]) -> Option<SeqParameterSet> {
    let payload = rbsp::decode_nal(unit).ok()?;
    SeqParameterSet::from_bits(BitReader::new(&*payload)).ok()
}

/// The bits of a raw byte sequence payload (§7.2), the stop bit among them.
struct Bits(Vec<bool>);

impl Bits {
    /// Those behind the header of a NAL unit.
    fn of(unit: &[u8]) -> Option<Self> {
        let payload = rbsp::decode_nal(unit).ok()?;
        Some(Self(payload.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1 == 1)).collect()))
    }

    /// Numbers of 32 bits.
    fn fixed(numbers: &[u32]) -> Self {
        Self(numbers.iter().flat_map(|n| (0..32).rev().map(move |at| n >> at & 1 == 1)).collect())
    }

    /// An Exp-Golomb code (§9.1).
    fn ue(value: u32) -> Self {
        let code = Self::fixed(&[value + 1]).0;
        let length = 32 - code.iter().take_while(|bit| !**bit).count();
        Self([vec![false; length - 1], code[32 - length..].to_vec()].concat())
    }

    fn skip_ue(&self, at: &mut usize) -> Option<()> {
        let zeros = self.0.get(*at..)?.iter().position(|bit| *bit)?;
        *at += 2 * zeros + 1;
        (*at <= self.0.len()).then_some(())
    }

    /// A NAL unit, with emulation prevention bytes (§7.4.1).
    fn into_unit(self, header: u8) -> Bytes {
        let byte =
            |bits: &[bool]| (0..8).fold(0, |byte, at| byte << 1 | u8::from(bits.get(at) == Some(&true)));
        let mut payload: Vec<u8> = self.0.chunks(8).map(byte).collect();
        // What moved to the left may have left nothing behind the stop bit.
        while payload.last() == Some(&0) {
            payload.pop();
        }
        let mut unit = vec![header];
        let mut zeros = 0;
        for byte in payload {
            if zeros == 2 && byte <= 3 {
                unit.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            unit.push(byte);
        }
        unit.into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::clip::Clip;
    use super::*;
    use crate::media::parameter_sets::{Change, ParameterSetTracker, h264_track};

    #[test]
    fn what_does_not_change_comes_out_as_it_went_in() {
        let clip = Clip::demo();
        for unit in clip.parameter_sets.iter().chain(clip.pictures.iter().flat_map(|p| &p.units).take(60)) {
            assert_eq!(Bits::of(unit).unwrap().into_unit(unit[0]), unit);
        }
        for picture in &clip.pictures[..60] {
            assert_eq!(
                slice(&picture.units[0], &clip.parameter_sets, SliceChange::default()),
                picture.units[0]
            );
        }
    }

    #[test]
    fn other_timing_halves_the_rate_and_is_no_change_to_a_decoder() {
        let [sps, pps] = &Clip::demo().parameter_sets[..] else { panic!() };
        let other = sps_with_other_timing(sps);
        let track = h264_track(other, pps.clone()).unwrap();
        assert_eq!(track.frame_rate, Some(12.5));
        let mut tracker = ParameterSetTracker::new(h264_track(sps.clone(), pps.clone()).unwrap());
        assert_eq!(tracker.update(&track), Change::None);
    }

    #[test]
    fn a_slice_moves_to_another_pps_and_frame_number_and_back() {
        let clip = Clip::demo();
        let [sps, pps] = &clip.parameter_sets[..] else { panic!() };
        let other = [sps.clone(), pps_with_id(pps, 1)];
        assert_ne!(other[1], pps);
        assert_eq!(pps_with_id(&other[1], 0), pps);
        for (number, picture) in clip.pictures[..60].iter().enumerate() {
            let number = u32::try_from(number % 50).unwrap();
            let unit = &picture.units[0];
            let there = SliceChange { pps_id: Some(1), frame_num: Some(number + 5) };
            let moved = slice(unit, &clip.parameter_sets, there);
            assert_ne!(moved, unit);
            let back = SliceChange { pps_id: Some(0), frame_num: Some(number) };
            assert_eq!(slice(&moved, &other, back), unit);
        }
    }
}
