//! What was done with targets, in words.

use std::fmt::Write as _;

use crate::cli::output::columns;
use crate::cli::paint::{Paint, Tone};
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
        let by = client.gateway.as_ref().map_or(String::new(), |gateway| format!(", served by {gateway}"));
        let chap = if client.chap { ", CHAP" } else { "" };
        let _infallible = writeln!(text, "{}{by}{chap}: {}", paint.tone(Tone::Strong, &client.client), client.access.join(", "));
        let rows: Vec<_> = client.targets.iter().map(|target| vec![target.iqn.clone(), target.images.join(", ")]).collect();
        text.push_str(&columns("  ", &rows));
    }
    let count = |severity| report.problems.iter().filter(|found| found.severity == severity).count();
    let targets: usize = report.clients.iter().map(|client| client.targets.len()).sum();
    let _infallible = writeln!(
        text,
        "{} clients, {targets} targets, {} errors, {} warnings",
        report.clients.len(),
        count(Severity::Error),
        count(Severity::Warning)
    );
    text
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
        let tone = if file.change.is_change() { Tone::Good } else { Tone::Dim };
        let _infallible = writeln!(text, "{}  {}  {role}", paint.tone(tone, &format!("{:<8}", file.change)), file.path.display());
        for line in file.diff.lines().filter(|_| report.dry_run) {
            let tone = match line.as_bytes().first() {
                Some(b'+') => Tone::Good,
                Some(b'-') => Tone::Bad,
                _ => Tone::Dim,
            };
            let _infallible = writeln!(text, "    {}", paint.tone(tone, line));
        }
    }
    let changed = report.files.iter().filter(|file| file.change.is_change()).count();
    let would = if report.dry_run { "would be changed" } else { "changed" };
    let _infallible = writeln!(text, "{} files, {changed} {would}", report.files.len());
    text
}
