//! Somebody who has a disk open, as a VM has, and reads and writes nothing.

use std::time::Duration;

use anyhow::Result;

use crate::cmd::{Running, eventually};
use crate::host::Host;

pub struct Guest<'h> {
    host: &'h Host,
    shell: Running,
}

impl<'h> Guest<'h> {
    /// Opens a device, and keeps it open until it is told to leave.
    pub fn opens(host: &'h Host, device: &str) -> Result<Self> {
        let shell = host.spawn(&format!(
            "exec 7<>{device}; until [ -e /run/guest.stop ]; do read -t 0.1 <>/run/never; done"
        ))?;
        let count = format!("dmsetup info -c --noheadings -o open {device}");
        eventually("the guest", 20, || Ok(host.sh(&count)?.text() == "1"))?;
        Ok(Self { host, shell })
    }

    pub fn leaves(self) -> Result<()> {
        self.host.sh("touch /run/guest.stop")?;
        self.shell.wait(Duration::from_secs(20))?;
        self.host.sh("rm /run/guest.stop").map(drop)
    }
}
