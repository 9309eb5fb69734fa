//! Kernel modules and device-mapper targets.

use super::finding::{Finding, State};
use crate::exec::{Cmd, Exec};
use crate::host::Host;
use crate::tools::kmod::{self, Module};
use crate::{Error, Result};

/// The modules that every disk needs; those of a cache driver are looked at with the drivers.
const MODULES: [&str; 2] = ["rbd", "dm-mod"];

/// One finding per module.
pub fn modules(host: &Host) -> Vec<Finding> {
    let probe = |module| kmod::probe(&host.exec, &host.roots, module).map_err(Error::from);
    MODULES.map(|module| judge(module, probe(module))).to_vec()
}

fn judge(module: &str, probed: Result<Module>) -> Finding {
    let name = format!("module {module}");
    match probed {
        Ok(Module::Present) => Finding::ok(name, "in the kernel"),
        Ok(Module::Loadable) => Finding::ok(name, "not loaded, but can be"),
        Ok(Module::Missing) => Finding::fail(
            name,
            "neither in the kernel nor loadable",
            "install the modules of this kernel, kernel-modules-extra (RHEL) or linux-modules-extra (Ubuntu)",
        ),
        Err(error) => Finding::of_error(
            name,
            &error,
            &format!("see what `modprobe -n {module}` says"),
        ),
    }
}

/// dm-cache before 2.0 (Linux 4.12) knows no metadata format 2 and reports in other words.
const OLDEST_DM_CACHE: (u32, u32) = (2, 0);

/// Whether the kernel's dm-cache is new enough.
pub fn dm_cache(exec: &Exec) -> Finding {
    const NAME: &str = "dm-cache target";
    match target_version(exec, "cache") {
        Err(error) => Finding::of_error(NAME, &error, "see whether `dmsetup targets` works"),
        Ok(None) => Finding::ok(NAME, "not loaded yet"),
        Ok(Some((words, version))) if version < OLDEST_DM_CACHE => Finding::warn(
            NAME,
            format!("version {words} is older than any that was tried"),
            "use a kernel of version 4.12 or later",
        ),
        Ok(Some((words, _))) => Finding::ok(NAME, format!("version {words}")),
    }
    .at_most(State::Warn)
}

/// A target's version in words and, as far as it matters, in numbers; `None` while it is not loaded.
fn target_version(exec: &Exec, target: &str) -> Result<Option<(String, (u32, u32))>> {
    let output = exec.run(&Cmd::query("dmsetup").arg("targets"))?;
    Ok(parse_version(output.text()?, target))
}

fn parse_version(text: &str, target: &str) -> Option<(String, (u32, u32))> {
    let mut rows = text.lines().map(str::split_whitespace);
    let words = rows.find_map(|mut row| {
        if row.next() == Some(target) {
            row.next()
        } else {
            None
        }
    })?;
    let words = words.trim_start_matches('v');
    let mut numbers = words.split('.').map_while(|number| number.parse().ok());
    Some((words.to_owned(), (numbers.next()?, numbers.next()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_must_be_there_or_loadable() {
        let state = |module| judge("rbd", Ok(module)).state;
        assert_eq!(state(Module::Missing), State::Fail);
        assert_eq!(state(Module::Loadable), State::Ok);
    }

    #[test]
    fn versions_are_read() {
        let text = "cache            v2.2.0\nlinear           v1.4.0\nodd\n";
        assert_eq!(parse_version(text, "cache"), Some(("2.2.0".into(), (2, 2))));
        assert_eq!(parse_version(text, "clone"), None);
        assert_eq!(parse_version(text, "odd"), None);
    }
}
