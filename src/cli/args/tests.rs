//! From words to jobs.

use clap::Parser;

use super::{Cli, Command};
use crate::job::Job;

fn job(line: &str) -> Job {
    let words = std::iter::once("warmblock").chain(line.split(' '));
    match Cli::try_parse_from(words).unwrap().command {
        Command::Disk(command) => command.job(),
        Command::Image { command } => command.job(),
        other => panic!("{other:?} is no job"),
    }
}

/// A line and the job it becomes, as JSON with what was not said left out.
fn shown(line: &str) -> String {
    let mut json = serde_json::to_value(job(line)).unwrap();
    let request = json["request"].as_object_mut().unwrap();
    request.retain(|_, value| !value.is_null() && *value != false);
    format!(
        "{line}\n    {}{}\n",
        json["request"],
        if json["dry_run"] == true {
            " (dry run)"
        } else {
            ""
        }
    )
}

#[test]
fn commands_on_disks_become_jobs() {
    let lines = [
        "attach one/a",
        "attach one/ns/a --driver bcache --mode wb --size 8G --seed first:1G --on-full fail --link /l --dry-run",
        "attach one/a --break-lease --discard-dirty",
        "detach one/a --discard-dirty",
        "seed one/a",
        "seed one/a allocated",
        "seed one/a --verify",
        "flush one/a",
        "bypass one/a --dry-run",
        "insert one/a --seed none",
        "mode one/a writethrough",
        "recover --dry-run",
    ];
    insta::assert_snapshot!(lines.map(shown).concat());
}

#[test]
fn commands_on_images_become_jobs() {
    let lines = [
        "image import - one/a",
        "image import f.qcow2 one/a --format qcow2 --size 20G --data-pool ec --object-size 8M --features layering,fast-diff",
        "image clone one/a one/b",
        "image clone one/a@s one/b --size 20G --data-pool ec --dry-run",
        "image ls one",
        "image ls one/ns --allocated",
        "image info one/a",
        "image rm one/a --snapshots --missing-ok",
        "image resize one/a 30G --allow-shrink",
        "image flatten one/a",
        "image rename one/a b",
        "image snap ls one/a",
        "image snap create one/a@s",
        "image snap rm one/a@s",
        "image snap protect one/a@s",
        "image snap unprotect one/a@s",
        "image snap rollback one/a@s --dry-run",
    ];
    insta::assert_snapshot!(lines.map(shown).concat());
}

#[test]
fn a_job_reads_back_as_it_was_sent() {
    for line in [
        "attach one/a --size 8G --seed first:1G",
        "image import - one/a --checksum md5:d41d8cd98f00b204e9800998ecf8427e",
    ] {
        let sent = job(line);
        let text = serde_json::to_string(&sent).unwrap();
        assert_eq!(serde_json::from_str::<Job>(&text).unwrap(), sent, "{text}");
    }
}
