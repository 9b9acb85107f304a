//! A thread with a runtime of its own: no task moves away from it, and none wakes another thread to help.

use std::io;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Runs what is spawned on it until it is dropped; what still runs then is dropped as well.
#[derive(Debug)]
pub struct Thread {
    runtime: Handle,
    _stop: DropGuard,
}

impl Thread {
    /// Begins one. `on_park` is called before each wait for events.
    ///
    /// # Errors
    /// When there is no thread or no file for it.
    pub fn begin(name: &str, on_park: impl Fn() + Send + Sync + 'static) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().on_thread_park(on_park).build()?;
        let (handle, stop) = (runtime.handle().clone(), CancellationToken::new());
        let stopped = stop.clone();
        std::thread::Builder::new()
            .name(name.into())
            .spawn(move || runtime.block_on(stopped.cancelled_owned()))?;
        Ok(Self { runtime: handle, _stop: stop.drop_guard() })
    }

    /// What to run on it with.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

/// One a processor is as many as can run.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_runs_on_a_thread_ends_with_it() {
        let thread = Thread::begin("test", || {}).unwrap();
        let endless = thread.runtime().spawn(std::future::pending::<()>());
        drop(thread);
        assert!(endless.await.is_err_and(|error| error.is_cancelled()));
    }
}
