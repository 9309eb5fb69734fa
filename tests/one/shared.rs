//! Images that several VMs have at once, on both hosts: one that all of them write, and a CD, which each host caches.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use warmblock::job::{Attach, Job, Request};
use warmblock::model::Sharing;

use crate::case::Case;
use crate::cmd::Running;
use crate::host::{Host, quote};
use crate::one::oned::Oned;
use crate::tests::faults::Stranger;
use crate::tests::meanwhile::{STOP, meets_a_stranger};
use crate::tests::same;
use crate::world::{Image, KIB, MIB, SMALL, World, path};

/// Long enough for any job.
const LONG: Duration = Duration::from_secs(120);

/// VMs 51 and 52 on the first host, 53 on the second.
struct Vms<'c> {
    world: &'c World,
    oned: Oned,
    /// What all of them write.
    common: Image,
    /// What nobody writes.
    cd: Image,
    dir: PathBuf,
}

impl<'c> Vms<'c> {
    fn new(case: &'c Case) -> Result<Self> {
        let world = &*case.world;
        let lab = world.dir.file_name().context("a lab without a name")?;
        let vms = Self {
            world,
            oned: Oned::start(world)?,
            common: world.clone_of(SMALL)?,
            cd: world.clone_of(SMALL)?,
            dir: Path::new("/run/links").join(lab).join("100"),
        };
        let template = "<POOL_NAME>one</POOL_NAME><BRIDGE_LIST>hv1</BRIDGE_LIST>";
        vms.oned.datastore(
            101,
            &format!("<DATASTORE><ID>101</ID><TEMPLATE>{template}</TEMPLATE></DATASTORE>"),
        );
        Ok(vms)
    }

    /// A VM in a state of its life cycle, after these stays. Their hosts oned has no more, should it be asked.
    fn document(&self, id: u32, state: u32, hosts: &[&str]) -> String {
        let disk = |disk: u32, image: &Image, attribute: &str| {
            format!(
                "<DISK><DISK_ID>{disk}</DISK_ID><IMAGE_ID>4{disk}</IMAGE_ID><TM_MAD>warmblock</TM_MAD><CLONE>NO</CLONE>\
                 <SOURCE>{}</SOURCE><{attribute}>YES</{attribute}></DISK>",
                image.spec
            )
        };
        let stays = hosts.iter().map(|host| {
            format!(
                "<HISTORY><HOSTNAME>{host}</HOSTNAME><HID>9</HID><DS_ID>100</DS_ID><TM_MAD>warmblock</TM_MAD></HISTORY>"
            )
        });
        format!(
            "<VM><ID>{id}</ID><LCM_STATE>{state}</LCM_STATE><TEMPLATE>{}{}</TEMPLATE><HISTORY_RECORDS>{}</HISTORY_RECORDS></VM>",
            disk(0, &self.common, "SHAREABLE"),
            disk(1, &self.cd, "READONLY"),
            stays.collect::<String>()
        )
    }

    fn state(&self, id: u32, state: u32, hosts: &[&str]) {
        self.oned.vm(id, &self.document(id, state, hosts));
    }

    fn disk(&self, id: u32, disk: u32) -> String {
        let link = self.dir.join(format!("{id}/disk.{disk}"));
        link.display().to_string()
    }

    /// A line of a transfer file that must come through without a word; `DIR` is the VM's directory.
    fn done(&self, id: u32, line: &str) -> Result<()> {
        let dir = self.dir.join(id.to_string());
        let line = format!("{line} {id} 101").replace("DIR", path(&dir)?);
        let out = self.oned.tm(&line)?.ok()?;
        same(&line, (out.stdout.as_str(), out.stderr.as_str()), ("", ""))
    }

    fn starts(&self, id: u32, host: &Host) -> Result<()> {
        self.state(id, 1, &[host.name]);
        for (disk, image) in [(0, &self.common), (1, &self.cd)] {
            let ln = format!("ln fe:{} {}:DIR/disk.{disk}", image.spec, host.name);
            self.done(id, &ln)?;
        }
        Ok(())
    }

