//! The only place where clocks are read.
//!
//! The core takes time as an argument; whoever calls it gets the time here. The
//! monotonic clock is tokio's, so that tests can stop it and move it on.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::media::{Arrival, WallTime};

static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Time since a fixed instant of the process; it only rises.
pub fn elapsed() -> Duration {
    let epoch = *EPOCH;
    Instant::now().saturating_duration_since(epoch)
}

/// The time of day, UTC.
#[allow(clippy::disallowed_methods, reason = "this is the one place")]
pub fn wall_time() -> WallTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    WallTime(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Both clocks, now.
pub fn arrival() -> Arrival {
    Arrival { elapsed: elapsed(), wall: wall_time() }
}
