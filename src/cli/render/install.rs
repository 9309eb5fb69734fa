//! What `one install` and `one uninstall` did, in words.

use std::fmt::Write as _;

use crate::cli::paint::{Paint, Tone};
use crate::one::install::{InstallReport, InstalledFile};

/// What changed, what could not be, and what is left to do.
pub fn human(report: &InstallReport, paint: Paint) -> String {
    let mut text = String::new();
    for file in report.files.iter().filter(|file| file.change.is_change()) {
        text.push_str(&changed(file, report.dry_run, paint));
    }
    let kept = report.files.iter().filter(|file| !file.change.is_change());
    let _infallible = writeln!(
        text,
        "{} of {} files are as they should be",
        kept.count(),
        report.files.len()
    );
    for warning in &report.warnings {
        let _infallible = writeln!(text, "{} {warning}", paint.tone(Tone::Warn, "warning:"));
    }
    if !report.next.is_empty() {
        let when = if report.dry_run {
            "To be done afterwards:"
        } else {
            "To be done now:"
        };
        let _infallible = writeln!(text, "{}", paint.tone(Tone::Strong, when));
        for step in &report.next {
            let _infallible = writeln!(text, "  - {step}");
        }
    }
    text
}

fn changed(file: &InstalledFile, dry_run: bool, paint: Paint) -> String {
    let would = if dry_run { "would be " } else { "" };
    let change = paint.tone(Tone::Good, &format!("{would}{}", file.change));
    let mut text = format!("{}: {change}\n", file.path.display());
    for lacked in &file.lacked {
        let _infallible = writeln!(text, "  {lacked}");
    }
    if let Some(backup) = &file.backup {
        let _infallible = writeln!(text, "  as it was: {}", backup.display());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Change;

    #[test]
    fn an_installation_in_words() {
        let file = |path: &str, change, lacked: &[&str], backup: Option<&str>| InstalledFile {
            path: path.into(),
            change,
            lacked: lacked.iter().map(|word| (*word).to_owned()).collect(),
            backup: backup.map(Into::into),
        };
        let report = InstallReport {
            version: 1,
            dry_run: false,
            files: vec![
                file("/r/tm/warmblock/ln", Change::Made, &[], None),
                file("/r/tm/warmblock/mv", Change::Kept, &[], None),
                file(
                    "/etc/one/oned.conf",
                    Change::Altered,
                    &["one_tm lacks it"],
                    Some("/etc/one/oned.conf.before"),
                ),
            ],
            next: vec!["restart oned".into()],
            warnings: vec!["SHARED = NO".into()],
        };
        insta::assert_snapshot!(human(&report, Paint::PLAIN));
    }
}
