//! Bytes that follow a job to its host: through a pipe that ssh reads, fed by a thread.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use crate::image::chunks;
use crate::model::Bytes;
use crate::seed::TokenBucket;
use crate::sys::wait;
use crate::{Error, Kind, Result};

/// Bytes that are passed on at once.
const PIECE: usize = 1 << 20;

/// How long a source that is being read is waited for once ssh has ended.
const GRACE: Duration = Duration::from_secs(2);

/// Bytes for a job.
pub struct Data {
    from: Box<dyn Read + Send>,
    rate: Option<Bytes>,
}

impl std::fmt::Debug for Data {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Data")
    }
}

impl Data {
    /// What a reader gives.
    pub fn new(from: impl Read + Send + 'static) -> Self {
        Self {
            from: Box::new(from),
            rate: None,
        }
    }

    /// At most so many bytes a second.
    #[must_use]
    pub const fn limited_to(mut self, rate: Option<Bytes>) -> Self {
        self.rate = rate;
        self
    }

    /// Passes all on. A reader that is gone has said why, and its error is the one that counts.
    fn pump(mut self, job: &[u8], to: &mut File) -> Result<()> {
        let gone = |error: &std::io::Error| error.kind() == ErrorKind::BrokenPipe;
        let sent = to.write_all(job).and_then(|()| to.write_all(b"\n"));
        if sent.is_err() {
            return Ok(());
        }
        let mut bucket = self
            .rate
            .map(|rate| TokenBucket::new(rate, Bytes(PIECE as u64)));
        let began = Instant::now();
        let mut buffer = vec![0; PIECE];
        loop {
            let count = match self.from.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read.map_err(|error| {
                    Error::new(Kind::Failed, "cannot read the source").because(error)
                })?,
            };
            let sent = match buffer.get(..count) {
                Some(data) if count > 0 => chunks::write(to, data),
                _ => return chunks::end(to).or_else(|error| ignore(gone(&error), error)),
            };
            if let Err(error) = sent {
                return ignore(gone(&error), error);
            }
            if let Some(bucket) = &mut bucket {
                let pause = bucket.take(Bytes(count as u64), began.elapsed());
                let _over = wait::poll(pause, || None::<()>);
            }
        }
    }
}

fn ignore(yes: bool, error: std::io::Error) -> Result<()> {
    if yes {
        return Ok(());
    }
    Err(Error::new(Kind::Failed, "cannot pass the source on to ssh").because(error))
}

/// A stream under way.
#[derive(Debug)]
pub(super) struct Stream(Receiver<Result<()>>);

/// Starts a stream of the job, a line break, and the data; the end of the pipe that is for ssh.
pub(super) fn start(job: Vec<u8>, data: Data) -> Result<(File, Stream)> {
    let (from, to) = pipe2(OFlag::O_CLOEXEC)
        .map_err(|error| Error::new(Kind::Failed, "cannot make a pipe").because(error))?;
    let (tell, told) = channel();
    let mut to = File::from(to);
    std::thread::spawn(move || {
        let done = data.pump(&job, &mut to);
        drop(to);
        // Nobody waits for a stream whose ssh has ended.
        let _nobody = tell.send(done);
    });
    Ok((File::from(from), Stream(told)))
}

impl Stream {
    /// How it ended. A source that still has to be waited for when ssh has ended does not matter any more.
    pub(super) fn end(self) -> Result<()> {
        match self.0.recv_timeout(GRACE) {
            Ok(done) => done,
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => {
                Err(Error::new(Kind::Internal, "the source's reader died"))
            }
        }
    }
}
