//! The threads on which cameras run.
//!
//! A camera makes little work, but at its own times: two dozen pictures a second, each in several packets. A thread that woke
//! for each would spend its time on waking. So cameras share a few threads, as many as they need, and a thread that has some
//! is woken every few milliseconds at most: it finds what came for all of them, as a network card does that spares its host
//! interrupts.
//!
//! What viewers ask is not done here: it has threads of its own, and waits for no such pause.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::rest::Asked;
use crate::threads::{Pool, Thread};

/// Between two wakes of a thread: so much later is a picture seen, at most.
const PAUSE: Duration = Duration::from_millis(5);

/// The same while nobody watches any of its cameras.
const LONG_PAUSE: Duration = Duration::from_millis(20);

/// With fewer cameras there is nothing to spare, and each is served as its packets come.
const FEW: usize = 8;

/// Cameras for which a thread is surely quick enough.
pub(super) const MANY: usize = 250;

/// Threads of cameras, each with when someone asked for one of its cameras last.
pub(super) type Threads = Pool<Arc<Asked>>;

/// As many as are needed.
pub(super) fn own() -> Threads {
    Pool::new(begin)
}

/// Cameras run on the runtime of whoever starts them.
pub(super) fn none() -> Threads {
    Pool::without_threads()
}

fn begin(cameras: Arc<AtomicUsize>) -> io::Result<(Thread, Arc<Asked>)> {
    let asked = Arc::new(Asked::now());
    let watched = asked.clone();
    let pause = move || {
        if cameras.load(Ordering::Relaxed) >= FEW {
            let pause = if watched.lately() { PAUSE } else { LONG_PAUSE };
            #[allow(
                clippy::disallowed_methods,
                reason = "nothing is left to do here, and what comes can wait as long"
            )]
            std::thread::sleep(pause);
        }
    };
    Ok((Thread::begin("cameras", pause)?, asked))
}
