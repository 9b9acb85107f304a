//! When a camera's task may rest: nobody watches, so nobody waits for a picture as it comes.
//!
//! What a picture costs is for the most part the wake-up that it makes: tables, buffers and code that have left the processor's
//! caches since the last one. So while nobody watches, the task looks at what has come a few times a second, and the socket
//! wakes nobody in between. Whoever asks for a stream ends the rest at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

use futures::task::AtomicWaker;

use super::millis;
use crate::clock;

/// How long a rest is. In that time a camera of 5 Mbit/s sends what a new socket has room for: none is held up.
pub(super) const REST: Duration = Duration::from_millis(200);

/// After so many rests a picture is waited for: when it arrives is the stream's measure of time, and is to be known exactly
/// once in a while (`media::timeline` looks once a second).
const IN_A_ROW: u32 = 3;

/// Nobody watches when nobody has asked for so long. Players ask once a target duration, and mostly more often.
const WATCHED: Duration = Duration::from_secs(10);

/// When someone asked last.
#[derive(Debug)]
pub(super) struct Asked {
    /// In milliseconds on the clock of arrivals.
    at: AtomicU64,
}

impl Asked {
    pub(super) fn now() -> Self {
        Self { at: AtomicU64::new(millis(clock::elapsed())) }
    }

    /// Someone asks at `now`; whether someone was watching before.
    fn again(&self, now: Duration) -> bool {
        is_lately(self.at.swap(millis(now), Ordering::AcqRel), now)
    }

    /// Whether someone is watching, as far as that can be known.
    pub(super) fn lately(&self) -> bool {
        is_lately(self.at.load(Ordering::Acquire), clock::elapsed())
    }
}

fn is_lately(at: u64, now: Duration) -> bool {
    now.saturating_sub(Duration::from_millis(at)) < WATCHED
}

/// What the one who asks and the camera's task know of each other.
#[derive(Debug)]
pub(super) struct Attention {
    asked: Asked,
    /// For any camera of the thread.
    of_thread: Arc<Asked>,
    task: AtomicWaker,
}

impl Attention {
    /// Whoever starts a camera is about to watch. `of_thread` is told as well whenever someone asks.
    pub(super) fn new(of_thread: Arc<Asked>) -> Self {
        of_thread.again(clock::elapsed());
        Self { asked: Asked::now(), of_thread, task: AtomicWaker::new() }
    }

    /// Someone asks for pictures at `now`, on the clock of arrivals.
    pub(super) fn ask(&self, now: Duration) {
        self.of_thread.again(now);
        // While someone watches there is no rest to end; to wake a task on another thread for each request would cost more
        // than to answer it.
        if !self.asked.again(now) {
            self.task.wake();
        }
    }

    /// Whether someone watches; has `task` woken when someone begins to.
    pub(super) fn is_paid(&self, task: &Waker) -> bool {
        self.task.register(task);
        self.asked.lately()
    }
}

/// The rests of one session.
#[derive(Debug, Default)]
pub(super) struct Rests {
    in_a_row: u32,
}

impl Rests {
    /// Whether a rest may follow a look that found `pictures`. A picture that does not fit what the socket has room for is
    /// waited for, or its camera would be held up: while one is on its way, a look finds none.
    pub(super) fn may_follow(&self, pictures: u32) -> bool {
        pictures > 0 && self.in_a_row < IN_A_ROW
    }

    /// A rest begins, or it does not.
    pub(super) fn turn(&mut self, rests: bool) {
        self.in_a_row = if rests { self.in_a_row + 1 } else { 0 };
    }
}