    fn ends(&self, id: u32, host: &Host) -> Result<()> {
        let (mvds, delete) = (
            format!("mvds {}:DIR/disk.0 {}", host.name, self.common.spec),
            format!("delete {}:DIR/disk.1", host.name),
        );
        self.done(id, &mvds)?;
        self.done(id, &delete)?;
        self.done(id, &format!("delete {}:DIR", host.name))
    }

    fn migrates(&self, id: u32, action: &str, from: &Host, to: &Host) -> Result<()> {
        use base64::Engine as _;
        let document = self.document(id, 3, &[from.name, to.name]);
        let document = base64::engine::general_purpose::STANDARD.encode(document);
        let (dir, id) = (self.dir.join(id.to_string()), id.to_string());
        let words = ["tm", action, from.name, to.name, path(&dir)?, &id, "101"];
        self.oned.call(&words, &document)?.ok().map(drop)
    }

    /// Which hosts have an image together; nobody holds it.
    fn sharers(&self, image: &Image) -> Result<Vec<String>> {
        let lease = self.world.lease(image)?;
        ensure!(lease["holder"].is_null(), "it has a holder: {lease}");
        let list = lease["shared"].as_array().cloned().unwrap_or_default();
        let host = |sharer: &Value| sharer["host"].as_str().map(str::to_owned);
        Ok(list.iter().filter_map(host).collect())
    }

    fn are_sharers(&self, image: &Image, hosts: &[&str]) -> Result<()> {
        same("who has it", self.sharers(image)?, hosts)
    }
}

/// Three VMs come at the same moment, write, read, go and move.
pub fn several_vms(case: &Case) -> Result<()> {
    let vms = Vms::new(case)?;
    let (hv1, hv2) = (case.host(), case.other());
    come_together(&vms, &[(51, hv1), (52, hv1), (53, hv2)])?;
    for image in [&vms.common, &vms.cd] {
        vms.are_sharers(image, &["hv1", "hv2"])?;
    }
    written_and_read(&vms, hv1, hv2)?;
    kept_from_others(&vms, hv1, hv2)?;
    // A prolog that failed is repeated as a whole, and so is an epilog. One goes, the other stays.
    vms.starts(51, hv1)?;
    vms.ends(51, hv1)?;
    vms.ends(51, hv1)?;
    hv1.check(&vms.disk(52, 0), &vms.common)?;
    hv1.sh(&format!("test ! -e {}", vms.disk(51, 0)))?;
    moves(&vms, hv1, hv2)?;
    vms.ends(53, hv2)?;
    vms.ends(52, hv2)?;
    // What was cached of an earlier generation is nowhere any more.
    vms.world.write_elsewhere(&vms.cd, 40, MIB, 64 * KIB)?;
    vms.starts(52, hv2)?;
    hv2.check(&vms.disk(52, 1), &vms.cd)?;
    vms.ends(52, hv2)?;
    nothing_left(&vms, &[hv1, hv2])
}

/// A host dies: what it had goes on elsewhere, and it comes back. Once `recover` finds what was lost, and once nobody does before
/// a VM is started there.
pub fn dead_host(case: &Case) -> Result<()> {
    let vms = Vms::new(case)?;
    let (hv1, hv2) = (case.host(), case.other());
    for recovers in [true, false] {
        for (id, host) in [(51, hv1), (52, hv2), (53, hv2)] {
            vms.starts(id, host)?;
        }
        dies(&vms, hv1, hv2, recovers)?;
        nothing_left(&vms, &[hv1, hv2])?;
    }
    Ok(())
}

