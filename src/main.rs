//! The binary: parse, run, tell. Everything else is the library's.

use std::process::ExitCode;

use clap::Parser;
use warmblock::Kind;
use warmblock::cli::{self, Cli, Output};

fn main() -> ExitCode {
    // Who is started by way of /proc has the name of that. Without its own it is called otherwise, and works.
    let _name = nix::sys::prctl::set_name(c"warmblock");
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refused(&error),
    };
    let output = Output::new(cli.json(), cli.global.quiet);
    match cli::run(&cli, &output) {
        Ok(code) => code,
        Err(error) => cli::fail(&output, &error),
    }
}

/// A usage error, or the help or version that was asked for. oned is told in its own words.
fn refused(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && cli::is_call(std::env::args_os().skip(1)) {
        cli::refuse(&error.to_string());
        return ExitCode::from(Kind::Usage.exit_code());
    }
    // When even this cannot be printed, there is nobody left to be told.
    let _nobody = error.print();
    if error.use_stderr() {
        ExitCode::from(Kind::Usage.exit_code())
    } else {
        ExitCode::SUCCESS
    }
}
