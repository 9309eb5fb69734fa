use super::*;
use crate::one::install::install;
use crate::one::install::oned_conf::tests::releases;
use crate::sys::atomic;

const EXECRC: &str = "# Settings of the hypervisors' driver\nLIVE_DISK_SNAPSHOTS=\"kvm-qcow2 kvm-shared kvm-ceph qemu-ceph lxc-ceph\"\nX=1\n";

fn tree(conf: &[u8]) -> (tempfile::TempDir, Tree) {
    let dir = tempfile::tempdir().unwrap();
    let tree = Tree::at(dir.path());
    for dir in ["tm", "datastore", "etc/tm/ceph"] {
        std::fs::create_dir_all(tree.remotes.join(dir)).unwrap();
    }
    std::fs::create_dir_all(tree.etc.join("vmm_exec")).unwrap();
    atomic::write(&tree.oned_conf(), conf).unwrap();
    atomic::write(&tree.execrc(), EXECRC.as_bytes()).unwrap();
    (dir, tree)
}

const NONE: &str = "<DATASTORE_POOL><DATASTORE><ID>1</ID><DS_MAD>fs</DS_MAD><TM_MAD>ssh</TM_MAD></DATASTORE></DATASTORE_POOL>";

/// All that is below a directory, but for what was kept.
fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        }
        if !path.to_string_lossy().contains(".before-warmblock") {
            all.push(path);
        }
    }
    all.sort();
    all
}

#[test]
fn whoever_leaves_leaves_every_release_as_it_was() {
    for (release, conf) in releases() {
        let (_dir, tree) = tree(conf.as_bytes());
        let before = files(&tree.remotes);
        install(&tree, false).unwrap();
        // Twice, as after an upgrade that took something away.
        let there = std::fs::read_to_string(tree.oned_conf()).unwrap();
        let less = there.replace("INHERIT_IMAGE_ATTR = \"WARMBLOCK_WAIT\"\n", "");
        assert_ne!(there, less);
        atomic::write(&tree.oned_conf(), less.as_bytes()).unwrap();
        install(&tree, false).unwrap();

        let planned = out(&tree, NONE, true).unwrap();
        assert!(tree.remotes.join("tm/warmblock/clone").exists());
        let done = out(&tree, NONE, false).unwrap();
        let changes = |report: &InstallReport| -> Vec<(std::path::PathBuf, Change)> {
            let files = report.files.iter();
            files.map(|file| (file.path.clone(), file.change)).collect()
        };
        assert_eq!(changes(&planned), changes(&done));
        assert_eq!(done.warnings, [""; 0]);
        let text = std::fs::read_to_string(tree.oned_conf()).unwrap();
        assert_eq!(text, conf, "{release}");
        assert_eq!(std::fs::read_to_string(tree.execrc()).unwrap(), EXECRC);
        // The directory of settings that was made for the first one is left.
        assert_eq!(files(&tree.remotes), before, "{release}");
        assert!(!done.next.is_empty());

        let again = out(&tree, NONE, false).unwrap();
        assert!(again.files.iter().all(|file| !file.change.is_change()));
        assert_eq!(again.next, [""; 0]);
    }
}

/// A Latin-1 comment, say, of which oned knows nothing.
#[test]
fn a_file_that_is_no_utf8_stays_what_it_is() {
    let mut conf = b"# f\xfcr alle\n".to_vec();
    conf.extend(releases()[1].1.as_bytes());
    let (_dir, tree) = tree(&conf);
    install(&tree, false).unwrap();
    let there = std::fs::read(tree.oned_conf()).unwrap();
    assert!(there.starts_with(b"# f\xfcr alle\n") && there.len() > conf.len() + 500);
    out(&tree, NONE, false).unwrap();
    assert_eq!(std::fs::read(tree.oned_conf()).unwrap(), conf);
}

#[test]
fn what_somebody_put_beside_it_stays() {
    let (release, conf) = &releases()[0];
    let (_dir, tree) = tree(conf.as_bytes());
    install(&tree, false).unwrap();
    let own = tree.remotes.join("tm/warmblock/clone.mine");
    atomic::write(&own, b"x").unwrap();
    let more = "\nVM_RESTRICTED_ATTR = \"DISK/CEPH_USER\"\nNAME_OF_MINE = 1\n";
    let there = std::fs::read_to_string(tree.oned_conf()).unwrap();
    let there = there.replace("ceph,warmblock", "ceph,warmblock,mine") + more;
    atomic::write(&tree.oned_conf(), there.as_bytes()).unwrap();
    let done = out(&tree, NONE, false).unwrap();
    assert!(own.exists());
    assert_eq!(done.warnings.len(), 1);
    let text = std::fs::read_to_string(tree.oned_conf()).unwrap();
    assert!(text.contains("NAME_OF_MINE = 1"), "{release}: {text}");
    assert!(
        !text.contains("warmblock") && !text.contains("WARMBLOCK"),
        "{text}"
    );
}

#[test]
fn a_driver_that_is_needed_is_not_taken_out() {
    let (_dir, tree) = tree(releases()[2].1.as_bytes());
    install(&tree, false).unwrap();
    let there = std::fs::read(tree.oned_conf()).unwrap();
    let ours = NONE.replace("<TM_MAD>ssh", "<NAME>cached</NAME><TM_MAD>warmblock");
    let refused = out(&tree, &ours, false).unwrap_err();
    assert_eq!(refused.kind(), Kind::Busy);
    assert!(
        refused.chain().contains("1 (cached)"),
        "{}",
        refused.chain()
    );
    // Nobody knows what there is.
    let nobody = Oned::find(&crate::one::oned::Surroundings {
        endpoint: Some("http://127.0.0.1:9/RPC2".into()),
        var: "/nonexistent".into(),
        ..Default::default()
    });
    assert!(uninstall(&tree, &nobody, false).is_err());
    assert_eq!(std::fs::read(tree.oned_conf()).unwrap(), there);
}
