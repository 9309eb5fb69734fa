//! The cache drivers, and how one of them was tried, in words.

use std::fmt::Write as _;

use crate::cache::{DriverInfo, DriverList, Guarantee, SeedAbility};
use crate::cli::output::columns;
use crate::cli::paint::{Paint, Tone};
use crate::conform::{CaseReport, ConformReport, Outcome};

/// A line per driver; what it guarantees in each mode and what it lacks below it.
pub fn list(list: &DriverList, paint: Paint) -> String {
    let rows: Vec<_> = list
        .drivers
        .iter()
        .map(|driver| driver_row(driver, paint))
        .collect();
    let mut text = String::new();
    for (driver, line) in list.drivers.iter().zip(columns("", &rows).lines()) {
        let _infallible = writeln!(text, "{line}");
        for Guarantee { mode, words } in &driver.guarantees {
            let _infallible = writeln!(text, "      {mode}: {words}");
        }
        let arrow = if paint.unicode { "→" } else { "->" };
        for words in [&driver.why, &driver.remedy].into_iter().flatten() {
            let _infallible = writeln!(text, "      {arrow} {words}");
        }
    }
    text
}

fn driver_row(driver: &DriverInfo, paint: Paint) -> Vec<String> {
    let (word, tone) = if driver.usable {
        ("ok", Tone::Good)
    } else {
        ("no", Tone::Warn)
    };
    let modes: Vec<&str> = driver.modes.iter().map(|mode| mode.as_str()).collect();
    let seed = match driver.seed {
        Some(SeedAbility::Mapping) => "seeded exactly",
        Some(SeedAbility::Whole) => "the whole image",
        Some(SeedAbility::Reading) => "seeded by reading",
        Some(SeedAbility::Never) => "not seeded",
        None => "",
    };
    let from = match (&driver.dir, &driver.release) {
        (Some(dir), Some(release)) => format!("{} (release {release})", dir.display()),
        (Some(dir), None) => dir.display().to_string(),
        (None, _) => "built in".into(),
    };
    vec![
        paint.tone(tone, word),
        driver.name.to_string(),
        modes.join(","),
        seed.into(),
        from,
    ]
}

/// A line per case, and the sum.
pub fn checked(report: &ConformReport, paint: Paint) -> String {
    let rows: Vec<_> = report
        .cases
        .iter()
        .map(|case| case_row(case, paint))
        .collect();
    let mut text = columns("", &rows);
    let count = |outcome| report.count(outcome);
    let sum = format!(
        "{} {}: {} passed, {} failed, {} do not apply",
        report.driver,
        report.release,
        count(Outcome::Pass),
        count(Outcome::Fail),
        count(Outcome::Skip)
    );
    let tone = if report.conforms() {
        Tone::Good
    } else {
        Tone::Bad
    };
    let _infallible = writeln!(text, "{}", paint.tone(tone, &sum));
    text
}

fn case_row(case: &CaseReport, paint: Paint) -> Vec<String> {
    let (word, tone) = match case.outcome {
        Outcome::Pass => ("ok", Tone::Good),
        Outcome::Fail => ("FAIL", Tone::Bad),
        Outcome::Skip => ("-", Tone::Dim),
    };
    vec![
        paint.tone(tone, word),
        case.case.clone(),
        format!("{:.1} s", case.seconds),
        case.seen.split_whitespace().collect::<Vec<_>>().join(" "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CacheMode;

    #[test]
    fn drivers_in_words() {
        let info = |name: &str, dir: Option<&str>, why: Option<&str>| DriverInfo {
            name: name.parse().unwrap(),
            dir: dir.map(Into::into),
            release: dir.map(|_| "1.0".into()),
            modes: vec![CacheMode::Writethrough],
            guarantees: vec![Guarantee {
                mode: CacheMode::Writethrough,
                words: "nothing is lost with the SSD".into(),
            }],
            seed: Some(SeedAbility::Never),
            usable: why.is_none(),
            why: why.map(Into::into),
            remedy: why.map(|_| "install it".into()),
        };
        let drivers = vec![
            info("dm-cache", None, None),
            info(
                "opencas",
                Some("/usr/lib/warmblock/drivers/opencas"),
                Some("this host lacks the tool casadm"),
            ),
        ];
        insta::assert_snapshot!(list(&DriverList { version: 1, drivers }, Paint::PLAIN), @r"
        ok  dm-cache  writethrough  not seeded  built in
              writethrough: nothing is lost with the SSD
        no  opencas   writethrough  not seeded  /usr/lib/warmblock/drivers/opencas (release 1.0)
              writethrough: nothing is lost with the SSD
              -> this host lacks the tool casadm
              -> install it
        ");
    }

    #[test]
    fn cases_in_words() {
        let case = |case: &str, outcome, seen: &str| CaseReport {
            case: case.into(),
            outcome,
            seen: seen.into(),
            seconds: 0.25,
        };
        let report = ConformReport {
            version: 1,
            driver: "example".parse().unwrap(),
            release: "1.0".into(),
            cases: vec![
                case("format twice", Outcome::Pass, "absent afterwards"),
                case("two disks do not meet", Outcome::Fail, "both are\n/dev/x"),
                case("filled by reading", Outcome::Skip, "it cannot be filled"),
            ],
        };
        insta::assert_snapshot!(checked(&report, Paint::PLAIN), @r"
        ok    format twice           0.2 s  absent afterwards
        FAIL  two disks do not meet  0.2 s  both are /dev/x
        -     filled by reading      0.2 s  it cannot be filled
        example 1.0: 1 passed, 1 failed, 1 do not apply
        ");
    }
}
