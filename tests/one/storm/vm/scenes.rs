//! What happens to a VM, each scene one of oned's sequences (contract, 5.2).

use anyhow::Context as _;

use super::{Life, MIB, Result, SAVED, SIZE, SNAPSHOTS, Storm, Vm, same, shelf};
use crate::world::{Image, path};

impl Vm {
    pub(super) fn deploy(&mut self, storm: &Storm<'_>) -> Result<()> {
        // Nobody ever had the number.
        self.id += 100;
        self.stays = vec![self.dice.below(2)];
        let (clone, parent) = (&mut self.disks[0].image, &storm.parent);
        clone.spec = format!("{}-{}-0", parent.spec, self.id);
        clone.size = SIZE;
        std::fs::copy(&parent.model, &clone.model)?;
        let lines = format!(
            "CLONE warmblock FE:{} AT:DIR/disk.0 IDS\nLN warmblock FE:{} AT:DIR/disk.1 IDS",
            parent.spec, self.disks[1].image.spec
        );
        self.lines(storm, 1, &lines)?;
        self.start(storm, 2)
    }

    fn start(&mut self, storm: &Storm<'_>, state: u32) -> Result<()> {
        self.life = Life::Running;
        let script = storm.oned.var().join("context.sh");
        let line = format!("CONTEXT warmblock {} AT:DIR/disk.4 IDS", path(&script)?);
        self.lines(storm, state, &line)?;
        self.write(storm, 0)?;
        self.write(storm, 1)
    }

    /// No driver is called when it goes off, or when it comes again what was not down.
    pub(super) fn power_off(&mut self, storm: &Storm<'_>) -> Result<()> {
        self.life = Life::Off;
        self.next(storm)
    }

    pub(super) fn boot(&mut self, storm: &Storm<'_>) -> Result<()> {
        self.start(storm, 20)
    }

    pub(super) fn snapshot(&mut self, storm: &Storm<'_>, action: &str, state: u32) -> Result<()> {
        let disk = self.dice.below(2);
        if self.disks[disk].snapshots.len() == SNAPSHOTS {
            return self.snapshot_ends(storm, if state == 24 { 59 } else { 53 });
        }
        self.write(storm, disk)?;
        let number = self.snapshot;
        self.snapshot += 1;
        self.lines(
            storm,
            state,
            &format!("{action} warmblock AT:DIR/disk.{disk} {number} IDS"),
        )?;
        self.disks[disk].keep(storm.world, number)?;
        self.write(storm, disk)
    }

    /// A disk that has snapshots, and one of them.
    fn some_snapshot(&mut self) -> Option<(usize, u32)> {
        let all = self.disks.iter().enumerate();
        let all = all.flat_map(|(nr, disk)| disk.snapshots.keys().map(move |number| (nr, *number)));
        let all: Vec<(usize, u32)> = all.collect();
        (!all.is_empty()).then(|| *self.dice.one_of(&all))
    }

    pub(super) fn snapshot_ends(&mut self, storm: &Storm<'_>, state: u32) -> Result<()> {
        let Some((disk, number)) = self.some_snapshot() else {
            let (action, state) = match state {
                59 => ("SNAP_CREATE_LIVE", 24),
                _ => ("SNAP_CREATE", 51),
            };
            return self.snapshot(storm, action, state);
        };
        self.lines(
            storm,
            state,
            &format!("SNAP_DELETE warmblock AT:DIR/disk.{disk} {number} IDS"),
        )?;
        self.disks[disk].forget(number)
    }

    pub(super) fn revert(&mut self, storm: &Storm<'_>) -> Result<()> {
        let Some((disk, number)) = self.some_snapshot() else {
            return self.snapshot(storm, "SNAP_CREATE", 51);
        };
        self.lines(
            storm,
            52,
            &format!("SNAP_REVERT warmblock AT:DIR/disk.{disk} {number} IDS"),
        )?;
        self.disks[disk].went_back(number)?;
        self.holds(storm)
    }

    /// oned has no disk grow that has snapshots.
    pub(super) fn resize(&mut self, storm: &Storm<'_>, state: u32) -> Result<()> {
        let disk = self.dice.below(2);
        if !self.disks[disk].snapshots.is_empty() {
            let saving = match state {
                62 => 26,
                63 => 27,
                _ => 67,
            };
            return self.save_as(storm, saving);
        }
        let image = &mut self.disks[disk].image;
        image.size += MIB;
        let (size, model) = (image.size, image.model.clone());
        let line = format!("RESIZE warmblock AT:DIR/disk.{disk} {} IDS", size / MIB);
        self.lines(storm, state, &line)?;
        let model = std::fs::File::options().write(true).open(model)?;
        Ok(model.set_len(size)?)
    }

    /// The name first, then what is in it: the disk as it is, or one of its snapshots. And it goes again.
    pub(super) fn save_as(&mut self, storm: &Storm<'_>, state: u32) -> Result<()> {
        let of = match (self.dice.yes(), self.some_snapshot()) {
            (true, Some((disk, number))) => (disk, Some(number)),
            _ => (self.dice.below(2), None),
        };
        let (disk, snapshot) = of;
        let number = SAVED + self.number;
        let spec = shelf::reserve(storm, number)?;
        let asked = snapshot.map_or_else(|| "-1".to_owned(), |number| number.to_string());
        let line = format!("CPDS warmblock AT:DIR/disk.{disk} {spec} {asked} IDS");
        self.lines(storm, state, &line)?;
        let disk = &self.disks[disk];
        let model = snapshot.and_then(|number| disk.snapshots.get(&number));
        let saved = Image {
            spec: spec.clone(),
            ..model.unwrap_or(&disk.image).clone()
        };
        storm.world.check_ceph(&saved)?;
        shelf::remove(storm, &spec)
    }

