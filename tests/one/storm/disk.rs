//! A disk, or an image that no VM has, and what must be in it.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use crate::world::{Image, World};

/// An image, its snapshots by the numbers that oned gave them, and what must be in each of them.
pub(super) struct Disk {
    pub(super) image: Image,
    pub(super) snapshots: BTreeMap<u32, Image>,
}

impl Disk {
    pub(super) const fn new(image: Image) -> Self {
        Self {
            image,
            snapshots: BTreeMap::new(),
        }
    }

    /// A snapshot is taken of it.
    pub(super) fn keep(&mut self, world: &World, number: u32) -> Result<()> {
        let then = world.kept(&self.image)?;
        self.snapshots.insert(number, then);
        Ok(())
    }

    /// It is what it was at a snapshot.
    pub(super) fn went_back(&mut self, number: u32) -> Result<()> {
        let then = self.snapshots.get(&number).context("no such snapshot")?;
        std::fs::copy(&then.model, &self.image.model)?;
        Ok(())
    }

    /// A snapshot is gone.
    pub(super) fn forget(&mut self, number: u32) -> Result<()> {
        let then = self.snapshots.remove(&number).context("no such snapshot")?;
        Ok(std::fs::remove_file(then.model)?)
    }

    /// Its image goes with all that it has.
    pub(super) fn forget_all(&mut self) -> Result<()> {
        let all: Vec<u32> = self.snapshots.keys().copied().collect();
        all.into_iter().try_for_each(|number| self.forget(number))
    }

    pub(super) fn name(&self) -> &str {
        self.image.spec.trim_start_matches("one/")
    }
}
