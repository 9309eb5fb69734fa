//! Kernel modules and device-mapper targets.

use super::finding::{Finding, State};
use crate::host::Host;
use crate::tools::dmsetup::TargetVersion;
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
            "install the modules of this kernel, linux-image-amd64 and not its -cloud kind (Debian), kernel-modules-extra (RHEL) or linux-modules-extra (Ubuntu)",
        ),
        Err(error) => Finding::of_error(
            name,
            &error,
            &format!("see what `modprobe -n {module}` says"),
        ),
    }
}

/// dm-cache before 2.0 (Linux 4.12) knows no metadata format 2 and reports in other words.
const OLDEST_DM_CACHE: TargetVersion = TargetVersion(2, 0);

/// Whether the kernel's dm-cache is new enough, and can be filled beneath a running guest.
pub fn dm_cache(host: &Host) -> Finding {
    const NAME: &str = "dm-cache target";
    let looked = host.dm().target_version("cache");
    let looked = looked.and_then(|found| {
        let sound = found.map(|_| host.dm().passthrough_is_sound());
        Ok((found, sound.transpose()?.unwrap_or(true)))
    });
    match looked.map_err(Error::from) {
        Err(error) => Finding::of_error(NAME, &error, "see whether `dmsetup targets` works"),
        Ok((None, _)) if loadable(host) => Finding::warn(
            NAME,
            "not loaded yet, so nobody can tell whether a cache can be filled beneath a running guest",
            "load it with `modprobe dm-cache`, then run this again",
        ),
        Ok((None, _)) => Finding::ok(NAME, "not in this kernel"),
        Ok((Some(version), _)) if version < OLDEST_DM_CACHE => Finding::warn(
            NAME,
            format!("version {version} is older than any that was tried"),
            "use a kernel of version 4.12 or later",
        ),
        Ok((Some(version), false)) => Finding::warn(
            NAME,
            format!(
                "version {version} mishandles what a guest writes while its cache is filled: the cache of a disk in use is not \
                 seeded, and driver local is put beneath no guest"
            ),
            "use a kernel with the mends of 2026 to passthrough: Linux with dm-cache 2.4.0, or a stable 6.1 or later of after May 2026",
        ),
        Ok((Some(version), true)) => Finding::ok(NAME, format!("version {version}")),
    }
    .at_most(State::Warn)
}

fn loadable(host: &Host) -> bool {
    let probed = kmod::probe(&host.exec, &host.roots, "dm-cache");
    !matches!(probed, Ok(Module::Missing))
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
}