/// Who has the image open and is not known keeps a VM from it, and a front that a killed job left without a table refuses writes
/// once it has one.
pub fn strangers_and_remains(case: &Case) -> Result<()> {
    let (vms, host) = (Vms::new(case)?, case.host());
    vms.starts(51, host)?;
    let cd = vms.disk(51, 1);
    host.sh(&format!(
        "export DM_DISABLE_UDEV=1; front=$(basename $(readlink {cd})) && \
         uuid=$(dmsetup info -c --noheadings -o uuid $front) && dmsetup remove $front && \
         dmsetup create $front --uuid $uuid --notable"
    ))?;
    vms.starts(51, host)?;
    let tried = host.try_write(&cd, 9, 0, 64 * KIB)?;
    ensure!(tried.code != 0, "the CD was written: {tried}");
    host.check(&cd, &vms.cd)?;
    vms.ends(51, host)?;
    let stranger = Stranger::opens(vms.world, &vms.common)?;
    let refused = joins(&vms, 51, host, false)?.wait(LONG);
    stranger.leaves()?;
    refused?.refused(warmblock::Kind::Busy, &["10.213.0.1"])?;
    // So is one who opens it when this host has looked, but is not in yet.
    let running = joins(&vms, 51, host, true)?;
    let has_come_in = || vms.are_sharers(&vms.common, &[host.name]);
    let refused = meets_a_stranger(host, &vms.common, running, has_come_in)?;
    refused.refused(warmblock::Kind::Busy, &["10.213.0.1"])?;
    vms.are_sharers(&vms.common, &[])?;
    vms.starts(51, host)?;
    vms.ends(51, host)?;
    nothing_left(&vms, &[host])
}

/// A VM comes to what all of them write, on a host that does not wait long for others to leave. It may stop once it is in.
fn joins(vms: &Vms<'_>, id: u32, host: &Host, stop: bool) -> Result<Running> {
    let ask = Attach {
        link: Some(vms.disk(id, 0).into()),
        shared: Some(Sharing::ReadWrite),
        ..Attach::new(vms.common.spec.parse()?)
    };
    let job = Job {
        version: Job::VERSION,
        dry_run: false,
        request: Request::Attach(ask),
    };
    let job = host.put("job.json", &serde_json::to_vec(&job)?)?;
    let config = host.config("[deadline]\nmap = \"3s\"")?;
    let stop = match stop {
        true => format!("{}={}", STOP.0, quote(STOP.1)),
        false => String::new(),
    };
    host.spawn(&format!(
        "WARMBLOCK_CONFIG={config} {stop} warmblock host <{job}; exit $?"
    ))
}

/// Each in a thread of its own, as oned has them.
fn come_together(vms: &Vms<'_>, all: &[(u32, &Host)]) -> Result<()> {
    std::thread::scope(|scope| {
        let running: Vec<_> = all
            .iter()
            .map(|(id, host)| scope.spawn(|| vms.starts(*id, host)))
            .collect();
        let mut ended = running.into_iter().map(|one| one.join());
        ended.try_for_each(|one| one.map_err(|_| anyhow::anyhow!("a VM's start panicked"))?)
    })
}

fn nothing_left(vms: &Vms<'_>, hosts: &[&Host]) -> Result<()> {
    for host in hosts {
        host.sh("[ -z \"$(find /run/links ! -type d)\" ] && rm -rf /run/links")?;
    }
    for image in [&vms.common, &vms.cd] {
        vms.are_sharers(image, &[])?;
        hosts.iter().try_for_each(|host| host.check_gone(image))?;
    }
    Ok(())
}

/// What one writes all others read, from no cache; nobody writes the CD, which is read from one.
fn written_and_read(vms: &Vms<'_>, hv1: &Host, hv2: &Host) -> Result<()> {
    let places = [(hv1, 51), (hv2, 53), (hv1, 52)];
    let next = places.iter().cycle().skip(1);
    for ((seed, (host, id)), (other, reader)) in (1..).zip(places).zip(next) {
        host.write(&vms.disk(id, 0), &vms.common, seed, seed * MIB, 128 * KIB)?;
        other.check(&vms.disk(*reader, 0), &vms.common)?;
    }
    for (host, id) in places {
        let tried = host.try_write(&vms.disk(id, 1), 9, 0, 64 * KIB)?;
        ensure!(tried.code != 0, "the CD was written: {tried}");
        host.check(&vms.disk(id, 1), &vms.cd)?;
    }
    for host in [hv1, hv2] {
        for (image, driver) in [(&vms.common, "none"), (&vms.cd, "dm-cache")] {
            let status = host.status(image)?;
            same("driver", status["driver"].as_str(), Some(driver))?;
            same("well", status["well"].as_bool(), Some(true))?;
        }
    }
    Ok(())
}

