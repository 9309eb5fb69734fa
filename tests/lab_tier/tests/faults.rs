//! What is wrong from the start, or becomes so beneath a disk: a clear error with its exit code, and nothing left.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use warmblock::Kind;

use super::same;
use crate::case::Case;
use crate::cmd::{Running, eventually};
use crate::guest::Guest;
use crate::host::{front, quote};
use crate::world::{Image, KIB, MIB, SMALL, STANDARD, World, path};

pub fn names_and_sizes(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(SMALL)?;
    let spec = image.spec.as_str();
    let cases: &[(&[&str], Kind, &str)] = &[
        (&["attach", "nopool/a"], Kind::NotFound, "nopool"),
        (&["attach", "one/none-such"], Kind::NotFound, "none-such"),
        (&["attach", "one/nowhere/a"], Kind::NotFound, "nowhere"),
        (&["detach", "one/none-such"], Kind::NotFound, "none-such"),
        (&["seed", spec], Kind::NotFound, "not attached"),
        (&["bypass", spec], Kind::NotFound, "not attached"),
        (&["status", spec], Kind::NotFound, "not attached"),
        (&["attach", "one"], Kind::Usage, "one"),
        (&["attach", "one/a@b"], Kind::Usage, "a@b"),
        (&["attach", "one/"], Kind::Usage, ""),
        (&["attach", spec, "--size", "0"], Kind::Usage, ""),
        (&["attach", spec, "--size", "1K"], Kind::Usage, ""),
        (
            &["attach", spec, "--size", "99999999999999999999"],
            Kind::Usage,
            "",
        ),
        (&["attach", spec, "--size", "-1"], Kind::Usage, ""),
        (
            &["attach", spec, "--seed", "first:0"],
            Kind::Usage,
            "first:0",
        ),
        (&["attach", spec, "--seed", "all"], Kind::Usage, "all"),
        (&["attach", spec, "--driver", "fancy"], Kind::Usage, "fancy"),
        (
            &["attach", spec, "--mode", "writearound"],
            Kind::Usage,
            "writearound",
        ),
        (
            &["attach", spec, "--discard-dirty"],
            Kind::Usage,
            "--break-lease",
        ),
    ];
    for (line, kind, word) in cases {
        host.wb(line).run()?.refused(*kind, &[word])?;
    }
    host.check_gone(&image)
}

pub fn odd_names(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let long = format!("n{}", "x".repeat(94));
    let names = ["-quo'te\"s", "snö☃%*\\a", "$(id)`x`;&|", long.as_str()];
    for name in names {
        let image = world.clone_as(SMALL, &format!("one/{name}"))?;
        let line = [
            "attach",
            "--size",
            "4M",
            "--seed",
            "first:1M",
            "--",
            &image.spec,
        ];
        let device = front(&host.wb(&line).ok()?)?;
        host.write(&device, &image, 3, MIB, 8 * KIB)?;
        host.check(&device, &image)?;
        same(
            "its name in status",
            host.status(&image)?["image"].to_string(),
            serde_json::json!(image.spec).to_string(),
        )?;
        // Found by its names alone, too.
        if name.starts_with("snö") {
            host.sh("rm /var/lib/warmblock/disks/*")?;
            host.wb(&["recover"]).ok()?;
        } else {
            host.wb(&["detach", "--", &image.spec]).ok()?;
        }
        host.check_gone(&image)?;
    }
    // The kernel's interface has no way to say a blank.
    let image = world.clone_as(SMALL, "one/with space")?;
    let out = host.wb(&["attach", &image.spec]).run()?;
    ensure!(out.code > 1 && out.said().contains("blank"), "{out}");
    host.check_gone(&image)?;
    // A name space, and an image whose data are in an erasure-coded pool.
    for (name, create) in [
        ("one/tenant/disk", &[][..]),
        ("one/on-ec", &["--data-pool", "one-ec"]),
    ] {
        world.rbd(&[&["create", "--size", "24M", name], create].concat())?;
        let model = world.file(&world.name("model"));
        std::fs::File::create(&model)?.set_len(SMALL.size)?;
        let image = crate::world::Image {
            spec: name.to_owned(),
            model,
            size: SMALL.size,
        };
        let device = front(&host.attach(&image, &["--size", "8M"])?)?;
        host.write(&device, &image, 4, MIB, MIB)?;
        let asked = world.allocated_blocks(&image, super::main_job::BLOCK, u64::MAX)?;
        let seed = host.wb(&["seed", &image.spec, "allocated"]).ok()?;
        same(
            "resident",
            seed["seed"]["resident_blocks"].as_u64(),
            Some(asked),
        )?;
        host.check(&device, &image)?;
        host.detach(&image)?;
        host.check_gone(&image)?;
    }
    Ok(())
}

