//! Presentation times in decode order → samples on one timeline that only rises.
//!
//! A camera stamps pictures with presentation times of a clock that may jump,
//! stand still or start again. Containers want decode times that rise and
//! durations that are positive. This module is the only place that bridges the
//! two. It never fails: an odd stamp costs a viewer at most an uneven frame.
//!
//! Four steps for each access unit:
//! 1. *place* its stamp on the stream's clock, by an offset that holds for a run;
//!    a stamp that cannot be true is replaced by one from its neighbours;
//! 2. *decode time*: the n-th smallest presentation time so far, where n lags by
//!    the depth of B-frame reordering (ISO/IEC 14496-10 §C.4.5.3);
//! 3. *discipline*: compare it with arrival (`pace`), and correct the offset where
//!    the camera's clock runs fast or slow, or has stood still;
//! 4. *duration*: known when the next access unit comes, so one is held back.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::access_unit::{AccessUnit, Sample};
use super::pace::Pace;
use super::time::{Arrival, Ticks, Timescale};

/// Stamps that cannot be true, in a row, after which the camera's clock is believed to have changed.
const STRIKES: u8 = 3;

/// A stamp may have a picture come so much before its time, beyond what reordering takes: clocks are not that exact.
const EARLIEST: Duration = Duration::from_millis(100);

/// The deepest reordering that is learned by observation; streams that need more say so in their SPS.
const MAX_OBSERVED_DEPTH: usize = 4;

/// Places the access units of one track on the stream's timeline.
#[derive(Debug)]
pub struct Timeline {
    timescale: Timescale,
    /// The longest time between two pictures that is still one run.
    max_gap: Ticks,
    depth: usize,
    depth_is_stated: bool,
    /// The usual time between two pictures.
    frame_duration: Ticks,
    run: Option<Run>,
    held: Option<Held>,
    /// No decode time below this has been given out, nor will be.
    next_decode_time: Ticks,
}

/// A stretch of access units whose stamps share an offset.
#[derive(Debug)]
struct Run {
    /// Stream time less camera time.
    offset: Ticks,
    /// What the camera stamped on the access unit before.
    latest_stamp: Ticks,
    latest_presentation: Ticks,
    latest_arrival: Arrival,
    strikes: u8,
    pace: Pace,
    /// Presentation times that have not yet served as a decode time.
    waiting: BinaryHeap<Reverse<Ticks>>,
}

/// An access unit whose duration is not known yet.
#[derive(Debug)]
struct Held {
    unit: AccessUnit,
    decode_time: Ticks,
    presentation_time: Ticks,
}

impl Held {
    fn into_sample(self, duration: Ticks) -> Sample {
        Sample {
            decode_time: self.decode_time,
            duration,
            composition_offset: self.presentation_time - self.decode_time,
            arrival: self.unit.arrival,
            random_access: self.unit.random_access,
            data: self.unit.data,
        }
    }
}

impl Timeline {
    /// A timeline at zero. Two pictures further apart than `max_gap` belong to different runs.
    pub fn new(timescale: Timescale, max_gap: Duration) -> Self {
        Self {
            timescale,
            max_gap: timescale.ticks(max_gap),
            depth: 0,
            depth_is_stated: false,
            frame_duration: timescale.ticks(Duration::from_millis(40)),
            run: None,
            held: None,
            next_decode_time: Ticks::ZERO,
        }
    }

    /// The clock that it counts on.
    pub fn timescale(&self) -> Timescale {
        self.timescale
    }

    /// Takes over what the parameter sets say; to be called between runs.
    pub fn configure(&mut self, reorder_depth: Option<u8>, frame_rate: Option<f64>) {
        self.depth = reorder_depth.map_or(0, usize::from);
        self.depth_is_stated = reorder_depth.is_some();
        if let Some(rate) = frame_rate.filter(|rate| (0.1..=240.0).contains(rate)) {
            let claimed = self.timescale.ticks(Duration::from_secs_f64(1.0 / rate));
            self.frame_duration = claimed.min(self.max_gap);
        }
    }

    /// Whether nothing was sent for so long before `unit` that a viewer must be told of a gap.
    ///
    /// Both clocks must say so: arrivals alone may stall and then burst, stamps alone may jump.
    pub fn gap_before(&self, unit: &AccessUnit) -> bool {
        let Some(run) = &self.run else { return false };
        let stamped = unit.pts + run.offset - run.latest_presentation;
        let arrived = self.arrived_since(run, unit);
        arrived > self.max_gap && (stamped > self.max_gap || stamped < -self.max_gap)
    }

