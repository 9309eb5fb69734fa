//! Connecting: the good way, and each of the bad ones.

use std::error::Error;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use warmblock::Kind;
use warmblock::ceph::{CephError, Cluster, ClusterTarget, Stage};
use warmblock::model::PoolId;

use super::{Scratch, Test, pool, target};

pub const TESTS: &[(&str, Test)] = &[
    ("connect::facts_of_the_cluster", facts_of_the_cluster),
    (
        "connect::handles_outlive_what_they_came_from",
        handles_outlive_what_they_came_from,
    ),
    (
        "connect::a_refusing_port_fails_at_the_deadline",
        a_refusing_port_fails_at_the_deadline,
    ),
    (
        "connect::a_silent_port_fails_at_the_deadline",
        a_silent_port_fails_at_the_deadline,
    ),
    (
        "connect::a_wrong_key_is_called_one",
        a_wrong_key_is_called_one,
    ),
    (
        "connect::an_unknown_client_is_refused",
        an_unknown_client_is_refused,
    ),
    (
        "connect::a_missing_keyring_is_named",
        a_missing_keyring_is_named,
    ),
    ("connect::monitors_say_why", monitors_say_why),
    (
        "connect::a_missing_pool_is_not_found",
        a_missing_pool_is_not_found,
    ),
];

fn facts_of_the_cluster() -> Result<(), Box<dyn Error>> {
    let pool = pool();
    let cluster = pool.cluster();
    let answer = cluster.mon_command(&json!({"prefix": "fsid", "format": "json"}))?;
    let answer: Value = serde_json::from_slice(&answer)?;
    assert_eq!(answer["fsid"], cluster.fsid()?.as_str());
    assert_eq!(cluster.conf_get("fsid")?, cluster.fsid()?.as_str());
    assert!(cluster.pools()?.contains(pool.name()));
    assert_eq!(cluster.pool_name(pool.id())?, *pool.name());
    assert!(
        cluster
            .pool_name(PoolId(9_999_999))
            .unwrap_err()
            .is_not_found()
    );
    assert!(cluster.instance_id() > 0);
    Ok(())
}

fn handles_outlive_what_they_came_from() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "outlive", warmblock::model::Bytes::mib(1));
    let image = {
        let own = Cluster::connect(&target())?;
        let pool = own.pool(scratch.pool.name(), None)?;
        pool.open(&scratch.name)?
    };
    image.write_at(0, b"still here")?;
    let mut read = [0; 10];
    assert_eq!(image.read_at(0, &mut read)?, 10);
    assert_eq!(&read, b"still here");
    image.close()?;
    Ok(())
}

/// A target of a made-up cluster with its files in a directory.
fn elsewhere(dir: &Path, mon: &str, key: &str) -> Result<ClusterTarget, Box<dyn Error>> {
    let conf = dir.join("ceph.conf");
    let keyring = dir.join("keyring");
    let text = format!(
        "[global]\nmon host = {mon}\nkeyring = {}\n",
        keyring.display()
    );
    write(&conf, &text)?;
    write(&keyring, &format!("[client.admin]\n\tkey = {key}\n"))?;
    Ok(ClusterTarget {
        conf: Some(conf),
        connect_deadline: Duration::from_secs(2),
        ..ClusterTarget::default()
    })
}

#[expect(clippy::disallowed_methods, reason = "a fixture, not state")]
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    fs::write(path, text)
}

/// A key of the right form that no cluster has.
const STRANGE_KEY: &str = "AQDTqg5pAAAAABAAeW0bS5bqzg5Vw0k0rHlVbA==";

fn refused(target: &ClusterTarget) -> (CephError, Duration) {
    let begun = Instant::now();
    let error = Cluster::connect(target).err().unwrap();
    (error, begun.elapsed())
}

