//! What `doctor` found, in words.

use std::fmt::Write as _;

use crate::cli::output::columns;
use crate::cli::paint::{Paint, Tone};
use crate::doctor::{Finding, Findings, State};

/// A line per finding, its remedy below it, and the sum.
pub fn human(findings: &Findings, paint: Paint) -> String {
    let mut text = list(&findings.findings.iter().collect::<Vec<_>>(), paint);
    let (fail, warn) = (findings.count(State::Fail), findings.count(State::Warn));
    let sum = format!(
        "{} checks, {fail} failed, {warn} to be looked at",
        findings.findings.len()
    );
    let _infallible = writeln!(
        text,
        "{}",
        paint.tone(if fail > 0 { Tone::Bad } else { Tone::Good }, &sum)
    );
    text
}

/// Only what failed or is to be looked at: nothing at all where all is well.
pub fn amiss(findings: &Findings, paint: Paint) -> String {
    let amiss = |finding: &&Finding| matches!(finding.state, State::Warn | State::Fail);
    list(
        &findings.findings.iter().filter(amiss).collect::<Vec<_>>(),
        paint,
    )
}

fn list(findings: &[&Finding], paint: Paint) -> String {
    let mut text = String::new();
    let rows: Vec<_> = findings.iter().map(|finding| row(finding, paint)).collect();
    let lines = columns("", &rows);
    for (finding, line) in findings.iter().zip(lines.lines()) {
        let _infallible = writeln!(text, "{line}");
        if let Some(remedy) = &finding.remedy {
            let _infallible = writeln!(
                text,
                "      {} {remedy}",
                if paint.unicode { "→" } else { "->" }
            );
        }
    }
    text
}

fn row(finding: &Finding, paint: Paint) -> Vec<String> {
    let (symbol, word, tone) = match finding.state {
        State::Ok => ("✓", "ok", Tone::Good),
        State::Unused => ("–", "-", Tone::Dim),
        State::Warn => ("!", "warn", Tone::Warn),
        State::Fail => ("✗", "FAIL", Tone::Bad),
    };
    let sign = if paint.unicode { symbol } else { word };
    // What a tool said may have several lines; one finding is one line.
    let found = finding
        .found
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    vec![paint.tone(tone, sign), finding.name.clone(), found]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_in_words() {
        let findings = vec![
            Finding::ok("root", "uid 0"),
            Finding::fail("LVM filter", "looks into\n  /dev/rbd0", "set the filter"),
        ];
        let findings = Findings {
            version: 1,
            findings,
        };
        insta::assert_snapshot!(human(&findings, Paint::PLAIN), @r"
        ok    root        uid 0
        FAIL  LVM filter  looks into /dev/rbd0
              -> set the filter
        2 checks, 1 failed, 0 to be looked at
        ");
        insta::assert_snapshot!(amiss(&findings, Paint::PLAIN), @r"
        FAIL  LVM filter  looks into /dev/rbd0
              -> set the filter
        ");
        insta::assert_snapshot!(human(&findings, Paint { unicode: true, colour: false }), @r"
        ✓  root        uid 0
        ✗  LVM filter  looks into /dev/rbd0
              → set the filter
        2 checks, 1 failed, 0 to be looked at
        ");
    }
}
