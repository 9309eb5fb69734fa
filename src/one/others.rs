//! The drivers of a VM's other disks: of a migration oned tells only that of the system datastore, which tells them.

use std::collections::BTreeSet;
use std::path::Path;

use super::act::Site;
use super::call::Migration;
use super::document::Vm;
use super::install::NAME;
use super::{Mad, Remote};
use crate::error::both;
use crate::{Context, Result};

/// What they are told.
#[derive(Debug)]
pub(super) struct Others<'c> {
    /// `premigrate`, `postmigrate` or `failmigrate`
    pub(super) action: &'static str,
    /// The call that came to us.
    pub(super) migration: &'c Migration,
    /// The VM's document as it came to us.
    pub(super) document: Vec<u8>,
}

impl Others<'_> {
    /// Tells them, unless one of them calls us (contract, 1.5). What is to come stops at the first that fails; what has come to
    /// pass all have to know.
    ///
    /// # Errors
    /// Those of the scripts, with the driver.
    pub(super) fn tell(&self, site: &Site, remote: &Remote, vm: &Vm) -> Result<()> {
        if self.migration.caller.is_some() {
            return Ok(());
        }
        let drivers = vm.disks.iter().filter_map(|disk| disk.driver.as_ref());
        let others: BTreeSet<&Mad> = drivers.filter(|name| !name.is_us()).collect();
        let scripts = site.oned.var.join("remotes/tm");
        let mut told = others
            .into_iter()
            .map(|name| self.call(remote, &scripts, name));
        match self.action {
            "premigrate" => told.try_for_each(|told| told),
            _ => told.fold(Ok(()), both),
        }
    }

    /// Calls a driver; one without such a script has nothing to do.
    fn call(&self, remote: &Remote, scripts: &Path, name: &Mad) -> Result<()> {
        let script = scripts.join(name.as_str()).join(self.action);
        if !script.exists() {
            return Ok(());
        }
        let call = self.migration;
        let dir = call.dir.path();
        let words = [
            call.from.as_str(),
            call.to.as_str(),
            &dir.to_string_lossy(),
            &call.vm.to_string(),
            &call.datastore.to_string(),
            NAME,
        ];
        remote
            .script(&script, &words, &self.document)
            .context(|| format!("the driver {name} of another disk failed"))
    }
}

#[cfg(test)]
mod tests;