    /// Whether a picture has come since the last interruption.
    pub fn is_running(&self) -> bool {
        self.run.is_some()
    }

    /// The presentation time of what the camera stamps `stamp`, as it is placed now; nothing before the first picture of
    /// a run.
    pub fn at_stamp(&self, stamp: Ticks) -> Option<Ticks> {
        self.run.as_ref().map(|run| stamp + run.offset)
    }

    /// The time on the stream's clock of a picture that arrives at `elapsed` without delay; nothing before the first
    /// picture of a run.
    pub fn at_arrival(&self, elapsed: Duration) -> Option<Ticks> {
        self.run.as_ref().map(|run| run.pace.due(elapsed))
    }

    /// Places `unit`; returns the sample before it, whose duration is known now.
    pub fn push(&mut self, mut unit: AccessUnit) -> Option<Sample> {
        let presentation_time = self.place(&unit);
        let depth = self.depth;
        let mut decode_time = self.decode_time(presentation_time);
        if let Some(held) = &self.held {
            // Deep reordering of slow pictures would have it later: no segment could hold the one before.
            decode_time = decode_time.min(held.decode_time + self.max_gap);
        }
        self.next_decode_time = decode_time + Ticks(1);
        if let Some(run) = &mut self.run {
            let now = unit.arrival.elapsed;
            run.offset += run.pace.correction(decode_time, now, self.frame_duration);
            if self.depth != depth {
                run.pace.reorder(self.frame_duration, now);
            }
        }
        if let Some(run) = &self.run {
            let late = run.pace.due(unit.arrival.elapsed) - decode_time;
            unit.arrival.wall = unit.arrival.wall.before(self.timescale.duration(late));
        }
        let finished = self.held.replace(Held { unit, decode_time, presentation_time });
        finished.map(|held| {
            let duration = decode_time - held.decode_time;
            self.learn_frame_duration(duration);
            held.into_sample(duration)
        })
    }

    /// Ends the run: returns its last sample, with the usual duration. The next access unit starts a new one.
    pub fn interrupt(&mut self) -> Option<Sample> {
        self.run = None;
        let held = self.held.take()?;
        self.next_decode_time = held.decode_time + self.frame_duration;
        Some(held.into_sample(self.frame_duration))
    }

    fn place(&mut self, unit: &AccessUnit) -> Ticks {
        let Some(run) = &self.run else { return self.start_run(unit) };
        let stamped = unit.pts + run.offset;
        let ahead = stamped - run.latest_presentation;
        // Two pictures are never due at once: a clock that stands still would stop the stream with it.
        let stands_still = unit.pts == run.latest_stamp;
        let plausible = !stands_still
            && ahead <= self.max_gap
            && ahead > -self.reorder_span()
            && (ahead <= self.frames(3) || !self.is_too_early(run, stamped, unit));
        // Where the stamp can't be true, arrival is the better witness.
        let arrived = self.arrived_since(run, unit).clamp(Ticks(1), self.max_gap);
        let restamped = run.latest_presentation + arrived.min(self.frame_duration);
        let due = run.pace.due(unit.arrival.elapsed) + self.frames(self.depth);
        let by_arrival =
            due.max(run.latest_presentation + Ticks(1)).min(run.latest_presentation + self.max_gap);

        // The run was there a few lines above.
        let Some(run) = &mut self.run else { return restamped };
        let placed = if plausible {
            run.strikes = 0;
            stamped
        } else if run.strikes + 1 < STRIKES {
            run.strikes += 1;
            restamped
        } else {
            run.strikes = 0;
            run.offset = by_arrival - unit.pts;
            by_arrival
        };
        run.latest_stamp = unit.pts;
        run.latest_presentation = run.latest_presentation.max(placed);
        run.latest_arrival = unit.arrival;
        placed
    }

    /// Whether `unit` would have arrived before its time, were it due at `stamped`: its stamp has leapt ahead.
    fn is_too_early(&self, run: &Run, stamped: Ticks, unit: &AccessUnit) -> bool {
        let lead = self.frames(self.depth.max(MAX_OBSERVED_DEPTH) + 1);
        stamped - run.pace.due(unit.arrival.elapsed) > lead + self.timescale.ticks(EARLIEST)
    }

