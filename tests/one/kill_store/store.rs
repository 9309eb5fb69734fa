//! A datastore whose actions are killed on their bridge.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::case::Case;
use crate::cmd;
use crate::host::Host;
use crate::one::oned::Oned;
use crate::tests::same;
use crate::world::{Image, SMALL, World, path};

/// Where the bridge stages what it cannot stream.
pub(super) const STAGING: &str = "/run/staging";

/// A datastore with one bridge.
pub(super) struct Store<'c> {
    pub(super) world: &'c World,
    pub(super) host: &'c Host,
    oned: Oned,
    /// What is in the images that come.
    pub(super) golden: PathBuf,
}

impl<'c> Store<'c> {
    pub(super) fn new(case: &'c Case) -> Result<Self> {
        let (world, host) = (&*case.world, case.host());
        host.sh(&format!("install -d -m 1777 {STAGING}"))?;
        Ok(Self {
            world,
            host,
            oned: Oned::start(world)?,
            golden: world.file(SMALL.name),
        })
    }

    /// The answer to an action on an image that was registered at a time, as oned says.
    fn call(&self, action: &str, id: u32, image: &str) -> Result<cmd::Out> {
        let document = format!(
            "<DS_DRIVER_ACTION_DATA><IMAGE><ID>{id}</ID><REGTIME>1700000000</REGTIME>{image}</IMAGE><DATASTORE><ID>101</ID><TEMPLATE>\
             <POOL_NAME>one</POOL_NAME><BRIDGE_LIST>{}</BRIDGE_LIST><SAFE_DIRS>{}</SAFE_DIRS><STAGING_DIR>{STAGING}</STAGING_DIR>\
             </TEMPLATE></DATASTORE></DS_DRIVER_ACTION_DATA>",
            self.host.name,
            path(&self.world.file(""))?
        );
        self.oned.ds(action, id, &document)
    }

    pub(super) fn says(&self, action: &str, id: u32, image: &str, answer: &str) -> Result<()> {
        let out = self.call(action, id, image)?.ok()?;
        same(action, out.stdout.as_str(), answer)
    }

    /// An action, killed after a step, and run again; whether it came through without being killed.
    pub(super) fn killed(
        &self,
        step: u32,
        (action, id): (&str, u32),
        image: &str,
        answer: &str,
    ) -> Result<bool> {
        if self.killed_once(step, action, id, image)? {
            return Ok(true);
        }
        // And once more: what was done is not done again.
        for _ in 0..2 {
            let again = self.says(action, id, image, answer);
            again.with_context(|| format!("{action} after a kill"))?;
        }
        Ok(false)
    }

    pub(super) fn killed_once(
        &self,
        step: u32,
        action: &str,
        id: u32,
        image: &str,
    ) -> Result<bool> {
        self.oned.crash(self.host.name, Some(step))?;
        let out = self.call(action, id, image);
        self.oned.crash(self.host.name, None)?;
        let out = out?;
        ensure!(out.code == 0 || out.stdout.is_empty(), "{out}");
        Ok(out.code == 0)
    }

    /// The names that begin with these images'.
    pub(super) fn there(&self, ids: &[u32], names: &[&str]) -> Result<()> {
        let all = self.world.rbd(&["ls", "one"])?;
        let of = |line: &&str| ids.iter().any(|id| line.starts_with(&format!("one-{id}")));
        same(
            "images",
            all.stdout.lines().filter(of).collect::<Vec<_>>(),
            names,
        )?;
        let staged = self.host.sh(&format!("ls -A {STAGING}"))?;
        same("what is staged", staged.text(), "")?;
        self.host.check_empty()
    }

    /// Only what it says of itself that it was made for; nobody has it.
    pub(super) fn is_plain(&self, image: &Image) -> Result<()> {
        self.world.check_ceph(image)?;
        let keys = self
            .world
            .rbd(&["image-meta", "ls", "--format", "json", &image.spec])?
            .json()?;
        let keys: Vec<String> = keys
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| key.clone())
            .collect();
        same("metadata", keys, ["warmblock.made-for"])
    }

    pub(super) fn image(&self, id: u32, of: &Image) -> Result<Image> {
        Ok(Image {
            spec: format!("one/one-{id}"),
            ..self.world.kept(of)?
        })
    }

    pub(super) fn rm(&self, step: u32, id: u32) -> Result<bool> {
        self.killed(
            step,
            ("rm", id),
            &format!("<SOURCE>one/one-{id}</SOURCE>"),
            "",
        )
    }
}
