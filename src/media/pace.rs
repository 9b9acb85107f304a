//! How a stream's clock keeps to that of arrivals.
//!
//! A camera's clock is never exact, and may stand still; the time of arrival is, but for the delays of the network.
//! The picture with the least delay so far is the measure: all others are *late* by comparison. What is late for a
//! moment is a burst behind a stall, and catches up by itself. What stays late, or comes ever earlier, is the
//! camera's clock, and the stream's clock is corrected against it: so the durations in a playlist add up to the time
//! that has passed, after hours as well.
//!
//! | lateness, at the least within a second | correction |
//! |---|---|
//! | up to ±20 ms | none: durations stay even |
//! | up to ±80 ms | each picture by at most 0.5 % of its duration |
//! | up to 500 ms, twice in a row and not less than before | each picture by at most a third of its duration |
//! | later, twice in a row and not less than before | at once: one picture lasts longer |
//! | earlier | each picture by at most a third of its duration: time can't go back at once |
//! | far too early within the first seconds | none: the pictures before were late, as where a camera sends what it had stored |

use std::time::Duration;

use super::time::{Ticks, Timescale};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Deviations below are not worth uneven durations.
const TOLERATED: Duration = Duration::from_millis(20);

/// Deviations above are not worth the time that small steps take.
const TOO_LATE: Duration = Duration::from_millis(80);

/// The part of a picture's duration by which that may change: nobody sees it.
const SLEW: i64 = 200;

/// The same where haste matters more.
const FAST_SLEW: i64 = 3;

/// Later than that, one long picture is better than many.
const FAR_TOO_LATE: Duration = Duration::from_millis(500);

/// For so long after its start a stream's least delay is still being found out.
const SETTLING: Duration = Duration::from_secs(2);

/// Compares the decode times of one run with arrivals.
#[derive(Debug)]
pub(super) struct Pace {
    timescale: Timescale,
    started: Duration,
    /// Decode time and arrival of the picture with the least delay.
    least_delayed: (Ticks, Duration),
    looked: Duration,
    /// The least lateness since the last look.
    least: Option<Ticks>,
    /// What it was at the last look.
    before: Ticks,
    /// Whether a step was taken then: one that was too small needs no second thought.
    stepped: bool,
    /// The next picture is the one with the least delay so far.
    starts_anew: bool,
    /// What remains to be corrected step by step.
    outstanding: Ticks,
}

impl Pace {
    /// From a first picture on.
    pub(super) fn new(timescale: Timescale, decode_time: Ticks, arrival: Duration) -> Self {
        Self {
            timescale,
            started: arrival,
            least_delayed: (decode_time, arrival),
            looked: arrival,
            least: None,
            before: Ticks::ZERO,
            stepped: false,
            starts_anew: false,
            outstanding: Ticks::ZERO,
        }
    }

    /// The decode time of a picture that arrives at `arrival` without delay.
    pub(super) fn due(&self, arrival: Duration) -> Ticks {
        let (decode_time, reference) = self.least_delayed;
        let since = self.timescale.ticks(arrival.saturating_sub(reference));
        let until = self.timescale.ticks(reference.saturating_sub(arrival));
        decode_time + since - until
    }

    /// Pictures turn out to be reordered: decode times lie earlier by `lead` for the same arrivals, after the last picture.
    pub(super) fn reorder(&mut self, lead: Ticks, now: Duration) {
        self.least_delayed.0 = self.least_delayed.0 - lead;
        // What was found within the first seconds was found with wrong decode times.
        self.starts_anew = self.is_settling(now);
    }

    fn is_settling(&self, now: Duration) -> bool {
        now.saturating_sub(self.started) < SETTLING
    }

    /// Takes a picture; returns by how much those after it are to be placed later (earlier where negative).
    pub(super) fn correction(
        &mut self,
        decode_time: Ticks,
        arrival: Duration,
        frame_duration: Ticks,
    ) -> Ticks {
        let lateness = self.due(arrival) - decode_time;
        let starts_anew = std::mem::take(&mut self.starts_anew);
        if starts_anew || self.is_settling(arrival) && lateness < Ticks::ZERO {
            self.least_delayed = (decode_time, arrival);
            self.least = Some(Ticks::ZERO);
            return Ticks::ZERO;
        }
        let step =
            if arrival.saturating_sub(self.looked) >= LOOK_EVERY { self.look(arrival) } else { Ticks::ZERO };
        self.least = Some(self.least.map_or(lateness - step, |least| least.min(lateness - step)));
        step + self.slew(frame_duration)
    }

