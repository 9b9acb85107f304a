//! Times with their units: a time is never a bare number.
//!
//! Media time is counted in [`Ticks`] of a [`Timescale`]; the two meet only in
//! functions here. The wall clock is a [`WallTime`]; nothing here reads a clock.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::{Add, AddAssign, Neg, Sub};
use std::time::Duration;

/// Ticks per second of a track's clock, in Hz.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timescale(NonZeroU32);

impl Timescale {
    /// The clock of every RTP video payload format and of MPEG-TS (RFC 6184 §8.2.1, ISO/IEC 13818-1 §2.4.3.7).
    pub const VIDEO: Self = Self(NonZeroU32::new(90_000).unwrap());

    /// A clock of `hz` ticks per second.
    pub const fn new(hz: NonZeroU32) -> Self {
        Self(hz)
    }

    /// Ticks per second.
    pub const fn hz(self) -> u32 {
        self.0.get()
    }

    /// `duration` on this clock, rounded to the nearest tick and saturating.
    pub fn ticks(self, duration: Duration) -> Ticks {
        let hz = u128::from(self.hz());
        let ticks = (duration.as_nanos() * hz + 500_000_000) / 1_000_000_000;
        Ticks(i64::try_from(ticks).unwrap_or(i64::MAX))
    }

    /// `ticks` of another clock on this one, rounded to the nearest tick and saturating.
    pub fn rescale(self, ticks: Ticks, from: Self) -> Ticks {
        let (hz, from) = (i128::from(self.hz()), i128::from(from.hz()));
        let scaled = (i128::from(ticks.0) * hz * 2 + from).div_euclid(from * 2);
        Ticks(i64::try_from(scaled).unwrap_or(if ticks.0 < 0 { i64::MIN } else { i64::MAX }))
    }

    /// `ticks` of this clock as a duration; a negative time is zero.
    pub fn duration(self, ticks: Ticks) -> Duration {
        let ticks = u64::try_from(ticks.0).unwrap_or(0);
        let hz = u64::from(self.hz());
        let nanos = ticks % hz * 1_000_000_000 / hz;
        Duration::from_secs(ticks / hz) + Duration::from_nanos(nanos)
    }
}

/// A time or a span on a track's clock, in ticks of that track's [`Timescale`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticks(pub i64);

impl Ticks {
    /// No time at all.
    pub const ZERO: Self = Self(0);
}

impl Add for Ticks {
    type Output = Self;
    fn add(self, rhs: Self) -> Self {
        Self(self.0.saturating_add(rhs.0))
    }
}

impl AddAssign for Ticks {
    fn add_assign(&mut self, rhs: Self) {
        *self = *self + rhs;
    }
}

impl Sub for Ticks {
    type Output = Self;
    fn sub(self, rhs: Self) -> Self {
        Self(self.0.saturating_sub(rhs.0))
    }
}

impl Neg for Ticks {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl std::iter::Sum for Ticks {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

/// An instant of the wall clock: milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(pub i64);

impl WallTime {
    /// The instant `later` after this one.
    pub fn after(self, later: Duration) -> Self {
        let millis = i64::try_from(later.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// The instant `earlier` before this one.
    pub fn before(self, earlier: Duration) -> Self {
        let millis = i64::try_from(earlier.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// Tenths of a second since the epoch; zero before it.
    pub fn deciseconds(self) -> u64 {
        u64::try_from(self.0 / 100).unwrap_or(0)
    }
}

/// ISO 8601 with milliseconds, as `EXT-X-PROGRAM-DATE-TIME` wants it (RFC 8216 §4.3.2.6).
impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = chrono::DateTime::from_timestamp_millis(self.0).unwrap_or_default();
        write!(f, "{}", time.format("%Y-%m-%dT%H:%M:%S%.3fZ"))
    }
}

/// When something reached camgate, on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Since a fixed instant of the process, on the monotonic clock.
    pub elapsed: Duration,
    /// The wall clock then. It may jump; it is for telling, not for measuring.
    pub wall: WallTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_survives_the_way_to_ticks_and_back() {
        let scale = Timescale::VIDEO;
        assert_eq!(scale.ticks(Duration::from_millis(40)), Ticks(3600));
        assert_eq!(scale.duration(Ticks(3600)), Duration::from_millis(40));
        assert_eq!(scale.duration(Ticks(-1)), Duration::ZERO);
    }

    #[test]
    fn a_day_of_ticks_loses_nothing() {
        let day = Duration::from_secs(86_400);
        let scale = Timescale::VIDEO;
        assert_eq!(scale.duration(scale.ticks(day)), day);
    }

    #[test]
    fn ticks_of_another_clock_are_rounded_to_the_nearest() {
        let audio = Timescale::new(NonZeroU32::new(8000).unwrap());
        assert_eq!(audio.rescale(Ticks(3600), Timescale::VIDEO), Ticks(320));
        assert_eq!(audio.rescale(Ticks(6), Timescale::VIDEO), Ticks(1));
        assert_eq!(audio.rescale(Ticks(-6), Timescale::VIDEO), Ticks(-1));
        assert_eq!(Timescale::VIDEO.rescale(Ticks(i64::MAX), audio), Ticks(i64::MAX));
    }

    #[test]
    fn wall_time_prints_as_iso_8601_with_milliseconds() {
        let time = WallTime(1_700_000_000_042);
        assert_eq!(time.to_string(), "2023-11-14T22:13:20.042Z");
        assert_eq!(time.deciseconds(), 17_000_000_000);
    }
}
