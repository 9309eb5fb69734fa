//! A place in the datastore where images come and go that no VM has, by one_datastore's actions.

use anyhow::{Result, ensure};

use super::dice::Dice;
use super::{Disk, SIZE, Storm};
use crate::tests::same;
use crate::world::{Image, MIB, path};

/// The number of the first shelf's image; that of its copies is behind it.
const FIRST: u32 = 7000;
const COPY: u32 = 100;

/// See the module.
pub(super) struct Shelf {
    number: u32,
    dice: Dice,
    disk: Option<Disk>,
    snapshot: u32,
    played: Vec<String>,
}

type Scene = (&'static str, fn(&mut Shelf, &Storm<'_>) -> Result<()>);

const EMPTY: &[Scene] = &[
    ("cp", Shelf::cp),
    ("mkfs", Shelf::mkfs),
    ("clone", Shelf::clone),
];
const FULL: &[Scene] = &[
    ("snap_revert", |shelf, storm| {
        shelf.snapshot(storm, "snap_revert")
    }),
    ("snap_delete", |shelf, storm| {
        shelf.snapshot(storm, "snap_delete")
    }),
    ("snap_flatten", |shelf, storm| {
        shelf.snapshot(storm, "snap_flatten")
    }),
    ("copy", Shelf::copy),
    ("monitor", |_, storm| monitor(storm)),
    ("rm", Shelf::rm),
];

impl Shelf {
    pub(super) fn new(storm: &Storm<'_>, number: u32) -> Self {
        let id = FIRST + number;
        Self {
            number: id,
            dice: storm.dice(id),
            disk: None,
            snapshot: 0,
            played: Vec::new(),
        }
    }

    /// What has no image gets one, and then something is done with it.
    pub(super) fn next(&mut self, storm: &Storm<'_>) -> Result<()> {
        if self.disk.is_none() {
            self.play(EMPTY, storm)?;
        }
        self.play(FULL, storm)
    }

    fn play(&mut self, scenes: &[Scene], storm: &Storm<'_>) -> Result<()> {
        let (name, scene) = *self.dice.one_of(scenes);
        self.played.push(name.to_owned());
        scene(self, storm)
    }

    pub(super) fn end(&mut self, storm: &Storm<'_>) -> Result<()> {
        match self.disk {
            Some(_) => self.rm(storm),
            None => Ok(()),
        }
    }

    pub(super) const fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn told(&self) -> String {
        format!("image {}, {}", self.number, self.played.join(", "))
    }

    pub(super) const fn disk(&self) -> Option<&Disk> {
        self.disk.as_ref()
    }

    /// It has what the storm's parent has.
    fn like_parent(&mut self, storm: &Storm<'_>) -> Result<()> {
        let image = Image {
            spec: spec(self.number),
            ..storm.world.kept(&storm.parent)?
        };
        storm.world.check_ceph(&image)?;
        self.disk = Some(Disk::new(image));
        Ok(())
    }

    fn cp(&mut self, storm: &Storm<'_>) -> Result<()> {
        let file = format!("<PATH>{}</PATH>", path(&storm.parent.model)?);
        let size = format!("{}\n", SIZE / MIB);
        says(storm, "stat", self.number, &file, &size)?;
        let answer = format!("{} raw\n", spec(self.number));
        says(storm, "cp", self.number, &file, &answer)?;
        self.like_parent(storm)
    }

    fn clone(&mut self, storm: &Storm<'_>) -> Result<()> {
        let of = format!("<PATH>{}</PATH>", storm.parent.spec);
        let answer = format!("{} raw\n", spec(self.number));
        says(storm, "clone", self.number, &of, &answer)?;
        self.like_parent(storm)
    }

    fn mkfs(&mut self, storm: &Storm<'_>) -> Result<()> {
        let ask = format!("<SIZE>{}</SIZE><FORMAT>raw</FORMAT>", SIZE / MIB);
        let answer = format!("{}\n", spec(self.number));
        says(storm, "mkfs", self.number, &ask, &answer)?;
        let image = Image {
            spec: spec(self.number),
            ..storm.world.kept(&storm.parent)?
        };
        std::fs::File::create(&image.model)?.set_len(SIZE)?;
        storm.world.check_ceph(&image)?;
        self.disk = Some(Disk::new(image));
        Ok(())
    }

