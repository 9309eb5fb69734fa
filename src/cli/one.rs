//! `warmblock one`: what oned calls, and what an operator of OpenNebula does.

mod ended;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use super::args::{Global, OneCall, OneCommand};
use super::{Output, log, render};
use crate::doctor::Findings;
use crate::one::call::Family;
use crate::one::oned::{Oned, Surroundings};
use crate::one::voice::Voice;
use crate::one::{self, Call, Site, Stdio, Tree};
use crate::{Error, Kind, Result};

/// Does what a command asks for.
pub(super) fn run(global: &Global, output: &Output, command: &OneCommand) -> Result<ExitCode> {
    match command {
        OneCommand::Tm(call) => Ok(act(global, Family::Transfer, call)),
        OneCommand::Ds(call) => Ok(act(global, Family::Datastore, call)),
        OneCommand::Install(args) => {
            let report = one::install::install(&args.tree.tree(), args.changing.dry_run)?;
            output.answer(&report, render::install::human)?;
            Ok(ExitCode::SUCCESS)
        }
        OneCommand::Uninstall(args) => {
            let (tree, dry_run) = (args.tree.tree(), args.changing.dry_run);
            let oned = Oned::find(&Surroundings::of(&tree));
            let report = one::install::uninstall(&tree, &oned, dry_run)?;
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
fn act(global: &Global, family: Family, asked: &OneCall) -> ExitCode {
    let dialect = Tree::find().dialect();
    let call = Call::parse(family, &asked.action, &asked.args);
    let vm = call.as_ref().ok().and_then(Call::vm);
    log::start_for_oned(global, dialect, vm);
    ended::hear_panics();
    let mut voice = Voice::new(dialect, vm, io::stderr());
    let began = ended::when_asked(dialect, vm).and_then(|()| Site::find());
    let site = match began {
        Ok(site) => site,
        Err(error) => {
            voice.fail(&error);
            return ExitCode::FAILURE;
        }
    };
    let done = ended::or_told(&mut voice, || {
        let stdio = Stdio {
            stdin: &mut io::stdin().lock(),
            stdout: &mut io::stdout().lock(),
            stderr: &mut io::stderr(),
        };
        one::act(&site, &asked.action, call, stdio)
    });
    match done {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Whether these are words of oned's, who reads what is wrong with them in its own way.
pub fn is_call(words: impl IntoIterator<Item = OsString>) -> bool {
    let mut words = words.into_iter().skip_while(|word| word != "one").skip(1);
    words
        .next()
        .is_some_and(|word| word == "tm" || word == "ds")
}

/// Says to oned that its words cannot be used. How the command is used is for people.
pub fn refuse(why: &str) {
    let why = why.split("\nUsage:").next().unwrap_or_default();
    let why = why.trim_start_matches("error: ").trim_end();
    let error = Error::new(Kind::Usage, format!("warmblock cannot be called so: {why}"));
    Voice::new(Tree::find().dialect(), None, io::stderr()).fail(&error);
}

fn examined(output: &Output, findings: &Findings) -> Result<ExitCode> {
    output.answer(findings, render::findings::human)?;
    Ok(if findings.healthy() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(Kind::Missing.exit_code())
    })
}
