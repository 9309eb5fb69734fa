//! `warmblock host` says that it gets somewhere: a blank now and then before its answer, which JSON does not mind.
//!
//! Whoever waits over ssh sees nothing else of a job that goes on for hours, and a connection that is shared with others says
//! nothing of this one. What commands and awaited conditions take has limits of its own; a system call on a file or a device that
//! hangs has none. So nothing is said while nothing moves (see [`crate::pulse`]), and whoever waits gives up after a while.

use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::pulse;

/// How often; whoever waits has patience for many times that.
const EVERY: Duration = Duration::from_secs(30);

/// Says so until it is dropped, as often as something moved since; then nothing more comes.
#[derive(Debug)]
pub(super) struct Alive {
    goes_on: Option<Sender<()>>,
    speaker: Option<JoinHandle<()>>,
}

impl Alive {
    /// Says it on standard output. Without a thread there is only silence.
    pub(super) fn start() -> Self {
        Self::on(std::io::stdout(), EVERY, pulse::beats)
    }

    fn on(
        mut output: impl Write + Send + 'static,
        every: Duration,
        moved: impl Fn() -> u64 + Send + 'static,
    ) -> Self {
        let (goes_on, ended) = channel::<()>();
        let speak = move || {
            let mut before = moved();
            while ended.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                if std::mem::replace(&mut before, moved()) == before {
                    continue;
                }
                // Nobody may listen any more: the job goes on all the same.
                let _heard = output.write_all(b" ").and_then(|()| output.flush());
            }
        };
        let speaker = std::thread::Builder::new()
            .name("alive".into())
            .spawn(speak);
        Self {
            goes_on: Some(goes_on),
            speaker: speaker.ok(),
        }
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        drop(self.goes_on.take());
        if let Some(speaker) = self.speaker.take() {
            // It never panics, and if it did the answer is to come nevertheless.
            let _ended = speaker.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::sys::wait;

    /// Blanks come until it ends, and then the stream does.
    #[test]
    fn it_is_heard_until_it_ends() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let count = AtomicU64::new(0);
        let moves = move || count.fetch_add(1, Ordering::Relaxed);
        let alive = Alive::on(writer, Duration::from_millis(5), moves);
        let mut heard = [0; 3];
        reader.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"   ");
        drop(alive);
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        assert!(rest.iter().all(|byte| *byte == b' '));
        assert!(serde_json::from_slice::<u8>(b"   7").is_ok());
    }

    /// It is asked a hundred times, and only the third time there was something.
    #[test]
    fn it_says_nothing_of_what_does_not_move() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let asked = Arc::new(AtomicU64::new(0));
        let moves = {
            let asked = Arc::clone(&asked);
            move || u64::from(asked.fetch_add(1, Ordering::Relaxed) >= 3)
        };
        let alive = Alive::on(writer, Duration::from_millis(1), moves);
        wait::until("a hundred questions", Duration::from_secs(60), || {
            Ok((asked.load(Ordering::Relaxed) > 100).then_some(()))
        })
        .unwrap();
        drop(alive);
        let mut heard = String::new();
        reader.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, " ");
    }

    #[test]
    fn nobody_need_listen() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        drop(Alive::on(writer, Duration::ZERO, pulse::beats));
    }
}
