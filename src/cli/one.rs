//! `warmblock one`: what oned calls, and what an operator of OpenNebula does.

use std::io;
use std::process::ExitCode;

use super::args::{OneCall, OneCommand};
use super::{Output, render};
use crate::doctor::Findings;
use crate::one::call::Family;
use crate::one::oned::Surroundings;
use crate::one::{self, Site, Stdio};
use crate::{Kind, Result};

/// Does what a command asks for.
pub(super) fn run(output: &Output, command: &OneCommand) -> Result<ExitCode> {
    match command {
        OneCommand::Tm(call) => act(Family::Transfer, call),
        OneCommand::Ds(call) => act(Family::Datastore, call),
        OneCommand::Install(args) => {
            let report = one::install::install(&args.tree.tree(), args.changing.dry_run)?;
            output.answer(&report, render::install::human)?;
            Ok(ExitCode::SUCCESS)
        }
        OneCommand::Doctor(args) => {
            let tree = args.tree();
            examined(
                output,
                &one::doctor::examine(&tree, &Surroundings::of(&tree)),
            )
        }
    }
}

/// Speaks to oned, in its own way, and to nobody else.
fn act(family: Family, call: &OneCall) -> Result<ExitCode> {
    let stdio = Stdio {
        stdin: &mut io::stdin().lock(),
        stdout: &mut io::stdout().lock(),
        stderr: &mut io::stderr(),
    };
    let done = one::act(&Site::find()?, family, &call.action, &call.args, stdio);
    Ok(if done {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn examined(output: &Output, findings: &Findings) -> Result<ExitCode> {
    output.answer(findings, render::findings::human)?;
    Ok(if findings.healthy() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(Kind::Missing.exit_code())
    })
}
