//! When a track's next unit leaves, and what it is stamped with, under the faults of the script.
//!
//! Three clocks: *capture*, the time of the media itself, which sender reports tell; *sending*, which the pace holds
//! back or hastens; and the *stamps*, which may be wrong.

use std::time::Duration;

use crate::testcam::fault::{Fault, FaultKind, holding};

/// How far a track is, on the clocks of capture and of sending. Both are since the session's first unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    /// The script's time at the session's start.
    started: Duration,
    /// When the next unit leaves.
    pub(super) due: Duration,
    /// When the next unit was captured.
    pub(super) captured: Duration,
}

impl Position {
    /// At the start; everything leaves so much after its capture.
    pub(super) fn new(started: Duration, delay: Duration) -> Self {
        Self { started, due: delay, captured: Duration::ZERO }
    }

    /// When the next unit leaves, on the script's clock.
    pub(super) fn now(&self) -> Duration {
        self.started + self.due
    }

    /// Goes on by so much media.
    pub(super) fn advance(&mut self, faults: &[Fault], media: Duration) {
        self.captured += media;
        self.due += time_to_send(faults, self.now(), media);
    }
}

/// How long it takes to send `media` from `now` on: the pace may change on the way.
fn time_to_send(faults: &[Fault], now: Duration, mut media: Duration) -> Duration {
    let is_pace = |fault: &&Fault| matches!(fault.kind, FaultKind::Pace(_));
    let ends = |fault: &Fault| [Some(fault.start), fault.length.map(|length| fault.start + length)];
    let mut turns: Vec<Duration> = faults.iter().filter(is_pace).flat_map(ends).flatten().collect();
    turns.retain(|turn| *turn > now);
    turns.sort_unstable();
    let mut at = now;
    for turn in turns {
        let until = turn - at;
        let pace = pace(faults, at);
        let needs = media.div_f64(pace);
        if needs <= until {
            break;
        }
        media = media.saturating_sub(until.mul_f64(pace));
        at = turn;
    }
    match pace(faults, at) {
        // Not by way of a fraction, which rounds.
        1.0 => at - now + media,
        pace => at - now + media.div_f64(pace),
    }
}

fn pace(faults: &[Fault], now: Duration) -> f64 {
    let pace = |kind: &FaultKind| if let FaultKind::Pace(pace) = kind { Some(*pace) } else { None };
    // A standstill is told as silence, not as pace; this bounds the arithmetic.
    holding(faults, now).find_map(pace).unwrap_or(1.0).max(1e-6)
}

/// How many times as long as the clip says pictures last.
pub(super) fn slowness(faults: &[Fault], now: Duration) -> f64 {
    let slow = |kind: &FaultKind| if let FaultKind::Slow(times) = kind { Some(*times) } else { None };
    holding(faults, now).find_map(slow).unwrap_or(1.0)
}

/// The clock of a track's stamps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// In Hz.
    rate: u32,
    /// In ticks, of which a stamp shows the lower 32 bits (RFC 3550 §5.1). Whole but for [`FaultKind::ClockRate`].
    ticks: f64,
    /// The script's time up to which events have happened.
    seen: Option<Duration>,
    /// What the next stamp alone is off by.
    outlier: f64,
}

impl Clock {
    /// Shows `timestamp` first. What was to happen before `started`, on the script's clock, has happened to another
    /// session.
    pub(super) fn new(rate: u32, timestamp: u32, started: Duration) -> Self {
        let seen = (started > Duration::ZERO).then_some(started);
        Self { rate, ticks: timestamp.into(), seen, outlier: 0.0 }
    }

    /// Lets happen what has to by `now`: once a unit, before it is stamped.
    pub(super) fn turn_to(&mut self, faults: &[Fault], now: Duration) {
        self.outlier = 0.0;
        for fault in faults.iter().filter(|fault| fault.happens(self.seen, now)) {
            match fault.kind {
                FaultKind::Jump(seconds) => self.ticks += (seconds * f64::from(self.rate)).round(),
                FaultKind::ClockReset => self.ticks = 0.0,
                FaultKind::Outlier(seconds) => self.outlier = (seconds * f64::from(self.rate)).round(),
                _ => {}
            }
        }
        self.seen = Some(now);
    }

