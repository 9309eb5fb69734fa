use super::*;

/// A file such as releases bring, whole.
fn release(tm: &str, ds: &str, ds_system: &str, inherited: &[&str]) -> String {
    let line = |name: &&str| format!("INHERIT_DATASTORE_ATTR  = \"{name}\"\n");
    let inherited: String = inherited.iter().map(line).collect();
    include_str!("whole.conf")
        .replace("{TM}", tm)
        .replace("{DS}", ds)
        .replace("{SYSTEM}", ds_system)
        .replace("{INHERITED}", &inherited)
}

pub(in crate::one::install) fn releases() -> [(&'static str, String); 4] {
    [
        (
            "5.12",
            release(
                "dummy,lvm,shared,fs_lvm,qcow2,ssh,ceph,dev,vcenter,iscsi_libvirt",
                "dummy,fs,lvm,ceph,dev,iscsi_libvirt,vcenter",
                "shared,ssh,ceph,fs_lvm,qcow2,vcenter",
                &["CEPH_USER"],
            ),
        ),
        (
            "6.4",
            release(
                "dummy,lvm,shared,fs_lvm,fs_lvm_ssh,qcow2,ssh,ceph,dev,vcenter,iscsi_libvirt",
                "dummy,fs,lvm,ceph,dev,iscsi_libvirt,vcenter,restic,rsync",
                "shared,ssh,ceph,fs_lvm,fs_lvm_ssh,qcow2,vcenter",
                &ACCESS_ATTRIBUTES,
            ),
        ),
        (
            "6.10",
            release(
                "dummy,lvm,shared,fs_lvm,fs_lvm_ssh,qcow2,ssh,ceph,dev,iscsi_libvirt",
                "dummy,fs,lvm,ceph,dev,iscsi_libvirt,restic,rsync",
                "shared,ssh,ceph,fs_lvm,fs_lvm_ssh,qcow2",
                &ACCESS_ATTRIBUTES,
            ),
        ),
        (
            "7.4",
            release(
                "dummy,lvm,shared,fs_lvm,fs_lvm_ssh,qcow2,ssh,local,ceph,dev,iscsi_libvirt,netapp,purefa",
                "dummy,fs,lvm,ceph,dev,iscsi_libvirt,restic,rsync,netapp,purefa,virtiofs,interactive",
                "dummy,lvm,shared,ssh,local,ceph,fs_lvm,fs_lvm_ssh,qcow2,netapp,purefa",
                &ACCESS_ATTRIBUTES,
            ),
        ),
    ]
}

#[test]
fn every_release_is_mended_once_and_what_was_there_stays() {
    for (name, text) in releases() {
        let before = lacks(&text).unwrap();
        let known = text.matches("= \"CEPH_USER").count()
            + text.matches("= \"CEPH_CONF").count()
            + text.matches("= \"CEPH_KEY").count();
        let wanted = 3 + 2 + 4 * 5 + 2 * 3 - known;
        assert_eq!(before.len(), wanted, "{name}: {before:?}");
        let after = mended(&text, &before);
        assert_eq!(lacks(&after).unwrap(), [], "{name}");
        assert_eq!(mended(&after, &[]), after);
        // Without what was added, it is the file that it was.
        let (head, tail) = after.split_once("\n# The driver warmblock").unwrap();
        assert_eq!(head.replace(",warmblock", ""), text, "{name}");
        assert!(tail.contains("ALLOW_ORPHANS = \"YES\""));
    }
}

#[test]
fn what_is_added() {
    let (_, text) = &releases()[3];
    let after = mended(text, &lacks(text).unwrap());
    let changed = after
        .lines()
        .filter(|line| !text.lines().any(|was| was == *line));
    insta::assert_snapshot!(changed.collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_daemon_without_a_list_takes_any_driver() {
    let text = releases()[0].1.replace(
        "-t 15 -d dummy,lvm,shared,fs_lvm,qcow2,ssh,ceph,dev,vcenter,iscsi_libvirt",
        "-t 15",
    );
    assert_ne!(text, releases()[0].1);
    let what: Vec<String> = lacks(&text)
        .unwrap()
        .into_iter()
        .map(|lack| lack.what)
        .collect();
    assert!(!what.iter().any(|what| what.contains("one_tm")), "{what:?}");
}

#[test]
fn a_longer_name_is_not_the_drivers() {
    assert_eq!(list_end("-t 15 -d ceph,warmblock2", "-d"), Some(24));
    assert_eq!(list_end("-d ceph,warmblock", "-d"), None);
    assert_eq!(list_end("-t 15", "-d"), None);
    assert_eq!(list_end("-s a -d b", "-d"), Some(9));
}

#[test]
fn an_operators_decision_is_told_and_left() {
    let (_, text) = &releases()[1];
    let mut after = mended(text, &lacks(text).unwrap());
    after = after.replace(
        "SHARED = \"YES\",\n    DRIVER",
        "SHARED = \"NO\",\n    DRIVER",
    );
    let left = lacks(&after).unwrap();
    assert_eq!(left.len(), 1);
    assert!(left[0].what.contains("SHARED") && !left[0].is_mended());
    assert_eq!(mended(&after, &left), after);
}
