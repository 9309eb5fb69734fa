//! The binary as a user meets it, without root and without Ceph: help, refusals, answers, documents, doctor.

#![expect(clippy::unwrap_used, reason = "a failing helper fails the test")]

mod answers;
mod conformance;
mod doctor;
mod documents;
mod drivers;
mod help;
mod monitor;
mod refusals;

use std::path::Path;

use assert_cmd::Command;

/// The binary with nothing of this machine's environment or configuration.
fn warmblock(root: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("warmblock"));
    command.env_clear().env("WARMBLOCK_ROOT", root);
    command
}

/// What a run left behind, as text.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

fn run(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Every command with its sub-commands, as words; the bare binary is the empty list.
fn commands() -> Vec<Vec<String>> {
    fn walk(command: &clap::Command, words: &[String], all: &mut Vec<Vec<String>>) {
        all.push(words.to_vec());
        for sub in command.get_subcommands() {
            walk(sub, &[words, &[sub.get_name().to_owned()]].concat(), all);
        }
    }
    let mut all = Vec::new();
    walk(
        &<warmblock::cli::Cli as clap::CommandFactory>::command(),
        &[],
        &mut all,
    );
    all
}

/// Writes a file below a directory, and the directories above it.
fn put(root: &Path, path: &str, text: &str) {
    warmblock::sys::atomic::write(&root.join(path), text.as_bytes()).unwrap();
}
