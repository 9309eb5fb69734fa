//! Many gateways change the registry at once.

use std::cell::Cell;

use super::*;
use crate::tgt::registry::FileStore;

/// A store in which others win the next races.
struct Crowded {
    file: FileStore,
    others: Cell<u32>,
}

impl Store for Crowded {
    fn read(&self) -> Result<Snapshot> {
        self.file.read()
    }
    fn generation(&self) -> Result<u64> {
        self.file.generation()
    }
    fn write(&self, old: u64, entries: &BTreeMap<String, serde_json::Value>) -> Result<bool> {
        if self.others.get() > 0 {
            self.others.set(self.others.get() - 1);
            assert!(self.file.write(old, &BTreeMap::new())?);
        }
        self.file.write(old, entries)
    }
    fn place(&self) -> String {
        self.file.place()
    }
}

fn crowded(dir: &tempfile::TempDir, others: u32) -> Crowded {
    Crowded {
        file: FileStore::new(dir.path().join("registry")),
        others: Cell::new(others),
    }
}

fn key() -> ImageKey {
    "801945f3-c685-4fbf-a968-66d179c4e25c/3/x".parse().unwrap()
}

/// As after a power cut of all gateways: each loses to all others in turn, and still comes through.
#[test]
fn more_gateways_than_ever_lose_their_races_and_come_through() {
    let dir = tempfile::tempdir().unwrap();
    let store = crowded(&dir, 25);
    let gateway: HostName = "gw1".parse().unwrap();
    let images = BTreeMap::from([(key(), "c")]);
    note_opening(&store, &gateway, &images, &BTreeMap::new()).unwrap();
    assert_eq!((store.others.get(), store.generation().unwrap()), (0, 26));
    assert!(holdings(&store).unwrap()[&key()][&gateway].opening);
}

#[test]
fn what_was_moved_meanwhile_is_refused_for_that_client_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = crowded(&dir, 0);
    let known = BTreeMap::from([("c".to_owned(), "gw1".parse().unwrap())]);
    assert!(set_active(&store, "c", &known["c"]).unwrap());
    refuse_moved(&store, ["c", "other"].into_iter(), &known).unwrap();
    assert!(set_active(&store, "c", &"gw2".parse().unwrap()).unwrap());
    refuse_moved(&store, ["other"].into_iter(), &known).unwrap();
    let error = refuse_moved(&store, ["other", "c"].into_iter(), &known).unwrap_err();
    assert_eq!(error.kind(), Kind::Busy);
    assert!(error.to_string().contains("client c was moved"), "{error}");
}

/// An `apply` that was killed leaves a note that names nobody; who is refused because of it is told both ways out.
#[test]
fn who_is_refused_for_a_note_without_an_end_is_told_how_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let store = crowded(&dir, 0);
    let images = BTreeMap::from([(key(), "c")]);
    let open = |gateway: &str| {
        let gateway: HostName = gateway.parse().unwrap();
        note_opening(&store, &gateway, &images, &BTreeMap::new())
    };
    open("gw1").unwrap();
    let error = open("gw2").unwrap_err();
    let remedy = error.remedy_text().unwrap();
    for words in [
        "failover c --to gw2",
        "`warmblock tgt apply` on gw1",
        "--dead",
    ] {
        assert!(remedy.contains(words), "{remedy}");
    }
}
