//! What the program tells about its own doings: on standard error, without times (journald and oned add theirs).

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::args::Global;

/// The variable with a filter such as `warmblock=debug` that beats `-v` and `-q`.
pub const VARIABLE: &str = "WARMBLOCK_LOG";

/// Starts telling. Called once.
pub fn start(global: &Global) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, 2) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    };
    let filter = EnvFilter::builder()
        .with_default_directive(level.into())
        .with_env_var(VARIABLE);
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter.from_env_lossy())
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false)
        .without_time();
    // Fails only when one is there already, and that one does as well.
    let _there = subscriber.try_init();
}
