//! The kernel modules that a driver works with: after a boot nobody else has loaded them.

use crate::Result;
use crate::disk::walk::Walk;
use crate::tools::kmod;

/// Loads what the driver needs to tell what it has in the kernel, where that is more than device-mapper and sysfs tell: after
/// a boot, its tool would not answer.
pub(in crate::disk) fn let_it_look(walk: &Walk<'_>) -> Result<()> {
    match walk.driver()?.asks_its_modules() && !walk.dry_run {
        true => load_modules(walk),
        false => Ok(()),
    }
}

/// Loads what the driver works with.
pub(in crate::disk) fn load_modules(walk: &Walk<'_>) -> Result<()> {
    let needs = walk.driver()?.needs();
    kmod::ensure(&walk.host.exec, &walk.host.roots, &needs.modules)
}
