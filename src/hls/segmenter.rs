//! Where to cut a part and a segment.
//!
//! Samples come one by one and leave as [`Part`]s and [`Segment`]s. What the next sample will be is known as each one
//! comes (whether it is a random access point), or nearly (that it lasts as long): so a part or a segment is cut behind its
//! last sample, and not a picture later. The rules, in the order in which they are asked:
//!
//! | the next sample … | … the segmenter cuts |
//! |---|---|
//! | is a random access point, and the open segment is long enough | a segment |
//! | is a random access point, and the open segment does not start with one | a segment |
//! | is a random access point, and the one after it would come too late for TARGETDURATION | a segment |
//! | would make the segment longer than TARGETDURATION, or too large | a segment, without a keyframe |
//! | would make the first segments of a stream longer than the ramp allows | a segment, without a keyframe |
//! | would make the part longer than PART-TARGET | a part |
//!
//! A sample that turns out longer than was thought, so that it crosses a limit, is preceded by the cut.
//!
//! PART-TARGET is told before the first playlist and never changes (bis §4.4.3.7): it is found from the first pictures, as
//! the whole number of them that comes closest to [`Settings::part_time`], with room for stamps that are not even.
//!
//! What is kept of the segments, and for how long, is the [window](super::window)'s business.

use std::sync::Arc;
use std::time::Duration;

use super::Settings;
use super::segment::{Beside, Init, InitId, MediaSequence, OpenParts, Part, Segment};
use crate::media::{Arrival, AudioSample, Sample, Ticks, Tracks, WallTime};
use crate::mux::{Container, Muxer};

/// The first segments of a stream are shorter, so that there is a picture before a whole segment time has passed: the first
/// one is a part, the next one is cut at this fraction of it. No more of them: all but the first start without a keyframe, and
/// some players (ffmpeg, VLC) start at the third segment from the end, wherever that is.
const RAMP: [f64; 2] = [0.0, 0.4];

/// By how much PART-TARGET exceeds the pictures that a part is to hold: their stamps may be uneven by that much, and parts
/// are still above 85 % of it (bis §4.4.4.9).
const PART_ROOM: f64 = 1.08;

/// A picture is expected to be no shorter than this part of the one before it.
const EVEN: f64 = 0.75;

/// A keyframe that comes so much too early is still good enough to cut at: cameras count frames, not seconds.
const EARLY: f64 = 0.9;

/// Cuts one stream.
#[derive(Debug)]
pub struct Segmenter {
    settings: Settings,
    max_segment_bytes: usize,
    muxer: Muxer,
    tracks: Arc<Tracks>,
    init: Option<Arc<Init>>,
    next_init: InitId,
    next_sequence: MediaSequence,
    discontinuity_sequence: u64,
    /// Whether the next segment starts behind a discontinuity.
    discontinuity: bool,
    segments_cut: usize,
    part_target: Option<Duration>,
    latest_keyframe: Option<Ticks>,
    /// That of the latest sample, and its decode time.
    latest_date: (WallTime, Ticks),
    open: Option<OpenSegment>,
    /// Audio that came since the last part was cut, and how much of it.
    audio: Vec<AudioSample>,
    audio_duration: Ticks,
    audio_bytes: usize,
}

/// The segment that is being made.
#[derive(Debug)]
struct OpenSegment {
    media_sequence: MediaSequence,
    discontinuity: bool,
    program_date_time: WallTime,
    independent: bool,
    parts: Vec<Arc<Part>>,
    /// Samples of the part that is being made.
    pending: Vec<Sample>,
    pending_duration: Ticks,
    duration: Ticks,
    byte_length: usize,
    frames: u32,
    completed: Arrival,
}

/// What taking a sample finished.
#[derive(Debug, Default)]
pub struct Cut {
    /// A part of the segment that is still open was finished.
    pub part: bool,
    /// The segment before the sample, if it turned out to end there.
    pub before: Option<Segment>,
    /// The segment that ends with the sample.
    pub segment: Option<Segment>,
}

impl Segmenter {
    /// A segmenter whose first segment has the number `first_sequence`, which is also the first
    /// discontinuity sequence.
    pub fn new(settings: Settings, tracks: Arc<Tracks>, first_sequence: MediaSequence) -> Self {
        let mut segmenter = Self {
            max_segment_bytes: settings.max_bytes / 4,
            muxer: Muxer::new(settings.container),
            settings,
            init: None,
            next_init: InitId(0),
            next_sequence: first_sequence,
            discontinuity_sequence: first_sequence,
            discontinuity: false,
            segments_cut: 0,
            part_target: None,
            latest_keyframe: None,
            latest_date: (WallTime(0), Ticks::ZERO),
            open: None,
            audio: Vec::new(),
            audio_duration: Ticks::ZERO,
            audio_bytes: 0,
            tracks: tracks.clone(),
        };
        segmenter.set_tracks(tracks);
        segmenter
    }

    /// How the segment that is being made is packed.
    pub fn container(&self) -> Container {
        self.muxer.container()
    }