pub fn key_and_cluster(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(SMALL)?;
    let conf = |name: &str| world.dir.join("ceph").join(name).display().to_string();
    let dead = host.config(&format!(
        "[ceph]\nconf = \"{}\"\nconnect_deadline = \"2s\"",
        conf("dead.conf")
    ))?;
    // It must come back soon after its deadline: starting it takes a second here.
    let out = host
        .wb(&["attach", &image.spec])
        .config(&dead)
        .deadline(8)
        .run()?;
    out.refused(Kind::Ceph, &["client.admin"])?;
    let wrong = host.config(&format!("[ceph]\nconf = \"{}\"", conf("wrong-key.conf")))?;
    host.wb(&["attach", &image.spec])
        .config(&wrong)
        .run()?
        .refused(Kind::Ceph, &["client.admin"])?;
    let none = host.config("[ceph]\nid = \"nobody\"")?;
    let out = host.wb(&["attach", &image.spec]).config(&none).run()?;
    ensure!(
        out.code != 0 && out.said().contains("client.nobody"),
        "{out}"
    );
    let gone = host.config("[ceph]\nconf = \"/nowhere/ceph.conf\"")?;
    let out = host.wb(&["attach", &image.spec]).config(&gone).run()?;
    ensure!(
        out.code != 0 && out.said().contains("/nowhere/ceph.conf"),
        "{out}"
    );
    // A client that may only use another name space.
    let tenant = host.config("[ceph]\nid = \"tenant\"")?;
    let out = host.wb(&["attach", &image.spec]).config(&tenant).run()?;
    ensure!(
        out.code != 0 && out.code != i32::from(Kind::Internal.exit_code()),
        "{out}"
    );
    host.check_gone(&image)?;

    // An attached disk whose cluster is out of reach: status says so, and bypass works in write-through.
    let device = front(&host.attach(&image, &["--size", "8M"])?)?;
    let status = host
        .wb(&["status", "--lease"])
        .config(&dead)
        .deadline(12)
        .ok()?;
    ensure!(status["disks"][0]["lease_error"].is_string(), "{status}");
    host.check(&device, &image)?;
    host.detach(&image)?;
    host.check_gone(&image)
}

pub fn full(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(SMALL)?;
    host.sh("lvcreate -qq -y -Wn -n fill -l 100%FREE ssd")?;
    let outcome = (|| -> Result<()> {
        let refused = host
            .wb(&["attach", &image.spec, "--on-full", "fail"])
            .run()?;
        refused.refused(Kind::NoSpace, &["ssd"])?;
        same("left", host.leftovers()?, vec!["volume fill".to_owned()])?;
        let report = host.attach(&image, &["--on-full", "bypass"])?;
        ensure!(
            report["warnings"].to_string().contains("uncached"),
            "{}",
            report["warnings"]
        );
        let status = host.status(&image)?;
        same("driver", status["driver"].as_str(), Some("none"))?;
        same("well", &status["well"], true)?;
        let device = front(&report)?;
        host.write(&device, &image, 1, MIB, MIB)?;
        host.check(&device, &image)?;
        let again = host.attach(&image, &[])?;
        same("the front again", front(&again)?, device.clone())?;
        let state = status["state"].as_str().unwrap_or_default().to_owned();
        ensure!(
            state.contains("no room") && state.contains("--size"),
            "{state}"
        );
        // As it says: less is asked for, and there is room.
        host.attach(&image, &["--size", "8M"])?;
        host.sh("lvreduce -qq -y -f -L -64M ssd/fill")?;
        host.wb(&["insert", &image.spec]).ok()?;
        let status = host.status(&image)?;
        same("driver", status["driver"].as_str(), Some("dm-cache"))?;
        ensure!(
            status.to_string().contains("8 MiB in volume group ssd"),
            "{status}"
        );
        host.check(&device, &image)?;
        host.detach(&image).map(drop)
    })();
    host.sh("lvremove -qq -y ssd/fill")?;
    outcome?;
    host.check_gone(&image)
}