    pub(super) fn volatile(&mut self, storm: &Storm<'_>, state: u32) -> Result<()> {
        if self.volatile {
            self.lines(
                storm,
                state + 1 - u32::from(state == 17),
                "DELETE warmblock AT:DIR/disk.2 IDS",
            )?;
            self.volatile = false;
            return Ok(());
        }
        self.volatile = true;
        self.lines(storm, state, "MKIMAGE warmblock 8 raw AT:DIR/disk.2 IDS")
    }

    /// It is nowhere then; stopped, or undeployed.
    pub(super) fn stop(&mut self, storm: &Storm<'_>, state: u32) -> Result<()> {
        self.write(storm, 1)?;
        self.each(storm, state, "MV warmblock AT:DIR/disk.N FE:DIR/disk.N IDS")?;
        self.lines(storm, state, "MV warmblock AT:DIR FE:DIR IDS")?;
        self.life = Life::Stopped;
        let mut disks = self.disks.iter();
        disks.try_for_each(|disk| storm.world.check_ceph(&disk.image))
    }

    pub(super) fn resume(&mut self, storm: &Storm<'_>) -> Result<()> {
        self.stays.push(self.dice.below(2));
        self.life = Life::Running;
        self.each(storm, 9, "MV warmblock FE:DIR/disk.N AT:DIR/disk.N IDS")?;
        self.lines(storm, 9, "MV warmblock FE:DIR AT:DIR IDS")?;
        self.start(storm, 22)?;
        self.holds(storm)
    }

    /// To the other host, of a VM that is saved meanwhile, or off.
    pub(super) fn migrate(&mut self, storm: &Storm<'_>, state: u32) -> Result<()> {
        self.write(storm, 1)?;
        let from = self.goes(storm);
        let lines =
            ["/disk.N", ""].map(|what| format!("MV warmblock {from}:DIR{what} AT:DIR{what} IDS"));
        self.each(storm, state, &lines[0])?;
        self.lines(storm, state, &lines[1])?;
        if self.life == Life::Running {
            self.start(storm, 35)?;
        }
        self.holds(storm)
    }

    /// It has the other host as its last one; that which it left.
    fn goes<'s>(&mut self, storm: &'s Storm<'_>) -> &'s str {
        let from = self.at();
        self.stays.push(1 - from);
        storm.hosts[from].name
    }

    /// Under load; or it fails at the hypervisor, and the VM stays.
    pub(super) fn migrate_live(&mut self, storm: &Storm<'_>) -> Result<()> {
        let from = self.at();
        let stays = self.stays.clone();
        self.goes(storm);
        self.hands_over(storm, "premigrate", from)?;
        self.stays.pop();
        self.write(storm, 1)?;
        self.stays.push(1 - from);
        if self.dice.below(3) == 0 {
            self.hands_over(storm, "failmigrate", from)?;
            self.stays = stays;
        } else {
            // The guest writes there before anybody tells the driver.
            self.write(storm, 1)?;
            self.hands_over(storm, "postmigrate", from)?;
        }
        self.holds(storm)
    }

    fn hands_over(&self, storm: &Storm<'_>, action: &str, from: usize) -> Result<()> {
        use base64::Engine as _;
        let document = self.document(storm, 4);
        storm.oned.vm(self.id, &document);
        let document = base64::engine::general_purpose::STANDARD.encode(document);
        let dir = storm.dir.join(self.id.to_string());
        let [from, to] = [from, self.at()].map(|at| storm.hosts[at].name);
        let words = [
            "tm",
            action,
            from,
            to,
            path(&dir)?,
            &self.id.to_string(),
            "101",
        ];
        let out = storm.oned.call(&words, &document)?.ok();
        let out = out.with_context(|| format!("{action} from {from} to {to}"))?;
        same("stdout", out.stdout.as_str(), "")
    }

    pub(super) fn terminate(&mut self, storm: &Storm<'_>, state: u32) -> Result<()> {
        if self.life != Life::Stopped {
            self.holds(storm)?;
        }
        let own = &self.disks[1].image.spec;
        let away =
            format!("DELETE warmblock AT:DIR/disk.0 IDS\nMVDS warmblock AT:DIR/disk.1 {own} IDS");
        self.ends(storm, state, &away)?;
        storm.world.check_ceph(&self.disks[1].image)
    }

    /// `recover --delete`, which never says MVDS.
    pub(super) fn delete(&mut self, storm: &Storm<'_>) -> Result<()> {
        self.write(storm, 1)?;
        self.ends(
            storm,
            23,
            "DELETE warmblock AT:DIR/disk.0 IDS\nDELETE warmblock AT:DIR/disk.1 IDS",
        )?;
        storm.world.check_ceph(&self.disks[1].image)
    }

    fn ends(&mut self, storm: &Storm<'_>, state: u32, away: &str) -> Result<()> {
        self.lines(storm, state, away)?;
        if self.volatile {
            self.lines(storm, state, "DELETE warmblock AT:DIR/disk.2 IDS")?;
            self.volatile = false;
        }
        self.lines(storm, state, "DELETE warmblock AT:DIR IDS")?;
        self.life = Life::Gone;
        self.disks[0].forget_all()
    }
}
