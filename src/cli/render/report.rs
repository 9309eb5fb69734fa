//! A job's report in words.

use std::fmt::Write as _;

use super::step_row;
use crate::cli::output::columns;
use crate::cli::paint::{Paint, Tone};
use crate::job::{Report, Step};
use crate::seed::VerifyReport;

/// The report as a person reads it: a headline, the steps, the proofs, the warnings.
pub fn human(report: &Report, paint: Paint) -> String {
    let mut text = format!("{}\n", paint.tone(Tone::Strong, &headline(report)));
    let rows: Vec<_> = report
        .steps
        .iter()
        .map(|step| row(step, report.dry_run, paint))
        .collect();
    text.push_str(&columns("  ", &rows));
    if let Some(flush) = &report.flush {
        let _infallible = writeln!(
            text,
            "flush: {} blocks were dirty, none is now ({}; {:.2} s)",
            flush.dirty_before, flush.evidence, flush.seconds
        );
    }
    // An attach has a step that says it already.
    if let Some(seed) = report.seed.as_ref().map(ToString::to_string)
        && !report.steps.iter().any(|step| step.what.contains(&seed))
    {
        let _infallible = writeln!(text, "seed: {seed}");
    }
    if let Some(verify) = &report.verify {
        let _infallible = writeln!(text, "{}", verify_line(verify, paint));
    }
    for warning in &report.warnings {
        let _infallible = writeln!(text, "{} {warning}", paint.tone(Tone::Warn, "warning:"));
    }
    text
}

fn verify_line(verify: &VerifyReport, paint: Paint) -> String {
    let VerifyReport {
        compared,
        different,
        examples,
    } = verify;
    if *different == 0 {
        return format!("verify: {compared} cached blocks compared, all as in the image");
    }
    let blocks: Vec<String> = examples.iter().map(ToString::to_string).collect();
    let line = format!(
        "{different} of {compared} cached blocks differ from the image: {}",
        blocks.join(", ")
    );
    format!("verify: {}", paint.tone(Tone::Bad, &line))
}

fn headline(report: &Report) -> String {
    let image = &report.image;
    let changes = report
        .steps
        .iter()
        .filter(|step| step.change.is_change())
        .count();
    match (report.dry_run, changes) {
        (true, 0) => format!("{image}: nothing to do"),
        (true, _) => format!("{image}: would do"),
        (false, 0) => format!("{image}: nothing had to be done"),
        (false, _) => format!("{image}: done"),
    }
}

fn row(step: &Step, dry_run: bool, paint: Paint) -> Vec<String> {
    let mut row = step_row(step.change, step.seconds, &step.what, dry_run, paint);
    row.insert(0, step.layer.to_string());
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{FlushProof, LayerName};
    use crate::model::Change;

    fn step(layer: LayerName, change: Change, what: &str) -> Step {
        Step {
            layer,
            change,
            what: what.into(),
            seconds: 0.126,
        }
    }

    fn report() -> Report {
        Report {
            version: Report::VERSION,
            dry_run: false,
            image: "one/vm-7".parse().unwrap(),
            key: "801945f3-2-abc".parse().unwrap(),
            front: Some("/dev/mapper/wb-801945f3-2-abc".into()),
            steps: vec![
                step(LayerName::Lease, Change::Made, "generation 5, writethrough"),
                step(LayerName::Map, Change::Kept, "/dev/rbd0"),
                step(LayerName::Front, Change::Altered, "now points at the cache"),
            ],
            seed: None,
            flush: Some(FlushProof {
                dirty_before: 12,
                evidence: "dm-cache status".into(),
                seconds: 1.5,
            }),
            verify: None,
            warnings: vec!["the volume group is nearly full".into()],
        }
    }

    #[test]
    fn a_report_in_words() {
        insta::assert_snapshot!(human(&report(), Paint::PLAIN), @r"
        one/vm-7: done
          lease  made     0.13 s  generation 5, writethrough
          map    kept     0.13 s  /dev/rbd0
          front  altered  0.13 s  now points at the cache
        flush: 12 blocks were dirty, none is now (dm-cache status; 1.50 s)
        warning: the volume group is nearly full
        ");
    }

    #[test]
    fn a_plan_has_no_times() {
        let plan = Report {
            dry_run: true,
            flush: None,
            warnings: Vec::new(),
            ..report()
        };
        insta::assert_snapshot!(human(&plan, Paint::PLAIN), @r"
        one/vm-7: would do
          lease  made       generation 5, writethrough
          map    kept       /dev/rbd0
          front  altered    now points at the cache
        ");
    }
}
