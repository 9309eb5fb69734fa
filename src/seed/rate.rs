//! A limit on bytes per second, kept by a token bucket.

use std::time::Duration;

use crate::model::Bytes;

/// Hands out bytes at a rate. Time is the caller's: it says how long ago it started.
#[derive(Debug)]
pub(super) struct TokenBucket {
    rate: Bytes,
    burst: Bytes,
    /// When what was handed out so far is paid off.
    paid: Duration,
}

impl TokenBucket {
    /// `rate` bytes per second, and `burst` of them at once after a pause.
    pub(super) fn new(rate: Bytes, burst: Bytes) -> Self {
        Self {
            rate: rate.max(Bytes(1)),
            burst,
            paid: Duration::ZERO,
        }
    }

    /// Takes bytes at the time `now`; they may be used after the wait that is returned.
    pub(super) fn take(&mut self, bytes: Bytes, now: Duration) -> Duration {
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
