//! Waiting with a deadline: what takes longer has failed.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Far above what anything here takes, even on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// How often a condition is looked at that tells nobody when it comes true.
const GLANCE: Duration = Duration::from_millis(50);

/// What `future` gives, if it does so in time; `what` says what was waited for.
#[track_caller]
pub fn soon<T>(what: &str, future: impl Future<Output = T>) -> impl Future<Output = T> {
    within(what, DEADLINE, future)
}

/// The same with a deadline of the test's own: where being late is the bug.
#[track_caller]
pub fn within<T>(what: &str, deadline: Duration, future: impl Future<Output = T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(deadline, future).await {
            Ok(value) => value,
            Err(_) => panic!("{caller}: {what}: not within {deadline:?}"),
        }
    }
}

/// Asks until there is an answer.
pub async fn answer<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let mut ticks = tokio::time::interval(GLANCE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(answer) = ask().await {
            return answer;
        }
    }
}

/// For how long the machine let nothing happen here: a task that comes again and again adds up how late it was. In most
/// tests the gateway and its camera stand still with it, for they share its thread.
pub struct Stalls {
    milliseconds: Arc<AtomicU64>,
    watching: tokio::task::JoinHandle<()>,
}

impl Stalls {
    pub fn watch() -> Self {
        let milliseconds = Arc::new(AtomicU64::new(0));
        let sum = milliseconds.clone();
        let watching = tokio::spawn(async move {
            loop {
                let due = Instant::now() + GLANCE;
                tokio::time::sleep_until(due).await;
                let late = u64::try_from(due.elapsed().as_millis()).unwrap_or(u64::MAX);
                sum.fetch_add(late, Ordering::Relaxed);
            }
        });
        Self { milliseconds, watching }
    }

    /// All that there was since the last call.
    pub fn take(&self) -> Duration {
        Duration::from_millis(self.milliseconds.swap(0, Ordering::Relaxed))
    }
}

impl Drop for Stalls {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

/// The time of day since the Unix epoch.
pub fn time_of_day() -> Duration {
    Duration::from_millis(camgate::clock::wall_time().0.unsigned_abs())
}