    /// `PART-TARGET`, from the first part on.
    pub fn part_target(&self) -> Option<Duration> {
        self.part_target
    }

    /// What viewers may know of the segment that is being made: its finished parts, and what goes before them.
    pub fn open_segment(&self) -> OpenParts {
        let open = self.open.as_ref().filter(|open| !open.parts.is_empty());
        OpenParts {
            media_sequence: self.next_sequence(),
            container: self.container(),
            discontinuity: open.is_some_and(|open| open.discontinuity),
            program_date_time: open.map(|open| open.program_date_time),
            init: self.init.clone(),
            parts: open.map(|open| open.parts.clone()).unwrap_or_default(),
        }
    }

    /// The finished parts of the segment that is being made.
    #[cfg(test)]
    pub fn open_parts(&self) -> &[Arc<Part>] {
        self.open.as_ref().map_or(&[], |open| &open.parts)
    }

    /// The number of the segment that is being made or comes next.
    pub fn next_sequence(&self) -> MediaSequence {
        self.open.as_ref().map_or(self.next_sequence, |open| open.media_sequence)
    }

    /// Bytes of the segment that is being made.
    pub fn open_bytes(&self) -> usize {
        self.open.as_ref().map_or(0, |open| open.byte_length) + self.audio_bytes
    }

    /// Finishes the open segment: what comes next is not a continuation of it.
    pub fn interrupt(&mut self) -> Option<Segment> {
        let segment = self.close();
        self.discontinuity |= self.segments_cut > 0;
        segment
    }

    /// Finishes the open segment: what comes next needs a decoder that knows `tracks`.
    pub fn change_tracks(&mut self, tracks: Arc<Tracks>) -> Option<Segment> {
        let segment = self.interrupt();
        self.set_tracks(tracks);
        segment
    }

    fn set_tracks(&mut self, tracks: Arc<Tracks>) {
        // What has gone into MP4 once stays there: a playlist cannot take back its EXT-X-MAP.
        let container = self.muxer.container();
        if container.carrying(tracks.video.codec) != container {
            self.muxer = Muxer::new(container.carrying(tracks.video.codec));
        }
        self.init = self.muxer.init_section(&tracks).map(|bytes| {
            let id = self.next_init;
            self.next_init = InitId(id.0.wrapping_add(1));
            Arc::new(Init { id, bytes })
        });
        self.tracks = tracks;
    }

    /// Takes the next sample, and cuts where the rules say so. `keyframe_next`: the sample after it is a random access
    /// point.
    pub fn push(&mut self, sample: Sample, keyframe_next: bool) -> Cut {
        let mut cut = Cut::default();
        if self.segment_ends_before(&sample) {
            cut.before = self.close();
        } else if self.part_ends_before(sample.duration) {
            self.close_part();
            cut.part = true;
        }
        let expected = (sample.duration, sample.decode_time + sample.duration);
        self.take(sample);
        if self.segment_ends_behind(expected, keyframe_next) {
            cut.segment = self.close();
        } else if self.part_ends_before(Ticks(scaled(expected.0, EVEN))) {
            self.close_part();
            cut.part = true;
        }
        cut
    }

