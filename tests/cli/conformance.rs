//! The table of what shows that OpenNebula's contract is kept: what it names is there.

use std::collections::BTreeSet;
use std::path::Path;

/// A file of the sources.
fn source(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The rows of the tables below a heading, cell by cell.
fn rows<'t>(text: &'t str, heading: &str) -> Vec<Vec<&'t str>> {
    let section = text
        .split("\n## ")
        .find(|section| section.contains(heading))
        .unwrap();
    let lines = section.lines().filter(|line| line.starts_with("| "));
    let rows = lines.skip(1);
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

/// The tests that a text names: file, function, and the mark behind it.
fn named(text: &str) -> Vec<(&str, &str, &str)> {
    let mut found = Vec::new();
    let mut pieces = text.split('`').skip(1);
    while let Some(word) = pieces.next() {
        let behind = pieces.next().unwrap_or_default();
        if let Some((file, function)) = word.split_once(".rs::") {
            let mark = ["(u)", "(x)"]
                .into_iter()
                .find(|mark| behind.trim_start().starts_with(mark));
            found.push((file, function, mark.unwrap_or_default()));
        }
    }
    found
}

/// When a case of the lab runs, by the list in which it stands.
fn mark(list: &str, case: &str) -> &'static str {
    let (long, alone) = list.split_once("const ALONE").unwrap_or((list, ""));
    let registered =
        |list: &str| list.contains(&format!(" {case})")) || list.contains(&format!(" {case},"));
    match (registered(long), registered(alone)) {
        (_, true) => "(u)",
        (true, false) => "(x)",
        (false, false) => "no case of the lab",
    }
}

#[test]
fn every_test_that_the_table_names_is_there_and_runs_when_it_says() {
    let table = source("tests/one/README.md");
    let lists = [
        ("tests/one/", "tests/one/mod.rs"),
        ("tests/lab_tier/tests/", "tests/lab_tier/tests/mod.rs"),
    ];
    let lists = lists.map(|(dir, list)| (dir, source(list)));
    let mut files = BTreeSet::new();
    for (file, function, said) in named(&table) {
        let text = source(&format!("{file}.rs"));
        assert!(
            text.contains(&format!("fn {function}(")),
            "there is no {function} in {file}.rs"
        );
        let lab = lists
            .iter()
            .find_map(|(dir, list)| Some((file.strip_prefix(dir)?, list)));
        let runs = lab.map_or("", |(module, list)| {
            mark(list, &format!("{}::{function}", module.replace("/", "::")))
        });
        assert_eq!(said, runs, "{file}.rs::{function}");
        if file.starts_with("src/") {
            let before = text
                .split(&format!("fn {function}("))
                .next()
                .unwrap_or_default();
            assert!(
                before.trim_end().ends_with("#[test]"),
                "{function} in {file}.rs is no test"
            );
        }
        files.insert(file);
    }
    assert!(files.len() > 20, "{files:?}");
}

#[test]
fn every_row_names_a_test_or_says_why_not() {
    let table = source("tests/one/README.md");
    for heading in ["(9.2)", "(9.3)", "(6.3)", "(5.2)", "(5.3)"] {
        let rows = rows(&table, heading);
        assert!(rows.len() > 10, "{heading}");
        for row in rows {
            let shown = row.last().unwrap();
            let told = ["not shown", "as the one above"]
                .iter()
                .any(|word| shown.contains(word));
            assert!(told || !named(shown).is_empty(), "{row:?}");
        }
    }
    for (heading, last) in [("(9.3)", 15), ("(6.3)", 20)] {
        let numbers: Vec<usize> = rows(&table, heading)
            .iter()
            .map(|row| row[0].parse().unwrap())
            .collect();
        assert_eq!(numbers, (1..=last).collect::<Vec<_>>(), "{heading}");
    }
}
