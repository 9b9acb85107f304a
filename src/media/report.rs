//! What a camera says of its clocks: sender reports (RFC 3550 §6.4.1).

use std::time::Duration;

use super::time::{Ticks, Timescale, WallTime};

/// From the epoch of NTP, 1900, to that of Unix.
const UNIX_EPOCH: Duration = Duration::from_secs(2_208_988_800);

/// A camera's time of day at one stamp of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReport {
    /// The camera's time of day, since 1900. Many cameras have never been told the time.
    pub ntp: Duration,
    /// The same instant on the track's clock, unwrapped as the stamps of its media are.
    pub stamp: Ticks,
}

impl SenderReport {
    /// The time of day of `stamp`, in nanoseconds since 1900, may be negative.
    pub fn nanos(&self, stamp: Ticks, timescale: Timescale) -> i128 {
        let since = i128::from((stamp - self.stamp).0) * 1_000_000_000 / i128::from(timescale.hz());
        i128::try_from(self.ntp.as_nanos()).unwrap_or(0) + since
    }

    /// The time of day of `stamp`.
    pub fn time_of_day(&self, stamp: Ticks, timescale: Timescale) -> WallTime {
        let epoch = i128::try_from(UNIX_EPOCH.as_nanos()).unwrap_or(0);
        let millis = (self.nanos(stamp, timescale) - epoch).div_euclid(1_000_000);
        WallTime(i64::try_from(millis).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_goes_with_the_stamps() {
        let report = SenderReport { ntp: UNIX_EPOCH + Duration::from_secs(1000), stamp: Ticks(90_000) };
        assert_eq!(report.time_of_day(Ticks(90_000), Timescale::VIDEO), WallTime(1_000_000));
        assert_eq!(report.time_of_day(Ticks(93_600), Timescale::VIDEO), WallTime(1_000_040));
        assert_eq!(report.time_of_day(Ticks(0), Timescale::VIDEO), WallTime(999_000));
    }
}
