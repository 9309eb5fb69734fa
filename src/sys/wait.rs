//! Waiting for something to become so: polled, with a deadline and a reason that can be shown.

use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};
use crate::pulse;

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Asks until there is an answer, with pauses that grow from 1 ms to 50 ms; at least once, and once more when the deadline
/// has passed. The error is then of [`Kind::Timeout`] and says `what` was awaited.
pub fn until<T>(
    what: &str,
    deadline: Duration,
    mut ask: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    poll(deadline, || ask().transpose()).unwrap_or_else(|| {
        let after = humantime::format_duration(deadline);
        Err(Error::new(
            Kind::Timeout,
            format!("waited {after} for {what}"),
        ))
    })
}

/// Like [`until`], for a caller that has its own words for the deadline: `None` when it has passed.
pub fn poll<T>(deadline: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + deadline;
    let mut pause = FIRST_PAUSE;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let answer = ask();
        // It ends at the deadline, whatever comes.
        pulse::beat();
        if answer.is_some() || left.is_zero() {
            return answer;
        }
        nap(pause.min(left));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Lets others who wait for the same thing, as for a lock, come to it: each asks at least once in this time.
pub fn give_way() {
    nap(2 * LONGEST_PAUSE);
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that sleeps"
)]
fn nap(pause: Duration) {
    std::thread::sleep(pause);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_asks_again_until_there_is_an_answer() {
        let mut asked = 0;
        let answer = until("the third time", Duration::from_secs(5), || {
            asked += 1;
            Ok((asked == 3).then_some("yes"))
        });
        assert_eq!((answer.unwrap(), asked), ("yes", 3));
    }

    #[test]
    fn it_gives_up_and_says_what_it_waited_for() {
        let mut asked = 0;
        let error = until::<()>("rbd0 to go", Duration::from_millis(200), || {
            asked += 1;
            Ok(None)
        })
        .unwrap_err();
        assert_eq!(error.kind(), Kind::Timeout);
        assert_eq!(error.to_string(), "waited 200ms for rbd0 to go");
        assert!(asked >= 2, "asked {asked} times");
        assert!(until::<()>("x", Duration::ZERO, || Ok(None)).is_err());
    }
}
