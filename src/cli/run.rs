//! From a command to its answer.

use std::io;
use std::process::ExitCode;

use super::args::{Cli, Command, ConfigCommand, DoctorArgs, ImageCommand};
use super::output::{Output, to_stderr, to_stdout};
use super::render::{self, error::ErrorReport};
use super::settings::{self, Settings};
use super::{docgen, host, log};
use crate::doctor;
use crate::job::{Job, Request};
use crate::{Error, Kind, Result};

/// Does what the command line asks for, and answers.
pub fn run(cli: &Cli, output: &Output) -> Result<ExitCode> {
    log::start(&cli.global);
    match &cli.command {
        Command::Disk(command) => run_job(cli, output, &command.job())?,
        Command::Image { command } => image(cli, output, command)?,
        Command::Host => run_job(cli, output, &host::read_job(io::stdin().lock())?)?,
        Command::Status(_) => return Err(not_built()),
        Command::Doctor(args) => return examine(cli, output, args),
        Command::Config {
            command: ConfigCommand::Show,
        } => show_config(cli, output)?,
        Command::Docgen(args) => docgen::write(&args.dir)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells the error and gives its exit code.
pub fn fail(output: &Output, error: &Error) -> ExitCode {
    if output.json {
        // Standard output gave its own error before, if it is that which fails.
        let _told_below = output.answer(&ErrorReport::from(error), |_, _| String::new());
    }
    to_stderr(&render::error::human(error, output.paint_err));
    ExitCode::from(error.kind().exit_code())
}

fn run_job(cli: &Cli, _output: &Output, _job: &Job) -> Result<()> {
    let _settings = Settings::read(&cli.global)?;
    Err(not_built())
}

fn image(cli: &Cli, output: &Output, command: &ImageCommand) -> Result<()> {
    match command.job() {
        Some(job) => run_job(cli, output, &job),
        None => Err(not_built()),
    }
}

fn not_built() -> Error {
    Error::new(Kind::Internal, "this is not built yet")
}

/// `attach` is for `DEVICE=$(warmblock attach …)`: the path alone on standard output.
#[expect(dead_code, reason = "used as soon as jobs run")]
fn answer(output: &Output, job: &Job, report: &crate::job::Report) -> Result<()> {
    match &report.front {
        Some(front)
            if matches!(job.request, Request::Attach(_)) && !output.json && !report.dry_run =>
        {
            output.note(|paint| render::report::human(report, paint));
            to_stdout(&format!("{}\n", front.display()))
        }
        _ => output.answer(report, render::report::human),
    }
}

fn examine(cli: &Cli, output: &Output, args: &DoctorArgs) -> Result<ExitCode> {
    if args.print_udev_rules {
        to_stdout(crate::tools::udev::RULES)?;
        return Ok(ExitCode::SUCCESS);
    }
    let findings = doctor::examine(settings::config(&cli.global), settings::roots(&cli.global));
    output.answer(&findings, render::findings::human)?;
    Ok(if findings.healthy() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(Kind::Missing.exit_code())
    })
}

fn show_config(cli: &Cli, output: &Output) -> Result<()> {
    let config = settings::config(&cli.global)?;
    let text = toml::to_string(&config).map_err(|error| {
        Error::new(Kind::Internal, "cannot write the configuration").because(error)
    })?;
    output.answer(&config, |_, _| text)
}
