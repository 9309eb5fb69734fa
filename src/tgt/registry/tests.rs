//! What the registry promises: nothing moves, nothing is given twice, and a race is lost without harm.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::tgt::inventory::Place;

fn place() -> Place {
    Place {
        file: Arc::from(std::path::Path::new("tgt.toml")),
        line: 1,
    }
}

fn key(image: &str) -> ImageKey {
    format!("801945f3-c685-4fbf-a968-66d179c4e25c/3/{image}")
        .parse()
        .unwrap()
}

fn lun(image: &str) -> WantLun {
    WantLun {
        key: key(image),
        name: format!("rbd/{image}").parse().unwrap(),
        number: None,
        scsi_id: None,
        scsi_sn: None,
        place: place(),
    }
}

fn want(iqn: &str, images: &[&str]) -> Want {
    Want {
        iqn: iqn.into(),
        tid: None,
        luns: images.iter().map(|image| lun(image)).collect(),
        place: place(),
    }
}

fn give(table: &mut Table, wants: &[Want]) -> Vec<String> {
    let mut problems = Problems::default();
    let news = table.allocate(wants, &mut problems);
    assert!(problems.0.is_empty(), "{:?}", problems.0);
    news
}

fn refuse(table: &mut Table, want: Want) -> String {
    let mut problems = Problems::default();
    table.allocate(&[want], &mut problems);
    problems
        .0
        .first()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// The table as it is after it was stored and read.
fn stored(table: &Table, before: &Snapshot) -> Snapshot {
    let mut after = before.clone();
    after.entries.extend(table.changed().unwrap());
    after.generation += 1;
    after
}

#[test]
fn identities_are_given_once_and_stay() {
    let mut table = Table::default();
    let news = give(&mut table, &[want("b", &["b1", "b2"])]);
    assert_eq!(news.len(), 1 + 2 + 2);
    let first = (
        table.tid("b"),
        table.lun("b", &key("b1")),
        table.lun("b", &key("b2")),
    );
    let snapshot = stored(&table, &Snapshot::default());
    let mut table = Table::read(&snapshot).unwrap();
    // a client before it in the alphabet, and an image before its own
    give(
        &mut table,
        &[want("a", &["a1"]), want("b", &["b0", "b1", "b2"])],
    );
    assert_eq!(
        (
            table.tid("b"),
            table.lun("b", &key("b1")),
            table.lun("b", &key("b2"))
        ),
        first
    );
    assert_eq!((table.tid("b"), table.tid("a")), (Some(1001), Some(1002)));
    assert_eq!(table.lun("b", &key("b0")).unwrap().number, 3);
    let again = Table::read(&stored(&table, &snapshot)).unwrap().changed();
    assert!(again.unwrap().is_empty());
}

#[test]
fn an_id_has_32_digits_and_begins_with_6() {
    let (id, sn) = key("x").derive(0);
    assert_eq!(
        (id.len(), &id[..7], sn.as_str()),
        (32, "6001405", &id[7..23])
    );
    assert_ne!(key("x").derive(1).0, id);
    assert_ne!(key("y").derive(0).0, id);
    // pinned: another value here would change every disk's identity
    assert_eq!(id, "600140574a37e3a7432076e2495e55d1");
}

#[test]
fn a_number_is_never_another_images() {
    let mut table = Table::default();
    give(&mut table, &[want("a", &["x", "y"])]);
    give(&mut table, &[want("a", &["z"])]);
    assert_eq!(
        table.lun("a", &key("z")).unwrap().number,
        3,
        "1 and 2 were x's and y's"
    );
    give(&mut table, &[want("a", &["y"])]);
    assert_eq!(
        table.lun("a", &key("y")).unwrap().number,
        2,
        "and it comes back to its own"
    );
}

#[test]
fn an_image_keeps_its_id_when_it_is_renamed_or_moved() {
    let mut table = Table::default();
    give(&mut table, &[want("a", &["x"])]);
    let id = table.lun("a", &key("x")).unwrap().scsi_id;
    let mut renamed = want("b", &["x"]);
    renamed.luns[0].name = "rbd/other".parse().unwrap();
    give(&mut table, &[renamed]);
    assert_eq!(table.lun("b", &key("x")).unwrap().scsi_id, id);
    assert_eq!(
        table.by_name(&"rbd/other".parse().unwrap()),
        Some(&key("x"))
    );
    assert_eq!(table.by_name(&"rbd/x".parse().unwrap()), None);
    // another image under the old name is another disk
    let mut anew = want("a", &["x2"]);
    anew.luns[0].name = "rbd/other".parse().unwrap();
    give(&mut table, &[anew]);
    assert_ne!(table.lun("a", &key("x2")).unwrap().scsi_id, id);
    assert_eq!(
        table.by_name(&"rbd/other".parse().unwrap()),
        Some(&key("x2"))
    );
    assert_eq!(table.lun("a", &key("x2")).unwrap().number, 2);
    let read = Table::read(&stored(&table, &Snapshot::default())).unwrap();
    assert_eq!(
        read.by_name(&"rbd/other".parse().unwrap()),
        Some(&key("x2"))
    );
}

#[test]
fn what_is_asked_for_is_given_or_refused() {
    let id = "6001405aaaaaaaaaaaaaaaaaaaaaaaaa";
    let mut table = Table::default();
    let mut first = want("a", &["x", "y"]);
    first.tid = Some(17);
    first.luns[1].number = Some(1);
    first.luns[1].scsi_id = Some(id.into());
    first.luns[1].scsi_sn = Some("sn1".into());
    give(&mut table, &[first]);
    assert_eq!(table.tid("a"), Some(17));
    let y = table.lun("a", &key("y")).unwrap();
    assert_eq!(
        (y.number, y.scsi_id.as_str(), y.scsi_sn.as_str()),
        (1, id, "sn1")
    );
    assert_eq!(table.lun("a", &key("x")).unwrap().number, 2);
    let other = |change: &dyn Fn(&mut Want)| {
        let mut want = want("b", &["z"]);
        change(&mut want);
        want
    };
    assert!(refuse(&mut table.clone(), other(&|want| want.tid = Some(17))).contains("another's"));
    assert!(
        refuse(
            &mut table.clone(),
            other(&|want| want.luns[0].scsi_id = Some(id.into()))
        )
        .contains("another's")
    );
    assert!(
        refuse(
            &mut table.clone(),
            other(&|want| want.luns[0].scsi_sn = Some("sn1".into()))
        )
        .contains("another's")
    );
    let same = |change: &dyn Fn(&mut Want)| {
        let mut want = want("a", &["y"]);
        change(&mut want);
        want
    };
    assert!(
        refuse(&mut table.clone(), same(&|want| want.tid = Some(18))).contains("has 17 for ever")
    );
    assert!(
        refuse(
            &mut table.clone(),
            same(&|want| want.luns[0].number = Some(5))
        )
        .contains("has 1 for ever")
    );
    assert!(
        refuse(
            &mut table.clone(),
            same(&|want| want.luns[0].scsi_sn = Some("z".into()))
        )
        .contains("for ever")
    );
    assert!(refuse(&mut table.clone(), want("a", &["y"])).is_empty());
    let mut third = want("a", &["z"]);
    third.luns[0].number = Some(2);
    assert!(refuse(&mut table.clone(), third).contains("is or was another image's"));
}

#[test]
fn a_target_has_255_luns_in_its_life() {
    let mut table = Table::default();
    let images: Vec<String> = (0..256).map(|n| format!("i{n}")).collect();
    let names: Vec<&str> = images.iter().map(String::as_str).collect();
    assert!(refuse(&mut table, want("a", &names)).contains("all of its 255 LUNs"));
}

#[test]
fn a_strange_entry_is_refused() {
    for (name, value) in [
        ("target/a", "{}"),
        ("image/x", "{}"),
        ("disk/x", "{}"),
        ("open/gw1", "{\"clients\":[],\"opening\":false}"),
        ("target/a", "{\"tid\":1,\"luns\":{},\"new\":1}"),
    ] {
        let entries = BTreeMap::from([(name.to_owned(), serde_json::from_str(value).unwrap())]);
        let error = Table::read(&Snapshot {
            generation: 1,
            entries,
        })
        .unwrap_err();
        assert_eq!(error.kind(), Kind::Mismatch, "{name}");
    }
}

/// A store in which somebody else wins the first race.
#[derive(Default)]
struct Contested {
    now: RefCell<Snapshot>,
    races: RefCell<Vec<Want>>,
}

impl Store for Contested {
    fn read(&self) -> Result<Snapshot> {
        Ok(self.now.borrow().clone())
    }
    fn generation(&self) -> Result<u64> {
        Ok(self.now.borrow().generation)
    }
    fn write(&self, old: u64, entries: &BTreeMap<String, Value>) -> Result<bool> {
        let mut now = self.now.borrow_mut();
        if let Some(winner) = self.races.borrow_mut().pop() {
            let mut table = Table::read(&now).unwrap();
            give(&mut table, &[winner]);
            *now = stored(&table, &now);
        }
        if now.generation != old {
            return Ok(false);
        }
        now.entries.extend(entries.clone());
        now.generation += 1;
        Ok(true)
    }
    fn place(&self) -> String {
        "the registry".into()
    }
}

#[test]
fn a_lost_race_is_run_again_on_what_the_winner_left() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tgt.toml");
    crate::sys::atomic::write(&file, b"[client.c]\naddresses = [\"10.0.0.1\"]\n[[client.c.target]]\niqn = \"iqn.2014-02.my.domain:c\"\nluns = [\"rbd/x\"]\n").unwrap();
    let inventory = Inventory::load(&file).unwrap();
    let found = HashMap::from([("rbd/x".parse().unwrap(), key("x"))]);
    let store = Contested::default();
    store
        .races
        .borrow_mut()
        .push(want("iqn.2014-02.my.domain:a", &["y"]));
    let dry = identify(&inventory, &store, Some(&found), false).unwrap();
    assert_eq!(
        (
            dry.tid("iqn.2014-02.my.domain:c").unwrap(),
            store.now.borrow().generation
        ),
        (1001, 0),
        "a dry run keeps nothing"
    );
    let identities = identify(&inventory, &store, Some(&found), true).unwrap();
    assert_eq!(identities.tid("iqn.2014-02.my.domain:c").unwrap(), 1002);
    assert_eq!(store.now.borrow().generation, 2);
    // without Ceph, by the name that it had last; and nothing is new
    let again = identify(&inventory, &store, None, true).unwrap();
    assert_eq!(
        again.lun(&"rbd/x".parse().unwrap()).unwrap(),
        identities.lun(&"rbd/x".parse().unwrap()).unwrap()
    );
    assert!(again.news.is_empty());
    assert_eq!(store.now.borrow().generation, 2);
    let empty = Contested::default();
    let error = identify(&inventory, &empty, None, true).unwrap_err();
    assert!(error.to_string().contains("has no identity yet"), "{error}");
}

