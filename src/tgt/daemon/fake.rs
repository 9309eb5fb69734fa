//! For unit tests: a gateway whose tgtd is `tests/stubs/tgtd/tgtadm`, with its inventory and its registry, and without Ceph.

use std::path::{Path, PathBuf};

use super::Tgtadm;
use crate::cancel::Cancel;
use crate::config::Config;
use crate::host::Host;
use crate::progress::ProgressMode;
use crate::sys::{Roots, atomic};
use crate::tgt::Site;
use crate::tgt::inventory::Inventory;
use crate::tgt::registry::{FileStore, identify};
use crate::tgt::render::Templates;

/// Client `c` has `rbd/x` and `rbd/y`, client `d` has `rbd/z`; gw1 serves both, gw2 stands by.
const INVENTORY: &str = r#"
[site]
iqn = "iqn.2014-02.a.b"
[gateway.gw1]
[gateway.gw2]
[client.c]
gateway = "gw1"
standby = ["gw2"]
addresses = ["10.0.0.1"]
[[client.c.target]]
title = "t"
luns = ["rbd/x", "rbd/y"]
[client.d]
gateway = "gw1"
standby = ["gw2"]
addresses = ["10.0.0.1"]
[[client.d.target]]
title = "t"
luns = ["rbd/z"]
"#;

/// The target of client `c`.
pub(in crate::tgt) const IQN: &str = "iqn.2014-02.a.b:c.t";

/// See the module.
pub(in crate::tgt) struct Fake {
    dir: tempfile::TempDir,
    /// The gateway's host.
    pub(in crate::tgt) host: Host,
}

impl Fake {
    /// A daemon without targets, a registry without entries.
    pub(in crate::tgt) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let stub = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stubs/tgtd");
        let mut config = Config::default();
        config.tools.path = vec![stub];
        // what tgtd makes when it starts
        atomic::write(&dir.path().join("s.0"), b"").unwrap();
        let registry = dir.path().join("registry").display().to_string();
        let inventory = format!("{INVENTORY}[registry]\nfile = \"{registry}\"\n");
        atomic::write(&dir.path().join("tgt.toml"), inventory.as_bytes()).unwrap();
        let roots = Roots::at(dir.path().join("root"));
        let host = Host::new(config, roots, ProgressMode::Quiet, Cancel::new());
        Self { dir, host }
    }

    /// The daemon.
    pub(in crate::tgt) fn tgtadm(&self) -> Tgtadm<'_> {
        Tgtadm::new(&self.host.exec, Some(&self.dir.path().join("s")), 0)
    }

    /// The registry.
    pub(in crate::tgt) fn store(&self) -> FileStore {
        FileStore::new(self.dir.path().join("registry"))
    }

    /// The site as a gateway sees it now.
    pub(in crate::tgt) fn site(&self, gateway: &str) -> Site {
        let inventory = Inventory::load(&self.dir.path().join("tgt.toml")).unwrap();
        let key = |name: &str| {
            let key = format!("801945f3-c685-4fbf-a968-66d179c4e25c/3/{name}");
            (format!("rbd/{name}").parse().unwrap(), key.parse().unwrap())
        };
        let keys = ["x", "y", "z"].map(key).into_iter().collect();
        let identities = identify(&inventory, &self.store(), Some(&keys), true).unwrap();
        let templates = Templates::built_in().unwrap();
        Site::new(inventory, gateway.parse().ok(), identities, templates)
    }

    /// From now on the daemon does not take these parameters of LUNs.
    pub(in crate::tgt) fn refuse(&self, names: &[&str]) {
        let names: String = names.iter().map(|name| format!("{name}\n")).collect();
        atomic::write(&self.dir.path().join("refuse"), names.as_bytes()).unwrap();
    }

    /// The changes that the daemon was asked for, a line for each.
    pub(in crate::tgt) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Where tgt-admin's files go.
    pub(in crate::tgt) fn conf_d(&self) -> PathBuf {
        self.dir.path().join("conf.d")
    }
}
