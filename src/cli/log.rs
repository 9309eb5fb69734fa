//! What the program tells about its own doings: on standard error, without times (journald and oned add theirs).

use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use super::args::Global;
use crate::one::VmId;
use crate::one::voice::{Dialect, log_line};

/// The variable with a filter such as `warmblock=debug` that beats `-v` and `-q`.
pub const VARIABLE: &str = "WARMBLOCK_LOG";

/// Starts telling. Called once.
pub fn start(global: &Global) {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter(level(global)))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .log_internal_errors(false)
        .with_target(false)
        .without_time();
    // Fails only when one is there already, and that one does as well.
    let _there = subscriber.try_init();
}

/// Starts telling oned, about a VM or about none. Called once.
pub fn start_for_oned(global: &Global, dialect: Dialect, vm: Option<VmId>) {
    let subscriber = for_oned(level(global), dialect, vm, std::io::stderr);
    let _there = tracing::subscriber::set_global_default(subscriber);
}

/// Lines of log as oned reads them. Of a release that would show them to the user, none.
fn for_oned(
    level: LevelFilter,
    dialect: Dialect,
    vm: Option<VmId>,
    writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static,
) -> impl Subscriber + Send + Sync {
    let filter = match dialect {
        Dialect::Levels => filter(level),
        Dialect::Framed | Dialect::Bare => EnvFilter::new("off"),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(false)
        // oned closes its end when the action is cancelled.
        .log_internal_errors(false)
        .event_format(ForOned(vm))
        .finish()
}

const fn level(global: &Global) -> LevelFilter {
    match (global.quiet, global.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, 2) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    }
}

fn filter(level: LevelFilter) -> EnvFilter {
    EnvFilter::builder()
        .with_default_directive(level.into())
        .with_env_var(VARIABLE)
        .from_env_lossy()
}

/// One line, with its severity and the VM.
struct ForOned(Option<VmId>);

impl<S, N> FormatEvent<S, N> for ForOned
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut text = String::new();
        ctx.format_fields(Writer::new(&mut text), event)?;
        let severity = match *event.metadata().level() {
            Level::ERROR => "ERROR",
            Level::WARN => "WARN",
            Level::INFO => "INFO",
            Level::DEBUG | Level::TRACE => "DEBUG",
        };
        writeln!(writer, "{}", log_line(severity, self.0, &text))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<u8>>>);

    impl Write for Heard {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            heard.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn told(dialect: Dialect, vm: Option<VmId>) -> String {
        let heard = Heard::default();
        let writer = heard.clone();
        let subscriber = for_oned(LevelFilter::WARN, dialect, vm, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(tries = 3, "4 retries\nleft");
            tracing::error!("lost");
            tracing::info!("nothing");
        });
        let heard = heard.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&heard).into_owned()
    }

    #[test]
    fn oned_takes_every_line_for_the_log_of_the_vm() {
        let lines = told(Dialect::Levels, Some(VmId(12)));
        assert_eq!(lines, "WARN: 12 4 retries left tries=3\nERROR: 12 lost\n");
        let lines = told(Dialect::Levels, None);
        assert!(lines.starts_with("WARN: warmblock 4 retries"), "{lines}");
    }

    #[test]
    fn a_release_that_would_show_it_to_the_user_hears_nothing() {
        for dialect in [Dialect::Framed, Dialect::Bare] {
            assert_eq!(told(dialect, Some(VmId(12))), "");
        }
    }
}
