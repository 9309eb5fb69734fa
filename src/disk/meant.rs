//! Which disk of this host is meant by an image's name: each cluster may have an image of that name.

use super::record::Record;
use crate::host::Host;
use crate::model::{Access, ImageSpec};
use crate::{Context, Result};

/// The record of the disk that is meant. One of the cluster that the caller means by its configuration file is it, whoever attached
/// it, and so is the only one if the caller says nothing; else, and whenever a cluster is named on the command line, the cluster that
/// the caller reaches tells.
pub(super) fn meant(host: &Host, spec: &ImageSpec) -> Result<Option<Record>> {
    let mut found = Record::named(&host.roots, spec)?;
    let named = host.config.ceph.named && host.access.is_none();
    let conf = |access: &Option<Access>| {
        let conf = access.as_ref().and_then(|access| access.conf.clone());
        conf.filter(|conf| !host.config.ceph.is_own(Some(conf.path())))
    };
    if let Some(at) = found
        .iter()
        .position(|known| !named && conf(&known.access) == conf(&host.access))
    {
        return Ok(Some(found.swap_remove(at)));
    }
    if found.is_empty() || (found.len() == 1 && host.access.is_none() && !named) {
        return Ok(found.pop());
    }
    let fsid = host.connect()?.fsid();
    let fsid = fsid.context(|| "cannot ask for the cluster's fsid".into())?;
    Ok(found.into_iter().find(|known| known.fsid == fsid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancel::Cancel;
    use crate::config::Config;
    use crate::model::Bytes;
    use crate::progress::ProgressMode;
    use crate::sys::Roots;

    fn access(conf: &str) -> Access {
        serde_json::from_str(&format!(
            r#"{{"user":"libvirt","conf":"/etc/ceph/{conf}.conf"}}"#
        ))
        .unwrap()
    }

    /// A disk of a cluster, by the first digits of its fsid.
    fn noted(host: &Host, cluster: &str, access: Option<Access>) {
        let fsid = format!("{cluster}-0000-0000-0000-000000000000");
        let record = Record::of_unknown(
            format!("{cluster}-3-ab12").parse().unwrap(),
            "one/a".parse().unwrap(),
            fsid.parse().unwrap(),
            access,
            Bytes::kib(256),
        );
        record.save(&host.roots).unwrap();
    }

    fn found(host: &Host) -> Result<Option<String>> {
        let record = meant(host, &"one/a".parse().unwrap())?;
        Ok(record.map(|record| record.fsid.short().to_owned()))
    }

    #[test]
    fn two_clusters_may_have_an_image_of_one_name() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        // A cluster that nobody reaches: what can be told without it is told without it.
        config.ceph.conf = Some(dir.path().join("none.conf"));
        let host = Host::new(
            config,
            Roots::at(dir.path()),
            ProgressMode::Quiet,
            Cancel::new(),
        );
        assert_eq!(found(&host).unwrap(), None);
        noted(&host, "11111111", Some(access("b")));
        assert_eq!(found(&host).unwrap().as_deref(), Some("11111111"));
        noted(&host, "22222222", None);
        assert_eq!(found(&host).unwrap().as_deref(), Some("22222222"));
        let by_b = host.by(&access("b"));
        assert_eq!(found(&by_b).unwrap().as_deref(), Some("11111111"));
        // A client of the host's own cluster.
        let client = Access::told("libvirt".parse().ok(), None, None).unwrap();
        assert_eq!(
            found(&host.by(&client)).unwrap().as_deref(),
            Some("22222222")
        );
        // By another file: the cluster has to say which it is. And so it has where one is named.
        assert!(found(&host.by(&access("c"))).is_err());
        let mut named = host.config.clone();
        named.ceph.named = true;
        let roots = host.roots.clone();
        let named = Host::new(named, roots, ProgressMode::Quiet, Cancel::new());
        assert!(found(&named).is_err());
        assert_eq!(
            found(&named.by(&access("b"))).unwrap().as_deref(),
            Some("11111111")
        );
    }

    #[test]
    fn a_configuration_that_others_can_write_is_not_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let conf = dir.path().join("b.conf");
        crate::sys::atomic::write(&conf, b"[global]\n").unwrap();
        std::fs::set_permissions(&conf, std::fs::Permissions::from_mode(0o666)).unwrap();
        let host = Host::new(
            Config::default(),
            Roots::at(dir.path()),
            ProgressMode::Quiet,
            Cancel::new(),
        );
        let access = Access::told(None, conf.to_str().unwrap().parse().ok(), None).unwrap();
        let error = host.by(&access).connect().unwrap_err();
        assert_eq!(error.kind(), crate::Kind::Config);
        assert!(error.chain().contains("mode 666"), "{error}");
        assert!(host.krbd_client(Some(&access)).is_err());
    }
}