fn assert_gave_up(target: &ClusterTarget) {
    let (error, took) = refused(target);
    assert!(error.is_timeout(), "{error}");
    assert_eq!(error.stage, Stage::Connect);
    assert!(
        error.to_string().contains("did not answer within 2s"),
        "{error}"
    );
    assert_eq!(warmblock::Error::from(error).kind(), Kind::Ceph);
    assert!(took >= Duration::from_millis(1900), "{took:?} is too early");
    assert!(took < Duration::from_secs(4), "{took:?} is too late");
}

fn a_refusing_port_fails_at_the_deadline() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    drop(listener);
    assert_gave_up(&elsewhere(
        dir.path(),
        &format!("[v2:127.0.0.1:{port}]"),
        STRANGE_KEY,
    )?);
    Ok(())
}

fn a_silent_port_fails_at_the_deadline() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    // The kernel takes the connection; nobody ever reads from it.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    assert_gave_up(&elsewhere(
        dir.path(),
        &format!("[v2:127.0.0.1:{port}]"),
        STRANGE_KEY,
    )?);
    Ok(())
}

fn a_wrong_key_is_called_one() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let keyring = dir.path().join("keyring");
    write(
        &keyring,
        &format!("[client.admin]\n\tkey = {STRANGE_KEY}\n"),
    )?;
    let wrong = ClusterTarget {
        keyring: Some(keyring),
        ..target()
    };
    let (error, took) = refused(&wrong);
    assert!(error.is_denied(), "{error}");
    assert!(
        error.to_string().contains("refuse the key of client.admin"),
        "{error}"
    );
    let shown = warmblock::Error::from(error);
    assert_eq!(shown.kind(), Kind::Ceph);
    assert!(shown.remedy_text().unwrap().contains("keyring"));
    assert!(took < Duration::from_secs(5), "{took:?}");
    Ok(())
}

fn an_unknown_client_is_refused() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let keyring = dir.path().join("keyring");
    write(
        &keyring,
        &format!("[client.nobody]\n\tkey = {STRANGE_KEY}\n"),
    )?;
    let unknown = ClusterTarget {
        id: "nobody".parse()?,
        keyring: Some(keyring),
        ..target()
    };
    let (error, _) = refused(&unknown);
    assert!(error.is_denied(), "{error}");
    assert!(error.to_string().contains("no such client"), "{error}");
    Ok(())
}

fn a_missing_keyring_is_named() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let by_conf = elsewhere(dir.path(), "[v2:127.0.0.1:1]", STRANGE_KEY)?;
    fs::remove_file(dir.path().join("keyring"))?;
    let by_option = ClusterTarget {
        keyring: Some("/nonexistent/keyring".into()),
        ..target()
    };
    for (target, place) in [
        (by_conf, dir.path().join("keyring")),
        (by_option, "/nonexistent/keyring".into()),
    ] {
        let (error, took) = refused(&target);
        assert_eq!(error.stage, Stage::Config, "{error}");
        assert!(
            error.to_string().contains(place.to_str().unwrap()),
            "{error}"
        );
        assert!(
            took < Duration::from_secs(1),
            "{took:?}: it tried to connect"
        );
        assert_eq!(warmblock::Error::from(error).kind(), Kind::Config);
    }
    Ok(())
}

fn monitors_say_why() -> Result<(), Box<dyn Error>> {
    let pool = pool();
    let asked = pool
        .cluster()
        .mon_command(&json!({"prefix": "osd pool get", "pool": "no such pool", "var": "size"}));
    let error = asked.unwrap_err();
    assert!(error.is_not_found());
    assert!(
        error
            .to_string()
            .contains("unrecognized pool 'no such pool'"),
        "{error}"
    );
    Ok(())
}

fn a_missing_pool_is_not_found() -> Result<(), Box<dyn Error>> {
    let error = pool()
        .cluster()
        .pool(&"no-such-pool".parse()?, None)
        .unwrap_err();
    assert!(error.is_not_found());
    assert!(
        error
            .to_string()
            .starts_with("cannot open pool no-such-pool: "),
        "{error}"
    );
    Ok(())
}
