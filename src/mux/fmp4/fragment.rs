//! Parts: a movie fragment, and the samples it describes.

use bytes::Bytes;
use mp4::{BoxType, HEADER_SIZE, MoofBox, Mp4Box as _};

use super::boxes::{write, write_header};
use super::{AUDIO_TRACK_ID, VIDEO_TRACK_ID};
use crate::media::{AudioSample, Sample, Ticks};
use crate::mux::Chunks;

/// Writes the parts of one stream.
#[derive(Debug, Default)]
pub struct Muxer {
    /// `sequence_number` of the last part (ISO/IEC 14496-12 §8.8.5).
    sequence_number: u32,
}

impl Muxer {
    /// `moof` and the header of `mdat` in one buffer, then the samples' own buffers: those of the video, then those of
    /// the audio.
    ///
    /// `samples` follow each other in decode order, and so do those of `audio`, of which there may be none. Sizes and
    /// durations are 32 bits wide and saturate: what a window may hold keeps a part far below 4 GiB.
    pub fn part(&mut self, samples: &[Sample], audio: &[AudioSample]) -> Chunks {
        self.sequence_number = self.sequence_number.wrapping_add(1);
        let mut chunks = Vec::with_capacity(1 + samples.len() + audio.len());
        chunks.push(header(self.sequence_number, samples, audio));
        chunks.extend(samples.iter().map(|sample| sample.data.clone()));
        chunks.extend(audio.iter().map(|sample| sample.data.clone()));
        chunks
    }
}

/// `sample_depends_on` 2: each frame of audio stands for itself.
const AUDIO: u32 = SYNC;
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
fn header(sequence_number: u32, samples: &[Sample], audio: &[AudioSample]) -> Bytes {
    let mut tracks = vec![(VIDEO_TRACK_ID, samples.iter().map(Row::of_video).collect::<Vec<_>>())];
    if !audio.is_empty() {
        tracks.push((AUDIO_TRACK_ID, audio.iter().map(Row::of_audio).collect()));
    }
    // The crate has no public names for its leaf boxes: they are reached as fields of what it does name.
    let mut leaves = MoofBox { trafs: vec![Default::default(); tracks.len()], ..Default::default() };
    leaves.mfhd.sequence_number = sequence_number;
    for (traf, (track_id, rows)) in leaves.trafs.iter_mut().zip(&tracks) {
        let tfhd = &mut traf.tfhd;
        let tfdt = traf.tfdt.get_or_insert_default();
        let trun = traf.trun.get_or_insert_default();

        tfhd.flags = DEFAULT_BASE_IS_MOOF;
        tfhd.track_id = *track_id;

        tfdt.version = 1;
        tfdt.base_media_decode_time =
            rows.first().map_or(0, |row| u64::try_from(row.decode_time.0).unwrap_or(0));

        trun.version = 1; // composition offsets are signed
        trun.flags = DATA_OFFSET | SAMPLE_SIZE;
        trun.data_offset = Some(0); // told below; a field of fixed size
        trun.sample_count = saturate(rows.len());
        trun.sample_sizes = rows.iter().map(|row| row.size).collect();

        // What all samples share is said once, so that players on slow links fetch less and the columns stay few.
        match shared(rows.iter().map(|row| row.duration)) {
            Some(duration) => {
                tfhd.flags |= DEFAULT_SAMPLE_DURATION;
                tfhd.default_sample_duration = Some(duration);
            }
            None => {
                trun.flags |= SAMPLE_DURATION;
                trun.sample_durations = rows.iter().map(|row| row.duration).collect();
            }
        }

        let flags = || rows.iter().map(|row| row.flags);
        // Only the first may differ, as at the start of a group of pictures.
        let rest = if rows.len() < 2 { flags().next() } else { shared(flags().skip(1)) };
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

        if rows.iter().any(|row| row.composition_offset != 0) {
            trun.flags |= SAMPLE_COMPOSITION_TIME_OFFSET;
            trun.sample_cts = rows.iter().map(|row| row.composition_offset).collect();
        }
    }

    let mut bodies = Vec::with_capacity(leaves.trafs.len());
    for traf in &leaves.trafs {
        let (tfdt, trun) = (traf.tfdt.as_ref(), traf.trun.as_ref());
        bodies
            .push(traf.tfhd.box_size() + tfdt.map_or(0, |b| b.box_size()) + trun.map_or(0, |b| b.box_size()));
    }
    let moof_body = leaves.mfhd.box_size() + bodies.iter().map(|body| HEADER_SIZE + body).sum::<u64>();
    let length = HEADER_SIZE + moof_body + HEADER_SIZE;

    let mut out = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    write_header(BoxType::MoofBox, moof_body, &mut out);
    write(&leaves.mfhd, &mut out);
    // The samples begin where this buffer ends.
    let mut offset = length;
    for (traf, body) in leaves.trafs.iter_mut().zip(bodies) {
        write_header(BoxType::TrafBox, body, &mut out);
        write(&traf.tfhd, &mut out);
        let (Some(tfdt), Some(trun)) = (&traf.tfdt, &mut traf.trun) else { continue };
        trun.data_offset = Some(i32::try_from(offset).unwrap_or(i32::MAX));
        offset += trun.sample_sizes.iter().map(|size| u64::from(*size)).sum::<u64>();
        write(tfdt, &mut out);
        write(trun, &mut out);
    }
    write_header(BoxType::MdatBox, offset - length, &mut out);
    out.into()
}

/// What `trun` says of one sample.
#[derive(Clone, Copy)]
struct Row {
    decode_time: Ticks,
    duration: u32,
    size: u32,
    flags: u32,
    composition_offset: u32,
}

impl Row {
    fn of_video(sample: &Sample) -> Self {
        Self {
            decode_time: sample.decode_time,
            duration: duration(sample.duration),
            size: saturate(sample.data.len()),
            flags: if sample.random_access { SYNC } else { NON_SYNC },
            composition_offset: composition_offset(sample.composition_offset),
        }
    }

    fn of_audio(sample: &AudioSample) -> Self {
        Self {
            decode_time: sample.decode_time,
            duration: duration(sample.duration),
            size: saturate(sample.data.len()),
            flags: AUDIO,
            composition_offset: 0,
        }
    }
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
