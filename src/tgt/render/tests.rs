//! Files on disk: what is written, kept, removed and left alone.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::model::{Change, HostName};
use crate::tgt::Site;
use crate::tgt::inventory::{ClientRole, Inventory};
use crate::tgt::registry::{FileStore, Holding, identify};

struct Scratch {
    dir: tempfile::TempDir,
    site: Site,
}

fn put(path: &Path, text: &str) {
    crate::sys::atomic::write(path, text.as_bytes()).unwrap();
}

/// Clients `a` (with CHAP) and `b`, of which `clients` are kept.
fn site(clients: &[&str]) -> Scratch {
    let dir = tempfile::tempdir().unwrap();
    put(&dir.path().join("secret"), "abcDEF123456\n");
    let mut text = String::from("[site]\niqn = \"iqn.2014-02.my.domain\"\n");
    for name in clients {
        text.push_str(&format!("[client.{name}]\naddresses = [\"10.0.0.1\"]\n"));
        if *name == "a" {
            text.push_str(&format!(
                "chap = {{ user = \"user-of-a\", secret_file = \"{}/secret\" }}\n",
                dir.path().display()
            ));
        }
        text.push_str(&format!(
            "[[client.{name}.target]]\ntitle = \"t\"\nluns = [\"rbd/{name}\"]\n"
        ));
    }
    put(&dir.path().join("tgt.toml"), &text);
    let inventory = Inventory::load(&dir.path().join("tgt.toml")).unwrap();
    let keys = clients
        .iter()
        .map(|name| {
            let key = format!("801945f3-c685-4fbf-a968-66d179c4e25c/3/{name}");
            (format!("rbd/{name}").parse().unwrap(), key.parse().unwrap())
        })
        .collect();
    let store = FileStore::new(dir.path().join("registry"));
    let identities = identify(&inventory, &store, Some(&keys), true).unwrap();
    let templates = Templates::built_in().unwrap();
    Scratch {
        dir,
        site: Site::new(inventory, None, identities, templates),
    }
}

fn run(scratch: &Scratch, dir: &Path, dry_run: bool) -> crate::Result<Vec<(String, Change)>> {
    let report = render(&scratch.site, dir, None, dry_run)?;
    assert!(
        report
            .files
            .iter()
            .all(|file| !file.diff.contains("abcDEF123456"))
    );
    Ok(report
        .files
        .into_iter()
        .map(|file| (file.client, file.change))
        .collect())
}

#[test]
fn files_are_written_once_and_follow_the_inventory() {
    let both = site(&["a", "b"]);
    let dir = both.dir.path().join("conf.d");
    let made = vec![
        ("a".to_owned(), Change::Made),
        ("b".to_owned(), Change::Made),
    ];
    assert_eq!(run(&both, &dir, true).unwrap(), made);
    assert!(!dir.exists(), "a dry run writes nothing");
    assert_eq!(run(&both, &dir, false).unwrap(), made);
    let mode = |name: &str| dir.join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode("a.conf"), mode("b.conf")),
        (0o600, 0o644),
        "secrets are the owner's only"
    );
    let kept = vec![
        ("a".to_owned(), Change::Kept),
        ("b".to_owned(), Change::Kept),
    ];
    assert_eq!(run(&both, &dir, false).unwrap(), kept);
    // a mode that lets others read a secret is mended
    std::fs::set_permissions(dir.join("a.conf"), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(run(&both, &dir, false).unwrap()[0].1, Change::Altered);
    assert_eq!(mode("a.conf"), 0o600);
    // others' files stay, ours of a client that is gone go
    put(&dir.join("foreign.conf"), "<target foreign>\n</target>\n");
    let one = site(&["a"]);
    assert_eq!(
        run(&one, &dir, false).unwrap(),
        [
            ("a".to_owned(), Change::Kept),
            ("b".to_owned(), Change::Removed)
        ]
    );
    assert!(dir.join("foreign.conf").exists() && !dir.join("b.conf").exists());
}

#[test]
fn somebody_elses_file_is_not_overwritten() {
    let site = site(&["b"]);
    let dir = site.dir.path().join("conf.d");
    put(&dir.join("b.conf"), "<target by-hand>\n</target>\n");
    let error = run(&site, &dir, false).unwrap_err();
    assert_eq!(error.kind(), crate::Kind::Exists);
}

#[test]
fn what_a_killed_run_left_is_swept() {
    let scratch = site(&["a"]);
    let dir = scratch.dir.path().join("conf.d");
    // no process has number 0
    let here = crate::sys::host::hostname().unwrap();
    let left = dir.join(format!(".wb-tmp-0-0-{here}"));
    put(&left, "a secret\n");
    run(&scratch, &dir, true).unwrap();
    assert!(left.exists(), "a dry run changes nothing");
    run(&scratch, &dir, false).unwrap();
    assert!(!left.exists());
}

#[test]
fn a_client_that_another_gateway_may_have_open_is_not_started() {
    let scratch = site(&["a", "b"]);
    let (gw1, gw2): (HostName, HostName) = ("gw1".parse().unwrap(), "gw2".parse().unwrap());
    let mut site = scratch.site;
    site.gateway = Some(gw2.clone());
    for client in &mut site.inventory.clients {
        client.gateway = Some(gw2.clone());
    }
    let key = |image: &str| {
        let image = format!("rbd/{image}").parse().unwrap();
        site.identities.lun(&image).unwrap().key.clone()
    };
    let open = |gateway: &HostName| {
        let holding = Holding {
            opening: true,
            ..Holding::default()
        };
        BTreeMap::from([(gateway.clone(), holding)])
    };
    let closed = BTreeMap::from([(gw1.clone(), Holding::default())]);
    let holdings = |of_a| BTreeMap::from([(key("a"), of_a), (key("b"), closed.clone())]);
    let (own, other) = (holdings(open(&gw2)), holdings(open(&gw1)));
    let roles = |site: &Site| {
        let views = site.views().unwrap();
        views.into_iter().map(|view| view.role).collect::<Vec<_>>()
    };
    site.identities.holdings = own;
    site.hold_back();
    assert_eq!(roles(&site), [ClientRole::Active, ClientRole::Active]);
    site.identities.holdings = other;
    site.hold_back();
    assert_eq!(roles(&site), [ClientRole::Standby, ClientRole::Active]);
    let warning = site.inventory.warnings.last().unwrap();
    assert!(warning.remedy.contains("tgt failover a --to gw2"));
}
