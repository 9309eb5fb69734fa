//! What the kernel's targets are able to do, by their versions and by what is known of them.

use std::fs::File;
use std::io::{BufRead as _, BufReader};

use super::Dmsetup;
use crate::exec::{Cmd, ExecError};

/// A target's version, as far as it matters: major and minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TargetVersion(pub u32, pub u32);

impl std::fmt::Display for TargetVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// The target version to which the kernel was raised when passthrough was whole again (a373b3d5289e).
const MENDED: TargetVersion = TargetVersion(2, 4);
/// A function that the middle of that series brought (0c5eef0aad50), and that stable kernels have without the version.
const SYMBOL: &str = "invalidate_committed";
/// The oldest kernel of which that function tells that it has the whole series: this program's tests run on its kind. Older series
/// of stable kernels were given parts of it.
const TRIED: (u32, u32) = (6, 1);

impl Dmsetup<'_> {
    /// The version of a target, such as `cache`; `None` while it is not loaded.
    pub fn target_version(self, target: &str) -> Result<Option<TargetVersion>, ExecError> {
        let output = self.exec.run(&Cmd::query("dmsetup").arg("targets"))?;
        Ok(parse_version(output.text()?, target))
    }

    /// Whether a guest may write to a dm-cache in passthrough. From Linux 4.12 until a series of 2026 ("dm cache: restore
    /// passthrough mode to full functionality") a write to a block that is cached could crash the kernel, hang, or come to the
    /// origin before the block was given up. Asked once dm-cache is loaded; what cannot be read counts as no.
    pub fn passthrough_is_sound(self) -> Result<bool, ExecError> {
        let version = self.target_version("cache")?;
        Ok(version >= Some(MENDED) || (self.kernel() >= Some(TRIED) && self.has_symbol(SYMBOL)))
    }

    /// The kernel's release, major and minor (proc(5), `/proc/sys/kernel/osrelease`).
    fn kernel(self) -> Option<(u32, u32)> {
        let file = self.roots.proc.join("sys/kernel/osrelease");
        let text = std::fs::read_to_string(file).ok()?;
        let mut numbers = text.split(['.', '-']).map_while(|word| word.parse().ok());
        Some((numbers.next()?, numbers.next()?))
    }

    /// Whether the kernel or a loaded module has a function (`/proc/kallsyms`: address, type, name, module).
    fn has_symbol(self, name: &str) -> bool {
        let Ok(file) = File::open(self.roots.proc.join("kallsyms")) else {
            return false;
        };
        let mut lines = BufReader::new(file).lines().map_while(Result::ok);
        lines.any(|line| line.split_ascii_whitespace().nth(2) == Some(name))
    }
}

/// The version in what `dmsetup targets` prints: name, and `v2.2.0`.
fn parse_version(text: &str, target: &str) -> Option<TargetVersion> {
    let mut rows = text.lines().map(str::split_whitespace);
    let words = rows.find_map(|mut row| (row.next()? == target).then(|| row.next())?)?;
    let mut numbers = words.trim_start_matches('v').split('.');
    let mut number = || numbers.next()?.parse().ok();
    Some(TargetVersion(number()?, number()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::Exec;
    use crate::sys::Roots;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn versions_are_read() {
        let text = "cache            v2.2.0\nlinear           v1.4.0\nodd\n";
        let version = |target| parse_version(text, target);
        assert_eq!(version("cache"), Some(TargetVersion(2, 2)));
        assert_eq!((version("clone"), version("odd")), (None, None));
    }

    #[test]
    fn passthrough_is_sound_by_version_or_by_what_the_series_brought() {
        let root = tempfile::tempdir().unwrap();
        let (roots, bin) = (Roots::at(root.path()), root.path().join("bin"));
        std::fs::create_dir_all(roots.proc.join("sys/kernel")).unwrap();
        std::fs::create_dir(&bin).unwrap();
        let sound = |version: &str, release: &str, symbol: &str| {
            let dmsetup = bin.join("dmsetup");
            let script = format!("#!/bin/sh\necho 'cache            v{version}'\n");
            crate::sys::atomic::write_mode(&dmsetup, script.as_bytes(), 0o755).unwrap();
            assert_eq!(
                dmsetup.metadata().unwrap().permissions().mode() & 0o111,
                0o111
            );
            let released = roots.proc.join("sys/kernel/osrelease");
            crate::sys::atomic::write(&released, release.as_bytes()).unwrap();
            let symbols = format!("0000 t cache_map\t[dm_cache]\n0000 t {symbol}\t[dm_cache]\n");
            crate::sys::atomic::write(&roots.proc.join("kallsyms"), symbols.as_bytes()).unwrap();
            let exec = Exec::new([bin.clone()]);
            Dmsetup::new(&exec, &roots).passthrough_is_sound().unwrap()
        };
        assert!(sound("2.4.0", "7.1.0", "invalidate_remove"));
        assert!(sound("2.2.0", "6.1.0-44-amd64\n", "invalidate_committed"));
        assert!(!sound("2.2.0", "6.1.0-18-amd64\n", "invalidate_remove"));
        assert!(!sound("2.2.0", "5.10.258", "invalidate_committed"));
        assert!(!sound("2.2.0", "odd", "invalidate_committed"));
    }
}
