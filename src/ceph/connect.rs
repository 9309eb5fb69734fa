//! The way to a connection: options, files that must be there, and a deadline that holds.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::error::{CephError, On, Stage};
use super::ffi::{ClusterHandle, Unconnected};
use super::target::ClusterTarget;

/// How much later than librados we give up ourselves, so that its own error comes first if there is one.
const GRACE: Duration = Duration::from_millis(500);

/// A connected handle, or an error at about the deadline.
pub(super) fn connect(target: &ClusterTarget) -> Result<ClusterHandle, CephError> {
    let handle = configured(target).map_err(|error| error.at(Stage::Config))?;
    check_key(target, &handle)?;
    connect_in_time(target, handle)
}

/// Whole seconds, as Ceph's timeouts are, and never zero, which would be for ever.
fn seconds(deadline: Duration) -> String {
    deadline.as_secs_f64().ceil().max(1.0).to_string()
}

fn configured(target: &ClusterTarget) -> Result<Unconnected, CephError> {
    let name = format!("client.{}", target.id);
    let mut handle = Unconnected::create(target.cluster.as_str(), &name).on(target)?;
    if let Some(conf) = &target.conf {
        check_readable("rados_conf_read_file", "configuration file", target, conf)?;
    }
    let read = handle.conf_read_file(target.conf.as_deref()).on(target);
    read.map_err(|error| match (error.errno, &target.conf) {
        (libc::ENOENT, None) => error.detail(format!(
            "no configuration file found; Ceph looks at $CEPH_CONF, /etc/ceph/{0}.conf, ~/.ceph/{0}.conf and {0}.conf \
             here",
            target.cluster
        )),
        (_, Some(conf)) => error.detail(format!("{} is not a configuration file of Ceph", conf.display())),
        _ => error,
    })?;
    for (option, value) in options(target) {
        let set = handle.conf_set(option, &value);
        set.on(&format_args!("{option} = {value}"))?;
    }
    Ok(handle)
}

/// What is set over the configuration file: deadlines, quiet, and no cache of librbd's, since what is copied here is
/// read or written once.
fn options(target: &ClusterTarget) -> Vec<(&'static str, String)> {
    let mut options = vec![
        ("client_mount_timeout", seconds(target.connect_deadline)),
        ("rados_mon_op_timeout", seconds(target.connect_deadline)),
        ("log_to_stderr", "false".to_owned()),
        ("err_to_stderr", "false".to_owned()),
        ("admin_socket", String::new()),
        ("rbd_cache", "false".to_owned()),
    ];
    if let Some(deadline) = target.op_deadline {
        options.push(("rados_osd_op_timeout", seconds(deadline)));
    }
    for (option, path) in [("keyring", &target.keyring), ("keyfile", &target.keyfile)] {
        if let Some(path) = path {
            options.push((option, path.to_string_lossy().into_owned()));
        }
    }
    options
}

