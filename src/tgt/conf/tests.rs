//! The reader on anything at all: it answers, it ends, and it does not touch the disk it was not given.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;

use super::plan::{self, Run};
use super::{FileKind, Files, read};

/// Files in memory.
#[derive(Debug, Default)]
pub(crate) struct Table(pub BTreeMap<PathBuf, Vec<u8>>);

impl Files for Table {
    fn kind(&self, path: &Path) -> Option<FileKind> {
        if self.0.contains_key(path) {
            return Some(FileKind::File);
        }
        let inside =
            !path.as_os_str().is_empty() && self.0.keys().any(|file| file.starts_with(path));
        inside.then_some(FileKind::Directory)
    }

    fn is_named(&self, path: &Path) -> bool {
        self.kind(path).is_some()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0
            .get(path)
            .cloned()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let below = self
            .0
            .keys()
            .filter_map(|file| file.strip_prefix(directory).ok());
        let mut names: Vec<OsString> = below
            .filter_map(|rest| Some(rest.components().next()?.as_os_str().to_owned()))
            .collect();
        names.dedup();
        Ok(names)
    }

    fn mode(&self, _path: &Path) -> Option<u32> {
        Some(0o644)
    }
}

const MAIN: &str = "/etc/tgt/targets.conf";

/// The main file and two that it may include.
fn table(main: Vec<u8>, other: Vec<u8>) -> Table {
    let file = |path: &str, text| (PathBuf::from(path), text);
    Table(BTreeMap::from([
        file(MAIN, main),
        file("/etc/tgt/conf.d/a.conf", other.clone()),
        file("/etc/tgt/conf.d/*", other),
    ]))
}

fn answers(table: &Table) {
    let conf = read(table, Path::new(MAIN));
    for run in [Run::Execute, Run::UpdateAll] {
        let plan = plan::plan(&conf, table, run, Some(Path::new(MAIN)));
        assert!(conf.tree.is_ok() || plan.targets.is_empty());
        assert!(plan.text().lines().count() >= 1);
    }
    let report = crate::tgt::check::check(table, &[PathBuf::from(MAIN)], true);
    let finding_places = report.checked.iter().flat_map(|one| &one.findings);
    for finding in finding_places {
        assert_eq!(finding.file.is_some(), finding.line.is_some());
        assert!(finding.line != Some(0), "{finding:?}");
    }
}

/// Words and marks that mean something to the reader, and a few that do not.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "<target ",
            "<target t>",
            "</target>",
            "<backing-store rbd/a>",
            "</backing-store>",
            "<",
            ">",
            "/>",
            "</",
            "\n",
            "\n",
            "\n",
            " ",
            "\t",
            "\r",
            "=",
            "\"",
            "'",
            "\\",
            "\\\n",
            "#",
            "/*",
            "*/",
            "<<EOF",
            "EOF",
            "0",
            "\u{feff}",
            "\0",
            "bs-type rbd",
            "backing-store rbd/a",
            "lun 1",
            "lun",
            "initiator-address 10.0.0.1",
            "incominguser a b",
            "controller_tid",
            "1e999",
            "include /etc/tgt/conf.d/*",
            "include /etc/tgt/conf.d",
            "include conf.d/a.conf",
            "includeoptional x",
            "include {",
            "HASH",
            "params a=1",
            "initiator-name iqn.",
            "bsopts conf=;id=",
            "scsi_id 6",
            "readonly",
            "initiator-address [",
            "mode_page",
            "write-cache off",
            "state ready",
            "MaxBurstLength 1",
            "default-driver",
            "control-port 1",
            "target",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,6}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_get_an_answer(main in vec(any::<u8>(), 0..400), other in vec(any::<u8>(), 0..200)) {
        answers(&table(main, other));
    }

    #[test]
    fn any_words_get_an_answer(main in vec(word(), 0..80), other in vec(word(), 0..40)) {
        answers(&table(main.concat().into_bytes(), other.concat().into_bytes()));
    }
}

#[test]
fn what_would_never_end_ends() {
    // The file's name is a pattern that it matches itself.
    let endless = b"include /etc/tgt/conf.d/*\n".to_vec();
    let conf = read(&table(endless, Vec::new()), Path::new(MAIN));
    assert!(conf.tree.unwrap_err().why.contains("without end"));
    let deep = "<a>\n".repeat(100_000);
    let conf = read(&table(deep.into_bytes(), Vec::new()), Path::new(MAIN));
    assert!(conf.tree.is_err());
    let braces = format!("include /etc/{}\n", "{a,b}".repeat(40));
    let conf = read(&table(braces.into_bytes(), Vec::new()), Path::new(MAIN));
    assert!(conf.tree.is_ok());
}
