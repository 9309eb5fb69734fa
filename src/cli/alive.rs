//! `warmblock host` says that it lives: a blank now and then before its answer, which JSON does not mind.
//!
//! Whoever waits over ssh sees nothing else of a job that goes on for hours, and a connection that is shared with others says
//! nothing of this one. What a job does has limits of its own; so whoever still lives gets somewhere.

use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often; whoever waits has patience for many times that.
const EVERY: Duration = Duration::from_secs(30);

/// Says so until it is dropped; then nothing more comes.
#[derive(Debug)]
pub(super) struct Alive {
    goes_on: Option<Sender<()>>,
    speaker: Option<JoinHandle<()>>,
}

impl Alive {
    /// Says it on standard output. Without a thread there is only silence.
    pub(super) fn start() -> Self {
        Self::on(std::io::stdout(), EVERY)
    }

    fn on(mut output: impl Write + Send + 'static, every: Duration) -> Self {
        let (goes_on, ended) = channel::<()>();
        let speak = move || {
            while ended.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
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
    use super::*;
    use std::io::Read;

    /// Blanks come until it ends, and then the stream does.
    #[test]
    fn it_is_heard_until_it_ends() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let alive = Alive::on(writer, Duration::from_millis(5));
        let mut heard = [0; 3];
        reader.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"   ");
        drop(alive);
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        assert!(rest.iter().all(|byte| *byte == b' '));
        assert!(serde_json::from_slice::<u8>(b"   7").is_ok());
    }

    #[test]
    fn nobody_need_listen() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        drop(Alive::on(writer, Duration::ZERO));
    }
}
