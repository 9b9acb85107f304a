//! Parameter sets: what those of H.264 say, and when a change of them matters.
//!
//! Those of H.265 are read by the RTP library, which writes their decoder configuration as well, but for one number.
//!
//! Cameras repeat their parameter sets at every keyframe, sometimes with other
//! bytes that mean the same, sometimes with two sets in turn. A viewer should
//! see a discontinuity only when a decoder would.

use bytes::Bytes;
use h264_reader::nal::sps::{ChromaFormat, FrameMbsFlags, PicOrderCntType, SeqParameterSet, SpsError};
use h264_reader::rbsp::{self, BitReaderError};

use super::time::Timescale;
use super::track::{VideoCodec, VideoTrack};

/// Why parameter sets could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterSetError {
    /// The sequence parameter set does not parse.
    #[error("the camera's H.264 sequence parameter set is not valid: {0}")]
    BadSps(String),
    /// The picture parameter set does not parse.
    #[error("the camera's H.264 picture parameter set is empty")]
    BadPps,
    /// The picture is coded as fields, which browsers do not play.
    #[error("the camera sends interlaced H.264, which browsers do not play; set it to progressive")]
    Interlaced,
}

/// The parameter sets of a track, as NAL units without start codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterSets {
    /// Video parameter set, of H.265 alone (ISO/IEC 23008-2 §7.3.2.1).
    pub vps: Option<Bytes>,
    /// Sequence parameter set (ISO/IEC 14496-10 §7.3.2.1).
    pub sps: Bytes,
    /// Picture parameter sets, each with another id (§7.3.2.2), at least one.
    pub pps: Vec<Bytes>,
}

impl ParameterSets {
    /// The sets as NAL units behind their lengths, to stand before a keyframe of an MP4 sample.
    pub fn length_prefixed(&self) -> Vec<u8> {
        self.units().flat_map(|unit| [&length32(unit)[..], &unit[..]].concat()).collect()
    }

    fn units(&self) -> impl Iterator<Item = &Bytes> {
        self.vps.iter().chain([&self.sps]).chain(&self.pps)
    }

    /// `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15 §5.3.3.1.2).
    fn decoder_config(&self, sps: &SeqParameterSet) -> Bytes {
        let mut record = vec![1, self.sps[1], self.sps[2], self.sps[3]];
        record.push(0b1111_1100 | 3); // NAL unit lengths of four bytes
        record.push(0b1110_0000 | 1); // one SPS
        record.extend(length16(&self.sps));
        record.extend(&self.sps);
        record.push(u8::try_from(self.pps.len()).unwrap_or(u8::MAX));
        for pps in &self.pps {
            record.extend(length16(pps));
            record.extend(pps);
        }
        if matches!(u8::from(sps.profile_idc), 100 | 110 | 122 | 144) {
            let chroma = &sps.chroma_info;
            record.push(0b1111_1100 | chroma_format_idc(sps));
            record.push(0b1111_1000 | chroma.bit_depth_luma_minus8);
            record.push(0b1111_1000 | chroma.bit_depth_chroma_minus8);
            record.push(0); // no SPS extensions
        }
        record.into()
    }
}

/// NAL units of parameter sets are far below 64 KiB: a longer one has been refused by [`h264_track`].
fn length16(unit: &Bytes) -> [u8; 2] {
    u16::try_from(unit.len()).unwrap_or(u16::MAX).to_be_bytes()
}

fn length32(unit: &Bytes) -> [u8; 4] {
    u32::try_from(unit.len()).unwrap_or(u32::MAX).to_be_bytes()
}

fn chroma_format_idc(sps: &SeqParameterSet) -> u8 {
    match sps.chroma_info.chroma_format {
        ChromaFormat::Monochrome => 0,
        ChromaFormat::YUV422 => 2,
        ChromaFormat::YUV444 => 3,
        ChromaFormat::YUV420 | ChromaFormat::Invalid(_) => 1,
    }
}

/// The longest parameter set that is believed: real ones take a few dozen bytes.
const MAX_UNIT_LENGTH: usize = 4096;

/// The track that an SPS and a PPS describe; NAL units without start codes.
pub fn h264_track(sps: Bytes, pps: Bytes) -> Result<VideoTrack, ParameterSetError> {
    track(ParameterSets { vps: None, sps, pps: vec![pps] })
}