#[test]
fn a_gateway_notes_what_it_opens_unless_it_was_superseded() {
    let dir = tempfile::tempdir().unwrap();
    let store = FileStore::new(dir.path().join("registry.json"));
    let (gw1, gw2): (HostName, HostName) = ("gw1".parse().unwrap(), "gw2".parse().unwrap());
    let images = BTreeMap::from([(key("x"), "c"), (key("y"), "c")]);
    let mut active = BTreeMap::new();
    note_opening(&store, &gw1, &images, &active).unwrap();
    let holding = |addrs: &[&str], opening| Holding {
        clients: addrs.iter().map(|addr| (*addr).to_owned()).collect(),
        opening,
    };
    let opened = BTreeMap::from([(key("x"), holding(&["10.0.0.1:0/7"], false))]);
    note(&store, &gw1, &opened).unwrap();
    let of = |image: &str| holdings(&store).unwrap()[&key(image)][&gw1].clone();
    assert_eq!(
        (of("x"), of("y")),
        (opened[&key("x")].clone(), holding(&[], true))
    );
    // opened once more: what is known stays, and there may be another
    note_opening(&store, &gw1, &images, &active).unwrap();
    assert_eq!(of("x"), holding(&["10.0.0.1:0/7"], true));
    // another gateway took over in between
    assert!(set_active(&store, "other", &gw2).unwrap());
    note_opening(&store, &gw1, &images, &active).unwrap();
    assert!(set_active(&store, "c", &gw2).unwrap());
    let error = note_opening(&store, &gw1, &images, &active).unwrap_err();
    assert_eq!(error.kind(), Kind::Busy);
    active.insert("c".to_owned(), gw2.clone());
    // the first one did not let go, and is not barred yet
    let error = note_opening(&store, &gw2, &images, &active).unwrap_err();
    assert_eq!(error.kind(), Kind::Busy);
    assert!(
        error
            .remedy_text()
            .is_some_and(|remedy| remedy.contains("tgt failover c --to gw2")),
        "{error}"
    );
    // barred, but it noted something else meanwhile
    let barred = holdings(&store).unwrap();
    note(&store, &gw1, &opened).unwrap();
    close(&store, &barred).unwrap();
    assert!(!of("x").is_closed() && of("y").is_closed());
    assert!(note_opening(&store, &gw2, &images, &active).is_err());
    close(&store, &holdings(&store).unwrap()).unwrap();
    note_opening(&store, &gw2, &images, &active).unwrap();
    let all = holdings(&store).unwrap();
    assert!(open_elsewhere(&all, &key("x"), &gw1) == Some(&gw2) && of("x").is_closed());
    assert_eq!(open_elsewhere(&all, &key("x"), &gw2), None);
}

