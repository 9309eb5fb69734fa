//! A backup is restored in place: the disks of a VM that is off become what they were then.
//!
//! What is in the backup is asked of its datastore, and each disk's bytes go through oned's downloader into an image beside the
//! disk's. Only when all of them came, and oned still wants it, are the disks taken down and exchanged.

use std::collections::BTreeMap;

use super::act::{Site, warnings};
use super::backups::{self, BackupUrl, Part, download};
use super::call::{Place, Restore, TmCall};
use super::document::{BackupDatastore, BackupImage, Datastore, Vm, datastore_of, format_of};
use super::oned::Oned;
use super::plan::{Asked, Known, Plan, Restoration};
use super::remote::Data;
use super::transfer::done;
use super::voice::{Level, Voice};
use super::{DatastoreId, DiskId, Remote};
use crate::error::both;
use crate::job::{Job, Request, Steps};
use crate::sys::random;
use crate::{Context, Error, Kind, Result};

/// Does the call.
///
/// # Errors
/// [`Kind::NotFound`] if the backup has none of the disks; [`Kind::Cancelled`] if oned does not want it any more; those of the
/// backup's datastore, of the downloader and of the jobs.
pub(super) fn restore(
    site: &Site,
    remote: &Remote,
    call: &Restore,
    voice: &mut Voice<impl std::io::Write>,
) -> Result<()> {
    let oned = Oned::find(&site.oned);
    let document = oned.vm_document(call.vm)?;
    let backup = Backup::find(site, remote, &oned, call, &document)?;
    let vm = Vm::parse(&document)?;
    let system = system_of(&vm)?;
    let ask = || oned.datastore(system);
    let known = Known {
        vm: &vm,
        datastore: &Asked::by(&ask),
        front_end: &site.front_end,
        context: None,
    };
    let work = Work {
        site,
        remote,
        oned: &oned,
        call,
        known: &known,
        backup: &backup,
        disks: Restoration::new(
            &known,
            call,
            backup.disks.keys().copied(),
            random::hex(32)?.parse()?,
        )?,
    };
    let done = work.all(voice);
    // What the backup's scripts say when they fail may hold what nobody is to read.
    done.map_err(|error| backup.datastore.hide_in(&error))
}

fn system_of(vm: &Vm) -> Result<DatastoreId> {
    let last = vm.history.last().map(|stay| stay.datastore);
    last.ok_or_else(|| Error::new(Kind::Usage, format!("VM {} was never on a host", vm.id)))
}

/// What is restored.
struct Backup {
    datastore: BackupDatastore,
    disks: BTreeMap<DiskId, BackupUrl>,
}

impl Backup {
    /// Finds the disks that are asked for.
    fn find(site: &Site, remote: &Remote, oned: &Oned, call: &Restore, vm: &str) -> Result<Self> {
        let image = oned.image_document(call.backup)?;
        if format_of(&image)?.as_deref() == Some("rbd") {
            let message = format!(
                "backup {} is in Ceph's own format, of disks of the stock ceph driver's",
                call.backup
            );
            return Err(Error::new(Kind::Usage, message)
                .remedy("make images of it in a datastore of that driver: `oneimage restore`"));
        }
        let document = oned.datastore_document(datastore_of(&image)?)?;
        let mut backup = Self {
            datastore: BackupDatastore::parse(&document)?,
            disks: BTreeMap::new(),
        };
        let ask = BackupImage {
            vm,
            image: &image,
            datastore: &document,
        };
        let driver = &backup.datastore.driver;
        let listed = backups::list(remote, &site.oned.var, driver, &ask, call.increment);
        backup.disks = listed.map_err(|error| backup.datastore.hide_in(&error))?;
        let wanted = |disk: &DiskId| call.disk.is_none_or(|wanted| wanted == *disk);
        backup.disks.retain(|disk, _| wanted(disk));
        if backup.disks.is_empty() {
            let which = call
                .disk
                .map_or_else(String::new, |disk| format!(" {disk}"));
            let message = format!(
                "backup {} has no disk{which} of VM {}",
                call.backup, call.vm
            );
            return Err(Error::new(Kind::NotFound, message)
                .remedy("`oneimage show` says what it is a backup of"));
        }
        Ok(backup)
    }
}

/// A restoration under way.
struct Work<'w> {
    site: &'w Site,
    remote: &'w Remote,
    oned: &'w Oned,
    call: &'w Restore,
    known: &'w Known<'w>,
    backup: &'w Backup,
    disks: Restoration<'w>,
}

