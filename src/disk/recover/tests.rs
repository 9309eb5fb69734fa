//! What is found without a record, on a host whose only devices are what a stub of dmsetup tells of.

use super::*;
use crate::cancel::Cancel;
use crate::config::Config;
use crate::progress::ProgressMode;
use crate::sys::{Roots, atomic};

struct World {
    _root: tempfile::TempDir,
    host: Host,
    key: DiskKey,
}

impl World {
    /// A host with the front of one disk, and nothing that tells its image's name.
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let key: DiskKey = "801945f3-3-ab12".parse().unwrap();
        let front = key.dm(crate::model::Role::Front);
        let script = format!(
            "#!/bin/sh\ncase $1 in\n\
             info) echo '{front}|{}|253|7|L--w|0|0' ;;\n\
             table) echo '{front}: 0 8 linear 252:0 0' ;;\n\
             status) echo '{front}: 0 8 linear' ;;\n\
             *) echo \"$*\" >>$0.asked; exit 1 ;;\nesac\n",
            front.uuid()
        );
        let tools = root.path().join("tools");
        atomic::write_mode(&tools.join("dmsetup"), script.as_bytes(), 0o755).unwrap();
        let mut config = Config::default();
        config.tools.path = vec![tools];
        let roots = Roots::at(root.path());
        Self {
            host: Host::new(config, roots, ProgressMode::Quiet, Cancel::new()),
            key,
            _root: root,
        }
    }

    fn record(&self) -> Record {
        let fsid = "801945f3-c685-4fbf-a968-66d179c4e25c".parse().unwrap();
        let image = "one/disk".parse().unwrap();
        let block = self.host.config.cache.block;
        Record::of_unknown(self.key.clone(), image, fsid, None, block)
    }

    fn file(&self) -> std::path::PathBuf {
        let disks = self.host.roots.state.join("disks");
        disks.join(format!("{}.json", self.key))
    }
}

#[test]
fn a_device_whose_image_nobody_knows_stops_nothing_else() {
    let world = World::new();
    let report = recover(&world.host, &Recover { wait: 0 }, false).unwrap();
    let [finding] = &report.findings[..] else {
        panic!("{report:?}")
    };
    assert_eq!(finding.key.as_ref(), Some(&world.key));
    assert!(finding.error.as_ref().unwrap().contains("image's name"));
    assert!(finding.remedy.as_ref().unwrap().contains("dmsetup ls"));
}

#[test]
fn what_was_attached_since_the_devices_were_listed_is_left_alone() {
    let world = World::new();
    world.record().save(&world.host.roots).unwrap();
    let found = orphan(&world.host, &[], &world.key, None, false);
    assert!(found.is_none(), "{found:?}");
    assert!(world.file().exists());
}

#[test]
fn a_disk_whose_record_cannot_be_read_is_left_alone() {
    let world = World::new();
    for text in ["{", "{}"] {
        atomic::write(&world.file(), text.as_bytes()).unwrap();
        let image = Some("one/disk".parse().unwrap());
        let found = orphan(&world.host, &[], &world.key, image, false).unwrap();
        let error = found.error.unwrap();
        assert!(error.contains(".json"), "{error}");
        assert_eq!(std::fs::read_to_string(world.file()).unwrap(), text);
    }
}
