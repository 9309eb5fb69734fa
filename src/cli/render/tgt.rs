//! What was done with targets, in words.

use std::fmt::Write as _;

use crate::cli::output::columns;
use crate::cli::paint::{Paint, Tone};
use crate::tgt::daemon::apply::{ApplyReport, TargetReport};
use crate::tgt::inventory::Severity;
use crate::tgt::render::RenderReport;
use crate::tgt::report::InventoryReport;

/// An inventory: problems first, then who is served what.
pub fn inventory(report: &InventoryReport, paint: Paint) -> String {
    let mut text = String::new();
    for problem in &report.problems {
        let tone = match problem.severity {
            Severity::Error => Tone::Bad,
            Severity::Warning => Tone::Warn,
        };
        let _infallible = writeln!(text, "{}", paint.tone(tone, &problem.to_string()));
    }
    for client in &report.clients {
        let by = client
            .gateway
            .as_ref()
            .map_or(String::new(), |gateway| format!(", served by {gateway}"));
        let chap = if client.chap { ", CHAP" } else { "" };
        let _infallible = writeln!(
            text,
            "{}{by}{chap}: {}",
            paint.tone(Tone::Strong, &client.client),
            client.access.join(", ")
        );
        let rows: Vec<_> = client
            .targets
            .iter()
            .map(|target| vec![target.iqn.clone(), target.images.join(", ")])
            .collect();
        text.push_str(&columns("  ", &rows));
    }
    let count = |severity| {
        report
            .problems
            .iter()
            .filter(|found| found.severity == severity)
            .count()
    };
    let targets: usize = report
        .clients
        .iter()
        .map(|client| client.targets.len())
        .sum();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let found = [
        many(report.clients.len(), "client"),
        many(targets, "target"),
        many(errors, "error"),
        many(warnings, "warning"),
    ];
    // What cannot be used comes to nothing that could be counted.
    let uncounted = if errors > 0 { 2 } else { 0 };
    let told: Vec<String> = found.into_iter().skip(uncounted).collect();
    let _infallible = writeln!(text, "{}", told.join(", "));
    text
}

/// So many of something.
fn many(count: usize, what: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {what}{end}")
}

/// Files: what happened to each, and the lines that differ where nothing was written.
pub fn files(report: &RenderReport, paint: Paint) -> String {
    let mut text = String::new();
    for line in &report.registered {
        let _infallible = writeln!(text, "registry: {line}");
    }
    for file in &report.files {
        let role = file.role.map_or("gone", |role| match role {
            crate::tgt::inventory::ClientRole::Standby => "standby",
            _ => "active",
        });
        let tone = if file.change.is_change() {
            Tone::Good
        } else {
            Tone::Dim
        };
        let _infallible = writeln!(
            text,
            "{}  {}  {role}",
            paint.tone(tone, &format!("{:<8}", file.change)),
            file.path.display()
        );
        for line in file.diff.lines().filter(|_| report.dry_run) {
            let tone = match line.as_bytes().first() {
                Some(b'+') => Tone::Good,
                Some(b'-') => Tone::Bad,
                _ => Tone::Dim,
            };
            let _infallible = writeln!(text, "    {}", paint.tone(tone, line));
        }
    }
    let changed = report
        .files
        .iter()
        .filter(|file| file.change.is_change())
        .count();
    let would = if report.dry_run {
        "would be changed"
    } else {
        "changed"
    };
    let _infallible = writeln!(text, "{} files, {changed} {would}", report.files.len());
    text
}

/// What was done with the daemon: a line per target, its steps below it, and who is in the way.
pub fn applied(report: &ApplyReport, paint: Paint) -> String {
    let mut text = String::new();
    for line in &report.registered {
        let _infallible = writeln!(text, "registry: {line}");
    }
    for file in report.files.iter().filter(|file| file.change.is_change()) {
        let _infallible = writeln!(
            text,
            "{}  {}",
            paint.tone(Tone::Good, &format!("{:<8}", file.change)),
            file.path.display()
        );
    }
    for line in &report.accounts {
        let _infallible = writeln!(text, "accounts: {line}");
    }
    for target in &report.targets {
        text.push_str(&applied_target(target, paint));
    }
    let changed = report
        .targets
        .iter()
        .filter(|target| target.change.is_change())
        .count();
    let held = report
        .targets
        .iter()
        .filter(|target| !target.held.is_empty())
        .count();
    let failed = report
        .targets
        .iter()
        .filter(|target| target.error.is_some())
        .count();
    let would = if report.dry_run {
        "would be changed"
    } else {
        "changed"
    };
    let _infallible = writeln!(
        text,
        "{} targets: {changed} {would}, {held} held back, {failed} failed; {} of others left alone",
        report.targets.len(),
        report.foreign.len()
    );
    text
}

fn applied_target(target: &TargetReport, paint: Paint) -> String {
    let tone = match (&target.error, target.change.is_change()) {
        (Some(_), _) => Tone::Bad,
        (None, true) => Tone::Good,
        (None, false) => Tone::Dim,
    };
    let word = if target.error.is_some() {
        "failed".to_owned()
    } else {
        target.change.to_string()
    };
    let mut text = format!(
        "{}  {}\n",
        paint.tone(tone, &format!("{word:<8}")),
        target.iqn
    );
    for step in &target.steps {
        let _infallible = writeln!(text, "    {step}");
    }
    if let Some(error) = &target.error {
        let _infallible = writeln!(text, "    {}", paint.tone(Tone::Bad, error));
    }
    for held in &target.held {
        let _infallible = writeln!(
            text,
            "    {} {}: {}",
            paint.tone(Tone::Warn, "held back:"),
            held.step,
            held.why
        );
    }
    if !target.held.is_empty() {
        for session in &target.sessions {
            let _infallible = writeln!(
                text,
                "    connected: {} from {}",
                session.initiator,
                session.addresses.join(", ")
            );
        }
    }
    text
}
