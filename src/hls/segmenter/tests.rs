//! One test for each rule of the table.

use super::super::testing::{FRAME, MIDNIGHT, arrival, full_hd, picture, settings, silent, small};
use super::*;
use crate::mux::testing::h265_track;

/// A segmenter that is fed in virtual time, and what came out of it.
struct Feed {
    segmenter: Segmenter,
    decode_time: i64,
    /// Milliseconds: when the next sample arrives, less its decode time.
    delay: i64,
    /// Milliseconds that the wall clock is off.
    wall_error: i64,
    segments: Vec<Segment>,
    /// The sample that is pushed once it is known what comes next.
    held: Option<Sample>,
}

impl Feed {
    fn new(settings: Settings) -> Self {
        let segmenter = Segmenter::new(settings, silent(small()), 7);
        Self { segmenter, decode_time: 0, delay: 0, wall_error: 0, segments: Vec::new(), held: None }
    }

    /// Past the ramp, with nothing open.
    fn settled() -> Self {
        let mut feed = Self::new(settings());
        feed.group(50, FRAME);
        feed.interrupt();
        assert_eq!(feed.segments.len(), 3);
        feed.segments.clear();
        feed
    }

    fn sample(&mut self, duration: i64, key: bool, bytes: usize) -> Cut {
        let millis = self.decode_time / 90 + self.delay;
        let mut arrival = arrival(u64::try_from(millis).unwrap());
        arrival.wall.0 += self.wall_error;
        let sample = Sample {
            decode_time: Ticks(self.decode_time),
            duration: Ticks(duration),
            composition_offset: Ticks::ZERO,
            arrival,
            random_access: key,
            data: picture(key, bytes),
        };
        self.decode_time += duration;
        let before = self.held.replace(sample);
        before.map(|before| self.push(before, key)).unwrap_or_default()
    }

    fn push(&mut self, sample: Sample, keyframe_next: bool) -> Cut {
        let mut cut = self.segmenter.push(sample, keyframe_next);
        self.segments.extend(cut.before.take());
        self.segments.extend(cut.segment.take());
        cut
    }

    /// What is held goes in, as at an interruption.
    fn flush(&mut self) {
        if let Some(held) = self.held.take() {
            self.push(held, false);
        }
    }

    fn group(&mut self, pictures: usize, duration: i64) {
        for i in 0..pictures {
            self.sample(duration, i == 0, 100);
        }
    }

    fn interrupt(&mut self) {
        self.flush();
        self.segments.extend(self.segmenter.interrupt());
    }

    fn change_tracks(&mut self, tracks: Arc<Tracks>) {
        self.flush();
        self.segments.extend(self.segmenter.change_tracks(tracks));
    }

    fn frames(&self) -> Vec<u32> {
        self.segments.iter().map(|segment| segment.frames).collect()
    }

    /// Program date-times in milliseconds after midnight.
    fn dates(&self) -> Vec<i64> {
        self.segments.iter().map(|segment| segment.program_date_time.0 - MIDNIGHT).collect()
    }
}

#[test]
fn a_segment_ends_at_the_first_keyframe_after_the_segment_time() {
    let mut feed = Feed::settled();
    (0..6).for_each(|_| feed.group(25, FRAME));
    feed.interrupt();
    assert_eq!(feed.frames(), [50, 50, 50]);
    assert!(feed.segments.iter().all(|segment| segment.independent));
}

#[test]
fn a_keyframe_a_tenth_too_early_is_good_enough() {
    let mut feed = Feed::settled();
    (0..3).for_each(|_| feed.group(45, FRAME));
    assert_eq!(feed.frames(), [45, 45]);
}

#[test]
fn a_keyframe_is_taken_early_when_the_next_would_come_too_late() {
    let mut feed = Feed::settled();
    // 1.6 s: the second one would make 3.2 s, and TARGETDURATION is 3.
    (0..5).for_each(|_| feed.group(40, FRAME));
    assert_eq!(feed.frames(), [40, 40, 40, 40]);
    assert!(feed.segments.iter().all(|segment| segment.independent));
}

#[test]
fn keyframes_close_together_make_no_short_segments() {
    let mut feed = Feed::settled();
    feed.group(70, FRAME);
    feed.group(5, FRAME);
    feed.group(50, FRAME);
    feed.group(1, FRAME);
    assert_eq!(feed.frames(), [70, 55]);
}