pub fn no_volume_group(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(SMALL)?;
    let nope = host.config("[slice]\nvg = \"nope\"\non_full = \"fail\"")?;
    host.wb(&["attach", &image.spec])
        .config(&nope)
        .run()?
        .refused(Kind::Missing, &["nope"])?;
    host.check_gone(&image)?;
    let name = world.name("config");
    let none = host.put(&format!("{name}.toml"), b"[slice]\non_full = \"fail\"\n")?;
    host.wb(&["attach", &image.spec])
        .config(&none)
        .run()?
        .refused(Kind::Missing, &["vgcreate"])?;
    host.check_gone(&image)?;
    // As the configuration says of it: without a volume group, disks are served uncached.
    let bypass = host.put(&format!("{name}.toml"), b"[slice]\non_full = \"bypass\"\n")?;
    let report = host.wb(&["attach", &image.spec]).config(&bypass).ok()?;
    ensure!(
        report["warnings"].to_string().contains("uncached"),
        "{}",
        report["warnings"]
    );
    host.check(&front(&report)?, &image)?;
    // One that is configured since then counts.
    host.wb(&["insert", &image.spec]).ok()?;
    let status = host.status(&image)?;
    same("driver", status["driver"].as_str(), Some("dm-cache"))?;
    host.check(&front(&report)?, &image)?;
    host.wb(&["detach", &image.spec]).config(&bypass).ok()?;
    host.check_gone(&image)?;
    // And where it is asked for.
    let report = host
        .wb(&["attach", &image.spec, "--driver", "none"])
        .config(&none)
        .ok()?;
    host.check(&front(&report)?, &image)?;
    host.wb(&["detach", &image.spec]).config(&none).ok()?;
    host.check_gone(&image)
}

pub fn tools(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(SMALL)?;
    host.sh("rm -rf /run/tools; mkdir /run/tools; ln -sf -t /run/tools /usr/sbin/* /usr/bin/*")?;
    let config = host.config("[tools]\npath = [\"/run/tools\"]")?;
    for tool in ["cache_restore", "dmsetup", "lvm", "lvcreate", "modprobe"] {
        let there = host.try_sh(&format!("mv /run/tools/{tool} /run/{tool}.away"))?;
        ensure!(there.code == 0, "{there}");
        let out = host
            .wb(&["attach", &image.spec, "--size", "8M"])
            .config(&config)
            .run()?;
        host.sh(&format!("mv /run/{tool}.away /run/tools/{tool}"))?;
        if out.code == 0 {
            // Not every one is needed: LVM is one program with many names, and a loaded module needs no modprobe.
            host.detach(&image)?;
        } else {
            out.refused(Kind::Missing, &[tool])?;
        }
        host.check_gone(&image)
            .map_err(|error| error.context(format!("without {tool}")))?;
    }
    let out = host
        .wb(&["attach", &image.spec])
        .config(&host.config("[tools]\npath = [\"/nowhere\"]")?)
        .run()?;
    out.refused(Kind::Missing, &[])?;
    host.sh("rm -rf /run/tools")?;
    host.check_gone(&image)
}

pub fn module(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(SMALL)?;
    host.sh("modprobe -qr dm-cache-smq; modprobe -qr dm-cache; ! [ -e /sys/module/dm_cache ] && echo 'install dm-cache /bin/false' >/etc/modprobe.d/no-cache.conf")?;
    let out = host.wb(&["attach", &image.spec]).run()?;
    let gone = host.check_gone(&image);
    host.sh("rm /etc/modprobe.d/no-cache.conf")?;
    out.refused(Kind::Missing, &["dm-cache", "kernel"])?;
    gone?;
    host.attach(&image, &[])?;
    host.detach(&image)?;
    host.check_gone(&image)
}

/// Somebody who has an image open for writing, on the machine.
pub struct Stranger {
    running: Running,
    stop: PathBuf,
}

