//! `--help` of every command: the same as before, within 80 columns.

use std::path::Path;

use super::{commands, run, warmblock};

#[test]
fn every_help_is_as_recorded_and_fits_80_columns() {
    for words in commands() {
        let ran = run(warmblock(Path::new("/nonexistent"))
            .args(&words)
            .arg("--help"));
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{words:?}");
        for line in ran.stdout.lines() {
            assert!(line.chars().count() <= 80, "{words:?}: {line}");
        }
        insta::assert_snapshot!(name(&words), ran.stdout);
    }
}

fn name(words: &[String]) -> String {
    if words.is_empty() {
        "help".into()
    } else {
        format!("help-{}", words.join("-"))
    }
}

#[test]
fn help_is_a_command_too() {
    let said = |words: &[&str]| run(warmblock(Path::new("/nonexistent")).args(words)).stdout;
    for words in [vec!["attach"], vec!["image", "clone"]] {
        let option = said(&[words.as_slice(), &["--help"]].concat());
        let command = said(&[&["help"], words.as_slice()].concat());
        assert!(option.contains("Usage:"), "{option}");
        assert_eq!(command, option, "{words:?}");
    }
}

#[test]
fn the_definition_is_sound() {
    <warmblock::cli::Cli as clap::CommandFactory>::command().debug_assert();
}

#[test]
fn the_version_is_told() {
    let ran = run(warmblock(Path::new("/nonexistent")).arg("--version"));
    assert_eq!(
        ran.stdout,
        format!("warmblock {}\n", env!("CARGO_PKG_VERSION"))
    );
}
