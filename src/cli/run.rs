//! From a command to its answer.

use std::io;
use std::process::ExitCode;

use super::alive::Alive;
use super::args::{Cli, Command, ConfigCommand, DoctorArgs, Global, StatusArgs, TgtCommand};
use super::output::{Output, to_stderr, to_stdout};
use super::render::{self, error::ErrorReport};
use super::{apart, docgen, driver, host, log, one, settings, tgt, tgt_check};
use crate::cancel::Cancel;
use crate::config;
use crate::host::Host;
use crate::job::{self, Answer, Job, Report, Request};
use crate::progress::ProgressMode;
use crate::sys::Caller;
use crate::{Error, Kind, Result, disk, doctor, seed, tools};

/// Does what the command line asks for, and answers.
pub fn run(cli: &Cli, output: &Output) -> Result<ExitCode> {
    if !matches!(&cli.command, Command::One { command } if command.is_call()) {
        log::start(&cli.global);
    }
    match &cli.command {
        Command::Disk(command) => run_job(cli, output, &command.job()),
        Command::Image { command } => run_job(cli, output, &command.job()),
        // It is for files of anybody, on hosts where nothing of ours is configured.
        Command::Tgt {
            command: TgtCommand::Check(args),
        } => tgt_check::run(&cli.global, output, args),
        Command::Tgt { command } => tgt::run(cli, output, &host(&cli.global)?, command),
        Command::Driver { command } => driver::run(output, &host(&cli.global)?, command),
        Command::One { command } => one::run(&cli.global, output, command),
        Command::Host => {
            // The job may go on to read: the lock must not be held any more.
            let job = host::read_job(&mut io::stdin().lock())?;
            run_job(cli, output, &job)
        }
        Command::Status(args) => status(cli, output, args),
        Command::Doctor(args) => examine(cli, output, args),
        Command::Config {
            command: ConfigCommand::Show,
        } => show_config(cli, output),
        Command::Seeder => {
            apart::let_go();
            let job = host::read_job(&mut io::stdin().lock())?;
            run_job(cli, output, &job)
        }
        Command::Copier => copier(),
        Command::Docgen(args) => docgen::write(&args.dir).map(|()| ExitCode::SUCCESS),
    }
}

/// Tells the error and gives its exit code.
pub fn fail(output: &Output, error: &Error) -> ExitCode {
    if output.json {
        // If it is standard output that fails, the lines below still tell it.
        let _told_below = output.answer(&ErrorReport::from(error), |_, _| String::new());
    }
    to_stderr(&render::error::human(error, output.paint_err));
    code(error.kind())
}

fn code(kind: Kind) -> ExitCode {
    ExitCode::from(kind.exit_code())
}

fn host(global: &Global) -> Result<Host> {
    let config = settings::config(global)?;
    let mode = if global.quiet {
        ProgressMode::Quiet
    } else {
        global.progress
    };
    let mut host = Host::new(config, settings::roots(global), mode, Cancel::on_signals()?);
    host.settings = global.again();
    Ok(host)
}

fn run_job(cli: &Cli, output: &Output, job: &Job) -> Result<ExitCode> {
    let asked_for = matches!(cli.command, Command::Host);
    let alive = asked_for.then(Alive::start);
    let mut host = host(&cli.global)?;
    if asked_for {
        host.caller = Caller::of_sudo()?;
    }
    let answer = job::run(&host, job);
    // Nothing may come between it and what is answered.
    drop(alive);
    let answer = answer?;
    match &answer {
        Answer::Disk(report) if !output.json && is_attach(job) => attached(output, report)?,
        // What was done is no more asked for than it is of an attach.
        Answer::Disk(report) if !output.json && output.quiet && is_told_by_its_code(report) => {}
        _ => output.answer(&answer, render::answer)?,
    }
    Ok(match &answer {
        // The rest was dealt with, and what was not has its own error in the answer.
        Answer::Recover(report) if report.failed() => code(Kind::Failed),
        _ => ExitCode::SUCCESS,
    })
}

const fn is_attach(job: &Job) -> bool {
    matches!(job.request, Request::Attach(_)) && !job.dry_run
}

/// Whether there is nothing in a report but what was done: neither a plan nor what a comparison found.
const fn is_told_by_its_code(report: &Report) -> bool {
    !report.dry_run && report.verify.is_none()
}

/// For `DEVICE=$(warmblock attach …)`: the path alone on standard output.
fn attached(output: &Output, report: &Report) -> Result<()> {
    output.note(|paint| render::report::human(report, paint));
    match &report.front {
        Some(front) => to_stdout(&format!("{}\n", front.display())),
        None => Err(Error::new(
            Kind::Internal,
            format!("attach of {} gave no device", report.image),
        )),
    }
}

fn status(cli: &Cli, output: &Output, args: &StatusArgs) -> Result<ExitCode> {
    let report = disk::status(
        &host(&cli.global)?,
        args.image.as_ref(),
        args.lease || args.image.is_some(),
    )?;
    output.answer(&report, render::status::human)?;
    Ok(if args.check && !report.well() {
        code(Kind::Failed)
    } else {
        ExitCode::SUCCESS
    })
}

/// The child of a seed: see [`seed::serve`].
fn copier() -> Result<ExitCode> {
    let cancel = Cancel::on_signals()?;
    let failed = seed::serve(io::stdin().lock(), io::stdout().lock(), &cancel)?;
    Ok(failed.map_or(ExitCode::SUCCESS, code))
}

fn examine(cli: &Cli, output: &Output, args: &DoctorArgs) -> Result<ExitCode> {
    if args.print_udev_rules {
        to_stdout(tools::udev::RULES)?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.print_recover_unit {
        to_stdout(&doctor::boot::unit(std::env::current_exe().ok().as_deref()))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(user) = &args.print_sudoers {
        to_stdout(&doctor::sudoers::sudoers(user)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let findings = doctor::examine(settings::config(&cli.global), settings::roots(&cli.global));
    output.answer(&findings, |findings, paint| {
        if output.quiet {
            render::findings::amiss(findings, paint)
        } else {
            render::findings::human(findings, paint)
        }
    })?;
    Ok(if findings.healthy() {
        ExitCode::SUCCESS
    } else {
        code(Kind::Missing)
    })
}

fn show_config(cli: &Cli, output: &Output) -> Result<ExitCode> {
    let config = settings::config(&cli.global)?;
    let text = config::show(&config)?;
    output.answer(&config, |_, _| text)?;
    Ok(ExitCode::SUCCESS)
}
