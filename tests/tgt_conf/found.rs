//! Every row of the facts sheet's table 1.3 that is read wrongly is found, under the name it should have and as bad as it is.

use std::collections::BTreeMap;
use std::path::Path;

use warmblock::tgt::check::{self, CheckReport, Finding, Rule, Severity};
use warmblock::tgt::conf::Disk;

use crate::cases::{self, Below, Case};

use Severity::{Danger, Note, Warning};

/// The beginning of a case's title, and what is to be found in it.
const EXPECTED: &[(&str, &[(Rule, Severity)])] = &[
    ("A03", &[(Rule::LunSkipped, Danger)]),
    (
        "A04",
        &[(Rule::LunSkipped, Danger), (Rule::OpenToAll, Danger)],
    ),
    ("A06", &[(Rule::LunOrder, Warning)]),
    ("A07", &[(Rule::LunOrder, Warning)]),
    ("A08", &[(Rule::RepeatedValue, Warning)]),
    ("A09", &[(Rule::Stops, Danger)]),
    ("A10", &[(Rule::Stops, Danger)]),
    ("A12", &[(Rule::LunOrder, Warning)]),
    ("A14", &[(Rule::LunNumber, Danger)]),
    (
        "A15 one block twice, two numbers",
        &[(Rule::Stops, Danger), (Rule::Merged, Warning)],
    ),
    (
        "A17 a number for the target, two stores",
        &[(Rule::LunNumber, Danger)],
    ),
    ("A18", &[(Rule::LunNumber, Danger)]),
    ("A19", &[(Rule::LunNumber, Danger)]),
    (
        "A21 an empty block in short, a blank",
        &[(Rule::ShortBlock, Danger)],
    ),
    (
        "A21 an empty block in a value",
        &[(Rule::ShortBlock, Danger)],
    ),
    (
        "A22",
        &[
            (Rule::LunSkipped, Danger),
            (Rule::Repeated, Danger),
            (Rule::Merged, Warning),
        ],
    ),
    ("A23", &[(Rule::Repeated, Danger)]),
    ("A24", &[(Rule::Repeated, Danger)]),
    (
        "A25",
        &[(Rule::LunSkipped, Danger), (Rule::Repeated, Danger)],
    ),
    ("A26 rdwr", &[(Rule::LunSkipped, Danger)]),
    ("H13", &[(Rule::BackingStoreType, Danger)]),
    ("B01", &[(Rule::OpenToAll, Danger)]),
    ("B02", &[(Rule::AddressOrName, Warning)]),
    ("B04", &[(Rule::SeveralInOne, Danger)]),
    ("B05", &[(Rule::SeveralInOne, Danger)]),
    ("B07", &[(Rule::RepeatedValue, Danger)]),
    ("B08", &[(Rule::Stops, Danger)]),
    (
        "B09",
        &[
            (Rule::Misspelt, Danger),
            (Rule::OpenToAll, Danger),
            (Rule::NoLun, Warning),
        ],
    ),
    ("B14", &[(Rule::Comment, Danger)]),
    ("B16", &[(Rule::Comment, Danger)]),
    ("B18", &[(Rule::Comment, Danger)]),
    ("B20", &[(Rule::Comment, Note)]),
    ("B21", &[(Rule::Comment, Note)]),
    ("B23", &[(Rule::Quotes, Warning)]),
    (
        "B24",
        &[(Rule::Misspelt, Danger), (Rule::OpenToAll, Danger)],
    ),
    ("B28", &[(Rule::Shell, Warning)]),
    ("B29", &[(Rule::Shell, Danger)]),
    ("B30", &[(Rule::Snapshot, Warning)]),
    ("B31", &[(Rule::ImagePath, Warning)]),
    ("B32", &[(Rule::ImagePath, Danger)]),
    ("B33", &[(Rule::VersionDependent, Danger)]),
    ("B34", &[(Rule::VersionDependent, Danger)]),
    ("B35", &[(Rule::VersionDependent, Warning)]),
    ("B36", &[(Rule::VersionDependent, Warning)]),
    ("B37", &[(Rule::VersionDependent, Warning)]),
    ("B38", &[(Rule::VersionDependent, Warning)]),
    ("B44", &[(Rule::WrongPlace, Warning)]),
    ("B47", &[(Rule::WriteCache, Danger)]),
    ("B48", &[(Rule::WriteCache, Danger)]),
    ("B50", &[(Rule::IdentityTwice, Danger)]),
    ("B51", &[(Rule::ThinProvisioning, Warning)]),
    ("B54", &[(Rule::NotAnOption, Warning)]),
    ("B57", &[(Rule::Number, Danger)]),
    ("B58", &[(Rule::VersionDependent, Warning)]),
    ("C02", &[(Rule::Stops, Danger)]),
    ("C03", &[(Rule::Stops, Danger)]),
    ("C05", &[(Rule::Stops, Danger)]),
    ("C06", &[(Rule::Shell, Danger)]),
    ("C07", &[(Rule::Shell, Danger)]),
    ("C08", &[(Rule::Shell, Danger)]),
    ("C09", &[(Rule::Chap, Danger)]),
    ("C14 two outgoing users", &[(Rule::Repeated, Warning)]),
    ("C15", &[(Rule::Chap, Danger)]),
    ("C18", &[(Rule::Stops, Danger)]),
    ("E01", &[(Rule::BlockName, Danger)]),
    ("E03", &[(Rule::Misspelt, Danger)]),
    ("E04 no name", &[]),
    ("E05", &[(Rule::BlockName, Danger)]),
    ("E06", &[(Rule::Name, Warning)]),
    ("E07", &[(Rule::Name, Danger)]),
    ("E09", &[(Rule::ClosingTag, Warning)]),
    ("E10", &[(Rule::Stops, Danger)]),
    ("E11", &[(Rule::Stops, Danger)]),
    ("E12", &[(Rule::Stops, Danger)]),
    ("E13", &[(Rule::Stops, Danger)]),
    (
        "E14",
        &[(Rule::WrongPlace, Danger), (Rule::OpenToAll, Danger)],
    ),
    ("E18", &[(Rule::OpenToAll, Danger), (Rule::NoLun, Warning)]),
    (
        "E20 a here-document without an end",
        &[(Rule::HereDocument, Danger), (Rule::Stops, Danger)],
    ),
    ("D03", &[(Rule::Stops, Danger)]),
    ("D02", &[(Rule::Include, Note)]),
    (
        "D05 a directory with backups",
        &[
            (Rule::Include, Danger),
            (Rule::Include, Warning),
            (Rule::Merged, Danger),
            (Rule::LunSkipped, Danger),
            (Rule::RepeatedValue, Danger),
        ],
    ),
    ("D07 one file lacks its end", &[]),
    (
        "D07 one file lacks its end, the next",
        &[(Rule::ClosingTag, Danger)],
    ),
    ("D08", &[(Rule::Stops, Danger)]),
    ("D09", &[(Rule::Merged, Danger), (Rule::LunSkipped, Danger)]),
    ("D10", &[(Rule::Merged, Danger)]),
    ("D11", &[(Rule::ImageTwice, Danger)]),
    (
        "D13 an include in two",
        &[
            (Rule::IncludedAgain, Danger),
            (Rule::LunSkipped, Danger),
            (Rule::OpenToAll, Danger),
        ],
    ),
    ("D17 a link to nothing, a link", &[(Rule::Include, Warning)]),
    ("D22", &[(Rule::TargetId, Danger)]),
    ("F04 the port", &[]),
    ("G02 an iSCSI parameter without", &[(Rule::Stops, Danger)]),
    ("G03", &[(Rule::Misspelt, Warning)]),
    ("G05 state and what", &[(Rule::Misspelt, Warning)]),
    ("G06", &[(Rule::NotAnOption, Warning)]),
    ("H04 an id twice", &[(Rule::Repeated, Danger)]),
    (
        "H06 an address as a block",
        &[(Rule::BlockForValue, Danger)],
    ),
    ("L01 a comment begins behind a value", &[]),
    ("L03 continued and", &[]),
    (
        "an option of the target twice: scsi_id",
        &[(Rule::Stops, Danger)],
    ),
];

