//! Targets that are in force, in words.

use std::fmt::Write as _;

use super::{report, tgt};
use crate::cli::output::columns;
use crate::cli::paint::{Paint, Tone};
use crate::tgt::failover::{FailoverReport, ReleaseReport};
use crate::tgt::inventory::ClientRole;
use crate::tgt::resize::ResizeReport;
use crate::tgt::status::{GatewayStatus, TargetStatus, TgtStatus};
use crate::tgt::verify::{Check, CheckState, VerifyReport};

/// A table per gateway; what is wrong stands below each target, and between gateways at the end.
pub fn status(status: &TgtStatus, paint: Paint) -> String {
    let mut text: String = status
        .gateways
        .iter()
        .map(|one| gateway(one, paint))
        .collect();
    for problem in &status.problems {
        let _infallible = writeln!(text, "{}", paint.tone(Tone::Bad, problem));
    }
    let word = if status.well() {
        paint.tone(Tone::Good, "all is as it should be")
    } else {
        paint.tone(Tone::Bad, "not all is as it should be")
    };
    let _infallible = writeln!(text, "{word}");
    text
}

fn gateway(status: &GatewayStatus, paint: Paint) -> String {
    let name = status
        .gateway
        .as_ref()
        .map_or_else(|| "this gateway".to_owned(), ToString::to_string);
    let mut text = format!("{}\n", paint.tone(Tone::Strong, &name));
    for problem in status.error.iter().chain(&status.problems) {
        let _infallible = writeln!(text, "  {}", paint.tone(Tone::Bad, problem));
    }
    let rows: Vec<Vec<String>> = status.targets.iter().map(|one| row(one, paint)).collect();
    let lines = columns("  ", &rows);
    for (line, target) in lines.lines().zip(&status.targets) {
        text.push_str(&format!("{line}\n{}", details(target, paint)));
    }
    if !status.foreign.is_empty() {
        let _infallible = writeln!(text, "  of others: {}", status.foreign.join(", "));
    }
    text
}

fn row(target: &TargetStatus, paint: Paint) -> Vec<String> {
    let role = match target.role {
        ClientRole::Active => "active",
        ClientRole::Standby => "standby",
        ClientRole::Elsewhere => "not ours",
    };
    let well = target.drift.is_empty() && target.problems.is_empty();
    let tone = if well { Tone::Good } else { Tone::Bad };
    let state = match (target.tid, target.ready) {
        (None, _) => "missing",
        (_, true) => "ready",
        (_, false) => "offline",
    };
    vec![
        target.iqn.clone(),
        role.to_owned(),
        target
            .tid
            .map_or_else(|| "-".into(), |tid| format!("tid {tid}")),
        paint.tone(tone, state),
        format!("{} LUNs", target.luns.len()),
        format!("{} sessions", target.sessions.len()),
    ]
}

fn details(target: &TargetStatus, paint: Paint) -> String {
    let mut text = String::new();
    for session in &target.sessions {
        let from = session.addresses.join(", ");
        let _infallible = writeln!(text, "    connected: {} from {from}", session.initiator);
    }
    for drift in &target.drift {
        let _infallible = writeln!(text, "    {} {drift}", paint.tone(Tone::Warn, "drift:"));
    }
    for problem in &target.problems {
        let _infallible = writeln!(text, "    {}", paint.tone(Tone::Bad, problem));
    }
    text
}

/// The status, then every check that did not pass, and their number.
pub fn verify(report: &VerifyReport, paint: Paint) -> String {
    let mut text = status(&report.status, paint);
    for target in &report.targets {
        let _infallible = writeln!(text, "{}", paint.tone(Tone::Strong, &target.iqn));
        let rows: Vec<_> = target.checks.iter().map(|one| check(one, paint)).collect();
        text.push_str(&columns("  ", &rows));
    }
    for healed in &report.healed {
        let word = match (&healed.error, report.dry_run) {
            (Some(error), _) => format!("could not be made anew: {error}"),
            (None, true) => "would be made anew".into(),
            (None, false) => "was made anew".into(),
        };
        let _infallible = writeln!(
            text,
            "{} LUN {} {word} ({})",
            healed.iqn, healed.lun, healed.why
        );
    }
    let count = |state| report.count(state);
    let _infallible = writeln!(
        text,
        "{} checks passed, {} failed, {} skipped",
        count(CheckState::Passed),
        count(CheckState::Failed),
        count(CheckState::Skipped)
    );
    text
}

fn check(check: &Check, paint: Paint) -> Vec<String> {
    let (tone, word) = match check.state {
        CheckState::Passed => (Tone::Good, "ok"),
        CheckState::Failed => (Tone::Bad, "FAILED"),
        CheckState::Skipped => (Tone::Dim, "skipped"),
    };
    vec![
        paint.tone(tone, word),
        check
            .lun
            .map_or_else(String::new, |lun| format!("LUN {lun}")),
        check.what.to_owned(),
        check.found.clone(),
    ]
}

/// A line per LUN.
pub fn resize(report: &ResizeReport, paint: Paint) -> String {
    let rows: Vec<Vec<String>> = report
        .luns
        .iter()
        .map(|lun| {
            let (tone, what) = match &lun.error {
                Some(error) => (Tone::Bad, error.clone()),
                None if lun.change.is_change() => {
                    (Tone::Good, format!("{} to {}", lun.before, lun.after))
                }
                None => (Tone::Dim, lun.after.to_string()),
            };
            let word = if lun.error.is_some() {
                "failed".into()
            } else {
                lun.change.to_string()
            };
            vec![
                paint.tone(tone, &word),
                format!("{} LUN {}", lun.iqn, lun.lun),
                lun.image.clone(),
                what,
            ]
        })
        .collect();
    let mut text = columns("", &rows);
    if report.luns.iter().any(|lun| lun.change.is_change()) && !report.dry_run {
        text.push_str("let the initiators scan again: they are not told\n");
    }
    text
}

/// What was done, with its time, and what tgtd made of it.
pub fn failover(report: &FailoverReport, paint: Paint) -> String {
    let mut text = String::new();
    let rows: Vec<Vec<String>> = report
        .steps
        .iter()
        .map(|step| {
            let tone = if step.done { Tone::Good } else { Tone::Warn };
            let time = if report.dry_run {
                String::new()
            } else {
                format!("{:.2} s", step.seconds)
            };
            vec![time, paint.tone(tone, &step.what)]
        })
        .collect();
    text.push_str(&columns("", &rows));
    for disk in &report.attached {
        text.push_str(&report::human(disk, paint));
    }
    if let Some(applied) = &report.apply {
        text.push_str(&tgt::applied(applied, paint));
    }
    let words = if report.dry_run {
        format!("{} would serve {}", report.to, report.client)
    } else {
        format!(
            "{} serves {}, after {:.1} s",
            report.to, report.client, report.seconds
        )
    };
    let _infallible = writeln!(text, "{words}");
    text
}

/// What tgtd made of it, and the disks that were detached.
pub fn release(report: &ReleaseReport, paint: Paint) -> String {
    let mut text = tgt::applied(&report.apply, paint);
    for disk in &report.detached {
        text.push_str(&report::human(disk, paint));
    }
    text
}