#[test]
fn a_long_group_is_cut_at_target_duration_and_the_next_keyframe_cuts_whatever_the_length() {
    let mut feed = Feed::settled();
    feed.group(250, FRAME);
    feed.group(50, FRAME);
    feed.interrupt();
    assert_eq!(feed.frames(), [75, 75, 75, 25, 50]);
    let independent: Vec<_> = feed.segments.iter().map(|segment| segment.independent).collect();
    assert_eq!(independent, [true, false, false, false, true]);
    let longest = settings().longest_segment();
    assert!(feed.segments.iter().all(|segment| segment.duration <= longest));
}

#[test]
fn the_first_segments_are_short_so_that_there_is_a_picture_soon() {
    let mut feed = Feed::new(settings());
    (0..3).for_each(|_| feed.group(50, FRAME));
    feed.interrupt();
    assert_eq!(feed.frames(), [5, 20, 25, 50, 50]);
}

#[test]
fn parts_hold_whole_pictures_and_are_never_much_shorter_than_part_target() {
    // 25, 15, 30, 12.5, 29.97, 10, 50, 5 and 1 pictures a second; how many of them a part holds.
    for (frame, count) in [
        (3600, 5),
        (6000, 3),
        (3000, 6),
        (7200, 3),
        (3003, 6),
        (9000, 2),
        (1800, 10),
        (18_000, 1),
        (90_000, 1),
    ] {
        let mut feed = Feed::new(settings());
        (0..6).for_each(|_| feed.group(usize::try_from(2 * 90_000 / frame).unwrap(), frame));
        let target = feed.segmenter.part_target().unwrap();
        for segment in feed.segments.iter().skip(RAMP.len() + 1) {
            let (last, parts) = segment.parts.split_last().unwrap();
            for part in parts {
                assert!(
                    part.duration <= target && part.duration >= target.mul_f64(0.85),
                    "{frame}: {part:?}"
                );
                assert_eq!(part.chunks.len(), 1 + count, "a header, and the pictures themselves");
            }
            assert!(last.duration <= target);
            assert_eq!(segment.parts.iter().map(|part| part.duration).sum::<Duration>(), segment.duration);
        }
    }
}

#[test]
fn stamps_that_are_uneven_make_no_short_parts() {
    let mut feed = Feed::new(settings());
    // 25 a second, each up to 3 ms off.
    for n in 0..500i64 {
        feed.sample(FRAME + [270, -180, -270, 180][usize::try_from(n % 4).unwrap()], n % 50 == 0, 100);
    }
    let target = feed.segmenter.part_target().unwrap();
    for segment in feed.segments.iter().skip(RAMP.len() + 1) {
        let (_, parts) = segment.parts.split_last().unwrap();
        assert!(parts.iter().all(|part| part.duration <= target && part.duration >= target.mul_f64(0.85)));
    }
}

#[test]
fn part_target_stays_when_the_frame_rate_changes() {
    let mut feed = Feed::settled();
    let target = feed.segmenter.part_target();
    assert_eq!(target, Some(Duration::from_millis(216)));
    feed.group(50, 6000);
    feed.group(50, 1800);
    assert_eq!(feed.segmenter.part_target(), target);
    let longest = target.unwrap();
    assert!(feed.segments.iter().flat_map(|segment| &segment.parts).all(|part| part.duration <= longest));
}

#[test]
fn part_target_is_no_longer_than_a_segment_however_far_apart_pictures_are() {
    let settings = Settings { segment_time: Duration::from_millis(500), ..settings() };
    let mut feed = Feed::new(settings);
    feed.group(4, 24 * FRAME);
    assert_eq!(feed.segmenter.part_target(), Some(Duration::from_secs(1)));
}

#[test]
fn a_segment_is_whole_with_its_last_picture_and_not_one_later() {
    let mut feed = Feed::settled();
    feed.group(50, FRAME);
    assert!(feed.segments.is_empty());
    // The fifty-first shows that the fiftieth was the last.
    feed.sample(FRAME, true, 100);
    assert_eq!(feed.frames(), [50]);
    assert!(feed.segmenter.open_parts().is_empty());
}