    /// A snapshot that a VM left of it, and others change it; then the action with that snapshot.
    fn snapshot(&mut self, storm: &Storm<'_>, action: &str) -> Result<()> {
        let (id, number) = (self.number, self.snapshot);
        self.snapshot += 1;
        let seed = self.dice.next();
        let Some(disk) = &mut self.disk else {
            return Ok(());
        };
        let snap = format!("{}@{number}", disk.image.spec);
        storm
            .world
            .rbd(&["snap", "create", "--no-progress", &snap])?;
        disk.keep(storm.world, number)?;
        let place = MIB * (seed % 4);
        storm
            .world
            .write_elsewhere(&disk.image, seed, place, MIB / 4)?;
        let listed = disk.snapshots.keys();
        let listed: String = listed
            .map(|id| format!("<SNAPSHOT><ID>{id}</ID></SNAPSHOT>"))
            .collect();
        let ask = format!(
            "<SOURCE>{}</SOURCE><TARGET_SNAPSHOT>{number}</TARGET_SNAPSHOT><SNAPSHOTS>{listed}</SNAPSHOTS>",
            disk.image.spec
        );
        says(storm, action, id, &ask, "")?;
        match action {
            "snap_delete" => disk.forget(number)?,
            "snap_revert" => disk.went_back(number)?,
            _ => {
                disk.went_back(number)?;
                disk.forget_all()?;
            }
        }
        storm.world.check_ceph(&disk.image)
    }

    /// A copy of it comes and goes.
    fn copy(&mut self, storm: &Storm<'_>) -> Result<()> {
        let (Some(disk), number) = (&self.disk, self.number + COPY) else {
            return Ok(());
        };
        let of = format!("<PATH>{}</PATH>", disk.image.spec);
        let answer = format!("{} raw\n", spec(number));
        says(storm, "clone", number, &of, &answer)?;
        let copy = Image {
            spec: spec(number),
            ..disk.image.clone()
        };
        storm.world.check_ceph(&copy)?;
        remove(storm, &copy.spec)
    }

    fn rm(&mut self, storm: &Storm<'_>) -> Result<()> {
        if let Some(mut disk) = self.disk.take() {
            storm.world.check_ceph(&disk.image)?;
            remove(storm, &disk.image.spec)?;
            disk.forget_all()?;
            std::fs::remove_file(disk.image.model)?;
        }
        Ok(())
    }
}

fn spec(number: u32) -> String {
    format!("one/one-{number}")
}

/// An action of the datastore's, that is answered like this and says nothing else.
fn says(storm: &Storm<'_>, action: &str, id: u32, image: &str, answer: &str) -> Result<()> {
    let document = format!(
        "<DS_DRIVER_ACTION_DATA><IMAGE>{image}</IMAGE><DATASTORE><ID>101</ID><TEMPLATE><POOL_NAME>one</POOL_NAME>\
         <BRIDGE_LIST>hv1 hv2</BRIDGE_LIST><SAFE_DIRS>{}</SAFE_DIRS></TEMPLATE></DATASTORE></DS_DRIVER_ACTION_DATA>",
        path(&storm.world.file(""))?
    );
    let out = storm.oned.ds(action, id, &document)?.ok()?;
    same("stdout", out.stdout.as_str(), answer)?;
    same("stderr", out.stderr.as_str(), "")
}

/// `rm` of an image that is to be there.
pub(super) fn remove(storm: &Storm<'_>, spec: &str) -> Result<()> {
    storm.world.rbd(&["info", spec])?;
    let number = spec.rsplit('-').next().unwrap_or_default().parse()?;
    says(storm, "rm", number, &format!("<SOURCE>{spec}</SOURCE>"), "")?;
    let left = storm.world.try_rbd(&["info", spec])?;
    ensure!(left.code == 2, "{spec} is still there: {left}");
    Ok(())
}

/// The name of an image that another action makes.
pub(super) fn reserve(storm: &Storm<'_>, number: u32) -> Result<String> {
    let answer = format!("{}\n", spec(number));
    says(storm, "mkfs", number, "<FORMAT>save_as</FORMAT>", &answer)?;
    Ok(spec(number))
}

/// How full both datastores are.
fn monitor(storm: &Storm<'_>) -> Result<()> {
    use base64::Engine as _;
    let document = "<DS_DRIVER_ACTION_DATA><DATASTORE><ID>101</ID><TEMPLATE><POOL_NAME>one</POOL_NAME>\
        <BRIDGE_LIST>hv1 hv2</BRIDGE_LIST></TEMPLATE></DATASTORE></DS_DRIVER_ACTION_DATA>";
    let document = base64::engine::general_purpose::STANDARD.encode(document);
    for driver in ["ds", "tm"] {
        let out = storm
            .oned
            .call(&[driver, "monitor", "101"], &document)?
            .ok()?;
        let names: Vec<&str> = out
            .stdout
            .lines()
            .filter_map(|line| Some(line.split_once('=')?.0))
            .collect();
        same("figures", names, ["USED_MB", "TOTAL_MB", "FREE_MB"])?;
    }
    Ok(())
}
