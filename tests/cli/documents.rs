//! The generated documents are those that are committed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use warmblock::Kind;
use warmblock::cli::{documents, meaning};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn committed(dir: &str) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(docs().join(dir)).into_iter().flatten();
    entries
        .map(|entry| Path::new(dir).join(entry.unwrap().file_name()))
        .collect()
}

#[test]
fn generated_documents_are_up_to_date() {
    let documents = documents().unwrap();
    for document in &documents {
        let there = std::fs::read_to_string(docs().join(&document.path)).unwrap_or_default();
        assert!(
            there == document.text,
            "docs/{} is out of date: run `make docs`",
            document.path.display()
        );
    }
    let made: BTreeSet<PathBuf> = documents
        .into_iter()
        .map(|document| document.path)
        .collect();
    let there: BTreeSet<PathBuf> = ["man", "completions", "schema"]
        .into_iter()
        .flat_map(committed)
        .collect();
    assert_eq!(there, made, "a file in docs/ that nothing generates");
}

#[test]
fn the_main_page_has_every_exit_code() {
    let page = std::fs::read_to_string(docs().join("man/warmblock.1")).unwrap();
    let (_, section) = page.split_once(".SH EXIT STATUS\n").unwrap();
    for kind in Kind::ALL {
        let entry = format!(
            ".TP 5\n{}\n{}\n",
            kind.exit_code(),
            meaning(kind).replace('-', "\\-")
        );
        assert!(section.contains(&entry), "{kind:?}");
    }
}
