//! Parts: a movie fragment, and the samples it describes.

use bytes::Bytes;
use mp4::{BoxType, HEADER_SIZE, MoofBox, Mp4Box};

use super::VIDEO_TRACK_ID;
use super::boxes::{write, write_header};
use crate::media::{Sample, Ticks};
use crate::mux::Chunks;

/// Writes the parts of one stream.
#[derive(Debug, Default)]
pub struct Muxer {
    /// `sequence_number` of the last part (ISO/IEC 14496-12 §8.8.5).
    sequence_number: u32,
}

impl Muxer {
    /// `moof` and the header of `mdat` in one buffer, then the samples' own buffers.
    ///
    /// `samples` follow each other in decode order. Sizes and durations are 32 bits wide and saturate:
    /// what a window may hold keeps a part far below 4 GiB.
    pub fn part(&mut self, samples: &[Sample]) -> Chunks {
        self.sequence_number = self.sequence_number.wrapping_add(1);
        let mut chunks = Vec::with_capacity(1 + samples.len());
        chunks.push(header(self.sequence_number, samples));
        chunks.extend(samples.iter().map(|sample| sample.data.clone()));
        chunks
    }
}

/// `sample_depends_on` 2: an I picture (§8.6.4.3, §8.8.3.1).
const SYNC: u32 = 0x0200_0000;
/// `sample_depends_on` 1 and `sample_is_non_sync_sample`.
const NON_SYNC: u32 = 0x0101_0000;

/// `default-base-is-moof`: offsets count from this fragment alone (§8.8.7.1).
const DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;
const DEFAULT_SAMPLE_DURATION: u32 = 0x08;
const DEFAULT_SAMPLE_FLAGS: u32 = 0x20;

const DATA_OFFSET: u32 = 0x001;
const FIRST_SAMPLE_FLAGS: u32 = 0x004;
const SAMPLE_DURATION: u32 = 0x100;
const SAMPLE_SIZE: u32 = 0x200;
const SAMPLE_FLAGS: u32 = 0x400;
const SAMPLE_COMPOSITION_TIME_OFFSET: u32 = 0x800;

/// `moof` and the header of `mdat`.
fn header(sequence_number: u32, samples: &[Sample]) -> Bytes {
    // The crate has no public names for its leaf boxes: they are reached as fields of what it does name.
    let mut leaves = MoofBox { trafs: vec![Default::default()], ..Default::default() };
    let mfhd = &mut leaves.mfhd;
    let traf = &mut leaves.trafs[0];
    let tfhd = &mut traf.tfhd;
    let tfdt = traf.tfdt.get_or_insert_default();
    let trun = traf.trun.get_or_insert_default();

    mfhd.sequence_number = sequence_number;

    tfhd.flags = DEFAULT_BASE_IS_MOOF;
    tfhd.track_id = VIDEO_TRACK_ID;

    tfdt.version = 1;
    tfdt.base_media_decode_time = samples.first().map_or(0, |s| u64::try_from(s.decode_time.0).unwrap_or(0));

    trun.version = 1; // composition offsets are signed
    trun.flags = DATA_OFFSET | SAMPLE_SIZE;
    trun.sample_count = saturate(samples.len());
    trun.sample_sizes = samples.iter().map(|s| saturate(s.data.len())).collect();

    // What all samples share is said once, so that players on slow links fetch less and the columns stay few.
    let durations = || samples.iter().map(|s| duration(s.duration));
    match shared(durations()) {
        Some(duration) => {
            tfhd.flags |= DEFAULT_SAMPLE_DURATION;
            tfhd.default_sample_duration = Some(duration);
        }
        None => {
            trun.flags |= SAMPLE_DURATION;
            trun.sample_durations = durations().collect();
        }
    }

    let flags = || samples.iter().map(|s| if s.random_access { SYNC } else { NON_SYNC });
    // Only the first may differ, as at the start of a group of pictures.
    let rest = if samples.len() < 2 { flags().next() } else { shared(flags().skip(1)) };
    match rest {
        Some(rest) => {
            tfhd.flags |= DEFAULT_SAMPLE_FLAGS;
            tfhd.default_sample_flags = Some(rest);
            trun.first_sample_flags = flags().next().filter(|first| *first != rest);
            trun.flags |= trun.first_sample_flags.map_or(0, |_| FIRST_SAMPLE_FLAGS);
        }
        None => {
            trun.flags |= SAMPLE_FLAGS;
            trun.sample_flags = flags().collect();
        }
    }

    if samples.iter().any(|s| s.composition_offset != Ticks::ZERO) {
        trun.flags |= SAMPLE_COMPOSITION_TIME_OFFSET;
        trun.sample_cts = samples.iter().map(|s| composition_offset(s.composition_offset)).collect();
    }

    let traf_body = tfhd.box_size() + tfdt.box_size() + trun.box_size();
    let moof_body = mfhd.box_size() + HEADER_SIZE + traf_body;
    let length = HEADER_SIZE + moof_body + HEADER_SIZE;
    // The samples begin where this buffer ends.
    trun.data_offset = Some(i32::try_from(length).unwrap_or(i32::MAX));
    let data: u64 = samples.iter().map(|s| s.data.len() as u64).sum();

    let mut out = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    write_header(BoxType::MoofBox, moof_body, &mut out);
    write(mfhd, &mut out);
    write_header(BoxType::TrafBox, traf_body, &mut out);
    write(tfhd, &mut out);
    write(tfdt, &mut out);
    write(trun, &mut out);
    write_header(BoxType::MdatBox, data, &mut out);
    out.into()
}

/// The value that all of `values` have.
fn shared(mut values: impl Iterator<Item = u32>) -> Option<u32> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

fn saturate(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

fn duration(duration: Ticks) -> u32 {
    u32::try_from(duration.0.max(0)).unwrap_or(u32::MAX)
}

/// A signed offset in the unsigned field that the crate has for it (§8.8.8.3).
fn composition_offset(offset: Ticks) -> u32 {
    let clamped = offset.0.clamp(i64::from(i32::MIN), i64::from(i32::MAX));
    i32::try_from(clamped).unwrap_or(0).cast_unsigned()
}
