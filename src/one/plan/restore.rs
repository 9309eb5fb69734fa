//! Disks become what they were when they were backed up: what is in the backup is brought beside their images, and then all of
//! them are exchanged together, or none.

use super::steps::Down;
use super::{Known, Plan, all, attach, detach, step};
use crate::image::{ImageJob, Import, ReplaceImage, ReplaceStep, ResizeImage, SourceFormat};
use crate::job::{Request, StepAsk};
use crate::model::{Beside, ImageSpec, ReplacedImage, Replacement, ReplacementId};
use crate::one::DiskId;
use crate::one::call::{DiskPlace, Node, Restore};
use crate::one::document::{Datastore, Disk, DiskKind};
use crate::{Error, Kind, Result};

/// The disks of a VM that are restored, at its host.
#[derive(Debug)]
pub(in crate::one) struct Restoration<'r> {
    known: &'r Known<'r>,
    host: &'r Node,
    disks: Vec<(&'r Disk, ImageSpec, DiskPlace)>,
    /// All of them are replaced, or none.
    of: Replacement,
}

impl<'r> Restoration<'r> {
    /// Of these disks, which the backup has; `id` is that of no other restore.
    ///
    /// # Errors
    /// [`Kind::NotFound`] for one that the VM does not have any more, [`Kind::Usage`] for one that is not ours.
    pub(in crate::one) fn new(
        known: &'r Known<'r>,
        call: &'r Restore,
        wanted: impl IntoIterator<Item = DiskId>,
        id: ReplacementId,
    ) -> Result<Self> {
        let ours = known.ours(&call.dir)?;
        let disk = |id: DiskId| {
            let there = known.vm.disk(id).map_err(|error| {
                error.remedy("restore the other disks one by one: `onevm restore --disk-id`")
            })?;
            let mut ours = ours.iter();
            there.reached()?;
            let found = ours.find(|(disk, ..)| disk.id == there.id).cloned();
            found.ok_or_else(|| {
                let message = format!(
                    "disk {id} of VM {} is of another driver's datastore",
                    known.vm.id
                );
                Error::new(Kind::Usage, message).remedy(
                    "restore the disks of this driver one by one: `onevm restore --disk-id`",
                )
            })
        };
        let disks: Vec<_> = wanted.into_iter().map(disk).collect::<Result<_>>()?;
        let replaced = |(_, image, place): &(&Disk, ImageSpec, DiskPlace)| {
            Ok(ReplacedImage {
                image: image.clone(),
                access: known.access(place)?.cloned(),
            })
        };
        let images = disks.iter().map(replaced).collect::<Result<_>>()?;
        Ok(Self {
            known,
            host: &call.host,
            disks,
            of: Replacement { id, images },
        })
    }

    /// Room is made for what comes, or it is refused before anything is changed.
    pub(in crate::one) fn begin(&self) -> Result<Plan> {
        let mut steps = self.each(ReplaceStep::Check)?;
        steps.extend(self.each(ReplaceStep::Begin)?);
        Ok(Plan::nothing().on(self.host, steps))
    }

    /// Where a disk is brought, and by what steps, after which its bytes come. `datastore` is that of the disk's image. They are
    /// a qcow2 file whatever they begin with: the first bytes of a raw one would be the guest's.
    ///
    /// # Errors
    /// [`Kind::NotFound`] for a disk that is not restored.
    pub(in crate::one) fn bring(
        &self,
        disk: DiskId,
        datastore: &Datastore,
    ) -> Result<(&Node, Vec<StepAsk>)> {
        let mut disks = self.disks.iter();
        let found = disks.find(|(known, ..)| known.id == disk);
        let (disk, image, place) = found
            .ok_or_else(|| Error::new(Kind::NotFound, format!("disk {disk} is not restored")))?;
        let new = Beside::Incoming.of(image)?;
        let import = ImageJob::Import(Import {
            format: Some(SourceFormat::Qcow2),
            data_pool: datastore.data_pool.get()?,
            staging_dir: datastore.staging_dir.clone(),
            chunked: true,
            replacement: Some(self.of.clone()),
            ..Import::new("-".into(), new.clone())
        });
        let access = self.known.access(place)?;
        let mut steps = vec![step(Request::Image(import)).by(access)];
        // The disk may have grown since. It is never cut.
        steps.extend(disk.size.map(|size| StepAsk {
            request: Request::Image(ImageJob::Resize(ResizeImage {
                image: new,
                size: size.bytes(),
                shrink: false,
                taken_over: false,
            })),
            content_with: vec![Kind::Usage],
            access: access.cloned(),
        }));
        Ok((self.host, steps))
    }

    /// All of them are taken down, complete.
    pub(in crate::one) fn down(&self) -> Result<Plan> {
        let down = |(_, image, place): &(&Disk, ImageSpec, DiskPlace)| {
            detach(self.known, image, place, Down::Kept)
        };
        let steps = self.disks.iter().map(down).collect::<Result<_>>()?;
        Ok(Plan::nothing().on(self.host, steps))
    }

    /// They are exchanged; or they are again what they were.
    pub(in crate::one) fn exchange(&self) -> Result<Plan> {
        let plan = Plan::nothing().on(self.host, self.each(ReplaceStep::Exchange)?);
        Ok(plan.or_else(self.undone()?))
    }

    /// They are what they were before, and up; what came goes. One that cannot be put back is not attached either.
    pub(in crate::one) fn undone(&self) -> Result<Plan> {
        let mut steps = self.each(ReplaceStep::Undo)?;
        steps.extend(self.up()?);
        Ok(Plan::nothing().on(self.host, all(steps)))
    }

    /// What came goes. The disks were not touched, and may have been taken down or deleted meanwhile.
    pub(in crate::one) fn forgotten(&self) -> Result<Plan> {
        Ok(Plan::nothing().on(self.host, all(self.each(ReplaceStep::Undo)?)))
    }

    /// They stay what they have become, from the first step on.
    pub(in crate::one) fn settle(&self) -> Result<Plan> {
        Ok(Plan::nothing().on(self.host, self.each(ReplaceStep::Settle)?))
    }

    /// They are attached; and then what they were before goes, which takes its time.
    pub(in crate::one) fn end(&self) -> Result<Plan> {
        let mut steps = self.up()?;
        steps.extend(self.each(ReplaceStep::Clear)?);
        Ok(Plan::nothing().on(self.host, steps))
    }

    /// Where they are.
    pub(in crate::one) fn places(&self) -> impl Iterator<Item = &DiskPlace> {
        self.disks.iter().map(|(_, _, place)| place)
    }

    fn up(&self) -> Result<Vec<StepAsk>> {
        let up = |(disk, image, place): &(&Disk, ImageSpec, DiskPlace)| {
            attach(self.known, disk, image, place)
        };
        self.disks.iter().map(up).collect()
    }

    fn each(&self, step: ReplaceStep) -> Result<Vec<StepAsk>> {
        let ask = |(disk, image, place): &(&Disk, ImageSpec, DiskPlace)| {
            let linked = matches!(disk.kind, DiskKind::Linked { .. });
            // What is made for a VM says so, for it is not to be made anew.
            let says = step == ReplaceStep::Exchange && !linked;
            let replace = ImageJob::Replace(ReplaceImage {
                image: image.clone(),
                step,
                of: self.of.clone(),
                made_for: says.then(|| self.known.purpose(place).made_for),
            });
            Ok(super::step(Request::Image(replace)).by(self.known.access(place)?))
        };
        self.disks.iter().map(ask).collect()
    }
}
