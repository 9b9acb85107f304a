//! How long to wait before the next attempt to connect. Pure and seeded.

use std::time::Duration;

/// Doubles from attempt to attempt, within bounds, with jitter so that cameras behind one switch don't come back in step.
#[derive(Debug)]
pub struct Backoff {
    attempt: u32,
    random: fastrand::Rng,
}

impl Backoff {
    /// Before the first attempt: about half a second.
    pub const SHORTEST: Duration = Duration::from_millis(500);
    /// At most.
    pub const LONGEST: Duration = Duration::from_secs(15);
    /// After so long without a failure the next one counts as the first.
    pub const HEALTHY: Duration = Duration::from_secs(60);

    /// No failures yet.
    pub fn new(seed: u64) -> Self {
        Self { attempt: 0, random: fastrand::Rng::with_seed(seed) }
    }

    /// The wait after one more failure of something that had worked for `healthy`: between half of the step and all of it.
    pub fn after_failure(&mut self, healthy: Duration) -> Duration {
        if healthy >= Self::HEALTHY {
            self.attempt = 0;
        }
        let step = (Self::SHORTEST * 2u32.saturating_pow(self.attempt.min(16))).min(Self::LONGEST);
        self.attempt += 1;
        step.mul_f64(0.5 + self.random.f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest_and_never_past_it() {
        let mut backoff = Backoff::new(7);
        let waits: Vec<_> = (0..50).map(|_| backoff.after_failure(Duration::ZERO)).collect();
        assert!(waits[0] <= Backoff::SHORTEST && waits[0] >= Backoff::SHORTEST / 2);
        assert!(waits[49] >= Backoff::LONGEST / 2);
        assert!(waits.iter().all(|wait| *wait <= Backoff::LONGEST));
    }

    #[test]
    fn health_forgives_earlier_failures() {
        let mut backoff = Backoff::new(7);
        for _ in 0..10 {
            backoff.after_failure(Duration::ZERO);
        }
        assert!(backoff.after_failure(Backoff::HEALTHY) <= Backoff::SHORTEST);
    }

    #[test]
    fn two_cameras_wait_differently() {
        let wait = |seed| Backoff::new(seed).after_failure(Duration::ZERO);
        assert_ne!(wait(1), wait(2));
    }
}