    fn take(&mut self, sample: Sample) {
        if sample.random_access {
            self.latest_keyframe = Some(sample.decode_time);
        }
        let program_date_time = self.date(&sample);
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                if self.discontinuity {
                    self.discontinuity_sequence += 1;
                }
                self.open.insert(OpenSegment {
                    media_sequence: self.next_sequence,
                    discontinuity: std::mem::take(&mut self.discontinuity),
                    program_date_time,
                    independent: sample.random_access,
                    parts: Vec::new(),
                    pending: Vec::new(),
                    pending_duration: Ticks::ZERO,
                    duration: Ticks::ZERO,
                    byte_length: 0,
                    frames: 0,
                    completed: sample.arrival,
                })
            }
        };
        open.duration += sample.duration;
        open.pending_duration += sample.duration;
        open.byte_length += sample.data.len();
        open.frames += 1;
        open.completed = sample.arrival;
        open.pending.push(sample);
    }

    /// Takes audio: it goes into the part that is being made. Cuts stay with the video, and neither waits for the other;
    /// without video there is no part for it, so no more is kept than a segment takes.
    pub fn push_audio(&mut self, sample: AudioSample) {
        let Some(audio) = &self.tracks.audio else { return };
        if audio.timescale.duration(self.audio_duration) < self.settings.longest_segment() {
            self.audio_duration += sample.duration;
            self.audio_bytes += sample.data.len();
            self.audio.push(sample);
        }
    }

    fn take_audio(&mut self) -> Vec<AudioSample> {
        self.audio_duration = Ticks::ZERO;
        self.audio_bytes = 0;
        std::mem::take(&mut self.audio)
    }

    /// Whether `sample` crosses a limit that could not be foreseen.
    fn segment_ends_before(&self, sample: &Sample) -> bool {
        let Some(open) = &self.open else { return false };
        let unforeseen_keyframe = sample.random_access && !open.independent;
        unforeseen_keyframe
            || self.duration(open.duration + sample.duration) > self.settings.longest_segment()
            || open.byte_length + sample.data.len() > self.max_segment_bytes
    }

    /// Whether the next sample, of that duration and decode time, starts another segment.
    fn segment_ends_behind(&self, (duration, decode_time): (Ticks, Ticks), keyframe: bool) -> bool {
        let Some(open) = &self.open else { return false };
        let so_far = self.duration(open.duration);
        let with_it = self.duration(open.duration + duration);
        let long_enough = so_far >= self.settings.segment_time.mul_f64(EARLY);
        if keyframe && (!open.independent || long_enough || self.next_keyframe_is_late(decode_time, so_far)) {
            return true;
        }
        with_it > self.settings.longest_segment() || self.ramp().is_some_and(|longest| with_it > longest)
    }

    /// The longest that the open segment may be while the stream is young.
    fn ramp(&self) -> Option<Duration> {
        let part = RAMP.get(self.segments_cut)?;
        Some(self.settings.segment_time.mul_f64(*part).max(self.longest_part()))
    }

    /// Whether the keyframe after the one at `decode_time`, if keyframes keep their distance, lies beyond the longest
    /// segment.
    fn next_keyframe_is_late(&self, decode_time: Ticks, so_far: Duration) -> bool {
        let Some(latest) = self.latest_keyframe else { return false };
        let distance = self.duration(decode_time - latest);
        so_far >= self.settings.segment_time / 2 && so_far + distance > self.settings.longest_segment()
    }

    fn part_ends_before(&self, duration: Ticks) -> bool {
        let Some(open) = &self.open else { return false };
        !open.pending.is_empty() && self.duration(open.pending_duration + duration) > self.longest_part()
    }

    fn longest_part(&self) -> Duration {
        self.part_target.unwrap_or(self.settings.part_time)
    }

    /// PART-TARGET for pictures as long as those of the first part.
    fn find_part_target(&self, pending: &[Sample]) -> Duration {
        let mut durations: Vec<_> = pending.iter().map(|sample| sample.duration).collect();
        durations.sort_unstable();
        let picture = self.duration(durations[durations.len() / 2]).max(Duration::from_millis(1));
        let count = (self.settings.part_time.as_secs_f64() / picture.as_secs_f64()).round().max(1.0);
        // To the millisecond: a ten-thousandth of one is no reason for one more.
        let millis = (picture.as_secs_f64() * count * PART_ROOM * 1000.0 - 1e-4).ceil();
        // No part is longer than a segment (bis §4.4.3.7).
        Duration::from_secs_f64(millis / 1000.0).min(self.settings.longest_segment())
    }

    fn duration(&self, ticks: Ticks) -> Duration {
        self.tracks.video.timescale.duration(ticks)
    }

    /// When the picture of `sample` arrived. Where the wall clock goes back the dates go on at their own pace.
    fn date(&mut self, sample: &Sample) -> WallTime {
        let (latest, at) = self.latest_date;
        let date = if sample.arrival.wall < latest {
            latest.after(self.duration(sample.decode_time - at))
        } else {
            sample.arrival.wall
        };
        self.latest_date = (date, sample.decode_time);
        date
    }

    fn close_part(&mut self) {
        let audio = self.take_audio();
        if self.part_target.is_none()
            && let Some(open) = self.open.as_ref().filter(|open| !open.pending.is_empty())
        {
            self.part_target = Some(self.find_part_target(&open.pending));
        }
        let Some(open) = &mut self.open else { return };
        let (Some(first), timescale) = (open.pending.first(), self.tracks.video.timescale) else { return };
        let independent = first.random_access;
        open.byte_length += audio.iter().map(|sample| sample.data.len()).sum::<usize>();
        let chunks = self.muxer.part(&self.tracks, &open.pending, &audio, open.parts.is_empty());
        open.parts.push(Arc::new(Part {
            duration: timescale.duration(open.pending_duration),
            independent,
            byte_length: chunks.iter().map(bytes::Bytes::len).sum(),
            chunks,
            beside: Beside::default(),
        }));
        open.pending.clear();
        open.pending_duration = Ticks::ZERO;
    }

    fn close(&mut self) -> Option<Segment> {
        self.close_part();
        let open = self.open.take()?;
        self.next_sequence += 1;
        self.segments_cut += 1;
        Some(Segment {
            media_sequence: open.media_sequence,
            discontinuity_sequence: self.discontinuity_sequence,
            discontinuity: open.discontinuity,
            container: self.muxer.container(),
            init: self.init.clone(),
            program_date_time: open.program_date_time,
            duration: self.duration(open.duration),
            independent: open.independent,
            byte_length: open.parts.iter().map(|part| part.byte_length).sum(),
            parts: open.parts,
            frames: open.frames,
            completed: open.completed,
        })
    }
}

/// A part of a span.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "spans here are of seconds")]
fn scaled(span: Ticks, part: f64) -> i64 {
    (span.0 as f64 * part) as i64
}

#[cfg(test)]
mod tests;