impl Stranger {
    pub fn opens(world: &World, image: &Image) -> Result<Self> {
        const HOLD: &str = "import rados, rbd, sys
with rados.Rados(conffile='') as cluster, cluster.open_ioctx('one') as pool:
    with rbd.Image(pool, sys.argv[1]) as image:
        image.lock_acquire(rbd.RBD_LOCK_MODE_EXCLUSIVE)
        while not __import__('os').path.exists(sys.argv[2]): __import__('time').sleep(0.1)
        image.lock_release()";
        let stop = world.file(&world.name("stop"));
        let name = image.spec.trim_start_matches("one/");
        let python = ["/usr/bin/python3", "-c", HOLD, name, path(&stop)?];
        let running = Running::start(&python)?;
        eventually("the watcher", 20, || Ok(!world.watchers(image)?.is_empty()))?;
        Ok(Self { running, stop })
    }

    pub fn leaves(self) -> Result<()> {
        std::fs::File::create(&self.stop)?;
        self.running.wait(Duration::from_secs(20))?.ok().map(drop)
    }
}

pub fn watcher(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(SMALL)?;
    let stranger = Stranger::opens(world, &image)?;
    let out = host.wb(&["attach", &image.spec]).run();
    stranger.leaves()?;
    out?.refused(Kind::Busy, &["10.213.0.1"])?;
    host.check_gone(&image)?;
    // Mapped by hand on this very host.
    let noudev = if host.udev { "" } else { "-o noudev" };
    let mapped = host.sh(&format!("rbd map {noudev} {}", quote(&image.spec)))?;
    let out = host.wb(&["attach", &image.spec]).run()?;
    ensure!(
        out.code == 0 || out.code == i32::from(Kind::Busy.exit_code()),
        "{out}"
    );
    if out.code == 0 {
        host.detach(&image)?;
    } else {
        host.sh(&format!("rbd unmap {noudev} {}", mapped.text()))?;
    }
    host.check_gone(&image)
}

pub fn grown(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(SMALL)?;
    let device = front(&host.attach(&image, &["--size", "16M", "--seed", "first:4M"])?)?;
    world.rbd(&["resize", "--no-progress", "--size", "40M", &image.spec])?;
    std::fs::File::options()
        .write(true)
        .open(&image.model)?
        .set_len(40 * MIB)?;
    eventually("the kernel's notice of the new size", 20, || {
        let rbd = host.rbd_device(&image)?;
        Ok(host.sh(&format!("cat /sys/block/{rbd}/size"))?.text() == (40 * MIB / 512).to_string())
    })?;
    let status = host.status(&image)?;
    same("well", &status["well"], false)?;
    host.wb(&["bypass", &image.spec]).ok()?;
    let size = |what: &str| -> Result<()> {
        let size = host.sh(&format!("blockdev --getsize64 {device}"))?;
        same(what, size.text(), (40 * MIB).to_string())
    };
    size("the front's size after bypass")?;
    host.wb(&["insert", &image.spec]).ok()?;
    size("the front's size after insert")?;
    host.write(&device, &image, 8, 39 * MIB, MIB)?;
    host.check(&device, &image)?;
    same("well", &host.status(&image)?["well"], true)?;
    host.detach(&image)?;
    host.check_gone(&image)
}

pub fn shrunk(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(SMALL)?;
    let device = front(&host.attach(&image, &["--size", "16M"])?)?;
    world.rbd(&[
        "resize",
        "--no-progress",
        "--allow-shrink",
        "--size",
        "16M",
        &image.spec,
    ])?;
    std::fs::File::options()
        .write(true)
        .open(&image.model)?
        .set_len(16 * MIB)?;
    eventually("the kernel's notice of the new size", 20, || {
        let rbd = host.rbd_device(&image)?;
        Ok(host.sh(&format!("cat /sys/block/{rbd}/size"))?.text() == (16 * MIB / 512).to_string())
    })?;
    same("well", &host.status(&image)?["well"], false)?;
    host.wb(&["bypass", &image.spec]).ok()?;
    host.wb(&["insert", &image.spec]).ok()?;
    host.check(&device, &image)?;
    host.detach(&image)?;
    host.check_gone(&image)
}

