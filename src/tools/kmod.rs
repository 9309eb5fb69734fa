//! Kernel modules, by modprobe(8) and `/sys/module`.

use crate::error::{Error, Kind, Result};
use crate::exec::{Cmd, Exec, ExecError};
use crate::sys::Roots;

/// What is known about a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Module {
    /// In the kernel, loaded or built in.
    Present,
    /// On disk.
    Loadable,
    /// Neither.
    Missing,
}

/// Looks for a module without loading it.
pub fn probe(exec: &Exec, roots: &Roots, module: &str) -> Result<Module, ExecError> {
    if in_kernel(roots, module) {
        return Ok(Module::Present);
    }
    // -n: do not load; a module that is built in and has no parameters is in no /sys/module, but modprobe knows it
    let output = exec.run(
        &Cmd::query("modprobe")
            .args(["-n", "-q", module])
            .ok_codes(&[1]),
    )?;
    Ok(match output.code {
        0 => Module::Loadable,
        _ => Module::Missing,
    })
}

/// Loads the modules that are not in the kernel yet.
pub fn ensure(exec: &Exec, roots: &Roots, modules: &[impl AsRef<str>]) -> Result<()> {
    let names = modules.iter().map(AsRef::as_ref);
    for module in names.filter(|module| !in_kernel(roots, module)) {
        let loaded = exec.run(&load(module));
        loaded.map_err(|error| missing(module, error))?;
    }
    Ok(())
}

/// `/sys/module` spells names with `_` (kernel: scripts/Makefile.lib).
fn in_kernel(roots: &Roots, module: &str) -> bool {
    roots
        .sys
        .join("module")
        .join(module.replace('-', "_"))
        .exists()
}

fn load(module: &str) -> Cmd {
    Cmd::change("modprobe").arg(module)
}

fn missing(module: &str, error: ExecError) -> Error {
    let config = match module {
        "rbd" => "CONFIG_BLK_DEV_RBD",
        "dm-mod" => "CONFIG_BLK_DEV_DM",
        "dm-cache" => "CONFIG_DM_CACHE",
        "dm-cache-smq" => "CONFIG_DM_CACHE_SMQ",
        "dm-writecache" => "CONFIG_DM_WRITECACHE",
        "dm-clone" => "CONFIG_DM_CLONE",
        "bcache" => "CONFIG_BCACHE",
        "nbd" => "CONFIG_BLK_DEV_NBD",
        _ => "the module",
    };
    if module == "flashcache" {
        let message = "the kernel cannot load the module flashcache, which none after 4.7 builds";
        return Error::new(Kind::Missing, message)
            .remedy("use the driver dm-cache: it does the same, and is in every kernel of today")
            .because(Error::from(error));
    }
    let extra = "linux-image-amd64 and not its -cloud kind (Debian), kernel-modules-extra (RHEL), linux-modules-extra (Ubuntu)";
    Error::new(
        Kind::Missing,
        format!("the kernel cannot load the module {module}"),
    )
    .remedy(format!(
        "use a kernel with {config}, or install its modules: {extra}"
    ))
    .because(Error::from(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_looked_for_by_its_kernel_name() {
        let root = tempfile::tempdir().unwrap();
        let roots = Roots::at(root.path());
        std::fs::create_dir_all(roots.sys.join("module/dm_cache")).unwrap();
        let exec = Exec::new([]);
        assert_eq!(probe(&exec, &roots, "dm-cache").unwrap(), Module::Present);
        assert!(ensure(&exec, &roots, &["dm-cache"]).is_ok());
        let error = ensure(&exec, &roots, &["dm-clone"]).unwrap_err();
        assert_eq!(error.kind(), Kind::Missing);
        assert!(error.remedy_text().unwrap().contains("CONFIG_DM_CLONE"));
    }
}
