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

/// Time that this thread has had of a CPU: a machine that stands still for a moment adds nothing to it. Where the system does
/// not tell, the time that passes.
pub fn worked() -> Duration {
    #[cfg(target_os = "linux")]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::try_from(time).unwrap_or_default()
    }
    #[cfg(not(target_os = "linux"))]
    elapsed()
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
