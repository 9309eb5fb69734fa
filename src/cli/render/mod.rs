//! Answers in words. JSON needs nothing here: it is the types themselves.

pub mod error;
pub mod findings;
pub mod recover;
pub mod report;
pub mod status;

use super::paint::Paint;
use crate::job::Answer;

/// What a job answers, in words.
pub fn answer(answer: &Answer, paint: Paint) -> String {
    match answer {
        Answer::Disk(report) => report::human(report, paint),
        Answer::Recover(report) => recover::human(report, paint),
        Answer::Image(report) => image::human(report, paint),
    }
}
