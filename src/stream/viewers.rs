//! Counts who watches, by what requests look like: an estimate for operators, with no cookie and no session.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A player asks again within a few target durations; who has not been seen for so long is gone.
const GONE_AFTER: Duration = Duration::from_secs(15);

/// When there is no room, it is made at most so often: a flood of strangers must not cost a look at all for each.
pub(super) const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// As many watch as may, and one more came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooManyViewers {
    /// That stream.
    #[error("{0} watch this stream already, which is the limit (MAX_STREAM_VIEWERS).")]
    OfStream(usize),
    /// All of them together.
    #[error("{0} watch already, which is the limit (MAX_VIEWERS).")]
    OfAll(usize),
}

/// When each viewer of a stream was last seen.
#[derive(Debug, Default)]
pub(super) struct Viewers {
    seen: HashMap<u64, Duration>,
    /// When those who are gone were last forgotten.
    swept: Duration,
    /// Those of all streams.
    all: Arc<AtomicUsize>,
}

impl Viewers {
    /// Of a stream; `all` counts those of every stream.
    pub(super) fn among(all: Arc<AtomicUsize>) -> Self {
        Self { seen: HashMap::new(), swept: Duration::ZERO, all }
    }

    /// Notes a request at `now`, on the monotonic clock; `most` of this stream and `most_of_all` may watch.
    pub(super) fn seen(
        &mut self,
        fingerprint: u64,
        now: Duration,
        most: usize,
        most_of_all: usize,
    ) -> Result<(), TooManyViewers> {
        if let Some(seen) = self.seen.get_mut(&fingerprint) {
            *seen = now;
            return Ok(());
        }
        if self.seen.len() >= most && now.saturating_sub(self.swept) >= SWEEP_EVERY {
            self.forget(now);
        }
        if self.seen.len() >= most {
            return Err(TooManyViewers::OfStream(most));
        }
        // Two at once may both find room for one: a limit that is off by a few is a limit.
        if self.all.load(Ordering::Relaxed) >= most_of_all {
            return Err(TooManyViewers::OfAll(most_of_all));
        }
        self.all.fetch_add(1, Ordering::Relaxed);
        self.seen.insert(fingerprint, now);
        Ok(())
    }

    /// How many have been seen lately.
    pub(super) fn count(&mut self, now: Duration) -> usize {
        self.forget(now);
        self.seen.len()
    }

    fn forget(&mut self, now: Duration) {
        let before = self.seen.len();
        self.seen.retain(|_, seen| now.saturating_sub(*seen) < GONE_AFTER);
        self.all.fetch_sub(before - self.seen.len(), Ordering::Relaxed);
        self.swept = now;
    }
}

impl Drop for Viewers {
    fn drop(&mut self) {
        self.all.fetch_sub(self.seen.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Duration {
        Duration::from_secs(second)
    }

    #[test]
    fn a_viewer_counts_once_and_until_it_has_been_gone_a_while() {
        let mut viewers = Viewers::default();
        for second in 0..5 {
            assert_eq!(viewers.seen(1, at(second), 9, 9), Ok(()));
        }
        assert_eq!(viewers.seen(2, at(10), 9, 9), Ok(()));
        assert_eq!(viewers.count(at(10)), 2);
        assert_eq!(viewers.count(at(20)), 1);
    }

    #[test]
    fn memory_is_bounded_whoever_asks_and_who_watches_goes_on() {
        let mut viewers = Viewers::default();
        let refused = (0..1000).filter(|&i| viewers.seen(i, at(1), 100, usize::MAX).is_err()).count();
        assert_eq!((refused, viewers.count(at(1))), (900, 100));
        assert_eq!(viewers.seen(7, at(2), 100, usize::MAX), Ok(()), "it watches already");
        assert_eq!(
            viewers.seen(u64::MAX, at(1) + GONE_AFTER, 100, usize::MAX),
            Ok(()),
            "the others are gone"
        );
        assert_eq!(viewers.count(at(1) + GONE_AFTER), 2);
    }

    #[test]
    fn those_of_all_streams_are_counted_together() {
        let all = Arc::new(AtomicUsize::new(0));
        let (mut one, mut other) = (Viewers::among(all.clone()), Viewers::among(all.clone()));
        assert_eq!(one.seen(1, at(1), 9, 2), Ok(()));
        assert_eq!(other.seen(1, at(1), 9, 2), Ok(()));
        assert_eq!(other.seen(2, at(1), 9, 2), Err(TooManyViewers::OfAll(2)));
        drop(one);
        assert_eq!(other.seen(2, at(1), 9, 2), Ok(()), "a stream that ends takes its viewers along");
        assert_eq!(all.load(Ordering::Relaxed), 2);
    }
}