#[test]
fn a_file_store_compares() {
    let dir = tempfile::tempdir().unwrap();
    let store = FileStore::new(dir.path().join("sub/registry.json"));
    assert_eq!(store.read().unwrap(), Snapshot::default());
    let entry = |name: &str| BTreeMap::from([(name.to_owned(), Value::from(1))]);
    assert!(store.write(0, &entry("a")).unwrap());
    assert!(!store.write(0, &entry("b")).unwrap());
    assert!(store.write(1, &entry("b")).unwrap());
    let now = store.read().unwrap();
    assert_eq!((now.generation, now.entries.len()), (2, 2));
}

proptest! {
    /// Whatever comes and goes: no two have the same, and nobody's ever changes.
    #[test]
    fn nothing_is_given_twice(rounds in prop::collection::vec(prop::collection::vec((0_u8..6, 0_u8..12), 1..12), 1..8)) {
        let mut snapshot = Snapshot::default();
        let mut tids: BTreeMap<String, u16> = BTreeMap::new();
        let mut luns: BTreeMap<(String, ImageKey), LunIdentity> = BTreeMap::new();
        for round in rounds {
            let mut wants: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for (target, image) in round {
                wants.entry(format!("t{target}")).or_default().insert(format!("i{image}"));
            }
            let wants: Vec<Want> = wants.iter().map(|(iqn, images)| want(iqn, &images.iter().map(String::as_str).collect::<Vec<_>>())).collect();
            let mut table = Table::read(&snapshot).unwrap();
            give(&mut table, &wants);
            for want in &wants {
                let tid = table.tid(&want.iqn).unwrap();
                prop_assert_eq!(*tids.entry(want.iqn.clone()).or_insert(tid), tid);
                for lun in &want.luns {
                    let identity = table.lun(&want.iqn, &lun.key).unwrap();
                    let first = luns.entry((want.iqn.clone(), lun.key.clone())).or_insert_with(|| identity.clone());
                    prop_assert_eq!(first, &identity);
                }
            }
            snapshot = stored(&table, &snapshot);
        }
        prop_assert_eq!(tids.values().collect::<BTreeSet<_>>().len(), tids.len());
        let numbers: BTreeSet<_> = luns.iter().map(|((iqn, _), lun)| (iqn, lun.number)).collect();
        prop_assert_eq!(numbers.len(), luns.len());
        let ids: BTreeSet<_> = luns.values().map(|lun| &lun.scsi_id).collect();
        let images: BTreeSet<_> = luns.keys().map(|(_, key)| key).collect();
        prop_assert_eq!(ids.len(), images.len());
    }
}
