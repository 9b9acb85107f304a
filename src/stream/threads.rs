//! The threads on which cameras run.
//!
//! A camera makes little work, but at its own times: two dozen pictures a second, each in several packets. A thread that woke
//! for each would spend its time on waking. So cameras share a few threads, as many as they need, and a thread that has some
//! is woken every few milliseconds at most: it finds what came for all of them, as a network card does that spares its host
//! interrupts.
//!
//! What viewers ask is not done here: it runs where it came in, and waits for no such pause.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;

use super::lock;
use super::rest::Asked;
use crate::threads;

/// Between two wakes of a thread: so much later is a picture seen, at most.
const PAUSE: Duration = Duration::from_millis(5);

/// The same while nobody watches any of its cameras.
const LONG_PAUSE: Duration = Duration::from_millis(20);

/// With fewer cameras there is nothing to spare, and each is served as its packets come.
const FEW: usize = 8;

/// Cameras for which a thread is surely quick enough: those beyond get the next one, while there are processors.
const MANY: usize = 250;

/// Where cameras are placed.
#[derive(Debug, Default)]
pub(super) struct Threads {
    /// At most so many; none means the runtime of whoever starts a camera.
    most: usize,
    running: Mutex<Vec<Thread>>,
}

#[derive(Debug)]
struct Thread {
    thread: threads::Thread,
    cameras: Arc<AtomicUsize>,
    asked: Arc<Asked>,
}

/// A camera's place on a thread, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    /// What to run it on.
    pub(super) runtime: Handle,
    /// When someone asked for a camera of that thread last.
    pub(super) asked: Arc<Asked>,
    cameras: Option<Arc<AtomicUsize>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(cameras) = &self.cameras {
            cameras.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Threads {
    /// At most one a processor, each begun when it is needed.
    pub(super) fn one_a_processor() -> Self {
        Self { most: threads::processors(), running: Mutex::default() }
    }

    /// A place for one more camera.
    pub(super) fn place(&self) -> Place {
        let mut running = lock(&self.running);
        let has_room = |thread: &Thread| thread.cameras.load(Ordering::Relaxed) < MANY;
        if running.len() < self.most && !running.iter().any(has_room) {
            match Thread::begin() {
                Ok(thread) => running.push(thread),
                Err(error) => tracing::warn!(%error, "no further thread for cameras"),
            }
        }
        // The first with room, so that a thread has as many to wake for as may be; else the one with the fewest.
        let fewest = || running.iter().min_by_key(|thread| thread.cameras.load(Ordering::Relaxed));
        match running.iter().find(|thread| has_room(thread)).or_else(fewest) {
            Some(thread) => {
                thread.cameras.fetch_add(1, Ordering::Relaxed);
                let (runtime, asked) = (thread.thread.runtime().clone(), thread.asked.clone());
                Place { runtime, asked, cameras: Some(thread.cameras.clone()) }
            }
            None => Place { runtime: Handle::current(), asked: Arc::new(Asked::now()), cameras: None },
        }
    }
}

impl Thread {
    fn begin() -> io::Result<Self> {
        let (cameras, asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(Asked::now()));
        let (those, watched) = (cameras.clone(), asked.clone());
        let pause = move || {
            if those.load(Ordering::Relaxed) >= FEW {
                let pause = if watched.lately() { PAUSE } else { LONG_PAUSE };
                #[allow(
                    clippy::disallowed_methods,
                    reason = "nothing is left to do here, and what comes can wait as long"
                )]
                std::thread::sleep(pause);
            }
        };
        Ok(Self { thread: threads::Thread::begin("cameras", pause)?, cameras, asked })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threads(most: usize) -> Threads {
        Threads { most, running: Mutex::default() }
    }

    fn loads(threads: &Threads) -> Vec<usize> {
        lock(&threads.running).iter().map(|thread| thread.cameras.load(Ordering::Relaxed)).collect()
    }

    #[test]
    fn a_thread_is_filled_before_the_next_one_begins_and_all_are_alike_beyond() {
        let threads = threads(2);
        let mut places: Vec<_> = (0..MANY).map(|_| threads.place()).collect();
        assert_eq!(loads(&threads), [MANY]);
        places.push(threads.place());
        assert_eq!(loads(&threads), [MANY, 1]);
        places.extend((0..MANY + 1).map(|_| threads.place()));
        assert_eq!(loads(&threads), [MANY + 1, MANY + 1]);
    }

    #[test]
    fn a_camera_that_ends_makes_room() {
        let threads = threads(2);
        let mut places: Vec<_> = (0..MANY + 1).map(|_| threads.place()).collect();
        drop(places.swap_remove(0));
        places.push(threads.place());
        assert_eq!(loads(&threads), [MANY, 1]);
    }

    #[tokio::test]
    async fn without_threads_a_camera_runs_where_it_is_started() {
        let place = Threads::default().place();
        assert_eq!(place.runtime.id(), Handle::current().id());
    }
}
