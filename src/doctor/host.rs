//! The process's rights, the host's name, the directories.

use std::path::Path;

use nix::unistd::{AccessFlags, access};

use super::finding::Finding;
use crate::config::Config;
use crate::host::Host;
use crate::sys::Roots;

/// The bit of CAP_SYS_ADMIN in a capability set (capabilities(7), linux/capability.h).
const CAP_SYS_ADMIN: u64 = 1 << 21;

/// Whether this process may change devices: uid 0 is not enough in a container.
pub fn root(roots: &Roots) -> Finding {
    const NAME: &str = "root";
    let status = std::fs::read_to_string(roots.proc.join("self/status")).unwrap_or_default();
    let field = |key: &str, column: usize| {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().nth(column).map(str::to_owned)
    };
    // Real, effective, saved, file system (proc_pid_status(5)).
    let uid = field("Uid:", 1);
    let caps = field("CapEff:", 0)
        .and_then(|hex| u64::from_str_radix(&hex, 16).ok())
        .unwrap_or(0);
    match uid.as_deref() {
        Some("0") if caps & CAP_SYS_ADMIN != 0 => Finding::ok(NAME, "uid 0 with CAP_SYS_ADMIN"),
        Some("0") => Finding::fail(
            NAME,
            "uid 0, but without CAP_SYS_ADMIN: this seems to be a container",
            "run it on the host itself, or give the container --privileged",
        ),
        Some(uid) => Finding::fail(NAME, format!("uid {uid}"), "run it with sudo"),
        None => Finding::fail(NAME, "/proc/self/status cannot be read", "mount /proc"),
    }
}

/// Whether the name that goes into leases tells this host from others.
pub fn name(host: &Host) -> Finding {
    const NAME: &str = "host name";
    const REMEDY: &str = "set `host` in the configuration to a name that no other host has";
    match host.me() {
        Err(error) => Finding::of_error(NAME, &error, REMEDY),
        Ok(me) if is_common(me.host.as_str()) => Finding::fail(
            NAME,
            format!("{}: other hosts may call themselves so too", me.host),
            REMEDY,
        ),
        Ok(me) => Finding::ok(NAME, me.host.as_str()),
    }
}

/// Names that hosts have before somebody gives them one.
fn is_common(host: &str) -> bool {
    let short = host.split('.').next().unwrap_or(host);
    [
        "localhost",
        "debian",
        "ubuntu",
        "rocky",
        "none",
        "host",
        "linux",
    ]
    .contains(&short)
}

/// Whether records and locks can be written.
pub fn directory(name: &str, dir: &Path) -> Finding {
    let name = format!("{name} directory");
    let there = dir.ancestors().find(|dir| dir.exists()).unwrap_or(dir);
    let shown = dir.display();
    match access(there, AccessFlags::W_OK | AccessFlags::X_OK) {
        Ok(()) if there == dir => Finding::ok(name, format!("{shown} is writable")),
        Ok(()) => Finding::ok(name, format!("{shown} will be made")),
        Err(error) => Finding::fail(
            name,
            format!(
                "{shown} cannot be written: {}: {}",
                there.display(),
                error.desc()
            ),
            format!("make {} writable, or run it as root", there.display()),
        ),
    }
}

/// Whether the configuration can be used; the other checks go on with the defaults if not.
pub fn configuration(config: &crate::Result<Config>) -> Finding {
    const NAME: &str = "configuration";
    match config {
        Ok(_) => Finding::ok(NAME, "can be used"),
        Err(error) => Finding::of_error(NAME, error, "correct the file"),
    }
}
