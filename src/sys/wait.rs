//! Waiting for something to become so: polled, with a deadline and a reason that can be shown.

use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Asks `poll` until it has an answer, with pauses that grow from 1 ms to 50 ms. It is asked at least once, and once more
/// when the deadline has passed. The error then is of [`Kind::Timeout`] and says `what` was awaited.
pub fn until<T>(
    what: &str,
    deadline: Duration,
    mut poll: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let end = Instant::now() + deadline;
    let mut pause = FIRST_PAUSE;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if let Some(answer) = poll()? {
            return Ok(answer);
        }
        if left.is_zero() {
            let after = humantime::format_duration(deadline);
            return Err(Error::new(
                Kind::Timeout,
                format!("waited {after} for {what}"),
            ));
        }
        nap(pause.min(left));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
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
        let error = until::<()>("rbd0 to go", Duration::from_millis(5), || {
            asked += 1;
            Ok(None)
        })
        .unwrap_err();
        assert_eq!(error.kind(), Kind::Timeout);
        assert_eq!(error.to_string(), "waited 5ms for rbd0 to go");
        assert!(asked >= 3, "asked {asked} times");
        assert!(until::<()>("x", Duration::ZERO, || Ok(None)).is_err());
    }
}
