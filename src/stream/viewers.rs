//! Counts who watches, by what requests look like: an estimate for operators, with no cookie and no session.

use std::collections::HashMap;
use std::time::Duration;

/// A player asks again within a few target durations; who has not been seen for so long is gone.
const GONE_AFTER: Duration = Duration::from_secs(15);

/// More are not told apart.
const MOST: usize = 4096;

/// When there is no room, it is made at most so often: a flood of strangers must not cost a look at all for each.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// When each viewer was last seen.
#[derive(Debug, Default)]
pub(super) struct Viewers {
    seen: HashMap<u64, Duration>,
    /// When those who are gone were last forgotten.
    swept: Duration,
}

impl Viewers {
    /// Notes a request at `now`, on the monotonic clock.
    pub(super) fn seen(&mut self, fingerprint: u64, now: Duration) {
        if self.seen.len() >= MOST && !self.seen.contains_key(&fingerprint) {
            if now.saturating_sub(self.swept) >= SWEEP_EVERY {
                self.forget(now);
            }
            if self.seen.len() >= MOST {
                return;
            }
        }
        self.seen.insert(fingerprint, now);
    }

    /// How many have been seen lately.
    pub(super) fn count(&mut self, now: Duration) -> usize {
        self.forget(now);
        self.seen.len()
    }

    fn forget(&mut self, now: Duration) {
        self.seen.retain(|_, seen| now.saturating_sub(*seen) < GONE_AFTER);
        self.swept = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_counts_once_and_until_it_has_been_gone_a_while() {
        let mut viewers = Viewers::default();
        for second in 0..5 {
            viewers.seen(1, Duration::from_secs(second));
        }
        viewers.seen(2, Duration::from_secs(10));
        assert_eq!(viewers.count(Duration::from_secs(10)), 2);
        assert_eq!(viewers.count(Duration::from_secs(20)), 1);
    }

    #[test]
    fn memory_is_bounded_whoever_asks() {
        let mut viewers = Viewers::default();
        (0..100_000).for_each(|i| viewers.seen(i, Duration::ZERO));
        assert_eq!(viewers.count(Duration::ZERO), MOST);
        viewers.seen(u64::MAX, GONE_AFTER);
        assert_eq!(viewers.count(GONE_AFTER), 1, "room is made for those who come later");
    }
}