fn check_readable(
    call: &'static str,
    what: &str,
    target: &ClusterTarget,
    path: &Path,
) -> Result<(), CephError> {
    let Err(error) = File::open(path) else {
        return Ok(());
    };
    let why = match error.kind() {
        ErrorKind::NotFound => "is not there".to_owned(),
        ErrorKind::PermissionDenied => "may not be read by this user".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    let errno = error.raw_os_error().unwrap_or(libc::EIO);
    let error = CephError::new(call, target.to_string(), errno).at(Stage::Config);
    Err(error.detail(format!("the {what} {} {why}", path.display())))
}

/// A key must come from somewhere; librados would say no more than "not found".
fn check_key(target: &ClusterTarget, handle: &Unconnected) -> Result<(), CephError> {
    const CALL: &str = "rados_connect";
    if let Some(path) = &target.keyfile {
        return check_readable(CALL, "key file", target, path);
    }
    if let Some(path) = &target.keyring {
        return check_readable(CALL, "keyring", target, path);
    }
    let get = |option| handle.conf_get(option).unwrap_or_default();
    let elsewhere = !get("key").is_empty() || !get("keyfile").is_empty();
    if elsewhere || get("auth_client_required").trim() == "none" {
        return Ok(());
    }
    let keyring = get("keyring");
    let places = keyring.split([',', ';', ' ', '\t']);
    let mut places = places.filter(|place| !place.is_empty()).map(PathBuf::from);
    match places.find(|place| place.exists()) {
        Some(found) => check_readable(CALL, "keyring", target, &found),
        None => {
            let error = CephError::new(CALL, target.to_string(), libc::ENOENT).at(Stage::Config);
            Err(error.detail(format!("there is no keyring at {keyring}")))
        }
    }
}

/// Calls librados in a thread, because not all of it heeds its own timeouts; an errno if that cannot be, or ETIMEDOUT. A thread that
/// is left behind drops what it has when librados comes back.
pub(super) fn in_time<T: Send + 'static>(
    deadline: Duration,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, i32> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let thread = thread::Builder::new().name("ceph-in-time".to_owned());
    let spawned = thread.spawn(move || {
        let _gone_if_too_late = sender.send(call());
    });
    spawned.map_err(|error| error.raw_os_error().unwrap_or(libc::EAGAIN))?;
    let answer = receiver.recv_timeout(deadline + GRACE);
    answer.map_err(|_| libc::ETIMEDOUT)
}

fn connect_in_time(
    target: &ClusterTarget,
    handle: Unconnected,
) -> Result<ClusterHandle, CephError> {
    let failed = |errno| CephError::new("rados_connect", target.to_string(), errno);
    let connected = match in_time(target.connect_deadline, || handle.connect()) {
        Ok(connected) => connected.on(target),
        Err(errno) => Err(failed(errno)),
    };
    connected.map_err(|error| explain(target, error).at(Stage::Connect))
}

fn explain(target: &ClusterTarget, error: CephError) -> CephError {
    let client = format!("client.{}", target.id);
    let why = match error.errno {
        libc::ETIMEDOUT => format!(
            "the monitors did not answer within {}",
            humantime::format_duration(target.connect_deadline)
        ),
        libc::EACCES | libc::EPERM => {
            format!(
                "the monitors refuse the key of {client}: it is wrong, or there is no such client"
            )
        }
        libc::ENOENT => format!("no key of {client} in the keyring, or no monitors configured"),
        libc::EINVAL => format!("the key of {client}, or the monitors' addresses, cannot be read"),
        _ => return error,
    };
    error.detail(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_comes_back_is_left_behind() {
        let (_never, silence) = mpsc::channel::<()>();
        let waits = move || silence.recv().is_ok();
        assert_eq!(in_time(Duration::ZERO, waits), Err(libc::ETIMEDOUT));
        assert_eq!(in_time(Duration::from_secs(60), || 7), Ok(7));
    }

    fn option(target: &ClusterTarget, name: &str) -> Option<String> {
        let found = options(target)
            .into_iter()
            .find(|(option, _)| *option == name);
        found.map(|(_, value)| value)
    }

    #[test]
    fn deadlines_are_whole_seconds_and_never_zero() {
        assert_eq!(seconds(Duration::ZERO), "1");
        assert_eq!(seconds(Duration::from_millis(1001)), "2");
        assert_eq!(seconds(Duration::from_secs(30)), "30");
    }

    #[test]
    fn operations_have_a_deadline_only_if_asked() {
        let mut target = ClusterTarget::default();
        assert_eq!(option(&target, "rados_osd_op_timeout"), None);
        target.op_deadline = Some(Duration::from_secs(5));
        assert_eq!(
            option(&target, "rados_osd_op_timeout").as_deref(),
            Some("5")
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let target = ClusterTarget {
            conf: Some("/nonexistent/ceph.conf".into()),
            ..ClusterTarget::default()
        };
        let error = connect(&target).err().unwrap();
        assert_eq!((error.stage, error.errno), (Stage::Config, libc::ENOENT));
        let text = error.to_string();
        assert!(
            text.contains("/nonexistent/ceph.conf is not there"),
            "{text}"
        );
    }
}
