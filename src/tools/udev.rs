//! udevd: whether it runs, waiting for it, and the rules that keep it off what is ours.

use std::time::Duration;

use crate::exec::{Cmd, Exec, ExecError};
use crate::sys::Roots;

/// The rules that a host should have, for `/etc/udev/rules.d/`; their name must sort between 56-lvm and 60-persistent-storage-dm.
pub const RULES: &str = include_str!("udev/58-warmblock.rules");
/// The rules' file name.
pub const RULES_NAME: &str = "58-warmblock.rules";

/// Whether udevd runs here: its control socket is there (systemd-udevd(8); containers and rescue systems have none).
pub fn present(roots: &Roots) -> bool {
    roots.udev.join("control").exists()
}

/// Waits until udevd has handled every event that is queued; nothing to do without udevd. One that does not come to an end in
/// time is not an error of ours: who waits for a device checks for that device.
pub fn settle(exec: &Exec, roots: &Roots, deadline: Duration) -> Result<(), ExecError> {
    if !present(roots) {
        return Ok(());
    }
    match exec.run(&settle_cmd(deadline)) {
        Ok(output) if output.code == 0 => Ok(()),
        Ok(_) | Err(ExecError::Timeout { .. }) => {
            tracing::warn!(
                "udev still has events in its queue after {}",
                humantime::format_duration(deadline)
            );
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn settle_cmd(deadline: Duration) -> Cmd {
    let seconds = deadline.as_secs().max(1);
    Cmd::query("udevadm")
        .arg("settle")
        .arg(format!("--timeout={seconds}"))
        .ok_codes(&[1])
        .deadline(Duration::from_secs(seconds + 5))
}

/// Tells libdm (dmsetup and LVM) to make the nodes itself where there is no udevd: without `DM_DISABLE_UDEV` it waits for
/// one that never comes, makes no node, and LVM then fails with "not found: device not cleared". `--noudevsync` and
/// `--noudevrules` do not help.
pub(super) fn with_dm_env(cmd: Cmd, roots: &Roots) -> Cmd {
    if present(roots) {
        cmd
    } else {
        cmd.env("DM_DISABLE_UDEV", "1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_udevd_libdm_makes_the_nodes() {
        let root = tempfile::tempdir().unwrap();
        let roots = Roots::at(root.path());
        let cmd = |roots: &Roots| with_dm_env(Cmd::query("dmsetup"), roots).to_string();
        assert_eq!(cmd(&roots), "DM_DISABLE_UDEV=1 dmsetup");
        crate::sys::atomic::write(&roots.udev.join("control"), b"").unwrap();
        assert_eq!(cmd(&roots), "dmsetup");
        assert_eq!(
            settle_cmd(Duration::from_millis(10)).to_string(),
            "udevadm settle --timeout=1"
        );
    }

    #[test]
    fn the_rules_run_between_lvms_and_blkid() {
        assert!(RULES_NAME > "56-lvm.rules" && RULES_NAME < "60-persistent-storage-dm.rules");
        assert!(RULES.contains(r#"ENV{DM_UUID}=="WARMBLOCK-*""#));
    }
}
