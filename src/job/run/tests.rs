//! What root does for whoever calls sudo: nothing that he might not do himself.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;

use super::*;
use crate::cancel::Cancel;
use crate::config::Config;
use crate::progress::ProgressMode;
use crate::sys::{Caller, Roots, atomic};

/// A directory of root's that everybody may look into, and the host of a user to whom nothing in it belongs.
fn nobodys_host(dir: &Path) -> Option<Host> {
    fs::set_permissions(dir, Permissions::from_mode(0o755)).unwrap();
    let roots = Roots::default();
    let config = Config::default();
    let mut host = Host::new(config, roots, ProgressMode::Quiet, Cancel::new());
    host.caller = Some(Caller::nobody()?);
    Some(host)
}

fn asked(host: &Host, job: &str) -> Result<Answer> {
    request(host, &serde_json::from_str(job).unwrap(), false)
}

#[test]
fn a_directory_is_made_where_the_caller_might_make_it_and_belongs_to_him() {
    let dir = tempfile::tempdir().unwrap();
    let Some(host) = nobodys_host(dir.path()) else {
        return;
    };
    let job = |op: &str| {
        let path = dir.path().join("cron.service.d/1/2");
        format!(r#"{{"op":"{op}","path":"{}"}}"#, path.display())
    };
    let refused = asked(&host, &job("make-dir")).unwrap_err();
    assert!(refused.chain().contains("ermission denied"), "{refused:?}");
    assert!(refused.to_string().contains("cron.service.d"));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    chown(dir.path(), Some(65534), Some(65534)).unwrap();
    asked(&host, &job("make-dir")).unwrap();
    let made = dir.path().join("cron.service.d/1/2/.warmblock");
    assert_eq!(made.metadata().unwrap().uid(), 65534);
    asked(&host, &job("remove-dir")).unwrap();
    assert!(!dir.path().join("cron.service.d/1/2").exists());
}

/// A link above a VM's directory, of the caller's own making, leads to where he may not do anything.
#[test]
fn links_in_a_path_lead_nowhere_that_the_caller_may_not_go() {
    let dir = tempfile::tempdir().unwrap();
    let Some(host) = nobodys_host(dir.path()) else {
        return;
    };
    let [own, roots] = ["own", "roots"].map(|name| dir.path().join(name));
    for dir in [&own, &roots] {
        fs::create_dir(dir).unwrap();
    }
    fs::create_dir_all(roots.join("12/backup")).unwrap();
    atomic::write_mode(&roots.join("12/disk.0"), b"root's", 0o644).unwrap();
    chown(&own, Some(65534), Some(65534)).unwrap();
    symlink(&roots, own.join("100")).unwrap();
    let own = own.display();
    for job in [
        format!(r#"{{"op":"put-file","path":"{own}/100/12/disk.0","content":"eA=="}}"#),
        format!(r#"{{"op":"put-file","path":"{own}/100/12/disk.1","content":"eA=="}}"#),
        format!(r#"{{"op":"remove-dir","path":"{own}/100/12"}}"#),
        format!(r#"{{"op":"end-backup","path":"{own}/100/12"}}"#),
        format!(r#"{{"op":"backup","path":"{own}/100/12","document":"","disks":[]}}"#),
        format!(r#"{{"op":"make-dir","path":"{own}/100/13"}}"#),
        format!(r#"{{"op":"look-dir","path":"{own}/100"}}"#),
    ] {
        let done = asked(&host, &job);
        assert!(done.is_err(), "{job}: {done:?}");
    }
    let content = fs::read(roots.join("12/disk.0")).unwrap();
    assert_eq!(content, b"root's");
    assert!(roots.join("12/backup").is_dir());
    assert_eq!(fs::read_dir(&roots).unwrap().count(), 1);
}

#[test]
fn a_file_is_imported_if_the_caller_might_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let Some(host) = nobodys_host(dir.path()) else {
        return;
    };
    let secret = dir.path().join("shadow");
    atomic::write(&secret, b"root:x").unwrap();
    let job = format!(
        r#"{{"op":"image","verb":"import","source":"{}","image":"one/x"}}"#,
        secret.display()
    );
    let error = asked(&host, &job).unwrap_err();
    assert_eq!(error.kind(), Kind::Missing, "{error:?}");
}
