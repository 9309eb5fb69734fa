//! The way to Ceph: files, connection, rights.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Instant;

use super::finding::Finding;
use crate::ceph::{CephError, Cluster, meta};
use crate::host::Host;
use crate::model::{ImageId, PoolName};
use crate::{Context, Error, Result};

/// From the files to the rights; what depends on a connection is left out where there is none.
pub fn cluster(host: &Host) -> Vec<Finding> {
    let mut findings = vec![configuration(host), key(host)];
    let begun = Instant::now();
    match connect(host) {
        Err(error) => findings.push(Finding::of_error(
            "Ceph",
            &error,
            "see what `ceph -s` says on this host",
        )),
        Ok((cluster, found)) => {
            let found = format!("{found}, in {:.2} s", begun.elapsed().as_secs_f64());
            findings.push(Finding::ok("Ceph", found));
            findings.push(rights(host, &cluster));
        }
    }
    findings
}

fn connect(host: &Host) -> Result<(Cluster, String)> {
    let cluster = host.connect()?;
    let fsid = cluster
        .fsid()
        .context(|| "cannot ask for the cluster's fsid".into())?;
    let found = format!("connected to {fsid} as client.{}", host.config.ceph.id);
    Ok((cluster, found))
}

/// Ceph's own places for a file (`ceph.conf` and `keyring` in its documentation), below the root that tests move.
fn places(host: &Host, names: &[String]) -> Vec<PathBuf> {
    let dir = host.roots.etc.with_file_name("ceph");
    names.iter().map(|name| dir.join(name)).collect()
}

fn configuration(host: &Host) -> Finding {
    let ceph = &host.config.ceph;
    let files = match &ceph.conf {
        Some(file) => vec![file.clone()],
        None => places(host, &[format!("{}.conf", ceph.cluster)]),
    };
    readable("Ceph configuration", &files, "ceph.conf")
}

fn key(host: &Host) -> Finding {
    const NAME: &str = "Ceph key";
    let ceph = &host.config.ceph;
    let (cluster, id) = (&ceph.cluster, &ceph.id);
    let files = match ceph.keyfile.as_ref().or(ceph.keyring.as_ref()) {
        Some(file) => vec![file.clone()],
        None => places(
            host,
            &[
                format!("{cluster}.client.{id}.keyring"),
                format!("{cluster}.keyring"),
                "keyring".into(),
            ],
        ),
    };
    let exposed = |file: &&PathBuf| file.metadata().is_ok_and(|meta| meta.mode() & 0o004 != 0);
    match files.iter().find(|file| file.exists()).filter(exposed) {
        Some(file) => Finding::warn(
            NAME,
            format!("everybody on this host can read {}", file.display()),
            format!("`chmod o= {}`", file.display()),
        ),
        None => readable(NAME, &files, "the keyring"),
    }
}