    /// The usual time that so many pictures take.
    fn frames(&self, count: usize) -> Ticks {
        Ticks(self.frame_duration.0.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX)))
    }

    fn start_run(&mut self, unit: &AccessUnit) -> Ticks {
        let first = self.next_decode_time + self.frames(self.depth);
        self.run = Some(Run {
            offset: first - unit.pts,
            latest_stamp: unit.pts,
            latest_presentation: first,
            latest_arrival: unit.arrival,
            strikes: 0,
            pace: Pace::new(self.timescale, self.next_decode_time, unit.arrival.elapsed),
            waiting: BinaryHeap::new(),
        });
        first
    }

    /// How far a picture may step back behind the latest one and still be a B-frame.
    fn reorder_span(&self) -> Ticks {
        let depth = if self.depth_is_stated { self.depth } else { MAX_OBSERVED_DEPTH };
        self.frames(if depth == 0 { 0 } else { 2 * depth + 1 })
    }

    fn arrived_since(&self, run: &Run, unit: &AccessUnit) -> Ticks {
        self.timescale.ticks(unit.arrival.elapsed.saturating_sub(run.latest_arrival.elapsed))
    }

    /// The smallest presentation time that still waits, once enough of them wait; it rises in any case.
    fn decode_time(&mut self, presentation_time: Ticks) -> Ticks {
        let depth = self.depth;
        let Some(run) = &mut self.run else { return self.next_decode_time };
        run.waiting.push(Reverse(presentation_time));
        let lead = (depth + 1).saturating_sub(run.waiting.len());
        let Reverse(earliest) = match run.waiting.peek() {
            Some(_) if lead == 0 => run.waiting.pop().unwrap_or(Reverse(presentation_time)),
            Some(earliest) => *earliest,
            None => Reverse(presentation_time),
        };
        // While the buffer fills, decode times lead up to the first presentation time.
        let decode_time = (earliest - self.frames(lead)).max(self.next_decode_time);
        if decode_time > presentation_time && !self.depth_is_stated && depth < MAX_OBSERVED_DEPTH {
            self.depth = depth + 1;
        }
        decode_time
    }

    /// Follows changes of the frame rate, and shrugs at single odd frames.
    fn learn_frame_duration(&mut self, duration: Ticks) {
        let shortest = i64::from(self.timescale.hz() / 240);
        // One pause of seconds says nothing of the rate: it counts as a frame of twice the length.
        let usual = self.frame_duration.0;
        let learned = usual + (duration.0.min(usual.saturating_mul(2)) - usual) / 8;
        self.frame_duration = Ticks(learned.clamp(shortest, self.max_gap.0.max(shortest)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::time::WallTime;
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;

    const FRAME: i64 = 3600;
    const MAX_GAP: Duration = Duration::from_secs(3);

    fn unit(pts: i64, arrival_ms: u64) -> AccessUnit {
        let elapsed = Duration::from_millis(arrival_ms);
        AccessUnit {
            pts: Ticks(pts),
            arrival: Arrival { elapsed, wall: WallTime(0) },
            random_access: false,
            lost_packets: 0,
            data: Bytes::new(),
        }
    }

    fn timeline(depth: Option<u8>) -> Timeline {
        let mut timeline = Timeline::new(Timescale::VIDEO, MAX_GAP);
        timeline.configure(depth, Some(25.0));
        timeline
    }

    /// Decode times, durations and composition offsets of `stamps`, 40 ms apart in arrival.
    fn samples(timeline: &mut Timeline, stamps: impl IntoIterator<Item = i64>) -> Vec<(i64, i64, i64)> {
        let mut out = Vec::new();
        for (i, pts) in stamps.into_iter().enumerate() {
            out.extend(timeline.push(unit(pts, i as u64 * 40)));
        }
        out.extend(timeline.interrupt());
        out.iter().map(|s| (s.decode_time.0, s.duration.0, s.composition_offset.0)).collect()
    }

    #[test]
    fn without_b_frames_decode_time_is_presentation_time_from_zero() {
        let got = samples(&mut timeline(Some(0)), (0..4).map(|i| 77_000 + i * FRAME));
        assert_eq!(got, [(0, FRAME, 0), (FRAME, FRAME, 0), (2 * FRAME, FRAME, 0), (3 * FRAME, FRAME, 0)]);
    }

    #[test]
    fn stated_b_frames_get_decode_times_that_lead_by_the_depth() {
        // I0 P3 B1 B2 P6 B4 B5 in decode order; two pictures are held back at most one at a time.
        let order = [0, 3, 1, 2, 6, 4, 5];
        let got = samples(&mut timeline(Some(1)), order.map(|i| i * FRAME));
        let decode: Vec<_> = got.iter().map(|s| s.0 / FRAME).collect();
        assert_eq!(decode, [0, 1, 2, 3, 4, 5, 6]);
        let presentation: Vec<_> = got.iter().map(|s| (s.0 + s.2) / FRAME).collect();
        assert_eq!(presentation, [1, 4, 2, 3, 7, 5, 6]);
        assert!(got.iter().all(|s| s.2 >= 0), "{got:?}");
    }

    #[test]
    fn b_frames_that_no_one_announced_are_learned() {
        let order = (0..20i64).flat_map(|g| [3 * g, 3 * g + 2, 3 * g + 1].map(|i| i * FRAME));
        let got = samples(&mut timeline(None), order);
        let settled = &got[10..got.len() - 1];
        assert!(settled.iter().all(|s| s.2 >= 0 && s.1 == FRAME), "{settled:?}");
    }

    #[test]
    fn no_picture_lasts_longer_than_the_longest_gap_whatever_the_camera_claims() {
        const SLOW: i64 = 264_706;
        let longest = Timescale::VIDEO.ticks(MAX_GAP).0;
        // A picture in ten seconds; and reordering of sixteen slow ones, the second of which comes before its time.
        for (depth, rate, stamps) in
            [(0, 0.1, &[0][..]), (16, 0.34, &[0, -2 * SLOW, SLOW, 2 * SLOW, 3 * SLOW])]
        {
            let mut timeline = Timeline::new(Timescale::VIDEO, MAX_GAP);
            timeline.configure(Some(depth), Some(rate));
            let got = samples(&mut timeline, stamps.iter().copied());
            assert!(got.iter().all(|sample| (1..=longest).contains(&sample.1)), "{got:?}");
        }
    }

    #[test]
    fn one_frame_stamped_hours_away_costs_nothing_else() {
        let mut stamps: Vec<_> = (0..10).map(|i| i * FRAME).collect();
        stamps[5] += 3 * 3600 * 90_000;
        let got = samples(&mut timeline(Some(0)), stamps);
        let expected: Vec<_> = (0..10).map(|i| (i * FRAME, FRAME, 0)).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn a_clock_that_starts_again_is_followed_without_a_gap() {
        let stamps = (0..10).map(|i| 1_000_000_000 + i * FRAME).chain((0..10).map(|i| i * FRAME));
        let got = samples(&mut timeline(Some(0)), stamps);
        let expected: Vec<_> = (0..20).map(|i| (i * FRAME, FRAME, 0)).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn a_clock_that_stands_still_does_not_stop_the_stream() {
        for depth in [None, Some(0), Some(2)] {
            let got = samples(&mut timeline(depth), [1000; 20]);
            let (first, last) = (got.first().unwrap(), got.last().unwrap());
            assert_eq!(last.0 - first.0, 19 * FRAME, "{depth:?}: {got:?}");
        }
    }

    #[test]
    fn a_stall_of_the_network_is_no_gap_when_the_stamps_go_on() {
        let mut timeline = timeline(Some(0));
        timeline.push(unit(0, 0));
        assert!(!timeline.gap_before(&unit(FRAME, 10_000)));
        assert!(timeline.gap_before(&unit(10 * 90_000, 10_000)));
    }

    #[test]
    fn one_long_pause_does_not_stretch_the_usual_frame() {
        let mut timeline = timeline(Some(0));
        for (pts, arrival) in [(0, 0), (FRAME, 40), (2 * FRAME, 80), (52 * FRAME, 2080)] {
            timeline.push(unit(pts, arrival));
        }
        let last = timeline.interrupt().unwrap();
        assert_eq!(last.duration.0, FRAME + FRAME / 8, "the duration of a last frame is the usual one");
    }

    #[test]
    fn a_stamp_that_leaps_ahead_of_its_arrival_is_not_believed() {
        let mut stamps: Vec<_> = (0..10).map(|i| i * FRAME).collect();
        stamps[5] += 2 * 90_000;
        let got = samples(&mut timeline(Some(0)), stamps);
        let expected: Vec<_> = (0..10).map(|i| (i * FRAME, FRAME, 0)).collect();
        assert_eq!(got, expected);
    }

    /// How late the last of `seconds` of pictures is against its arrival, in ms, where `clock` stamps what arrives, both in
    /// ms.
    fn lateness_after(depth: Option<u8>, seconds: u32, clock: impl Fn(f64) -> f64) -> i64 {
        let mut timeline = timeline(depth);
        let mut late = 0;
        for n in 0..seconds * 25 {
            let now = n * 40;
            #[expect(clippy::cast_possible_truncation, reason = "far below 2^53")]
            let stamp = (clock(f64::from(now)) * 90.0) as i64;
            if let Some(sample) = timeline.push(unit(stamp, now.into())) {
                let presented = sample.decode_time + sample.composition_offset;
                late = (i64::from(now - 40) * 90 - presented.0) / 90;
            }
        }
        late
    }

    #[test]
    fn a_clock_that_leaps_a_little_is_true_to_arrival_again_soon() {
        for leap in [-2000.0, -300.0, -100.0, 100.0, 250.0, 300.0, 400.0, 2000.0] {
            let late = [Some(0), None]
                .map(|depth| lateness_after(depth, 12, |now| now + if now >= 6000.0 { leap } else { 0.0 }));
            assert!(late.iter().all(|late| late.abs() <= 80), "{leap}: {late:?} ms late");
        }
    }

    #[test]
    fn a_clock_that_counts_other_pictures_than_it_sends_is_followed() {
        for rate in [-0.2, -0.17, -0.05, 0.05, 0.2] {
            let late = [Some(0), None]
                .map(|depth| lateness_after(depth, 20, |now| now + (now - 2000.0).clamp(0.0, 5000.0) * rate));
            assert!(late.iter().all(|late| late.abs() <= 80), "{rate}: {late:?} ms late");
        }
    }

    /// Dates of pictures that arrive so much late, in ms since the first was due, less the time at which each was due.
    fn dates_of(lateness: impl IntoIterator<Item = u64>) -> Vec<i64> {
        let mut timeline = timeline(Some(0));
        let mut dates = Vec::new();
        for (n, late) in (0u64..).zip(lateness) {
            let mut unit = unit(i64::try_from(n).unwrap() * FRAME, n * 40 + late);
            unit.arrival.wall = WallTime(i64::try_from(n * 40 + late).unwrap());
            dates.extend(timeline.push(unit).map(|sample| sample.arrival.wall.0));
        }
        (0..).zip(dates).map(|(n, date)| date - n * 40).collect()
    }

    #[test]
    fn the_dates_of_a_burst_are_those_at_which_its_pictures_were_due() {
        let late = (0..200).map(|n| 8000 - 40 * n);
        let dates = dates_of([0; 100].into_iter().chain(late).chain([0; 100]));
        assert!(dates.iter().all(|date| *date == 0), "{dates:?}");
    }

    #[test]
    fn what_stays_late_is_dated_by_its_arrival_in_the_end() {
        let dates = dates_of([0; 100].into_iter().chain([1500; 200]));
        assert_eq!((dates[150], dates[298]), (0, 1500));
    }

    #[test]
    fn no_picture_that_a_camera_had_stored_is_dated_later_than_it_came() {
        let late = (0..50).map(|n| 2000 - 40 * n);
        let dates = dates_of(late.chain([0; 100]));
        assert!(dates[..50].iter().zip((0..50).map(|n| 2000 - 40 * n)).all(|(date, late)| *date <= late));
        assert!(dates[60..].iter().all(|date| *date == 0), "{dates:?}");
    }

    #[test]
    fn stamps_of_32_bits_that_wrap_have_been_unwrapped_before_and_go_on() {
        let wrap = 1i64 << 32;
        let got = samples(&mut timeline(Some(0)), (-5..5).map(|i| wrap + i * FRAME));
        assert!(got.iter().all(|(_, duration, offset)| (*duration, *offset) == (FRAME, 0)), "{got:?}");
    }

    #[test]
    fn a_frame_rate_that_changes_is_followed_at_once() {
        let mut timeline = timeline(Some(0));
        let mut out = Vec::new();
        let mut clock = 0;
        for step in [40u64; 50].into_iter().chain([200; 50]).chain([20; 50]) {
            clock += step;
            out.extend(timeline.push(unit(i64::try_from(clock).unwrap() * 90, clock)));
        }
        let durations: Vec<_> = out.iter().map(|sample| sample.duration.0).collect();
        assert_eq!(durations[..49], [3600; 49]);
        assert_eq!(durations[49..99], [18_000; 50]);
        assert_eq!(durations[99..], [1800; 50]);
    }

    #[test]
    fn decode_times_go_on_after_an_interruption() {
        let mut timeline = timeline(Some(0));
        let before = samples(&mut timeline, [0, FRAME]);
        let after = samples(&mut timeline, [500_000, 500_000 + FRAME]);
        assert_eq!(before.last().map(|s| s.0 + s.1), after.first().map(|s| s.0));
    }

    proptest! {
        #[test]
        fn whatever_a_camera_stamps_decode_times_rise_and_durations_are_bounded(
            depth in proptest::option::of(0u8..5),
            stamps in proptest::collection::vec((any::<i64>(), -5_000_000i64..5_000_000, 0u8..4, 0u64..6000), 1..200),
        ) {
            let mut timeline = timeline(depth);
            let (mut clock, mut now) = (0i64, 0u64);
            let mut out = Vec::new();
            for (wild, step, kind, wait) in stamps {
                clock = match kind {
                    0 => wild,
                    1 => clock.wrapping_add(step),
                    _ => clock.wrapping_add(FRAME),
                };
                now += if kind == 3 { wait } else { 40 };
                let next = unit(clock, now);
                if timeline.gap_before(&next) {
                    out.extend(timeline.interrupt());
                }
                out.extend(timeline.push(next));
            }
            out.extend(timeline.interrupt());
            for pair in out.windows(2) {
                prop_assert!(pair[0].decode_time < pair[1].decode_time);
                prop_assert!(pair[0].decode_time + pair[0].duration <= pair[1].decode_time);
            }
            let longest = Timescale::VIDEO.ticks(MAX_GAP);
            prop_assert!(out.iter().all(|s| s.duration > Ticks::ZERO && s.duration <= longest));
        }

        #[test]
        fn whatever_a_camera_stamped_the_stream_is_true_to_arrival_soon_after(
            depth in prop_oneof![Just(Some(0u8)), Just(None)],
            chaos in proptest::collection::vec((any::<i64>(), -5_000_000i64..5_000_000, 0u8..5, 1u64..1500), 1..100),
            gain in -1000i64..1000,
        ) {
            let mut timeline = timeline(depth);
            let (mut clock, mut now) = (0i64, 0u64);
            let mut out: Vec<Sample> = Vec::new();
            // Where the baseline is: the first sample of a run.
            let mut start = 0;
            let mut push = |timeline: &mut Timeline, clock: i64, now: u64, start: &mut usize| {
                let next = unit(clock, now);
                if timeline.gap_before(&next) {
                    out.extend(timeline.interrupt());
                    *start = out.len();
                }
                out.extend(timeline.push(next));
                out.len()
            };
            let healthy = |seconds: u64, clock: &mut i64, now: &mut u64, push: &mut dyn FnMut(i64, u64)| {
                for _ in 0..seconds * 25 {
                    *clock = clock.wrapping_add(FRAME + FRAME * gain / 1_000_000);
                    *now += 40;
                    push(*clock, *now);
                }
            };
            healthy(6, &mut clock, &mut now, &mut |c, n| { push(&mut timeline, c, n, &mut start); });
            for (wild, step, kind, wait) in chaos {
                clock = match kind {
                    0 => wild,
                    1 => clock.wrapping_add(step),
                    2 => clock,
                    _ => clock.wrapping_add(FRAME),
                };
                now += if kind == 3 { wait } else { 40 };
                push(&mut timeline, clock, now, &mut start);
            }
            // After the longest gap of the playlist a new run has its own baseline; its own settling, too.
            healthy(20, &mut clock, &mut now, &mut |c, n| { push(&mut timeline, c, n, &mut start); });
            let settled = push(&mut timeline, clock.wrapping_add(FRAME), now + 40, &mut start);
            healthy(2, &mut clock, &mut now, &mut |c, n| { push(&mut timeline, c, n, &mut start); });
            let first = &out[start.min(settled - 1)];
            for sample in &out[settled..] {
                let arrived = Timescale::VIDEO.ticks(sample.arrival.elapsed - first.arrival.elapsed);
                let presented = |sample: &Sample| sample.decode_time + sample.composition_offset;
                let late = arrived - (presented(sample) - presented(first));
                prop_assert!(late.0.abs() <= 9000, "{} ms late", late.0 / 90);
            }
        }
    }
}