/// Rows that are as they should be: nothing about them may be called a danger.
const GOOD: &[&str] = &[
    "A01", "A02", "A05", "A11 ", "A20", "B06", "B10", "B13", "B15", "B17", "B39", "B40", "B45",
    "B46", "C01", "C04", "D01", "D12", "D20",
];

fn check(case: &Case) -> CheckReport {
    let scratch = tempfile::tempdir().unwrap();
    case.put(scratch.path());
    let files = Below {
        directory: scratch.path().to_path_buf(),
        disk: Disk,
    };
    let main = case.main(scratch.path());
    check::check(&files, &[Path::new(&main).to_path_buf()], false)
}

fn shown(findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        format!(
            "  {:?} {:?} {:?} {}\n",
            finding.severity, finding.rule, finding.line, finding.message
        )
    };
    findings.iter().map(line).collect()
}

#[test]
fn every_silent_misreading_is_found() {
    let cases = cases::written();
    let mut wrong = String::new();
    let mut used: BTreeMap<&str, usize> = BTreeMap::new();
    for case in &cases {
        let findings = &check(case).checked[0].findings;
        for (title, expected) in EXPECTED
            .iter()
            .filter(|(title, _)| case.name.starts_with(title))
        {
            *used.entry(title).or_default() += 1;
            for (rule, severity) in *expected {
                if !findings
                    .iter()
                    .any(|finding| (finding.rule, finding.severity) == (*rule, *severity))
                {
                    wrong += &format!(
                        "{}: no {severity:?} {rule:?} among\n{}",
                        case.name,
                        shown(findings)
                    );
                }
            }
        }
        let good = GOOD.iter().any(|title| case.name.starts_with(title));
        // Cases leave the access open when they are about something else.
        let bad = |finding: &&Finding| {
            finding.severity == Danger
                && finding.rule != Rule::OpenToAll
                && !finding.message.contains("may not be in it")
        };
        if let (true, Some(finding)) = (good, findings.iter().find(bad)) {
            wrong += &format!("{}: is good, but {finding:?}\n", case.name);
        }
    }
    for (title, _) in EXPECTED {
        assert!(used.contains_key(title), "no case begins with {title}");
    }
    assert!(wrong.is_empty(), "{wrong}");
    println!(
        "{} kinds of misreading found in {} files",
        EXPECTED.len(),
        cases.len()
    );
}

#[test]
fn findings_are_placed_and_told_in_full() {
    for case in cases::written() {
        for finding in &check(&case).checked[0].findings {
            assert_eq!(
                finding.file.is_some(),
                finding.line.is_some(),
                "{}: {finding:?}",
                case.name
            );
            assert!(
                !finding.message.is_empty() && !finding.message.ends_with('.'),
                "{}: {finding:?}",
                case.name
            );
        }
    }
}