impl Work<'_> {
    fn all(&self, voice: &mut Voice<impl std::io::Write>) -> Result<()> {
        self.plan(&self.disks.begin()?, voice)?;
        let mut disks = self.backup.disks.iter();
        let came = disks.try_for_each(|(disk, url)| self.bring(*disk, url, voice));
        if let Err(error) = came.and_then(|()| self.still_wanted()) {
            let forgotten = self.disks.forgotten();
            let forgotten = forgotten.and_then(|plan| self.plan(&plan, voice));
            return both(Err(error), forgotten);
        }
        let done = self.exchange(voice);
        both(done, self.taken_down(voice))
    }

    fn exchange(&self, voice: &mut Voice<impl std::io::Write>) -> Result<()> {
        let down = self.plan(&self.disks.down()?, voice);
        // What only the SSDs had was written back, and that may have taken long.
        if let Err(error) = down.and_then(|()| self.still_wanted()) {
            let undone = self.plan(&self.disks.undone()?, voice);
            return both(Err(error), undone);
        }
        self.plan(&self.disks.exchange()?, voice)?;
        match self.plan(&self.disks.settle()?, voice) {
            // They are another's to see to.
            Err(error) if error.kind() == Kind::Cancelled => Err(error),
            settled => {
                let up = self.plan(&self.disks.end()?, voice);
                both(settled, up.map_err(|error| self.not_all_up(error)))
            }
        }
    }

    fn not_all_up(&self, error: Error) -> Error {
        let message = format!(
            "the disks of VM {} are restored, but not all are up",
            self.call.vm
        );
        Error::new(error.kind(), message).because(error)
    }

    fn plan(&self, plan: &Plan, voice: &mut Voice<impl std::io::Write>) -> Result<()> {
        done(self.remote, plan, voice, || Ok(()))
    }

    /// A disk of the backup becomes an image beside the one that it is to replace.
    fn bring(
        &self,
        disk: DiskId,
        url: &BackupUrl,
        voice: &mut Voice<impl std::io::Write>,
    ) -> Result<()> {
        let datastore = self.datastore_of(disk)?;
        let datastore = match &datastore {
            Some(own) => own,
            None => self.known.datastore.get()?,
        };
        let (host, steps) = self.disks.bring(disk, datastore)?;
        let job = Job::new(Request::Steps(Steps {
            steps,
            every: false,
        }));
        let var = &self.site.oned.var;
        let data = || {
            let bytes = download(self.remote, url, Part::Whole, var)?;
            Ok(Some(
                Data::new(bytes).limited_to(datastore.bandwidth.get()?),
            ))
        };
        let brought = self.remote.run_on_any(&[host], &job, &data);
        let (node, said) = brought.context(|| format!("cannot bring disk {disk} of the backup"))?;
        for warning in warnings(&said) {
            let warning = self.backup.datastore.hide(&warning);
            voice.log(Level::Warning, &format!("{node}: {warning}"));
        }
        Ok(())
    }

    /// The datastore of a disk's image; a volatile disk has none of its own.
    fn datastore_of(&self, disk: DiskId) -> Result<Option<Datastore>> {
        let own = self.known.vm.disk(disk)?.datastore;
        own.map(|id| self.oned.datastore(id)).transpose()
    }

    /// That oned did not give it up while the bytes came: it does not end us then, and deletes or starts the VM beside us
    /// (contract, 1.3).
    fn still_wanted(&self) -> Result<()> {
        let (was, now) = (self.known.vm, self.oned.vm(self.call.vm)?);
        if (now.state, now.lcm_state) == (was.state, was.lcm_state) {
            return Ok(());
        }
        let message = format!("VM {} is not being restored any more", was.id);
        Err(Error::new(Kind::Cancelled, message).remedy("its disks are what they were before"))
    }

    /// Takes down what was attached for a VM that oned deleted at the last moment.
    fn taken_down(&self, voice: &mut Voice<impl std::io::Write>) -> Result<()> {
        let now = match self.oned.vm(self.call.vm) {
            Ok(now) if now.is_going() => now,
            Ok(_) => return Ok(()),
            Err(error) => {
                // The disks are there; what became of the VM, its next action shows.
                voice.log(Level::Warning, &error.chain());
                return Ok(());
            }
        };
        let known = Known {
            vm: &now,
            ..*self.known
        };
        for place in self.disks.places() {
            let delete = TmCall::Delete {
                host: self.call.host.clone(),
                place: Place::Disk(place.clone()),
                vm: now.id,
                datastore: system_of(&now)?,
            };
            self.plan(&Plan::of(&delete, &known)?, voice)?;
        }
        let message = format!("VM {} went away meanwhile, and its disks with it", now.id);
        Err(Error::new(Kind::Cancelled, message))
    }
}