fn track(mut sets: ParameterSets) -> Result<VideoTrack, ParameterSetError> {
    if sets.units().any(|unit| unit.len() > MAX_UNIT_LENGTH) {
        return Err(ParameterSetError::BadSps("it is too long".into()));
    }
    if sets.pps.iter().any(|pps| pps.len() < 2) {
        return Err(ParameterSetError::BadPps);
    }
    let (sps, length) = parse_sps(&sets.sps)?;
    sets.sps.truncate(length);
    if matches!(sps.frame_mbs_flags, FrameMbsFlags::Fields { mb_adaptive_frame_field_flag: false }) {
        return Err(ParameterSetError::Interlaced);
    }
    let (width, height) = sps.pixel_dimensions().map_err(bad_sps)?;
    let narrow = |pixels: u32| {
        u16::try_from(pixels).map_err(|_| ParameterSetError::BadSps(format!("{pixels} pixels")))
    };
    let vui = sps.vui_parameters.as_ref();
    Ok(VideoTrack {
        codec: VideoCodec::H264,
        timescale: Timescale::VIDEO,
        rfc6381: format!("avc1.{:02X}{:02X}{:02X}", sets.sps[1], sets.sps[2], sets.sps[3]),
        decoder_config: sets.decoder_config(&sps),
        width: narrow(width)?,
        height: narrow(height)?,
        pixel_aspect: vui.and_then(|v| v.aspect_ratio_info.as_ref()?.get()).filter(|(h, v)| h != v),
        frame_rate: sps.fps().filter(|fps| (0.1..=240.0).contains(fps)),
        reorder_depth: reorder_depth(&sps),
        parameter_sets: sets,
    })
}

/// Reolink cameras put a byte or two of junk behind it.
const MOST_JUNK: usize = 4;

/// An SPS, and how many bytes of `nal` it takes.
fn parse_sps(nal: &[u8]) -> Result<(SeqParameterSet, usize), ParameterSetError> {
    let mut length = nal.len();
    loop {
        if length < 4 {
            return Err(ParameterSetError::BadSps("it is too short".into()));
        }
        let rbsp = rbsp::decode_nal(&nal[..length]).map_err(|e| ParameterSetError::BadSps(e.to_string()))?;
        match SeqParameterSet::from_bits(rbsp::BitReader::new(&*rbsp)) {
            Err(SpsError::RbspReaderError(BitReaderError::RemainingData))
                if nal.len() - length < MOST_JUNK =>
            {
                length -= 1;
            }
            parsed => return parsed.map(|sps| (sps, length)).map_err(bad_sps),
        }
    }
}

fn bad_sps(error: SpsError) -> ParameterSetError {
    ParameterSetError::BadSps(format!("{error:?}"))
}

/// `max_num_reorder_frames`, or what the profile and the picture order count imply (ISO/IEC 14496-10 §E.2.1).
fn reorder_depth(sps: &SeqParameterSet) -> Option<u8> {
    let stated = sps.vui_parameters.as_ref().and_then(|vui| vui.bitstream_restrictions.as_ref());
    if let Some(restrictions) = stated {
        return u8::try_from(restrictions.max_num_reorder_frames).ok();
    }
    let baseline = u8::from(sps.profile_idc) == 66;
    let output_is_decode_order = matches!(sps.pic_order_cnt, PicOrderCntType::TypeTwo);
    (baseline || output_is_decode_order).then_some(0)
}

/// `sps_max_num_reorder_pics` of the highest sub-layer of an H.265 SPS (ISO/IEC 23008-2 §7.3.2.2.1).
pub fn h265_reorder_depth(sps: &[u8]) -> Option<u8> {
    // Two bytes of header, where the reader expects one and does not bear none.
    let rbsp = rbsp::decode_nal(sps.get(1..).filter(|rest| !rest.is_empty())?).ok()?;
    read_h265_reorder_depth(rbsp::BitReader::new(&*rbsp)).ok()
}

fn read_h265_reorder_depth(mut bits: impl rbsp::BitRead) -> Result<u8, BitReaderError> {
    bits.skip(4, "sps_video_parameter_set_id")?;
    let sub_layers = bits.read::<u8>(3, "sps_max_sub_layers_minus1")?;
    bits.skip(1, "sps_temporal_id_nesting_flag")?;
    // profile_tier_level (§7.3.3): 88 bits of profile and eight of level, for all and then for each sub-layer that has them.
    bits.skip(96, "general_profile")?;
    let mut present = 0;
    for _ in 0..sub_layers {
        present += 88 * u32::from(bits.read_bool("sub_layer_profile_present_flag")?);
        present += 8 * u32::from(bits.read_bool("sub_layer_level_present_flag")?);
    }
    if sub_layers > 0 {
        bits.skip(2 * u32::from(8 - sub_layers), "reserved_zero_2bits")?;
    }
    bits.skip(present, "sub_layer_profile")?;
    bits.read_ue("sps_seq_parameter_set_id")?;
    if bits.read_ue("chroma_format_idc")? == 3 {
        bits.skip(1, "separate_colour_plane_flag")?;
    }
    bits.read_ue("pic_width_in_luma_samples")?;
    bits.read_ue("pic_height_in_luma_samples")?;
    if bits.read_bool("conformance_window_flag")? {
        for offset in ["left", "right", "top", "bottom"] {
            bits.read_ue(offset)?;
        }
    }
    bits.read_ue("bit_depth_luma_minus8")?;
    bits.read_ue("bit_depth_chroma_minus8")?;
    bits.read_ue("log2_max_pic_order_cnt_lsb_minus4")?;
    let told = if bits.read_bool("sps_sub_layer_ordering_info_present_flag")? { sub_layers + 1 } else { 1 };
    let mut depth = 0;
    for _ in 0..told {
        bits.read_ue("sps_max_dec_pic_buffering_minus1")?;
        depth = bits.read_ue("sps_max_num_reorder_pics")?;
        bits.read_ue("sps_max_latency_increase_plus1")?;
    }
    // Sixteen pictures are the most that a decoder holds (§A.4.2).
    Ok(u8::try_from(depth.min(16)).unwrap_or(16))
}

