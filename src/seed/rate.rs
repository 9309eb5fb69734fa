//! A limit on bytes per second, kept by a token bucket.

use std::time::Duration;

use crate::model::Bytes;

/// Hands out bytes at a rate. Time is the caller's: it says how long ago it started.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    rate: Bytes,
    burst: Bytes,
    /// When what was handed out so far is paid off.
    paid: Duration,
}

impl TokenBucket {
    /// `rate` bytes per second, and `burst` of them at once after a pause.
    pub(crate) fn new(rate: Bytes, burst: Bytes) -> Self {
        Self {
            rate: rate.max(Bytes(1)),
            burst,
            paid: Duration::ZERO,
        }
    }

    /// Takes bytes at the time `now`; they may be used after the wait that is returned.
    pub(crate) fn take(&mut self, bytes: Bytes, now: Duration) -> Duration {
        // A pause is worth a burst and no more; what is taken beyond is owed, so the mean rate holds whatever the size.
        let credit = now.saturating_sub(self.time_for(self.burst));
        self.paid = self.paid.max(credit) + self.time_for(bytes);
        self.paid.saturating_sub(now)
    }

    fn time_for(&self, bytes: Bytes) -> Duration {
        let nanos = u128::from(bytes.0) * 1_000_000_000 / u128::from(self.rate.0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pause_is_worth_a_burst_and_no_more() {
        let mut bucket = TokenBucket::new(Bytes(1000), Bytes(100));
        let minute = Duration::from_secs(60);
        assert_eq!(bucket.take(Bytes(100), minute), Duration::ZERO);
        assert_eq!(bucket.take(Bytes(100), minute), Duration::from_millis(100));
    }

    #[test]
    fn what_is_larger_than_the_burst_is_paid_off_before_the_next() {
        let mut bucket = TokenBucket::new(Bytes(1000), Bytes(0));
        let now = Duration::from_secs(5);
        assert_eq!(bucket.take(Bytes(4000), now), Duration::from_secs(4));
        assert_eq!(bucket.take(Bytes(1000), now), Duration::from_secs(5));
    }

    proptest! {
        /// Whoever waits as told never gets more than rate * time + burst, and one who always asks gets as much.
        #[test]
        fn the_rate_is_kept(rate in 1000_u64..1_000_000, burst in 0_u64..10_000, sizes in prop::collection::vec((1_u64..50_000, 0_u64..200), 1..50)) {
            let mut bucket = TokenBucket::new(Bytes(rate), Bytes(burst));
            let (mut now, mut got) = (Duration::ZERO, 0);
            for (size, idle) in sizes {
                now += Duration::from_millis(idle);
                now += bucket.take(Bytes(size), now);
                got += size;
                let allowed = now.as_secs_f64() * rate as f64 + burst as f64;
                prop_assert!(got as f64 <= allowed + 1.0, "{got} of {allowed} after {now:?}");
            }
        }
    }
}
