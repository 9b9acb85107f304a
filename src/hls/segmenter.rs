//! Where to cut a part and a segment.
//!
//! Samples come one by one and leave as [`Part`]s and [`Segment`]s. The rules, in
//! the order in which they are asked before a sample is taken:
//!
//! | before a sample that … | … the segmenter cuts |
//! |---|---|
//! | is a random access point, and the open segment is long enough | a segment |
//! | is a random access point, and the open segment does not start with one | a segment |
//! | is a random access point, and the next one would come too late for TARGETDURATION | a segment |
//! | would make the segment longer than TARGETDURATION, or too large | a segment, without a keyframe |
//! | would make the first segments of a stream longer than the ramp allows | a segment, without a keyframe |
//! | would make the part longer than PART-TARGET | a part |
//!
//! What is kept of the segments, and for how long, is the [window](super::window)'s business.

use std::sync::Arc;
use std::time::Duration;

use super::Settings;
use super::segment::{Init, InitId, MediaSequence, Part, Segment};
use crate::media::{Arrival, AudioSample, Sample, Ticks, Tracks, WallTime};
use crate::mux::{Container, Muxer};

/// The first segments of a stream are shorter, so that there is a picture before a whole segment time has passed:
/// they are cut at these fractions of it.
const RAMP: [f64; 2] = [0.25, 0.5];

/// A keyframe that comes so much too early is still good enough to cut at: cameras count frames, not seconds.
const EARLY: f64 = 0.9;

/// How far arrivals may be behind a stream's own clock before that is doubted when it tells the time of day.
const CLOCK_TOLERANCE: Duration = Duration::from_millis(500);

/// For so long the first pictures of a run may show that the one that set the clock came late.
const SETTLING: Duration = Duration::from_secs(5);

/// Pictures that have been late for so long are no burst behind a stall of the network: the clock is set anew.
const LATE_FOR: Duration = Duration::from_secs(3);

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
    latest_keyframe: Option<Ticks>,
    clock: Option<Clock>,
    latest_time_of_day: WallTime,
    open: Option<OpenSegment>,
    /// Audio that came since the last part was cut, and how much of it.
    audio: Vec<AudioSample>,
    audio_duration: Ticks,
    audio_bytes: usize,
}

/// Tells the time of day of a decode time: by the arrival of one sample that serves for a whole run.
#[derive(Debug, Clone, Copy)]
struct Clock {
    decode_time: Ticks,
    arrival: Arrival,
    /// Of the pictures that have been late without a break: when that began, and how late the last one was.
    late: Option<(Duration, Duration)>,
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
    /// A segment was finished.
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
            latest_keyframe: None,
            clock: None,
            latest_time_of_day: WallTime(0),
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

    /// The finished parts of the segment that is being made.
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
        self.clock = None;
        self.discontinuity |= segment.is_some();
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

    /// Takes the next sample, after cutting where the rules say so.
    pub fn push(&mut self, sample: Sample) -> Cut {
        let mut cut = Cut::default();
        if self.segment_ends_before(&sample) {
            cut.segment = self.close();
        } else if self.part_ends_before(&sample) {
            self.close_part();
            cut.part = true;
        }
        if sample.random_access {
            self.latest_keyframe = Some(sample.decode_time);
        }
        let program_date_time = self.time_of_day(&sample);
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
        cut
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

    fn segment_ends_before(&self, sample: &Sample) -> bool {
        let Some(open) = &self.open else { return false };
        let so_far = self.duration(open.duration);
        let with_it = self.duration(open.duration + sample.duration);
        let long_enough = so_far >= self.settings.segment_time.mul_f64(EARLY);
        if sample.random_access
            && (!open.independent || long_enough || self.next_keyframe_is_late(sample, so_far))
        {
            return true;
        }
        with_it > self.settings.longest_segment()
            || open.byte_length + sample.data.len() > self.max_segment_bytes
            || RAMP
                .get(self.segments_cut)
                .is_some_and(|part| with_it > self.settings.segment_time.mul_f64(*part))
    }

    /// Whether the keyframe after `sample`, if keyframes keep their distance, lies beyond the longest segment.
    fn next_keyframe_is_late(&self, sample: &Sample, so_far: Duration) -> bool {
        let Some(latest) = self.latest_keyframe else { return false };
        let distance = self.duration(sample.decode_time - latest);
        so_far >= self.settings.segment_time / 2 && so_far + distance > self.settings.longest_segment()
    }

    fn part_ends_before(&self, sample: &Sample) -> bool {
        let Some(open) = &self.open else { return false };
        let with_it = self.duration(open.pending_duration + sample.duration);
        !open.pending.is_empty() && with_it > self.settings.part_time
    }

    fn duration(&self, ticks: Ticks) -> Duration {
        self.tracks.video.timescale.duration(ticks)
    }

    /// When the picture of `sample` arrived. Within a run the stream's own clock tells it, so that a burst of late
    /// packets does not make the time of day stumble; where that clock is seen to be wrong, arrival tells it. It
    /// never goes back, even if the wall clock does.
    fn time_of_day(&mut self, sample: &Sample) -> WallTime {
        let arrival = sample.arrival;
        let fresh = Clock { decode_time: sample.decode_time, arrival, late: None };
        let latest = self.latest_time_of_day;
        let clock = self.clock.get_or_insert_with(|| {
            let wall = arrival.wall.max(latest);
            Clock { arrival: Arrival { wall, ..arrival }, ..fresh }
        });
        let since = self.tracks.video.timescale.duration(sample.decode_time - clock.decode_time);
        let mut time = clock.arrival.wall.after(since);
        let due = clock.arrival.elapsed + since;
        let settling = arrival.elapsed.saturating_sub(clock.arrival.elapsed) < SETTLING;
        if due > arrival.elapsed + if settling { Duration::ZERO } else { CLOCK_TOLERANCE } {
            // A picture can't come before its time: the one that set the clock came late. Later on, the timeline is kept
            // to arrivals, and a little too early is soon corrected there.
            time = clock.arrival.wall.after(arrival.elapsed.saturating_sub(clock.arrival.elapsed));
            *clock = Clock { arrival: Arrival { wall: time, ..arrival }, ..fresh };
        } else if arrival.wall <= time.after(CLOCK_TOLERANCE) {
            clock.late = None;
        } else {
            let behind = arrival.elapsed.saturating_sub(due);
            let (mut since, before) = clock.late.unwrap_or((arrival.elapsed, behind));
            if behind > before + CLOCK_TOLERANCE {
                // The network stood still, and a burst is to be expected: for that no time has passed.
                since = arrival.elapsed;
            }
            clock.late = Some((since, behind));
            if arrival.elapsed.saturating_sub(since) >= LATE_FOR {
                time = arrival.wall;
                *clock = fresh;
            }
        }
        self.latest_time_of_day = latest.max(time);
        self.latest_time_of_day
    }

    fn close_part(&mut self) {
        let audio = self.take_audio();
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

#[cfg(test)]
mod tests;
