//! What `tgt check` found, in words.

use std::fmt::Write as _;

use crate::cli::paint::{Paint, Tone};
use crate::tgt::check::{CheckReport, Finding, Severity};

/// Each finding with its place, its line and the line as it should be; then the sum.
pub fn human(report: &CheckReport, paint: Paint) -> String {
    let mut text = String::new();
    for finding in report.checked.iter().flat_map(|one| &one.findings) {
        one(finding, paint, &mut text);
    }
    text + &sum(report, paint)
}

/// One line: how much was read, how much was found.
pub fn sum(report: &CheckReport, paint: Paint) -> String {
    let total = |of: fn(&crate::tgt::check::Checked) -> usize| report.checked.iter().map(of).sum();
    let (files, targets, luns): (usize, usize, usize) = (
        total(|one| one.read.len()),
        total(|one| one.targets),
        total(|one| one.luns),
    );
    let line = format!(
        "{}, {}, {}: {}, {}, {}",
        count(files, "file"),
        count(targets, "target"),
        count(luns, "LUN"),
        count(report.count(Severity::Danger), "danger"),
        count(report.count(Severity::Warning), "warning"),
        count(report.count(Severity::Note), "note"),
    );
    let tone = report.worst().map_or(Tone::Good, tone);
    format!("{}\n", paint.tone(tone, &line))
}

fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

const fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Note => Tone::Dim,
        Severity::Warning => Tone::Warn,
        Severity::Danger => Tone::Bad,
    }
}

fn one(finding: &Finding, paint: Paint, text: &mut String) {
    let word = match finding.severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Danger => "danger",
    };
    let place = match (&finding.file, finding.line) {
        (Some(file), Some(line)) => format!("{}:{line}: ", file.display()),
        _ => String::new(),
    };
    let target = finding
        .target
        .as_ref()
        .map_or_else(String::new, |target| format!(" (target {target})"));
    let word = paint.tone(tone(finding.severity), word);
    let _infallible = writeln!(text, "{place}{word}: {}{target}", finding.message);
    if let Some(line) = &finding.text {
        let _infallible = writeln!(text, "      {line}");
    }
    let arrow = if paint.unicode { "→" } else { "->" };
    for (nth, line) in finding
        .mended
        .iter()
        .flat_map(|mended| mended.lines())
        .enumerate()
    {
        let mark = if nth == 0 { arrow } else { "  " };
        let _infallible = writeln!(text, "   {mark:>2} {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tgt::check::{Checked, Rule};

    #[test]
    fn findings_in_words() {
        let finding = Finding {
            rule: Rule::OpenToAll,
            severity: Severity::Danger,
            file: Some("/etc/tgt/conf.d/a.conf".into()),
            line: Some(3),
            text: Some("<target t>".into()),
            target: Some("t".into()),
            message: "everybody may log in".into(),
            mended: Some("initiator-address ADDRESS\nand more".into()),
        };
        let report = CheckReport {
            version: CheckReport::VERSION,
            checked: vec![Checked {
                path: "/etc/tgt/targets.conf".into(),
                read: vec!["/etc/tgt/targets.conf".into()],
                targets: 1,
                luns: 0,
                complete: true,
                findings: vec![finding],
                commands: None,
            }],
        };
        insta::assert_snapshot!(human(&report, Paint::PLAIN), @r"
        /etc/tgt/conf.d/a.conf:3: danger: everybody may log in (target t)
              <target t>
           -> initiator-address ADDRESS
              and more
        1 file, 1 target, 0 LUNs: 1 danger, 0 warnings, 0 notes
        ");
    }
}
