//! How far a long job is: a bar for people, JSON lines for programs, both on stderr.

use std::fmt;
use std::io::Write;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::{Deserialize, Serialize};

use crate::model::{Bytes, ParseError};

/// Version of the JSON lines; a reader skips lines with another one.
pub const VERSION: u32 = 1;

/// Between two JSON lines of one job at least this passes (5 Hz), but for the first and the last.
const LINE_INTERVAL: Duration = Duration::from_millis(200);

/// How progress is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProgressMode {
    /// A bar if stderr is a terminal, JSON lines otherwise.
    #[default]
    Auto,
    /// A bar; nothing is seen of it where stderr is not a terminal.
    Bar,
    /// One [`ProgressLine`] per line.
    Json,
    /// Nothing.
    Quiet,
}

impl ProgressMode {
    /// Every mode, as the command line offers them.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Bar, Self::Json, Self::Quiet];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Bar => "bar",
            Self::Json => "json",
            Self::Quiet => "quiet",
        }
    }
}

impl FromStr for ProgressMode {
    type Err = ParseError;
    fn from_str(word: &str) -> Result<Self, ParseError> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.as_str() == word)
            .ok_or_else(|| ParseError::new("progress", word, "is not auto, bar, json or quiet"))
    }
}

impl fmt::Display for ProgressMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

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
    /// Seconds that are left at that rate; absent while it is not known.
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
            ProgressMode::Auto | ProgressMode::Json => Self::json(std::io::stderr()),
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

    /// Starts a job of `total` bytes; what it returns is told how it goes on.
    pub fn start(&self, what: &'static str, total: Bytes) -> Task<'_> {
        let now = Instant::now();
        let task = Task {
            progress: self,
            what,
            total,
            started: now,
            bar: matches!(self.sink, Sink::Bar).then(|| bar(what, total)),
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
            eta_s: (rate.0 > 0).then(|| left.0.div_ceil(rate.0)),
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

fn bar(what: &'static str, total: Bytes) -> ProgressBar {
    const TEMPLATE: &str = "{prefix} [{wide_bar}] {binary_bytes}/{binary_total_bytes} \
                            {binary_bytes_per_sec} eta {eta}";
    let bar = ProgressBar::with_draw_target(Some(total.0), ProgressDrawTarget::stderr_with_hz(5));
    bar.set_prefix(what);
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// What a JSON sink wrote.
    #[derive(Clone, Default)]
    struct Out(Arc<Mutex<Vec<u8>>>);

    impl Write for Out {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Out {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
        fn lines(&self) -> Vec<ProgressLine> {
            let text = self.text();
            text.lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect()
        }
    }

    #[test]
    fn the_first_and_the_last_line_are_always_written() {
        let out = Out::default();
        Progress::json(out.clone()).start("seed", Bytes(0)).finish();
        let states: Vec<_> = out.lines().iter().map(|line| line.state).collect();
        assert_eq!(states, [ProgressState::Started, ProgressState::Finished]);
    }

    #[test]
    fn a_job_that_is_dropped_was_stopped() {
        let out = Out::default();
        let progress = Progress::json(out.clone());
        let task = progress.start("seed", Bytes(10));
        task.advance(Bytes(4));
        drop(task);
        let lines = out.lines();
        let last = lines.last().unwrap();
        assert_eq!((last.state, last.done), (ProgressState::Stopped, Bytes(4)));
    }

    #[test]
    fn lines_come_at_most_five_times_a_second() {
        let out = Out::default();
        let progress = Progress::json(out.clone());
        let task = progress.start("seed", Bytes(1000));
        for step in 1..=1000 {
            let now = task.started + Duration::from_millis(step);
            task.advance_at(Bytes(1), now);
        }
        task.finish();
        let lines = out.lines();
        assert_eq!(lines.len(), 1 + 5 + 1, "{}", out.text());
        assert_eq!(lines.last().map(|line| line.done), Some(Bytes(1000)));
        assert!(lines.is_sorted_by_key(|line| line.done));
    }

    #[test]
    fn a_line_reads_as_documented() {
        let out = Out::default();
        let progress = Progress::json(out.clone());
        let task = progress.start("seed", Bytes(4096));
        task.advance_at(Bytes(1024), task.started + Duration::from_secs(1));
        drop(task);
        let lines = out.text();
        let mut lines = lines.lines();
        assert_eq!(
            lines.next(),
            Some(
                r#"{"progress":1,"what":"seed","state":"started","done":0,"total":4096,"rate_bytes_s":0}"#
            )
        );
        assert_eq!(
            lines.next(),
            Some(
                r#"{"progress":1,"what":"seed","state":"running","done":1024,"total":4096,"rate_bytes_s":1024,"eta_s":3}"#
            )
        );
    }

    #[test]
    fn the_schema_names_what_a_line_has() {
        let schema = schemars::schema_for!(ProgressLine).to_value();
        let line = ProgressLine {
            progress: VERSION,
            what: "seed".into(),
            state: ProgressState::Running,
            done: Bytes(1),
            total: Bytes(2),
            rate_bytes_s: Bytes(1),
            eta_s: Some(1),
        };
        let line = serde_json::to_value(line).unwrap();
        for field in line.as_object().unwrap().keys() {
            assert!(
                schema["properties"].get(field).is_some(),
                "{field} is not in {schema}"
            );
        }
    }

    #[test]
    fn modes_read_back() {
        for mode in ProgressMode::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        assert!("loud".parse::<ProgressMode>().is_err());
    }
}