pub fn removed(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.blank(24 * MIB)?;
    let device = front(&host.attach(&image, &["--size", "8M"])?)?;
    host.write(&device, &image, 1, 0, MIB)?;
    let info = world
        .rbd(&["info", "--format", "json", &image.spec])?
        .json()?;
    let (id, prefix) = (
        info["id"].to_string(),
        info["block_name_prefix"].to_string(),
    );
    let (id, prefix) = (id.trim_matches('"'), prefix.trim_matches('"'));
    // `rbd rm` would refuse while the host watches it; so the objects go one by one, as an accident would have it.
    let name = image.spec.trim_start_matches("one/");
    for object in [
        format!("rbd_id.{name}"),
        format!("rbd_header.{id}"),
        format!("{prefix}.{:016x}", 0),
    ] {
        crate::cmd::run(
            &["rados", "-p", "one", "rm", &object],
            std::time::Duration::from_secs(20),
        )?
        .ok()?;
    }
    let status = host.wb(&["status", "--lease", &image.spec]).ok()?;
    ensure!(status["disks"][0]["lease_error"].is_string(), "{status}");
    host.wb(&["attach", &image.spec])
        .run()?
        .refused(Kind::NotFound, &[name])?;
    host.detach(&image)?;
    host.check_empty()
}

pub fn in_use(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(SMALL)?;
    let device = front(&host.attach(&image, &["--size", "8M"])?)?;
    let guest = Guest::opens(host, &device)?;
    let before = host.sh("dmsetup table")?.stdout;
    host.wb(&["detach", &image.spec])
        .run()?
        .refused(Kind::Busy, &["bash"])?;
    same("the tables", host.sh("dmsetup table")?.stdout, before)?;
    same("well", &host.status(&image)?["well"], true)?;
    host.check(&device, &image)?;
    guest.leaves()?;
    host.detach(&image)?;
    host.check_gone(&image)?;
    // One file system on it, mounted: the same.
    let image = world.blank(24 * MIB)?;
    let device = front(&host.attach(&image, &["--size", "8M"])?)?;
    host.sh(&format!(
        "mkfs.ext4 -q {device} && mkdir -p /run/guest && mount {device} /run/guest"
    ))?;
    host.wb(&["detach", &image.spec])
        .run()?
        .refused(Kind::Busy, &["/run/guest"])?;
    host.sh("echo hello >/run/guest/file && umount /run/guest && rmdir /run/guest")?;
    host.detach(&image)?;
    host.check_empty()
}

pub fn otherwise(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(SMALL)?;
    host.sh("mkdir -p /run/links")?;
    host.attach(&image, &["--size", "8M", "--link", "/run/links/a"])?;
    let spec = image.spec.as_str();
    host.wb(&["attach", spec, "--driver", "none", "--mode", "writeback"])
        .run()?
        .refused(Kind::Usage, &["none", "writeback"])?;
    host.wb(&["attach", spec, "--mode", "writeback"])
        .run()?
        .refused(Kind::Exists, &["writethrough", "writeback"])?;
    host.wb(&["attach", spec, "--link", "/run/links/b"])
        .run()?
        .refused(Kind::Exists, &["/run/links/a", "/run/links/b"])?;
    same("well", &host.status(&image)?["well"], true)?;
    host.detach(&image)?;
    host.check_gone(&image)
}

pub fn link_in_the_way(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    host.sh("mkdir -p /run/links && echo precious >/run/links/a")?;
    host.wb(&["attach", &image.spec, "--link", "/run/links/a"])
        .run()?
        .refused(Kind::Exists, &["/run/links/a"])?;
    same(
        "the file",
        host.sh("cat /run/links/a; rm /run/links/a")?.text(),
        "precious",
    )?;
    host.check_gone(&image)?;
    // A link that somebody has led elsewhere meanwhile is not ours to remove.
    host.attach(&image, &["--size", "8M", "--link", "/run/links/a"])?;
    host.sh("ln -sfn /elsewhere /run/links/a")?;
    same("well", &host.status(&image)?["well"], false)?;
    host.detach(&image)?;
    same(
        "the link",
        host.sh("readlink /run/links/a; rm /run/links/a")?.text(),
        "/elsewhere",
    )?;
    host.check_gone(&image)
}