/// The first of the files that is there; `what` is what should be put there.
fn readable(name: &str, files: &[PathBuf], what: &str) -> Finding {
    let shown = |files: &[PathBuf]| {
        files
            .iter()
            .map(|file| file.display().to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let Some(file) = files.iter().find(|file| file.exists()) else {
        // The configuration may name other places, so that only the connection shows whether it matters.
        let remedy = format!(
            "put {what} of the cluster there, or name its place in [ceph] of the configuration"
        );
        return Finding::warn(name, format!("not there: {}", shown(files)), remedy);
    };
    match std::fs::File::open(file) {
        Ok(_) => Finding::ok(name, file.display().to_string()),
        Err(error) => Finding::fail(
            name,
            format!("{} cannot be read: {error}", file.display()),
            "run it as root, or correct the file's owner and mode",
        ),
    }
}

/// What a client may do in a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Right {
    Write,
    Read,
    None,
}

/// Whether the key allows to work with images in at least one pool.
fn rights(host: &Host, cluster: &Cluster) -> Finding {
    const NAME: &str = "Ceph rights";
    let id = &host.config.ceph.id;
    let remedy =
        format!("`ceph auth caps client.{id} mon 'profile rbd' osd 'profile rbd pool=POOL'`");
    let pools = cluster.pools().context(|| "cannot list the pools".into());
    match pools.and_then(|pools| some_rights(pools, |pool| right(cluster, pool))) {
        Err(error) => Finding::of_error(NAME, &error, &remedy),
        Ok(rights) => judge(NAME, &rights, remedy),
    }
}

/// The right in each pool. One that does not answer says nothing of the others; after two of them no more are waited for.
fn some_rights(
    pools: Vec<PoolName>,
    right: impl Fn(&PoolName) -> Result<Right>,
) -> Result<Vec<(PoolName, Right)>> {
    const ENOUGH: usize = 2;
    let (mut rights, mut failed) = (Vec::new(), Vec::new());
    for pool in pools {
        match right(&pool).context(|| format!("cannot look into pool {pool}")) {
            Ok(right) => rights.push((pool, right)),
            Err(error) => failed.push(error),
        }
        if failed.len() == ENOUGH {
            break;
        }
    }
    let can_write = rights.iter().any(|(_, right)| *right == Right::Write);
    match failed.into_iter().next() {
        Some(error) if !can_write => Err(error),
        _ => Ok(rights),
    }
}

/// Asks for a change of an image that cannot be there: an OSD looks at the rights first, then at the object, so nothing is
/// changed and the answer tells the right. (`auth get` would tell it too, but `profile rbd` does not allow that.)
fn right(cluster: &Cluster, pool: &PoolName) -> Result<Right> {
    let denied = |error: CephError| {
        if error.is_denied() {
            Ok(Right::None)
        } else {
            Err(Error::from(error))
        }
    };
    let pool = match cluster.pool(pool, None) {
        Ok(pool) => pool,
        Err(error) => return denied(error),
    };
    if let Err(error) = pool.list_images() {
        return denied(error);
    }
    let nobody: ImageId = "warmblockdoctor".parse()?;
    match meta::compare_and_set(&pool, &nobody, "warmblock.doctor", None, None) {
        Err(error) if error.is_denied() => Ok(Right::Read),
        Err(error) if !error.is_not_found() => Err(Error::from(error)),
        Ok(_) | Err(_) => Ok(Right::Write),
    }
}

fn judge(name: &str, rights: &[(PoolName, Right)], remedy: String) -> Finding {
    let with = |wanted: Right| {
        let pools = rights.iter().filter(move |(_, right)| *right == wanted);
        pools.map(|(pool, _)| pool.as_str()).collect::<Vec<_>>()
    };
    let (write, read) = (with(Right::Write), with(Right::Read));
    if !write.is_empty() {
        return Finding::ok(
            name,
            format!("can list and change images in {}", write.join(", ")),
        );
    }
    if !read.is_empty() {
        return Finding::fail(
            name,
            format!("can list, but not change images in {}", read.join(", ")),
            remedy,
        );
    }
    let found = match rights.len() {
        0 => return Finding::fail(name, "the cluster has no pools", remedy),
        count => format!("none of the {count} pools can be looked into"),
    };
    // A key for one namespace cannot ask which namespaces there are, so no more can be told.
    Finding::warn(
        name,
        format!("{found}, unless the key is for a namespace"),
        remedy,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use crate::doctor::State;

    #[test]
    fn one_pool_that_can_be_written_is_enough() {
        let pool = |name: &str, right| (name.parse::<PoolName>().unwrap(), right);
        let state = |rights: &[(PoolName, Right)]| judge("x", rights, String::new()).state;
        assert_eq!(
            state(&[pool("a", Right::None), pool("b", Right::Write)]),
            State::Ok
        );
        assert_eq!(state(&[pool("a", Right::Read)]), State::Fail);
        assert_eq!(state(&[pool("a", Right::None)]), State::Warn);
        assert_eq!(state(&[]), State::Fail);
    }

    #[test]
    fn a_silent_pool_says_nothing_of_the_others() {
        let pools = ["a", "silent1", "silent2", "b"].map(|name| name.parse::<PoolName>().unwrap());
        let ask = |writable: &str| {
            let right = |pool: &PoolName| match pool.as_str() {
                silent if silent.starts_with("silent") => Err(Error::new(Kind::Timeout, "silence")),
                name if name == writable => Ok(Right::Write),
                _ => Ok(Right::None),
            };
            some_rights(pools.to_vec(), right)
        };
        assert_eq!(ask("a").unwrap(), [(pools[0].clone(), Right::Write)]);
        // It was not come to.
        let error = ask("b").unwrap_err();
        assert!(error.chain().contains("pool silent1"), "{}", error.chain());
    }
}
