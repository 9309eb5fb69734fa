//! Where tools are: a fixed list of directories, never `$PATH`, so that nobody's environment chooses what root runs.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::ExecError;

/// The default list; `/usr` first, since `/sbin` and `/bin` are links to it on every distribution of today.
pub(super) const TOOL_DIRS: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/// The executable of a tool.
pub(super) fn find(tool: &str, dirs: &[PathBuf]) -> Result<PathBuf, ExecError> {
    let path = Path::new(tool);
    let found = if path.is_absolute() {
        Some(path.to_owned()).filter(|path| executable(path))
    } else if tool.contains('/') {
        None
    } else {
        dirs.iter()
            .map(|dir| dir.join(tool))
            .find(|path| executable(path))
    };
    found.ok_or_else(|| ExecError::Missing {
        tool: tool.to_owned(),
        searched: if path.is_absolute() {
            path.parent().map(Path::to_owned).into_iter().collect()
        } else {
            dirs.to_vec()
        },
        package: package(tool),
    })
}

fn executable(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The package that brings a tool (Debian 12 and the RHEL 9 family, by their package indices).
fn package(tool: &str) -> Option<&'static str> {
    Some(match tool {
        "lvs" | "vgs" | "lvcreate" | "lvremove" | "lvchange" | "lvmconfig" => "lvm2",
        "dmsetup" => "dmsetup (Debian) or device-mapper (RHEL)",
        "rbd" => "ceph-common",
        "cache_restore" | "cache_check" | "cache_dump" => {
            "thin-provisioning-tools (Debian) or device-mapper-persistent-data (RHEL)"
        }
        "udevadm" => "udev (Debian) or systemd-udev (RHEL)",
        "modprobe" => "kmod",
        "blkdiscard" | "wipefs" => "util-linux",
        "dd" | "tee" => "coreutils",
        "grep" => "grep",
        "make-bcache" | "bcache-super-show" => "bcache-tools",
        "tgtadm" | "tgt-admin" => "tgt (Debian) or scsi-target-utils (RHEL)",
        "jq" => "jq",
        "qemu-img" => "qemu-utils (Debian) or qemu-img (RHEL)",
        "losetup" => "util-linux",
        "casadm" => "open-cas-linux, of the Open-CAS project",
        "flashcache_create" | "flashcache_load" => {
            "flashcache, from its sources; no kernel after 4.7 builds its module, and the driver dm-cache does the same"
        }
        "ssh" => "openssh-client (Debian) or openssh-clients (RHEL)",
        _ => return None,
    })
}