#[test]
fn only_a_part_that_starts_with_a_keyframe_is_independent() {
    let mut feed = Feed::settled();
    feed.group(7, FRAME);
    feed.group(43, FRAME);
    feed.interrupt();
    let independent: Vec<_> = feed.segments[0].parts.iter().map(|part| part.independent).collect();
    assert_eq!(independent, [&[true][..], &[false; 9]].concat());
}

#[test]
fn a_finished_part_is_told_at_once() {
    let mut feed = Feed::settled();
    let told: Vec<_> = (0..11).map(|i| feed.sample(FRAME, i == 0, 100).part).collect();
    assert_eq!(told, [false, false, false, false, false, true, false, false, false, false, true]);
    assert_eq!(feed.segmenter.open_parts().len(), 2);
}

#[test]
fn discontinuities_are_counted_once_and_only_between_segments() {
    let mut feed = Feed::new(settings());
    feed.interrupt();
    feed.change_tracks(silent(full_hd()));
    feed.group(10, FRAME);
    feed.interrupt();
    feed.interrupt();
    feed.change_tracks(silent(small()));
    feed.interrupt();
    feed.group(10, FRAME);
    feed.change_tracks(silent(full_hd()));
    feed.group(10, FRAME);
    feed.interrupt();
    let told: Vec<_> = feed
        .segments
        .iter()
        .map(|s| (s.media_sequence, s.discontinuity, s.discontinuity_sequence, s.init.as_ref().unwrap().id.0))
        .collect();
    assert_eq!(told, [(7, false, 7, 1), (8, false, 7, 1), (9, true, 8, 2), (10, true, 9, 3)]);
}

#[test]
fn h265_goes_into_mp4_whatever_is_wished_for_and_what_follows_stays_there() {
    let mut feed = Feed::new(Settings { container: Container::MpegTs, ..settings() });
    feed.group(10, FRAME);
    for track in [h265_track(), small()] {
        feed.change_tracks(silent(track));
        feed.group(10, FRAME);
    }
    feed.interrupt();
    let told: Vec<_> = feed.segments.iter().map(|s| (s.container, s.init.is_some())).collect();
    let (ts, mp4) = ((Container::MpegTs, false), (Container::Fmp4, true));
    assert_eq!(told, [ts, ts, mp4, mp4]);
}

#[test]
fn too_many_bytes_force_a_cut() {
    let mut feed = Feed::new(Settings { max_bytes: 40_000, ..settings() });
    (0..30).for_each(|i| {
        feed.sample(FRAME, i == 0, 3000);
    });
    assert!(feed.segments.iter().all(|segment| segment.frames == 3 && segment.byte_length <= 10_000));
    assert_eq!(feed.segments.len(), 9);
}

#[test]
fn a_picture_larger_than_a_segment_may_be_is_a_segment_by_itself() {
    let mut feed = Feed::new(Settings { max_bytes: 4000, ..settings() });
    (0..4).for_each(|i| {
        feed.sample(FRAME, i == 0, 3000);
    });
    feed.interrupt();
    assert_eq!(feed.frames(), [1, 1, 1, 1]);
}

#[test]
fn the_date_of_a_segment_is_when_its_first_picture_arrived() {
    let mut feed = Feed::settled();
    feed.delay = 170;
    (0..3).for_each(|_| feed.group(50, FRAME));
    assert_eq!(feed.dates(), [2170, 4170]);
}

#[test]
fn an_outage_shows_in_the_dates() {
    let mut feed = Feed::settled();
    feed.group(50, FRAME);
    feed.interrupt();
    feed.delay = 60_000;
    feed.group(50, FRAME);
    feed.interrupt();
    assert_eq!(feed.dates(), [2000, 64_000]);
}

#[test]
fn dates_go_on_at_their_own_pace_when_the_wall_clock_goes_back() {
    let mut feed = Feed::settled();
    feed.group(50, FRAME);
    feed.wall_error = -3_600_000;
    (0..3).for_each(|_| feed.group(50, FRAME));
    feed.interrupt();
    assert_eq!(feed.dates(), [2000, 4000, 6000, 8000]);
}

#[test]
fn dates_follow_a_wall_clock_that_was_put_right() {
    let mut feed = Feed::settled();
    feed.group(50, FRAME);
    feed.wall_error = 3_600_000;
    (0..2).for_each(|_| feed.group(50, FRAME));
    feed.interrupt();
    assert_eq!(feed.dates(), [2000, 3_604_000, 3_606_000]);
}
