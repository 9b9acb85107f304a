//! How much work the answer of a camera may make.
//!
//! retina 0.4.21 reads an answer of any length into memory: a head that never ends, a body of a hundred gigabytes. It
//! hands out neither the socket nor a count of bytes, so they are bounded by what reading them takes. An honest
//! answer is a few kilobytes: a few dozen wakes, a few milliseconds.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::clock;

/// Wakes for one answer. Some cameras send each line in a packet of its own; a flood over a network takes one wake for
/// some ten kilobytes.
const MOST_WAKES: u32 = 512;

/// CPU time spent on one answer. A flood within one machine keeps the reader busy without a pause.
const MOST_WORK: Duration = Duration::from_millis(250);

/// Resolves to `None` once the future within has made too much work.
pub(super) struct Budget<F> {
    future: Pin<Box<F>>,
    wakes: u32,
    work: Duration,
}

impl<F> Budget<F> {
    pub(super) fn of(future: F) -> Self {
        Self { future: Box::pin(future), wakes: 0, work: Duration::ZERO }
    }
}

impl<F: Future> Future for Budget<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let before = clock::worked();
        let polled = self.future.as_mut().poll(context);
        self.work += clock::worked().saturating_sub(before);
        self.wakes += 1;
        match polled {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.wakes >= MOST_WAKES || self.work >= MOST_WORK => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ready after so many wakes.
    async fn after(wakes: u32) -> u32 {
        for _ in 0..wakes {
            tokio::task::yield_now().await;
        }
        wakes
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_answer_is_waited_for_and_an_endless_one_is_not() {
        assert_eq!(Budget::of(after(MOST_WAKES - 1)).await, Some(MOST_WAKES - 1));
        assert_eq!(Budget::of(after(u32::MAX)).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_is_no_work() {
        assert_eq!(Budget::of(tokio::time::sleep(100 * MOST_WORK)).await, Some(()));
    }

    #[tokio::test]
    async fn a_wake_that_takes_too_long_is_the_last() {
        let busy = std::future::poll_fn(|_| {
            let began = clock::worked();
            while clock::worked() - began < MOST_WORK {}
            Poll::<()>::Pending
        });
        assert_eq!(Budget::of(busy).await, None);
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    #[allow(clippy::disallowed_methods, reason = "a machine that stands still")]
    async fn a_machine_that_stands_still_is_no_work_of_the_cameras() {
        let mut polls = 0;
        let paused = std::future::poll_fn(|context| {
            std::thread::sleep(MOST_WORK);
            polls += 1;
            context.waker().wake_by_ref();
            if polls > 1 { Poll::Ready(()) } else { Poll::Pending }
        });
        assert_eq!(Budget::of(paused).await, Some(()));
    }
}
