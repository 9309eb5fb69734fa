use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::Kind;
use crate::sys::atomic;

const ONED_CONF: &str = "PORT = 2633\nTM_MAD = [ EXECUTABLE = \"one_tm\", ARGUMENTS = \"-t 15 -d dummy,ceph\" ]\n\
    DATASTORE_MAD = [\n    EXECUTABLE = \"one_datastore\",\n    ARGUMENTS = \"-t 15 -d dummy,ceph -s dummy,ceph\" ]\n";
const EXECRC: &str = "# settings\nLIVE_DISK_SNAPSHOTS=\"kvm-qcow2 kvm-ceph\"\n";

fn tree() -> (tempfile::TempDir, Tree) {
    let dir = tempfile::tempdir().unwrap();
    let tree = Tree::at(dir.path());
    for dir in [
        tree.remotes.join("tm"),
        tree.remotes.join("datastore"),
        tree.etc.join("vmm_exec"),
    ] {
        std::fs::create_dir_all(dir).unwrap();
    }
    atomic::write_mode(&tree.oned_conf(), ONED_CONF.as_bytes(), 0o640).unwrap();
    atomic::write(&tree.execrc(), EXECRC.as_bytes()).unwrap();
    (dir, tree)
}

/// The files that changed, without the directory that differs from run to run.
fn changes(report: &InstallReport) -> Vec<String> {
    let changed = report
        .files
        .iter()
        .filter(|file| file.change != Change::Kept);
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    changed
        .map(|file| format!("{} {}", name(&file.path), file.change))
        .collect()
}

#[test]
fn an_installation_and_the_same_again() {
    let (_dir, tree) = tree();
    let planned = install(&tree, true).unwrap();
    assert!(!tree.remotes.join("tm/warmblock").exists());
    assert_eq!(
        std::fs::read_to_string(tree.oned_conf()).unwrap(),
        ONED_CONF
    );

    let first = install(&tree, false).unwrap();
    assert_eq!(changes(&planned), changes(&first));
    assert_eq!(first.files.len(), 35 + 2);
    assert_eq!(first.next.len(), 6);
    let shim = tree.remotes.join("tm/warmblock/clone");
    let text = std::fs::read_to_string(&shim).unwrap();
    assert_eq!(text, "#!/bin/sh\nexec warmblock one tm clone \"$@\"\n");
    assert_eq!(
        std::fs::metadata(&shim).unwrap().permissions().mode() & 0o777,
        0o755
    );
    let oned = std::fs::read_to_string(tree.oned_conf()).unwrap();
    assert!(oned.contains("-d dummy,ceph,warmblock -s dummy,ceph,warmblock"));
    assert_eq!(
        std::fs::metadata(tree.oned_conf())
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o640
    );
    let backup = tree.etc.join("oned.conf.before-warmblock");
    assert_eq!(std::fs::read_to_string(backup).unwrap(), ONED_CONF);
    assert!(
        std::fs::read_to_string(tree.execrc())
            .unwrap()
            .contains("kvm-ceph kvm-warmblock qemu-warmblock lxc-warmblock\"")
    );

    let second = install(&tree, false).unwrap();
    assert_eq!((changes(&second), second.next), (vec![], vec![]));
    assert_eq!(std::fs::read_to_string(tree.oned_conf()).unwrap(), oned);
}

#[test]
fn what_an_upgrade_took_away_is_mended_and_the_first_backup_kept() {
    let (_dir, tree) = tree();
    install(&tree, false).unwrap();
    let shim = tree.remotes.join("datastore/warmblock/cp");
    atomic::write_mode(&shim, b"#!/bin/sh\n", 0o644).unwrap();
    atomic::write(&tree.oned_conf(), ONED_CONF.as_bytes()).unwrap();
    let again = install(&tree, false).unwrap();
    assert_eq!(changes(&again), ["cp altered", "oned.conf altered"]);
    assert!(tree.etc.join("oned.conf.before-warmblock.1").exists());
}

#[test]
fn nothing_is_written_where_something_cannot_be_read() {
    let (_dir, tree) = tree();
    atomic::write(&tree.oned_conf(), b"TM_MAD = [ oops\n").unwrap();
    assert_eq!(install(&tree, false).unwrap_err().kind(), Kind::Config);
    assert!(!tree.remotes.join("tm/warmblock").exists());
    std::fs::remove_file(tree.oned_conf()).unwrap();
    assert_eq!(install(&tree, false).unwrap_err().kind(), Kind::NotFound);
}

#[test]
fn settings_behind_a_link_stay_behind_it_with_their_mode() {
    let (dir, tree) = tree();
    let real = dir.path().join("elsewhere.conf");
    // More than most umasks leave.
    atomic::write_mode(&real, ONED_CONF.as_bytes(), 0o664).unwrap();
    std::fs::remove_file(tree.oned_conf()).unwrap();
    std::os::unix::fs::symlink(&real, tree.oned_conf()).unwrap();
    let report = install(&tree, false).unwrap();
    assert!(tree.oned_conf().is_symlink());
    let backup = report.files.iter().find_map(|file| file.backup.clone());
    for file in [&real, &backup.unwrap()] {
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o664, "{}", file.display());
    }
    assert!(
        std::fs::read_to_string(&real)
            .unwrap()
            .contains("warmblock")
    );
}

/// Whose the drivers are runs oned; and the files are made as he might make them: root would follow his links.
#[test]
fn nothing_is_written_where_the_owner_may_not() {
    let (dir, tree) = tree();
    // Those of a self-contained installation are whoever's it is.
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(&tree.remotes, Some(1), None).unwrap();
        let daemon = User::from_uid(1.into()).unwrap().map(|user| user.name);
        assert_eq!(Some(runs_oned(&tree)), daemon);
        let roots = dir.path().join("roots");
        std::fs::create_dir(&roots).unwrap();
        for below in ["datastore", "tm"] {
            let place = tree.remotes.join(below);
            std::fs::create_dir_all(&place).unwrap();
            std::os::unix::fs::chown(&place, Some(1), None).unwrap();
        }
        std::os::unix::fs::symlink(&roots, tree.remotes.join("datastore/warmblock")).unwrap();
        install(&tree, false).unwrap_err();
        assert_eq!(std::fs::read_dir(&roots).unwrap().count(), 0);
        std::fs::remove_file(tree.remotes.join("datastore/warmblock")).unwrap();
        install(&tree, false).unwrap();
        let made = tree.remotes.join("tm/warmblock/clone");
        assert_eq!(
            std::os::unix::fs::MetadataExt::uid(&made.metadata().unwrap()),
            1
        );
    }
}
