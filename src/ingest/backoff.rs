//! How long to wait before the next attempt to connect. Pure and seeded.

use std::time::Duration;

/// Doubles from attempt to attempt, within bounds, with jitter so that cameras behind one switch don't come back in step.
///
/// A camera that reboots is back within a minute, and viewers wait for it: until then it is asked every two seconds.
/// One that refuses the credentials is asked less and less from the start: some lock out who insists.
#[derive(Debug)]
pub struct Backoff {
    /// The last step, if there was one.
    step: Option<Duration>,
    /// All waits since the last health.
    waited: Duration,
    random: fastrand::Rng,
}

impl Backoff {
    /// Before the first attempt: about half a second.
    pub const SHORTEST: Duration = Duration::from_millis(500);
    /// At most while it may be a reboot.
    pub const QUICK: Duration = Duration::from_secs(2);
    /// For so long it may be one.
    pub const REBOOT: Duration = Duration::from_secs(60);
    /// At most after that.
    pub const LONGEST: Duration = Duration::from_secs(15);
    /// At most where the credentials are refused.
    pub const LONGEST_REFUSED: Duration = Duration::from_secs(60);
    /// After so long without a failure the next one counts as the first.
    pub const HEALTHY: Duration = Duration::from_secs(60);

    /// No failures yet.
    pub fn new(seed: u64) -> Self {
        Self { step: None, waited: Duration::ZERO, random: fastrand::Rng::with_seed(seed) }
    }

    /// The wait after one more failure of something that had worked for `healthy`: between half of the step and all of it.
    pub fn after_failure(&mut self, healthy: Duration) -> Duration {
        self.forgive(healthy);
        self.wait(if self.waited < Self::REBOOT { Self::QUICK } else { Self::LONGEST })
    }

    /// The same where the credentials were refused.
    pub fn after_refusal(&mut self, healthy: Duration) -> Duration {
        self.forgive(healthy);
        self.wait(Self::LONGEST_REFUSED)
    }

    fn forgive(&mut self, healthy: Duration) {
        if healthy >= Self::HEALTHY {
            (self.step, self.waited) = (None, Duration::ZERO);
        }
    }

    fn wait(&mut self, longest: Duration) -> Duration {
        let step = self.step.map_or(Self::SHORTEST, |last| last * 2).min(longest);
        self.step = Some(step);
        let wait = step.mul_f64(0.5 + self.random.f64() / 2.0);
        self.waited = self.waited.saturating_add(wait);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest_and_never_past_it() {
        let mut backoff = Backoff::new(7);
        let waits: Vec<_> = (0..200).map(|_| backoff.after_failure(Duration::ZERO)).collect();
        assert!(waits[0] <= Backoff::SHORTEST && waits[0] >= Backoff::SHORTEST / 2);
        assert!(waits[199] >= Backoff::LONGEST / 2);
        assert!(waits.iter().all(|wait| *wait <= Backoff::LONGEST));
    }

    #[test]
    fn a_camera_that_reboots_is_asked_again_within_two_seconds_and_one_that_is_gone_less_often() {
        let mut backoff = Backoff::new(7);
        let mut waited = Duration::ZERO;
        while waited < Backoff::REBOOT {
            let wait = backoff.after_failure(Duration::ZERO);
            assert!(wait <= Backoff::QUICK, "{wait:?} after {waited:?}");
            waited += wait;
        }
        let later: Vec<_> = (0..5).map(|_| backoff.after_failure(Duration::ZERO)).collect();
        assert!(later[4] >= Backoff::LONGEST / 2, "{later:?}");
    }

    #[test]
    fn refused_credentials_are_not_insisted_on() {
        let mut backoff = Backoff::new(7);
        let mut waited = Duration::ZERO;
        let tries = std::iter::from_fn(|| {
            waited += backoff.after_refusal(Duration::ZERO);
            (waited < Duration::from_secs(600)).then_some(())
        });
        assert!(tries.count() <= 24, "in ten minutes");
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
