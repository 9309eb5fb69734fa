//! What is in the cluster and on the front-end, so that what is left can be told from what was there before.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::cmd::{self, eventually};
use crate::tests::same;
use crate::world::{World, path};

/// Objects that Ceph's mgr makes for itself.
const CEPHS_OWN: [&str; 3] = ["rbd_task", "rbd_mirror", "rbd_trash_purge_schedule"];

/// See the module.
pub(super) struct Traces {
    images: BTreeSet<String>,
    trash: String,
    blocklist: BTreeSet<String>,
    /// Objects of the pool, with the keys of those that have some.
    objects: BTreeMap<String, BTreeSet<String>>,
}

impl Traces {
    pub(super) fn of(world: &World) -> Result<Self> {
        Ok(Self {
            images: images(world)?,
            trash: trash(world)?,
            blocklist: blocklist(world)?,
            objects: objects()?,
        })
    }

    /// The names of images that were not there.
    pub(super) fn new_images(&self, world: &World) -> Result<BTreeSet<String>> {
        Ok(images(world)?.difference(&self.images).cloned().collect())
    }

    /// There are these still, and no others.
    pub(super) fn are_all(&self, world: &World) -> Result<()> {
        same("images", images(world)?, self.images.clone())?;
        same("the trash", trash(world)?, self.trash.clone())?;
        let barred = blocklist(world)?;
        let new: Vec<&String> = barred.difference(&self.blocklist).collect();
        ensure!(new.is_empty(), "barred from Ceph: {new:?}");
        // Ceph removes data of snapshots in its own time.
        let mut left = BTreeMap::new();
        let cleared = eventually("objects to go", 120, || {
            left = objects()?;
            left.retain(|name, keys| self.objects.get(name) != Some(keys));
            Ok(left.is_empty())
        });
        cleared.map_err(|error| error.context(format!("left in the pool: {left:?}")))?;
        let now = objects()?;
        let gone: Vec<&String> = self
            .objects
            .keys()
            .filter(|name| !now.contains_key(*name))
            .collect();
        ensure!(gone.is_empty(), "no more in the pool: {gone:?}");
        Ok(())
    }
}

fn lines(argv: &[&str]) -> Result<BTreeSet<String>> {
    let out = cmd::run(argv, Duration::from_secs(60))?.ok()?;
    Ok(out.stdout.lines().map(str::to_owned).collect())
}

fn images(world: &World) -> Result<BTreeSet<String>> {
    let list = world.rbd(&["ls", "one"])?;
    Ok(list.stdout.lines().map(str::to_owned).collect())
}

fn trash(world: &World) -> Result<String> {
    let list = world.rbd(&["trash", "ls", "--all", "one"])?;
    Ok(list.text().to_owned())
}

/// Without when they expire.
fn blocklist(world: &World) -> Result<BTreeSet<String>> {
    let list = world
        .lab(&["exec", "ceph", "osd", "blocklist", "ls"])?
        .ok()?;
    let words = list
        .stdout
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    Ok(words.map(str::to_owned).collect())
}

/// Of the data of images, which have no keys, the names say enough; what Ceph keeps of no images is not told from nothing.
fn objects() -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut objects = BTreeMap::new();
    for name in lines(&["rados", "--pool", "one", "ls"])? {
        let keys = match name.starts_with("rbd_data.") || name.starts_with("rbd_object_map.") {
            true => BTreeSet::new(),
            false => lines(&["rados", "--pool", "one", "listomapkeys", &name])?,
        };
        let cephs = CEPHS_OWN.iter().any(|own| name.starts_with(own));
        let list =
            ["rbd_trash", "rbd_children", "rbd_directory", "rbd_info"].contains(&name.as_str());
        if !(cephs || list && keys.is_empty()) {
            objects.insert(name, keys);
        }
    }
    Ok(objects)
}

/// Nothing of ours runs on the front-end, and no VM has a directory there.
pub(super) fn front_end(world: &World, dir: &Path) -> Result<()> {
    let program = world.file("warmblock");
    let running = cmd::run(&["pgrep", "-af", path(&program)?], Duration::from_secs(30))?;
    same("processes", running.text(), "")?;
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Ok(());
    };
    let left: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    ensure!(left.is_empty(), "directories at the front-end: {left:?}");
    Ok(std::fs::remove_dir_all(dir.parent().unwrap_or(dir))?)
}
