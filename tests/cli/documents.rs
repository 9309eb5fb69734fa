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

/// The pages that people write: each says something, and what it leads to is there.
#[test]
fn the_pages_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "docs/opennebula.md",
        "docs/esxi.md",
        "tests/one/README.md",
    ];
    for page in pages {
        let text = std::fs::read_to_string(root.join(page)).unwrap();
        assert!(
            text.starts_with("# ") && text.lines().count() > 10,
            "{page}"
        );
        let dir = root.join(page);
        let dir = dir.parent().unwrap();
        for link in text.split("](").skip(1) {
            let link = link.split([')', '#']).next().unwrap();
            let is_file = !link.is_empty() && !link.contains("://");
            assert!(
                !is_file || dir.join(link).exists(),
                "{page} leads to {link}"
            );
        }
    }
}

/// The map names every directory of the source.
#[test]
fn the_map_is_whole() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let map = std::fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    for entry in std::fs::read_dir(root.join("src")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(
            !path.is_dir() || map.contains(&format!("`{name}`")),
            "{name}"
        );
    }
}
