//! The threads on which connections are served: one a processor, each with connections of its own.
//!
//! On one runtime of several threads a thread that has work wakes another to help, and one waits for events on behalf of all: for
//! answers that take ten microseconds that costs as much as it saves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Handle;

use crate::threads::{Thread, processors};

/// Where connections are placed; what runs there ends with it.
#[derive(Debug)]
pub(super) struct Threads(Vec<(Thread, Arc<AtomicUsize>)>);

/// A connection's place on a thread, given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    /// What to run it on.
    pub(super) runtime: Handle,
    connections: Option<Arc<AtomicUsize>>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(connections) = &self.connections {
            connections.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Threads {
    /// As many as there are processors, or as there can be.
    pub(super) fn one_a_processor() -> Self {
        let begin = |_| match Thread::begin("clients", || {}) {
            Ok(thread) => Some((thread, Arc::default())),
            Err(error) => {
                tracing::warn!(%error, "fewer threads for clients than processors");
                None
            }
        };
        Self((0..processors()).filter_map(begin).collect())
    }

    /// A place for one more, where there are the fewest; where there is no thread, on the runtime of whoever asks.
    pub(super) fn seat(&self) -> Seat {
        let Some((thread, connections)) =
            self.0.iter().min_by_key(|(_, those)| those.load(Ordering::Relaxed))
        else {
            return Seat { runtime: Handle::current(), connections: None };
        };
        connections.fetch_add(1, Ordering::Relaxed);
        Seat { runtime: thread.runtime().clone(), connections: Some(connections.clone()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loads(threads: &Threads) -> Vec<usize> {
        threads.0.iter().map(|(_, connections)| connections.load(Ordering::Relaxed)).collect()
    }

    #[test]
    fn threads_have_alike_many_connections() {
        let begin = |_| (Thread::begin("test", || {}).unwrap(), Arc::default());
        let threads = Threads((0..2).map(begin).collect());
        let mut seats: Vec<_> = (0..5).map(|_| threads.seat()).collect();
        assert_eq!(loads(&threads), [3, 2]);
        seats.truncate(1);
        assert_eq!(loads(&threads), [1, 0]);
    }

    #[tokio::test]
    async fn without_threads_connections_are_served_where_they_are_accepted() {
        assert_eq!(Threads(Vec::new()).seat().runtime.id(), Handle::current().id());
    }
}
