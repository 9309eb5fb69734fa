//! Answers in words. JSON needs nothing here: it is the types themselves.

pub mod driver;
pub mod error;
pub mod findings;
pub mod image;
pub mod install;
pub mod recover;
pub mod report;
pub mod status;
pub mod tgt;
pub mod tgt_check;
pub mod tgt_live;

use super::paint::{Paint, Tone};
use crate::job::{Answer, StepAnswer};
use crate::model::Change;

/// What a job answers, in words.
pub fn answer(answer: &Answer, paint: Paint) -> String {
    match answer {
        Answer::Hello(hello) => format!("warmblock {} on host {}\n", hello.release, hello.host),
        Answer::Disk(report) => report::human(report, paint),
        Answer::Recover(report) => recover::human(report, paint),
        Answer::Image(report) => image::human(report, paint),
        Answer::Directory(report) => format!("{}: {}\n", report.path.display(), report.change),
        Answer::Cluster(reached) => format!("cluster {}\n", reached.fsid),
        Answer::Guest(report) => format!("guest {}: {}\n", report.domain, report.change),
        Answer::Steps { steps } => steps.iter().map(|step| of_several(step, paint)).collect(),
    }
}

fn of_several(step: &StepAnswer, paint: Paint) -> String {
    match step {
        StepAnswer::Done(done) => answer(done, paint),
        StepAnswer::Content(why) => format!("nothing to do: {why}\n"),
    }
}

/// One step of a job: what happened, how long it took, to what.
fn step_row(change: Change, seconds: f64, what: &str, dry_run: bool, paint: Paint) -> Vec<String> {
    let tone = if change.is_change() {
        Tone::Good
    } else {
        Tone::Dim
    };
    let time = if dry_run {
        String::new()
    } else {
        format!("{seconds:.2} s")
    };
    vec![paint.tone(tone, &change.to_string()), time, what.to_owned()]
}
