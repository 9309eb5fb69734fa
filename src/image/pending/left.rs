//! What an import left, or is making: who has it open tells whether it may go.

use serde::{Deserialize, Serialize};

use super::Pending;
use crate::ceph::{Pool, Watcher};
use crate::disk::Me;
use crate::host::Host;
use crate::image::reach::{self, WATCH_TIMEOUT};
use crate::image::report::ImageReport;
use crate::model::{Change, HostName, ImageSpec};
use crate::sys::wait;
use crate::{Context, Error, Kind, Result};

/// Who imports.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Importer {
    host: HostName,
    boot_id: String,
    pid: u32,
}

impl Importer {
    /// This process.
    pub(super) fn this(host: &Host) -> Result<Self> {
        let me = host.me()?;
        Ok(Self {
            host: me.host,
            boot_id: me.boot_id,
            pid: std::process::id(),
        })
    }

    /// Whether it is a process of this host that is gone.
    fn is_dead(&self, me: &Me) -> bool {
        let here = self.host == me.host;
        here && (self.boot_id != me.boot_id
            || !std::path::Path::new(&format!("/proc/{}", self.pid)).exists())
    }
}

impl Pending<'_> {
    /// Removes what an import left that was killed; whether there was anything.
    ///
    /// # Errors
    /// [`Kind::Busy`] if that import is under way.
    pub(in crate::image) fn clear(&self, host: &Host) -> Result<bool> {
        let name = &self.temporary.image;
        if !self
            .pool
            .image_exists(name)
            .context(|| format!("cannot look for {}", self.temporary))?
        {
            return Ok(false);
        }
        let watchers = self.watchers()?;
        if !watchers.is_empty() {
            match self.wait_for_watch(host, &watchers) {
                // It is complete just now, or was taken back.
                Err(error) if error.kind() == Kind::NotFound => return Ok(false),
                waited => waited?,
            }
        }
        self.remove()?;
        Ok(true)
    }

    fn watchers(&self) -> Result<Vec<Watcher>> {
        match self
            .pool
            .open_read_only(&self.temporary.image, None)
            .map_err(Error::from)
        {
            // A removal that was stopped halfway.
            Err(error) if error.kind() == Kind::NotFound => Ok(Vec::new()),
            opened => opened
                .context(|| format!("cannot open image {}", self.temporary))?
                .watchers()
                .context(|| format!("cannot ask who has {} open", self.temporary)),
        }
    }

    /// That nobody imports: who has the image open is a process of this host that is gone. Any other one is believed to be alive.
    fn refuse_living(&self, host: &Host, watchers: &[Watcher]) -> Result<()> {
        let importer = self.importer()?;
        let me = host.me()?;
        match importer {
            _ if watchers.is_empty() => Ok(()),
            Some(importer) if importer.is_dead(&me) => Ok(()),
            importer => Err(self.busy(importer.as_ref(), watchers)),
        }
    }

    fn busy(&self, importer: Option<&Importer>, watchers: &[Watcher]) -> Error {
        match importer {
            Some(Importer { host, pid, .. }) => {
                Error::new(Kind::Busy, format!("{} is being imported on host {host} (process {pid})", self.spec))
                    .remedy("wait for it; if that host died, Ceph forgets it after 30 seconds, and this can be run again")
            }
            None => reach::watched(&self.temporary, watchers, "remove"),
        }
    }

    /// Waits until Ceph has forgotten a process of this host that is gone.
    fn wait_for_watch(&self, host: &Host, watchers: &[Watcher]) -> Result<()> {
        // A clone, which bears no mark, is open for moments only.
        if self.importer()?.is_some() {
            self.refuse_living(host, watchers)?;
        }
        let gone = wait::poll(WATCH_TIMEOUT, || match self.watchers() {
            Ok(watchers) if !watchers.is_empty() => host.cancel.check().err().map(Err),
            Ok(_) => Some(Ok(())),
            Err(error) => Some(Err(error)),
        });
        gone.unwrap_or_else(|| Err(self.busy(self.importer()?.as_ref(), watchers)))
    }

    fn importer(&self) -> Result<Option<Importer>> {
        let (_, mark) = self.mark()?;
        Ok(mark.and_then(|mark| serde_json::from_slice(&mark).ok()))
    }
}

/// Refuses an image that is being imported just now.
///
/// # Errors
/// [`Kind::Busy`], with who does it.
pub(in crate::image) fn refuse_running(host: &Host, pool: &Pool, spec: &ImageSpec) -> Result<()> {
    let pending = Pending::of(pool, spec)?;
    let name = &pending.temporary;
    let there = pool.image_exists(&name.image);
    if !there.context(|| format!("cannot look for {name}"))? {
        return Ok(());
    }
    let watchers = pending.watchers()?;
    if watchers.is_empty() {
        return Ok(());
    }
    match pending.refuse_living(host, &watchers) {
        // It is complete just now.
        Err(error) if error.kind() == Kind::NotFound => Ok(()),
        refused => refused,
    }
}

/// Removes what an import left that was killed, when the image goes. One that is under way is left to its importer, and told.
pub(in crate::image) fn clear(
    host: &Host,
    pool: &Pool,
    spec: &ImageSpec,
    report: &mut ImageReport,
) -> Result<()> {
    let Ok(pending) = Pending::of(pool, spec) else {
        // A name that is too long to be imported.
        return Ok(());
    };
    let name = &pending.temporary;
    let there = pool.image_exists(&name.image);
    if !there.context(|| format!("cannot look for {name}"))? {
        return Ok(());
    }
    let what = format!("remove {name}, which an import left");
    if report.dry_run {
        report.planned(Change::Removed, what);
        return Ok(());
    }
    match report.step(Change::Removed, what, || pending.clear(host).map(drop)) {
        Err(error) if error.kind() == Kind::Busy => report.warnings.push(error.chain()),
        cleared => cleared?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_of_this_host_is_known_to_be_dead() {
        let me = Me {
            host: "hv1".parse().unwrap(),
            boot_id: "b1".into(),
        };
        let importer = |host: &str, boot_id: &str, pid| Importer {
            host: host.parse().unwrap(),
            boot_id: boot_id.into(),
            pid,
        };
        assert!(!importer("hv1", "b1", std::process::id()).is_dead(&me));
        // Beyond the kernel's largest pid, 2^22.
        assert!(importer("hv1", "b1", 1 << 23).is_dead(&me));
        assert!(importer("hv1", "b0", std::process::id()).is_dead(&me));
        assert!(!importer("hv2", "b0", 1 << 23).is_dead(&me));
    }
}
