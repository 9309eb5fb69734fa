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

/// The one that may fail.
const PREMIGRATE: &str = "premigrate";

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
    /// Tells them, unless one of them calls us (contract, 1.5). What is to come stops at the first that fails, and those before it
    /// are told so: releases before 7.4 call nothing then. What has come to pass all have to know.
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
        let call = |action, name| self.call(remote, &scripts, action, name);
        if self.action != PREMIGRATE {
            let told = others.into_iter().map(|name| call(self.action, name));
            return told.fold(Ok(()), both);
        }
        let mut told = Vec::new();
        for name in others {
            if let Err(error) = call(PREMIGRATE, name) {
                // What has failed undoes itself; to the others nobody would say that nothing came of it.
                let undone = told.into_iter().map(|name| call("failmigrate", name));
                return both(Err(error), undone.fold(Ok(()), both));
            }
            told.push(name);
        }
        Ok(())
    }

    /// Calls a driver; one without such a script has nothing to do.
    fn call(&self, remote: &Remote, scripts: &Path, action: &str, name: &Mad) -> Result<()> {
        let script = scripts.join(name.as_str()).join(action);
        if !script.exists() {
            return Ok(());
        }
        let call = self.migration;
        let dir = call.dir.path();
        let (dir, vm) = (dir.to_string_lossy(), call.vm.to_string());
        let datastore = call.datastore.to_string();
        let mut words = vec![call.from.as_str(), call.to.as_str(), &dir, &vm, &datastore];
        // Before 5.10 the document stood before the caller, and nothing on standard input.
        let stdin = match &call.document {
            Some(document) => {
                words.push(document);
                &[][..]
            }
            None => &self.document,
        };
        words.push(NAME);
        remote
            .script(&script, &words, stdin)
            .context(|| format!("the driver {name} of another disk failed"))
    }
}

#[cfg(test)]
mod tests;