/// Nobody takes it for himself, removes it, or takes it from several by hand; and no cache of it holds what Ceph lacks.
fn kept_from_others(vms: &Vms<'_>, hv1: &Host, hv2: &Host) -> Result<()> {
    let spec = &vms.common.spec;
    hv2.wb(&["attach", spec])
        .run()?
        .refused(warmblock::Kind::Exists, &["several"])?;
    hv2.wb(&["mode", &vms.cd.spec, "writeback"])
        .run()?
        .refused(warmblock::Kind::Usage, &["several"])?;
    for image in [spec, &vms.cd.spec] {
        hv1.wb(&["image", "rm", image])
            .run()?
            .refused(warmblock::Kind::LeaseHeld, &["hv1"])?;
    }
    let (one, other) = (vms.disk(51, 0), vms.disk(52, 0));
    hv1.wb(&["detach", spec])
        .run()?
        .refused(warmblock::Kind::Busy, &[&one, &other])
        .map(drop)
}

/// VM 52 goes over while it runs, and back, and is not moved at all; it writes wherever it is.
fn moves(vms: &Vms<'_>, hv1: &Host, hv2: &Host) -> Result<()> {
    let (device, common) = (vms.disk(52, 0), &vms.common);
    vms.migrates(52, "premigrate", hv1, hv2)?;
    hv1.write(&device, common, 20, 4 * MIB, 64 * KIB)?;
    hv2.check(&device, common)?;
    vms.migrates(52, "postmigrate", hv1, hv2)?;
    vms.state(52, 3, &[hv1.name, hv2.name]);
    hv2.write(&device, common, 21, 5 * MIB, 64 * KIB)?;
    hv2.check(&vms.disk(53, 0), common)?;
    hv2.check(&vms.disk(52, 1), &vms.cd)?;
    vms.are_sharers(common, &["hv2"])?;
    vms.migrates(52, "premigrate", hv2, hv1)?;
    for _ in 0..2 {
        vms.migrates(52, "failmigrate", hv2, hv1)?;
    }
    hv2.check(&device, common)?;
    [common, &vms.cd]
        .iter()
        .try_for_each(|image| vms.are_sharers(image, &["hv2"]))
}

/// The second host dies. One VM goes on elsewhere; when the host is back, it does not come in by itself, and the other VM
/// does when it is started there.
fn dies(vms: &Vms<'_>, hv1: &Host, hv2: &Host, recovers: bool) -> Result<()> {
    hv2.cut_power()?;
    vms.state(53, 60, &["hv2", "hv1"]);
    for disk in [0, 1] {
        vms.done(53, &format!("mv hv2:DIR/disk.{disk} hv1:DIR/disk.{disk}"))?;
    }
    hv1.write(&vms.disk(53, 0), &vms.common, 30, 6 * MIB, 64 * KIB)?;
    hv2.boot()?;
    if recovers {
        hv2.wb(&["recover"]).ok()?;
    }
    for image in [&vms.common, &vms.cd] {
        vms.are_sharers(image, &["hv1"])?;
    }
    vms.starts(52, hv2)?;
    hv2.check(&vms.disk(52, 0), &vms.common)?;
    // It was the only one there: with it all goes.
    vms.ends(52, hv2)?;
    for image in [&vms.common, &vms.cd] {
        vms.are_sharers(image, &["hv1"])?;
    }
    vms.state(53, 11, &["hv2", "hv1"]);
    vms.ends(53, hv1)?;
    vms.ends(51, hv1)?;
    hv2.sh(&format!("rm -rf {}", path(&vms.dir)?)).map(drop)
}
