//! `warmblock driver`: from its arguments to its answers.

use std::process::ExitCode;

use super::args::DriverCommand;
use super::{Output, render};
use crate::cache::DriverList;
use crate::host::Host;
use crate::{Kind, Result, conform};

/// Does what a command on cache drivers asks for.
pub(super) fn run(output: &Output, host: &Host, command: &DriverCommand) -> Result<ExitCode> {
    match command {
        DriverCommand::Ls => {
            output.answer(&DriverList::of(host), render::driver::list)?;
            Ok(ExitCode::SUCCESS)
        }
        DriverCommand::Check(args) => {
            let begins = |case: &str| output.note(|_| format!("{case} …\n"));
            let report = conform::check(host, &args.dir, begins)?;
            let conforms = report.conforms();
            output.answer(&report, render::driver::checked)?;
            Ok(if conforms {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(Kind::Mismatch.exit_code())
            })
        }
    }
}
