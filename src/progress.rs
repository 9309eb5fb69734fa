//! How far a long job is: a bar for people, JSON lines for programs, both on stderr.

mod mode;

use std::fmt;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::{Deserialize, Serialize};

use crate::model::Bytes;
use crate::pulse;

pub use self::mode::ProgressMode;

/// Version of the JSON lines; a reader skips lines with another one.
pub const VERSION: u32 = 1;

/// Between two JSON lines of one job at least this passes (5 Hz), but for the first and the last.
const LINE_INTERVAL: Duration = Duration::from_millis(200);

/// Where a job is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProgressState {
    /// The first line.
    Started,
    /// Under way.
    Running,
    /// The last line of a job that came through.
    Finished,
    /// The last line of a job that failed or was stopped.
    Stopped,
}

/// One line of JSON on stderr.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProgressLine {
    /// [`VERSION`]; its name at the head of the line tells these lines from others on stderr.
    pub progress: u32,
    /// The job: `seed`, `verify`, `flush` …
    pub what: String,
    /// First, under way, or last.
    pub state: ProgressState,
    /// Bytes done.
    pub done: Bytes,
    /// Bytes in all.
    pub total: Bytes,
    /// Bytes per second since the start.
    pub rate_bytes_s: Bytes,
    /// Seconds that are left at that rate; absent while it is not known, and in a job that passes over holes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub eta_s: Option<u64>,
}

/// Shows the jobs of one command, one after the other.
pub struct Progress {
    sink: Sink,
}

enum Sink {
    Bar,
    Json(Mutex<Box<dyn Write + Send>>),
    Quiet,
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.sink {
            Sink::Bar => "Progress(bar)",
            Sink::Json(_) => "Progress(json)",
            Sink::Quiet => "Progress(quiet)",
        })
    }
}

impl Progress {
    /// Shows on stderr.
    pub fn new(mode: ProgressMode) -> Self {
        let terminal = || std::io::IsTerminal::is_terminal(&std::io::stderr());
        match mode {
            ProgressMode::Quiet => Self::quiet(),
            ProgressMode::Bar => Self { sink: Sink::Bar },
            ProgressMode::Auto if terminal() => Self { sink: Sink::Bar },
            ProgressMode::Auto => Self::quiet(),
            ProgressMode::Json => Self::json(std::io::stderr()),
        }
    }

    /// Shows nothing.
    pub const fn quiet() -> Self {
        Self { sink: Sink::Quiet }
    }

    /// JSON lines to a writer of the caller's.
    pub fn json(out: impl Write + Send + 'static) -> Self {
        Self {
            sink: Sink::Json(Mutex::new(Box::new(out))),
        }
    }

    /// Starts a job of `total` bytes that all have to be moved; what it returns is told how it goes on.
    pub fn start(&self, what: &'static str, total: Bytes) -> Task<'_> {
        self.begin(what, total, true)
    }

    /// Starts a job of `total` bytes of which nobody knows how many are holes. Those go by at once, so that no time is told
    /// that is left: a rate that counts them, or does not, is wrong about the rest.
    pub fn start_sparse(&self, what: &'static str, total: Bytes) -> Task<'_> {
        self.begin(what, total, false)
    }

    fn begin(&self, what: &'static str, total: Bytes, foreseen: bool) -> Task<'_> {
        let now = Instant::now();
        let task = Task {
            progress: self,
            what,
            total,
            foreseen,
            started: now,
            bar: matches!(self.sink, Sink::Bar).then(|| bar(what, total, foreseen)),
            state: Mutex::new(TaskState {
                done: Bytes(0),
                shown: now,
                ended: false,
            }),
        };
        task.write(ProgressState::Started, Bytes(0), now);
        task
    }

    fn line(&self, line: &ProgressLine) {
        let Sink::Json(out) = &self.sink else { return };
        let Ok(mut text) = serde_json::to_string(line) else {
            return;
        };
        text.push('\n');
        let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever closed our stderr does not want to know; the job itself goes on.
        let _closed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

/// One job under way; threads share it. Dropped without [`finish`](Self::finish) it is shown as stopped.
pub struct Task<'a> {
    progress: &'a Progress,
    what: &'static str,
    total: Bytes,
    foreseen: bool,
    started: Instant,
    bar: Option<ProgressBar>,
    state: Mutex<TaskState>,
}

struct TaskState {
    done: Bytes,
    shown: Instant,
    ended: bool,
}

impl fmt::Debug for Task<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = self.done();
        write!(f, "Task({}: {done} of {})", self.what, self.total)
    }
}

impl Task<'_> {
    /// So many bytes more are done.
    pub fn advance(&self, more: Bytes) {
        self.advance_at(more, Instant::now());
    }

    /// Bytes done so far.
    pub fn done(&self) -> Bytes {
        self.state().done
    }

    /// The job came through; the last line is written.
    pub fn finish(self) {
        self.end(ProgressState::Finished);
    }

    fn advance_at(&self, more: Bytes, now: Instant) {
        if more > Bytes(0) {
            pulse::beat();
        }
        let mut state = self.state();
        state.done = Bytes(state.done.0.saturating_add(more.0));
        let due = now.saturating_duration_since(state.shown) >= LINE_INTERVAL;
        if due {
            state.shown = now;
        }
        // The line is written under the lock, so that lines never go backwards.
        if due {
            self.write(ProgressState::Running, state.done, now);
        }
        drop(state);
        if let Some(bar) = &self.bar {
            bar.inc(more.0);
        }
    }

    fn end(&self, how: ProgressState) {
        let mut state = self.state();
        if std::mem::replace(&mut state.ended, true) {
            return;
        }
        self.write(how, state.done, Instant::now());
        match (&self.bar, how) {
            (Some(bar), ProgressState::Finished) => bar.finish(),
            (Some(bar), _) => bar.abandon(),
            (None, _) => {}
        }
    }

    fn write(&self, state: ProgressState, done: Bytes, now: Instant) {
        let rate = rate(done, now.saturating_duration_since(self.started));
        let left = self.total.saturating_sub(done);
        self.progress.line(&ProgressLine {
            progress: VERSION,
            what: self.what.to_owned(),
            state,
            done,
            total: self.total,
            rate_bytes_s: rate,
            eta_s: (self.foreseen && rate.0 > 0).then(|| left.0.div_ceil(rate.0)),
        });
    }

    fn state(&self) -> MutexGuard<'_, TaskState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Task<'_> {
    fn drop(&mut self) {
        self.end(ProgressState::Stopped);
    }
}

/// Bytes per second; zero while no time has passed.
pub(crate) fn rate(done: Bytes, over: Duration) -> Bytes {
    let per_second = u128::from(done.0) * 1_000_000_000;
    let rate = per_second.checked_div(over.as_nanos()).unwrap_or(0);
    Bytes(u64::try_from(rate).unwrap_or(u64::MAX))
}

fn bar(what: &'static str, total: Bytes, foreseen: bool) -> ProgressBar {
    const SPARSE: &str =
        "{prefix} [{wide_bar}] {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec}";
    const FORESEEN: &str = "{prefix} [{wide_bar}] {binary_bytes}/{binary_total_bytes} \
                            {binary_bytes_per_sec} eta {eta}";
    let template = if foreseen { FORESEEN } else { SPARSE };
    let bar = ProgressBar::with_draw_target(Some(total.0), ProgressDrawTarget::stderr_with_hz(5));
    bar.set_prefix(what);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

#[cfg(test)]
mod tests;
