//! The reader of tgt-admin's grammar against tgt-admin itself, on a corpus of our own: written by hand and generated.

#![expect(clippy::unwrap_used, reason = "a failing helper fails the test")]

mod cases;
mod compare;
mod found;
mod generate;
mod many;
mod script;

use std::io::Write as _;
use std::path::Path;

use cases::Case;
use script::{Answer, Wanted};
use warmblock::tgt::conf::plan::{self, Run};
use warmblock::tgt::conf::{self, Disk};

/// Files that a seed makes. `WARMBLOCK_TGT_SEEDS=FROM..TO` takes others, for a longer look.
const GENERATED: std::ops::Range<u64> = 0..250;

/// How many cases there are at least that were written by hand.
const LEAST: usize = 300;

const RUNS: [(Run, &[&str]); 2] = [
    (Run::Execute, &["--pretend", "--execute"]),
    (Run::UpdateAll, &["--pretend", "--update", "ALL"]),
];

#[test]
fn the_plan_is_what_tgt_admin_does() {
    if let Some(why) = script::missing() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
        println!("SKIPPED: 0 files compared with tgt-admin, 1 test skipped: {why}");
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let mut all = cases::written();
    let by_hand = all.len();
    let seeds = seeds();
    all.extend(seeds.clone().map(generate::case));
    let mut wanted = Vec::new();
    for (at, case) in all.iter().enumerate() {
        let directory = scratch.path().join(format!("case{at}"));
        case.put(&directory);
        for (_, words) in RUNS {
            let mut args: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            args.extend(["-c".into(), case.main(&directory)]);
            wanted.push(Wanted {
                directory: directory.clone(),
                args,
            });
        }
    }
    let answers = script::ask(scratch.path(), &wanted);
    let (wrong, stopped) = differences(&all, &wanted, &answers);
    directly(scratch.path(), &wanted, &answers);
    tell(&format!(
        "{} files compared with tgt-admin in 2 runs each ({by_hand} by hand, {} generated); {stopped} of {} runs stop early",
        all.len(),
        seeds.count(),
        wanted.len()
    ));
    assert!(by_hand >= LEAST, "cases were lost: {by_hand}");
    assert!(
        wrong.is_empty(),
        "{} runs differ:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(5)].join("\n----\n")
    );
}

/// A line that is seen although the test passes.
fn tell(line: &str) {
    let _nobody_reads = writeln!(std::io::stderr(), "{line}");
}

/// What differs, and how many runs stop early.
fn differences(all: &[Case], wanted: &[Wanted], answers: &[Answer]) -> (Vec<String>, usize) {
    let (mut wrong, mut stopped) = (Vec::new(), 0);
    for (at, (wanted, answer)) in wanted.iter().zip(answers).enumerate() {
        let (case, run) = (&all[at / RUNS.len()], RUNS[at % RUNS.len()].0);
        let plan = plan_of(case, &wanted.directory, run);
        stopped += usize::from(plan.stop.is_some());
        if let Some(why) = compare::difference(&plan, answer) {
            let text = case.text();
            wrong.push(format!(
                "{} ({run:?}): {why}\n{}\n{text}",
                case.name, answer.stderr
            ));
        }
    }
    (wrong, stopped)
}

fn seeds() -> std::ops::Range<u64> {
    let given = std::env::var("WARMBLOCK_TGT_SEEDS").ok();
    let given = given.and_then(|text| {
        let (from, to) = text.split_once("..")?;
        Some(from.parse().ok()?..to.parse().ok()?)
    });
    given.unwrap_or(GENERATED)
}

/// The plan of a case; a relative path is looked for in the case's directory.
fn plan_of(case: &Case, directory: &Path, run: Run) -> plan::Plan {
    let files = cases::Below {
        directory: directory.to_path_buf(),
        disk: Disk,
    };
    let main = case.main(directory);
    let conf = conf::read(&files, Path::new(&main));
    plan::plan(&conf, &files, run, Some(Path::new(&main)))
}

/// The driver that saves time changes nothing: some runs are done as a user does them.
fn directly(scratch: &Path, wanted: &[Wanted], answers: &[Answer]) {
    for at in (0..wanted.len()).step_by(wanted.len() / 24) {
        let answer = script::ask_directly(scratch, &wanted[at]);
        let class = |code: i32| code.min(2);
        assert_eq!(
            class(answer.code),
            class(answers[at].code),
            "{:?}",
            wanted[at]
        );
        let lines = |stdout: &[u8]| {
            let mut lines: Vec<_> = String::from_utf8_lossy(stdout)
                .lines()
                .map(str::to_owned)
                .collect();
            lines.retain(|line| !line.contains("(0x"));
            lines.sort();
            lines
        };
        assert_eq!(
            lines(&answer.stdout),
            lines(&answers[at].stdout),
            "{:?}",
            wanted[at]
        );
    }
}
