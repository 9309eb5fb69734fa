use super::*;
use crate::one::remote::tests::{remote, write_script};
use std::io::Read as _;

const URL: &str = "rsync://100//0:3ffce7,1:0e6658/var/lib/one/datastores/100/1/0e6658/disk.0.1";

#[test]
fn what_a_datastore_lists() {
    let other = URL.replace("disk.0.1", "disk.10.1");
    let listed = read(&format!(r#"{{"0":"{URL}","10":"{other}"}}"#)).unwrap();
    let disks: Vec<DiskId> = listed.into_keys().collect();
    assert_eq!(disks, [DiskId(0), DiskId(10)]);
    for bad in [
        String::new(),
        "[]".into(),
        format!(r#"{{"x":"{URL}"}}"#),
        format!(r#"{{"1":"{URL}"}}"#),
        r#"{"0":"rsync://$(id)"}"#.into(),
    ] {
        assert!(read(&bad).is_err(), "{bad}");
    }
}

/// oned's directory with one script in it.
fn tree(script: &str, text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("remotes/datastore").join(script);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_script(&path, text);
    dir
}

fn downloaded(text: &str, part: Part) -> std::io::Result<String> {
    let dir = tree("downloader.sh", text);
    let (_dir, remote) = remote("exit 1");
    let mut text = String::new();
    let mut reading = download(&remote, &URL.parse().unwrap(), part, dir.path()).unwrap();
    reading.read_to_string(&mut text).map(|_| text)
}

#[test]
fn the_downloader_is_called_as_oned_calls_it() {
    let said = downloaded("echo $ONE_LOCATION \"$@\"", Part::Whole);
    assert_eq!(said.unwrap(), format!("/one --nodecomp {URL} -\n"));
    let head = Part::Head(Bytes(4096), Duration::from_secs(60));
    let said = downloaded("echo \"$@\"", head).unwrap();
    assert_eq!(said, format!("--nodecomp --max-size 4096 {URL} -\n"));
}

/// As it does if it cannot reach the backup server.
#[test]
fn a_downloader_that_gives_nothing_has_failed() {
    let said = downloaded("echo 'no such snapshot' >&2; exit 0", Part::Whole);
    let error = said.unwrap_err().to_string();
    assert!(error.contains("no such snapshot"), "{error}");
}

#[test]
fn the_list_is_asked_for_as_oned_asks() {
    let dir = tree(
        "rsync/ls",
        r#"document=$(cat)
        case $document in *"<DATASTORE><ID>3"*) ;; *) exit 3 ;; esac
        increment=9; case $document in *"<INCREMENT_ID>1<"*) increment=1 ;; esac
        echo "{\"0\":\"rsync://3//0:a,$increment:b$2/d/3/1/b/disk.0.1\"}""#,
    );
    let (_dir, remote) = remote("exit 1");
    let backup = BackupImage {
        vm: "<VM/>",
        image: "<IMAGE/>",
        datastore: "<DATASTORE><ID>3</ID></DATASTORE>",
    };
    let driver = "rsync".parse().unwrap();
    let list = |increment| {
        let listed = list(&remote, dir.path(), &driver, &backup, increment);
        listed.map(|listed| listed[&DiskId(0)].to_string())
    };
    assert_eq!(
        list(Some(SnapshotId(1))).unwrap(),
        "rsync://3//0:a,1:b1/d/3/1/b/disk.0.1"
    );
    // What is no chain: the script had `-1`.
    let error = list(None).unwrap_err();
    assert!(error.chain().contains("9:b-1"), "{}", error.chain());
}
