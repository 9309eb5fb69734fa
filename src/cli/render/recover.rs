//! What `recover` found and did, in words.

use std::fmt::Write as _;

use crate::cli::output::columns;
use crate::cli::paint::{Paint, Tone};
use crate::disk::{Finding, RecoverReport};

/// A line per finding, with its remedy below it where it could not be dealt with.
pub fn human(report: &RecoverReport, paint: Paint) -> String {
    if report.findings.is_empty() {
        return "nothing of warmblock is on this host\n".into();
    }
    let rows: Vec<_> = report
        .findings
        .iter()
        .map(|finding| row(finding, report.dry_run, paint))
        .collect();
    let lines = columns("", &rows);
    let mut text = String::new();
    for (finding, line) in report.findings.iter().zip(lines.lines()) {
        let _infallible = writeln!(text, "{line}");
        if let Some(remedy) = &finding.remedy {
            let _infallible = writeln!(text, "  {} {remedy}", paint.tone(Tone::Good, "hint:"));
        }
    }
    text
}

fn row(finding: &Finding, dry_run: bool, paint: Paint) -> Vec<String> {
    let disk = match (&finding.image, &finding.key) {
        (Some(image), _) => image.to_string(),
        (None, Some(key)) => key.to_string(),
        (None, None) => "host".into(),
    };
    let outcome = match (&finding.error, &finding.action) {
        (Some(error), _) => paint.tone(Tone::Bad, &format!("failed: {error}")),
        (None, Some(action)) if dry_run => paint.tone(Tone::Warn, &format!("would: {action}")),
        (None, Some(action)) => paint.tone(Tone::Good, action),
        (None, None) => paint.tone(Tone::Dim, "nothing to do"),
    };
    vec![disk, finding.found.clone(), outcome]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(image: Option<&str>, action: Option<&str>, error: Option<&str>) -> Finding {
        Finding {
            image: image.map(|image| image.parse().unwrap()),
            key: None,
            found: "wanted with its cache".into(),
            action: action.map(str::to_owned),
            error: error.map(str::to_owned),
            remedy: error.map(|_| "look at the cluster".into()),
        }
    }

    #[test]
    fn findings_in_words() {
        let findings = vec![
            finding(Some("one/a"), None, None),
            finding(Some("one/bcd"), Some("map made, front made"), None),
            finding(None, None, Some("Ceph does not answer")),
        ];
        let mut report = RecoverReport {
            version: 1,
            dry_run: false,
            findings,
        };
        insta::assert_snapshot!(human(&report, Paint::PLAIN), @r"
        one/a    wanted with its cache  nothing to do
        one/bcd  wanted with its cache  map made, front made
        host     wanted with its cache  failed: Ceph does not answer
          hint: look at the cluster
        ");
        report.findings.clear();
        assert!(human(&report, Paint::PLAIN).contains("nothing"));
    }
}
