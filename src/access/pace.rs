//! How often one caller may ask for what is dear: a bucket each, which fills again with time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::net::site;

/// Callers that are told apart; those beyond share one bucket.
const MOST: usize = 4096;

/// The buckets of all callers.
#[derive(Debug, Default)]
pub struct Pace {
    buckets: HashMap<IpAddr, Bucket>,
    others: Option<Bucket>,
    swept: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// What may still be taken, at `filled`.
    left: f64,
    filled: Duration,
}

impl Pace {
    /// Takes one from the bucket of `caller` at `now`, on the monotonic clock; it holds a minute's worth of `per_minute`.
    ///
    /// # Errors
    /// How long it will be until there is one.
    pub fn take(&mut self, caller: IpAddr, per_minute: u32, now: Duration) -> Result<(), Duration> {
        let (most, each) = (f64::from(per_minute), f64::from(per_minute) / 60.0);
        let caller = site(caller);
        if self.buckets.len() >= MOST
            && !self.buckets.contains_key(&caller)
            && now > self.swept + Duration::from_secs(1)
        {
            self.swept = now;
            // Who has not asked for a minute has a full one again.
            self.buckets.retain(|_, bucket| now.saturating_sub(bucket.filled) < Duration::from_secs(60));
        }
        let full = Bucket { left: most, filled: now };
        let bucket = if self.buckets.len() >= MOST && !self.buckets.contains_key(&caller) {
            self.others.get_or_insert(full)
        } else {
            self.buckets.entry(caller).or_insert(full)
        };
        bucket.left = (bucket.left + now.saturating_sub(bucket.filled).as_secs_f64() * each).min(most);
        bucket.filled = now;
        if bucket.left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.left) / each));
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Duration {
        Duration::from_secs(second)
    }

    #[test]
    fn a_minutes_worth_at_once_and_then_one_after_the_other() {
        let (mut pace, caller) = (Pace::default(), "10.0.0.1".parse().unwrap());
        for _ in 0..6 {
            assert_eq!(pace.take(caller, 6, at(0)), Ok(()));
        }
        assert_eq!(pace.take(caller, 6, at(0)), Err(at(10)));
        assert_eq!(pace.take(caller, 6, at(10)), Ok(()));
        assert!(pace.take(caller, 6, at(10)).is_err());
        assert_eq!(pace.take("10.0.0.2".parse().unwrap(), 6, at(10)), Ok(()), "others have their own");
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_caller() {
        let mut pace = Pace::default();
        assert_eq!(pace.take("2001:db8::1".parse().unwrap(), 1, at(0)), Ok(()));
        assert!(pace.take("2001:db8::2".parse().unwrap(), 1, at(0)).is_err());
        assert_eq!(pace.take("2001:db8:0:1::2".parse().unwrap(), 1, at(0)), Ok(()));
    }

    #[test]
    fn memory_is_bounded_whoever_asks_and_room_is_made_with_time() {
        let mut pace = Pace::default();
        let caller = |number: u32| IpAddr::V4(number.into());
        for number in 0..2 * 4096 {
            let _ = pace.take(caller(number), 60, at(1));
        }
        assert_eq!(pace.buckets.len(), MOST);
        assert!(pace.take(caller(9000), 60, at(1)).is_err(), "those beyond share one");
        assert_eq!(pace.take(caller(9001), 60, at(120)), Ok(()));
        assert_eq!(pace.buckets.len(), 1);
    }
}
