//! Whether this host's disks are brought up again after a boot.

use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::finding::Finding;
use super::systemd;
use crate::sys::Roots;

/// The unit that does it.
const UNIT: &str = include_str!("boot/warmblock-recover.service");
/// Where it looks for the program.
const PROGRAM: &str = "/usr/bin/warmblock";
/// Its name.
pub const UNIT_NAME: &str = "warmblock-recover.service";

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
    let unit = systemd::place(root, UNIT_NAME);
    let unit = unit.as_deref();
    let enable = format!("`systemctl enable {UNIT_NAME}`");
    let install = format!(
        "`warmblock doctor --print-recover-unit > /etc/systemd/system/{UNIT_NAME}`, then `systemctl daemon-reload` and {enable}"
    );
    let (wrong, remedy) = match unit {
        None => ("is not installed".to_owned(), install),
        Some(unit) if is_masked(unit) => (
            "is masked".to_owned(),
            format!("`systemctl unmask {UNIT_NAME}`, then {enable}"),
        ),
        Some(unit) if !unit.exists() => (
            format!("is a link at {} to what is not there", unit.display()),
            install,
        ),
        Some(unit) if let Some(program) = missing(root, unit) => (
            format!("starts {program}, which is no program here"),
            install,
        ),
        _ if is_enabled(root) => return Finding::ok(NAME, format!("{UNIT_NAME} is enabled")),
        _ => ("is not enabled".to_owned(), enable),
    };
    Finding::warn(
        NAME,
        format!(
            "{UNIT_NAME} {wrong}: after a reboot disks stay down, and what a write-back cache holds stays off Ceph"
        ),
        remedy,
    )
}

/// Whether systemd is told not to start it: by a link to `/dev/null`, or an empty file (systemd.unit(5)).
fn is_masked(unit: &Path) -> bool {
    let to_null = std::fs::read_link(unit).is_ok_and(|to| to == Path::new("/dev/null"));
    to_null || unit.metadata().is_ok_and(|file| file.len() == 0)
}

/// The program that a unit starts, if it is not there, or is none. What drop-ins make of it is theirs, and so is what is found by
/// its name alone (systemd.service(5)).
fn missing(root: &Path, unit: &Path) -> Option<String> {
    if !systemd::drop_ins(root, UNIT_NAME).is_empty() {
        return None;
    }
    let text = std::fs::read_to_string(unit).ok()?;
    let line = text.lines().rev();
    let line = line.filter_map(|line| line.trim().strip_prefix("ExecStart="));
    let line = line.map(|line| line.trim_start_matches(['@', '-', ':', '+', '!', ' ']));
    let program = line
        .flat_map(str::split_whitespace)
        .next()?
        .trim_matches('"');
    let below = program.strip_prefix('/')?;
    let is_program = |file: &Metadata| file.is_file() && file.permissions().mode() & 0o111 != 0;
    let there = root.join(below).metadata();
    (!there.is_ok_and(|file| is_program(&file))).then(|| program.to_owned())
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
        // The program is not where the unit has it, then it is none, and then it is.
        let program = path("usr/bin/warmblock");
        for mode in [None, Some(0o644), Some(0o755)] {
            if let Some(mode) = mode {
                crate::sys::atomic::write_mode(&program, b"#!", mode).unwrap();
            }
            let found = look();
            assert_eq!(found.state, State::Warn);
            let is_told = found.found.contains("starts /usr/bin/warmblock");
            assert_eq!(is_told, mode != Some(0o755), "{}", found.found);
            let by = found.remedy.unwrap();
            assert_eq!(by.contains("--print-recover-unit"), is_told, "{by}");
        }
        assert_eq!(
            look().remedy.unwrap(),
            format!("`systemctl enable {UNIT_NAME}`")
        );
        let wants = path("etc/systemd/system/multi-user.target.wants");
        std::fs::create_dir_all(&wants).unwrap();
        std::os::unix::fs::symlink(unit, wants.join(UNIT_NAME)).unwrap();
        assert_eq!(state(), State::Ok);
        // It was moved elsewhere since; or a drop-in names it.
        std::fs::rename(&program, path("usr/bin/other")).unwrap();
        assert_eq!(state(), State::Warn);
        let drop_in = path("etc/systemd/system").join(format!("{UNIT_NAME}.d"));
        crate::sys::atomic::write(&drop_in.join("own.conf"), b"[Service]").unwrap();
        assert_eq!(state(), State::Ok);
    }

    /// Its link in the target does not start what is not there, or is not to be started.
    #[test]
    fn a_unit_that_is_gone_or_masked_is_told_though_it_is_enabled() {
        let root = tempfile::tempdir().unwrap();
        let path = |below: &str| root.path().join(below);
        let look = || recovery(&Roots::at(root.path()));
        std::fs::create_dir_all(path("run/systemd/system")).unwrap();
        let wants = path("etc/systemd/system/multi-user.target.wants");
        std::fs::create_dir_all(&wants).unwrap();
        let own = path("etc/systemd/system").join(UNIT_NAME);
        std::os::unix::fs::symlink(&own, wants.join(UNIT_NAME)).unwrap();
        assert!(look().found.contains("is not installed"));
        for (to, told) in [
            ("/nowhere/at.all", "what is not there"),
            ("/dev/null", "is masked"),
        ] {
            std::os::unix::fs::symlink(to, &own).unwrap();
            let found = look();
            assert_eq!(found.state, State::Warn);
            assert!(found.found.contains(told), "{}", found.found);
            std::fs::remove_file(&own).unwrap();
        }
    }
}
