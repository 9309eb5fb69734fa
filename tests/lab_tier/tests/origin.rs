//! The image fails beneath a cache: Ceph bars the host's client for a while.

use anyhow::{Context as _, Result, ensure};
use warmblock::Kind;

use super::conformance::Driver;
use super::write_back::make_dirty;
use crate::case::Case;
use crate::cmd::eventually;
use crate::host::{Host, front};
use crate::world::{Image, KIB, MIB, STANDARD, World};

/// Bars a client of Ceph's (`add`), or lets it in again (`rm`).
fn bar(world: &World, verb: &str, client: &str) -> Result<()> {
    let bar = ["exec", "ceph", "osd", "blocklist", verb, client];
    world.lab(&bar)?.ok().map(drop)
}

/// The client of Ceph's that a lease notes.
fn client(world: &World, image: &Image) -> Result<String> {
    let client = world.lease(image)?["holder"]["client"].clone();
    let client = client.as_str().map(str::to_owned);
    client.context("the lease notes no client")
}

/// What is dirty comes home once the image can be written again: by each of the verbs that could bring it, where the kernel gives the
/// cache up meanwhile.
pub fn dirty(case: &Case, driver: &'static Driver) -> Result<()> {
    let ways: &[&str] = match driver.name {
        "dm-writecache" => &["detach", "attach", "recover", "flush", "bypass"],
        _ => &["detach"],
    };
    for way in ways {
        brought_home(case, driver, way).with_context(|| format!("by {way}"))?;
    }
    match driver.name {
        "bcache" => counted(case, driver),
        _ => Ok(()),
    }
}

fn brought_home(case: &Case, driver: &'static Driver, way: &str) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let device = front(&host.attach(&image, &driver.options("writeback"))?)?;
    (driver.keep_dirty)(host, &device)?;
    make_dirty(host, &image, &device, 61)?;
    let client = client(world, &image)?;
    bar(world, "add", &client)?;
    // Twice: the kernel may give the cache up at the first.
    let refused = refused(host, &image, "flush").and_then(|()| refused(host, &image, "bypass"));
    bar(world, "rm", &client)?;
    refused?;
    match way {
        "attach" => host.attach(&image, &[]).map(drop)?,
        "recover" => host.wb(&["recover"]).ok().map(drop)?,
        "detach" => {}
        verb => host.wb(&[verb, &image.spec]).ok().map(drop)?,
    }
    if way != "detach" {
        if ["flush", "bypass"].contains(&way) {
            world.check_ceph(&image)?;
        }
        host.check(&device, &image)?;
        host.write(&device, &image, 71, 3 * MIB, 64 * KIB)?;
    }
    host.detach(&image)?;
    host.check_gone(&image)
}

/// The verb comes back, and does not begin with a word of giving anything up.
fn refused(host: &Host, image: &Image, verb: &str) -> Result<()> {
    let config = host.config("[deadline]\nflush = \"5s\"")?;
    let out = host.wb(&[verb, &image.spec]).config(&config).run()?;
    let codes = [Kind::Dirty, Kind::Timeout].map(|kind| i32::from(kind.exit_code()));
    ensure!(codes.contains(&out.code), "{verb} should refuse: {out}");
    let said = format!("{out}");
    let given_up = said.find("--discard-dirty").unwrap_or(usize::MAX);
    let way_home = ["ceph -s", "run the command again", "run it again"];
    let way_home = way_home.iter().filter_map(|words| said.find(words)).min();
    ensure!(
        way_home.is_some_and(|way_home| way_home < given_up),
        "{verb} should say first how the data come home: {out}"
    );
    Ok(())
}

/// The kernel counts the errors of the image over the life of a disk, and has no number at which it stops it.
fn counted(case: &Case, driver: &'static Driver) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let device = front(&host.attach(&image, &driver.options("writethrough"))?)?;
    host.write(&device, &image, 81, MIB, 64 * KIB)?;
    let client = client(world, &image)?;
    bar(world, "add", &client)?;
    // Each block once, for what was read is cached. The first ones come before the OSDs know of it.
    let failed = host.sh(&format!(
        "failed=0; n=4096; while [ $failed -lt 100 ] && [ $n -lt 16384 ]; do \
         dd if={device} of=/dev/null bs=4k skip=$n count=1 iflag=direct status=none 2>/dev/null || failed=$((failed + 1)); \
         n=$((n + 8)); done; echo $failed"
    ));
    let status = host.status(&image);
    bar(world, "rm", &client)?;
    let failed = failed?;
    let failed: u64 = failed.text().parse()?;
    ensure!(failed == 100, "{failed} reads have failed");
    let errors = status?["stats"]["errors_origin"].as_u64();
    ensure!(errors >= Some(100), "{errors:?} errors are counted");
    // The OSDs hear of that after the monitor has answered.
    let read =
        format!("dd if={device} of=/dev/null bs=4k skip=20000 count=1 iflag=direct status=none");
    eventually("Ceph lets the host in again", 60, || {
        Ok(host.try_sh(&read)?.code == 0)
    })?;
    host.check(&device, &image)?;
    host.write(&device, &image, 82, 2 * MIB, 64 * KIB)?;
    host.detach(&image)?;
    host.check_gone(&image)
}