/// What parameter sets that arrived with a keyframe mean for the stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A decoder sees no difference.
    None,
    /// A decoder must be initialised with this track: a new init section, across a discontinuity.
    NewTrack(Box<VideoTrack>),
    /// The camera switches between sets it has used before: they go in-band before each keyframe,
    /// so that no discontinuity is needed.
    InBand,
}

/// Decides which changes of parameter sets a viewer must know of.
#[derive(Debug)]
pub struct ParameterSetTracker {
    current: VideoTrack,
    /// Sets that were replaced, oldest first.
    retired: Vec<ParameterSets>,
}

/// A camera that alternates does so between two sets, rarely three.
const RETIRED_SETS: usize = 4;

impl ParameterSetTracker {
    /// Starts with the first track of a stream.
    pub fn new(track: VideoTrack) -> Self {
        Self { current: track, retired: Vec::new() }
    }

    /// The track that a decoder is initialised with.
    pub fn current(&self) -> &VideoTrack {
        &self.current
    }

    /// Judges the track that the camera describes now.
    pub fn update(&mut self, new: &VideoTrack) -> Change {
        if same_for_decoder(&self.current, new) {
            return Change::None;
        }
        let merged = self.merged(new);
        let same_picture = (self.current.width, self.current.height, &self.current.rfc6381)
            == (new.width, new.height, &new.rfc6381);
        if merged.is_none() && same_picture && self.retired.contains(&new.parameter_sets) {
            return Change::InBand;
        }
        let next = merged.unwrap_or_else(|| new.clone());
        let replaced = std::mem::replace(&mut self.current, next.clone());
        if self.retired.len() == RETIRED_SETS {
            self.retired.remove(0);
        }
        self.retired.push(replaced.parameter_sets);
        Change::NewTrack(Box::new(next))
    }

    /// The current track with the new picture parameter sets beside its own, where the ids differ.
    fn merged(&self, new: &VideoTrack) -> Option<VideoTrack> {
        let mut sets = self.current.parameter_sets.clone();
        if new.codec != VideoCodec::H264 || sets.sps != new.parameter_sets.sps {
            return None;
        }
        for pps in &new.parameter_sets.pps {
            match sets.pps.iter().find(|known| pps_id(known) == pps_id(pps)) {
                Some(known) if known == pps => {}
                Some(_) => return None,
                None if sets.pps.len() < 16 => sets.pps.push(pps.clone()),
                None => return None,
            }
        }
        track(sets).ok()
    }
}

/// Whether every set of `new` is already in `current`, but for statements that no decoder acts on.
fn same_for_decoder(current: &VideoTrack, new: &VideoTrack) -> bool {
    if (current.codec, new.codec) != (VideoCodec::H264, VideoCodec::H264) {
        return current.codec == new.codec && current.parameter_sets == new.parameter_sets;
    }
    let (current, new) = (&current.parameter_sets, &new.parameter_sets);
    let pps_known = new.pps.iter().all(|pps| current.pps.contains(pps));
    pps_known && (current.sps == new.sps || same_sps(&current.sps, &new.sps))
}

/// Two SPS that differ in the timing information of the VUI decode alike: cameras rewrite it when the light changes.
fn same_sps(a: &[u8], b: &[u8]) -> bool {
    let without_timing = |nal| {
        let (mut sps, _) = parse_sps(nal).ok()?;
        if let Some(vui) = &mut sps.vui_parameters {
            vui.timing_info = None;
            vui.nal_hrd_parameters = None;
            vui.vcl_hrd_parameters = None;
            vui.low_delay_hrd_flag = None;
        }
        Some(sps)
    };
    matches!((without_timing(a), without_timing(b)), (Some(a), Some(b)) if a == b)
}

/// `pic_parameter_set_id`: the first Exp-Golomb code after the NAL header (ISO/IEC 14496-10 §7.3.2.2).
fn pps_id(pps: &[u8]) -> Option<u32> {
    let rbsp = rbsp::decode_nal(pps).ok()?;
    rbsp::BitRead::read_ue(&mut rbsp::BitReader::new(&*rbsp), "pic_parameter_set_id").ok()
}

#[cfg(test)]
mod tests;
