//! The driver `none`: no cache. The front stands on the RBD; for bypass, for hosts without an SSD, and to compare.

use std::borrow::Cow;
use std::time::Duration;

use super::{
    Cache, Capabilities, Cleanliness, Device, Driver, Needs, Part, Running, SeedAbility, Seen, Site,
};
use crate::host::Host;
use crate::model::{Bytes, CacheMode, Change, DiskKey, DriverName};
use crate::seed::SeedPlan;
use crate::{Result, config};

/// See the module.
#[derive(Debug)]
pub(super) struct None;

impl Driver for None {
    fn name(&self) -> DriverName {
        config::fixed("none")
    }

    fn caches(&self) -> bool {
        false
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            modes: vec![CacheMode::None],
            seed: SeedAbility::Never,
            reads: false,
            live: true,
        }
    }

    fn needs(&self) -> Needs {
        Needs::of(&["dmsetup"], &["dm-mod"])
    }

    fn guarantee(&self, _mode: CacheMode) -> Cow<'static, str> {
        Cow::Borrowed("nothing is kept on this host, so nothing is lost with it")
    }

    fn layout(&self, _wanted: Bytes, _block: Bytes) -> Vec<Part> {
        Vec::new()
    }

    fn read(&self, _host: &Host, _key: &DiskKey, _seen: &Seen) -> Cache {
        Cache::Absent
    }

    fn format(&self, _site: &Site<'_>, _plan: Option<&SeedPlan>) -> Result<()> {
        Ok(())
    }

    fn open(&self, _site: &Site<'_>, _running: Running) -> Result<Change> {
        Ok(Change::Kept)
    }

    fn switch(&self, _site: &Site<'_>, _running: Running) -> Result<()> {
        Ok(())
    }

    fn drain(&self, _site: &Site<'_>, _deadline: Duration) -> Result<Bytes> {
        Ok(Bytes(0))
    }

    fn cleanliness(&self, _host: &Host, _key: &DiskKey) -> Result<Cleanliness> {
        Ok(Cleanliness::clean("there is no cache"))
    }

    fn close(&self, _host: &Host, _key: &DiskKey) -> Result<Change> {
        Ok(Change::Absent)
    }

    fn wipe(&self, _site: &Site<'_>) -> Result<()> {
        Ok(())
    }

    fn top(&self, site: &Site<'_>) -> Result<Device> {
        Ok(site.origin.clone())
    }
}
