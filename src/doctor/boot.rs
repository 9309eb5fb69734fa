//! Whether this host's disks are brought up again after a boot.

use std::path::Path;

use super::finding::Finding;
use crate::sys::Roots;

/// The unit that does it.
const UNIT: &str = include_str!("boot/warmblock-recover.service");
/// Where it looks for the program.
const PROGRAM: &str = "/usr/bin/warmblock";
/// Its name.
pub const UNIT_NAME: &str = "warmblock-recover.service";

/// Where units lie, and (in the first) the links that enable them (systemd.unit(5)).
const DIRS: [&str; 4] = [
    "etc/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
];

/// The unit as it is to be installed, for the program that is there.
pub fn unit(program: Option<&Path>) -> String {
    let program = program
        .and_then(Path::to_str)
        .filter(|path| !path.contains([' ', '%', '"', '\\', '$', '\'', '#']));
    UNIT.replace(PROGRAM, program.unwrap_or(PROGRAM))
}

/// Whether the unit is enabled, where systemd runs.
pub fn recovery(roots: &Roots) -> Finding {
    const NAME: &str = "boot";
    let root = roots.etc.ancestors().nth(2).unwrap_or(&roots.etc);
    // sd_booted(3)
    if !root.join("run/systemd/system").exists() {
        return Finding::ok(
            NAME,
            "no systemd runs here: see that `warmblock recover` is run at boot",
        );
    }
    if is_enabled(root) {
        return Finding::ok(NAME, format!("{UNIT_NAME} is enabled"));
    }
    let there = DIRS
        .iter()
        .any(|dir| root.join(dir).join(UNIT_NAME).exists());
    let enable = format!("`systemctl enable {UNIT_NAME}`");
    let (how, remedy) = match there {
        true => ("enabled", enable),
        false => (
            "installed",
            format!(
                "`warmblock doctor --print-recover-unit > /etc/systemd/system/{UNIT_NAME}`, then `systemctl daemon-reload` and \
                 {enable}"
            ),
        ),
    };
    Finding::warn(
        NAME,
        format!(
            "{UNIT_NAME} is not {how}: after a reboot disks stay down, and what a write-back cache holds stays off Ceph"
        ),
        remedy,
    )
}

/// Whether some target wants it.
fn is_enabled(root: &Path) -> bool {
    let entries = std::fs::read_dir(root.join("etc/systemd/system"));
    let targets = entries.into_iter().flatten().flatten();
    let mut wants = targets.filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.ends_with(".wants") || name.ends_with(".requires")
    });
    wants.any(|dir| dir.path().join(UNIT_NAME).symlink_metadata().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn the_unit_must_be_enabled_where_systemd_runs() {
        let root = tempfile::tempdir().unwrap();
        let path = |below: &str| root.path().join(below);
        let look = || recovery(&Roots::at(root.path()));
        let state = || look().state;
        assert_eq!(state(), State::Ok);
        std::fs::create_dir_all(path("run/systemd/system")).unwrap();
        assert_eq!(state(), State::Warn);
        assert!(look().remedy.unwrap().contains("--print-recover-unit"));
        let unit = path("usr/local/lib/systemd/system").join(UNIT_NAME);
        crate::sys::atomic::write(&unit, UNIT.as_bytes()).unwrap();
        assert_eq!(state(), State::Warn);
        assert_eq!(
            look().remedy.unwrap(),
            format!("`systemctl enable {UNIT_NAME}`")
        );
        let wants = path("etc/systemd/system/multi-user.target.wants");
        std::fs::create_dir_all(&wants).unwrap();
        std::os::unix::fs::symlink(unit, wants.join(UNIT_NAME)).unwrap();
        assert_eq!(state(), State::Ok);
    }
}