    /// Judges the time since the last look; returns what is to be corrected at once.
    fn look(&mut self, now: Duration) -> Ticks {
        self.looked = now;
        let Some(least) = self.least.take() else { return Ticks::ZERO };
        let too_late = self.timescale.ticks(TOO_LATE);
        let catches_up = least < self.before - self.timescale.ticks(TOLERATED);
        let stays_late = self.stepped || self.before > too_late && !catches_up;
        self.stepped = least > self.timescale.ticks(FAR_TOO_LATE) && stays_late;
        let step = if self.stepped { least } else { Ticks::ZERO };
        self.before = least - step;
        let deviates = self.before.0.saturating_abs() > self.timescale.ticks(TOLERATED).0;
        let waits = self.before > too_late && !stays_late;
        self.outstanding = if deviates && !waits { self.before } else { Ticks::ZERO };
        step
    }

    fn slew(&mut self, frame_duration: Ticks) -> Ticks {
        let far_off = self.outstanding.0.saturating_abs() > self.timescale.ticks(TOO_LATE).0;
        let most = frame_duration.0 / if far_off { FAST_SLEW } else { SLEW };
        let now = Ticks(self.outstanding.0.clamp(-most, most));
        self.outstanding = self.outstanding - now;
        // What has been seen is measured by the offset as it is from now on: nothing is to be corrected twice.
        self.least = self.least.map(|least| least - now);
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Ticks = Ticks(3600);

    /// A stream of 25 pictures a second, whose camera's clock gains `gain` parts in a million; returns how late its
    /// last picture is, in ticks, after `seconds`, and the most that two pictures were apart.
    fn run(gain: i64, seconds: i64) -> (i64, i64) {
        let mut pace = Pace::new(Timescale::VIDEO, Ticks::ZERO, Duration::ZERO);
        let (mut offset, mut latest, mut widest) = (0, 0, 0);
        for n in 1..seconds * 25 {
            let arrival = Duration::from_millis(40) * u32::try_from(n).unwrap();
            let decode_time = n * FRAME.0 + n * FRAME.0 * gain / 1_000_000 + offset;
            widest = widest.max((decode_time - latest - FRAME.0).abs());
            latest = decode_time;
            offset += pace.correction(Ticks(decode_time), arrival, FRAME).0;
        }
        ((seconds * 25 - 1) * FRAME.0 - latest, widest)
    }

    #[test]
    fn an_exact_clock_is_left_alone() {
        assert_eq!(run(0, 3600), (0, 0));
    }

    #[test]
    fn a_clock_that_is_one_in_a_thousand_off_stays_within_a_frame_of_the_time_for_hours() {
        for gain in [1000, -1000, 100, -100, 3000, -3000] {
            let (late, widest) = run(gain, 3 * 3600);
            assert!(late.abs() < FRAME.0, "{gain}: {late} ticks");
            assert!(widest <= 3 * FRAME.0 / 100, "{gain}: pictures are {widest} ticks uneven");
        }
    }

    /// Lateness in ms of one picture after the other, 40 ms apart in arrival; returns the corrections in ms, added up.
    fn correct(pace: &mut Pace, from: u32, lateness: impl IntoIterator<Item = i64>) -> i64 {
        let mut sum = 0;
        for (n, late) in (from..).zip(lateness) {
            let arrival = Duration::from_millis(40) * n;
            let decode_time = Ticks(i64::from(n) * FRAME.0 - 90 * late + sum);
            sum += pace.correction(decode_time, arrival, FRAME).0;
        }
        sum / 90
    }

    #[test]
    fn a_burst_behind_a_stall_is_no_reason_to_correct() {
        let mut pace = Pace::new(Timescale::VIDEO, Ticks::ZERO, Duration::ZERO);
        assert_eq!(correct(&mut pace, 1, [0; 300]), 0);
        // Five seconds behind, and a second more to be on time again.
        let catching_up = (0..25).map(|n| 5000 - 200 * n);
        assert_eq!(correct(&mut pace, 425, catching_up.chain([0; 200])), 0);
    }

    #[test]
    fn what_stays_late_is_placed_where_it_arrives() {
        let mut pace = Pace::new(Timescale::VIDEO, Ticks::ZERO, Duration::ZERO);
        assert_eq!(correct(&mut pace, 1, [0; 300]), 0);
        assert_eq!(correct(&mut pace, 301, [1500; 200]), 1500);
    }

    #[test]
    fn what_a_camera_had_stored_does_not_count_as_early() {
        let mut pace = Pace::new(Timescale::VIDEO, Ticks::ZERO, Duration::ZERO);
        // Two seconds of pictures within the first 200 ms.
        let early = (0..5).map(|n| -400 * n).chain([-2000; 300]);
        assert_eq!(correct(&mut pace, 1, early), 0);
    }
}