    /// What the next unit is stamped with.
    pub(super) fn stamp(&self) -> u32 {
        lower_32_bits(self.ticks + self.outlier)
    }

    /// What a sender report says: outliers are the stamp's fault alone.
    pub(super) fn report(&self) -> u32 {
        lower_32_bits(self.ticks)
    }

    /// Goes on by `ticks` of media.
    pub(super) fn advance(&mut self, ticks: f64) {
        self.ticks += ticks;
    }
}

/// By how much the stamps go on while the camera's clock should go on by one.
pub(super) fn rate_of_stamps(faults: &[Fault], now: Duration) -> f64 {
    holding(faults, now).fold(1.0, |rate, kind| match kind {
        FaultKind::ClockStops => 0.0,
        FaultKind::ClockRate(off) => rate * (1.0 + off),
        _ => rate,
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the remainder fits")]
fn lower_32_bits(ticks: f64) -> u32 {
    ticks.floor().rem_euclid(f64::from(u32::MAX) + 1.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(lines: &[&str]) -> Vec<Fault> {
        lines.iter().map(|line| line.parse().unwrap()).collect()
    }

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_pace_that_ends_on_the_way_holds_until_then() {
        let drip = faults(&["1+3:pace=0.01"]);
        // 1 s as it is, 3 s for 30 ms, and 10 ms as it is.
        assert_eq!(time_to_send(&drip, millis(0), millis(1040)), millis(4010));
        assert_eq!(time_to_send(&drip, millis(4000), millis(40)), millis(40));
        let burst = faults(&["1+3:pace=0.01", "4+0.5:pace=5"]);
        assert_eq!(time_to_send(&burst, millis(2000), millis(1020)), millis(2200));
    }

    #[test]
    fn capture_goes_on_whatever_the_pace() {
        let mut position = Position::new(millis(500), millis(100));
        position.advance(&faults(&["0:pace=0.5"]), millis(40));
        assert_eq!((position.captured, position.due, position.now()), (millis(40), millis(180), millis(680)));
    }

    #[test]
    fn events_happen_to_the_stamps_once() {
        let script = faults(&["1:jump=-0.5", "2:outlier=3600", "3:clock-reset"]);
        let mut clock = Clock::new(1000, 100, Duration::ZERO);
        let mut stamps = Vec::new();
        for now in (0..4).flat_map(|second| [millis(second * 1000), millis(second * 1000 + 500)]) {
            clock.turn_to(&script, now);
            stamps.push((clock.stamp(), clock.report()));
            clock.advance(500.0);
        }
        let same = |stamp| (stamp, stamp);
        assert_eq!(stamps[..4], [same(100), same(600), same(600), same(1100)]);
        assert_eq!(stamps[4..], [(3_601_600, 1600), same(2100), same(0), same(500)]);
    }

    #[test]
    fn a_session_that_starts_later_has_missed_what_was() {
        let script = faults(&["0:jump=100", "1:jump=100"]);
        let mut clock = Clock::new(1000, 7, millis(2000));
        clock.turn_to(&script, millis(2000));
        assert_eq!(clock.stamp(), 7);
        let mut clock = Clock::new(1000, 7, Duration::ZERO);
        clock.turn_to(&script, Duration::ZERO);
        assert_eq!(clock.stamp(), 100_007);
    }

    #[test]
    fn stamps_wrap_both_ways() {
        let mut clock = Clock::new(90_000, u32::MAX, Duration::ZERO);
        clock.advance(2.0);
        assert_eq!(clock.stamp(), 1);
        clock.turn_to(&faults(&["0:jump=-1"]), Duration::ZERO);
        assert_eq!(clock.stamp(), 1_u32.wrapping_sub(90_000));
    }

    #[test]
    fn rates_of_stamps() {
        let script = faults(&["0+1:clock-rate=0.001", "1+1:clock-stops", "2+1:slow=2.5"]);
        assert_eq!([0, 1, 2].map(|s| rate_of_stamps(&script, millis(s * 1000))), [1.001, 0.0, 1.0]);
        assert_eq!([0, 2, 3].map(|s| slowness(&script, millis(s * 1000))), [1.0, 2.5, 1.0]);
    }
}
