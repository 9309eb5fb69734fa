//! Two hosts and one image: the lease, and what one sees of the other.

use anyhow::Result;
use warmblock::Kind;

use super::same;
use crate::case::Case;
use crate::host::front;
use crate::world::{KIB, MIB, STANDARD};

const SEEDED: &[&str] = &["--size", "32M", "--seed", "first:8M"];

pub fn handed_over(case: &Case) -> Result<()> {
    let (world, a, b) = (&*case.world, case.host(), case.other());
    let image = world.clone_of(STANDARD)?;
    let device = front(&a.attach(&image, SEEDED)?)?;
    a.write(&device, &image, 1, MIB, 256 * KIB)?;
    let refused = b.wb(&["attach", &image.spec]).run()?;
    refused.refused(Kind::LeaseHeld, &[a.name, "detach", "--break-lease"])?;
    // A refusal leaves nothing, and takes nothing away.
    b.check_empty()?;
    same(
        "holder",
        world.lease(&image)?["holder"]["host"].as_str(),
        Some(a.name),
    )?;
    a.detach(&image)?;
    let first = world.lease(&image)?["generation"].as_u64();

    let device = front(&b.attach(&image, SEEDED)?)?;
    let second = world.lease(&image)?["generation"].as_u64();
    same("generation", second, first.map(|generation| generation + 1))?;
    b.check(&device, &image)?;
    b.write(&device, &image, 2, MIB, 512 * KIB)?;
    let refused = a.wb(&["attach", &image.spec]).run()?;
    refused.refused(Kind::LeaseHeld, &[b.name])?;
    b.detach(&image)?;

    // Nothing of what A had cached comes back.
    let device = front(&a.attach(&image, SEEDED)?)?;
    same(
        "generation",
        world.lease(&image)?["generation"].as_u64(),
        second.map(|generation| generation + 1),
    )?;
    a.check(&device, &image)?;
    a.detach(&image)?;
    a.check_gone(&image)
}

pub fn break_lease(case: &Case) -> Result<()> {
    let (world, a, b) = (&*case.world, case.host(), case.other());
    // Clean, and the host is dead: its lease may be broken.
    let image = world.clone_of(STANDARD)?;
    let device = front(&a.attach(&image, SEEDED)?)?;
    a.write(&device, &image, 1, MIB, 256 * KIB)?;
    a.cut_power()?;
    b.wb(&["attach", &image.spec])
        .run()?
        .refused(Kind::LeaseHeld, &[a.name])?;
    let device = front(&b.attach(&image, &["--break-lease"])?)?;
    b.check(&device, &image)?;
    b.write(&device, &image, 2, 2 * MIB, 256 * KIB)?;
    // The dead one comes back, and finds that it has lost the disk.
    a.boot()?;
    a.wb(&["attach", &image.spec])
        .run()?
        .refused(Kind::LeaseHeld, &[b.name])?;
    let recovered = a.wb(&["recover"]).run()?;
    same(
        "the holder after recover on the other",
        world.lease(&image)?["holder"]["host"].as_str(),
        Some(b.name),
    )?;
    b.check(&device, &image)?;
    b.detach(&image)?;
    world.check_ceph(&image)?;
    // What it still had of the disk is cleaned up.
    a.check_gone(&image)
        .map_err(|error| error.context(format!("recover said {recovered}")))?;

    // Dirty, and its SSD is lost for good: only with both words, and it says so.
    let image = world.clone_of(STANDARD)?;
    let device = front(&a.attach(
        &image,
        &["--size", "32M", "--seed", "first:8M", "--mode", "writeback"],
    )?)?;
    super::write_back::keep_dirty(a, &device)?;
    let before = std::fs::read(&image.model)?;
    super::write_back::make_dirty(a, &image, &device, 61)?;
    a.cut_power()?;
    a.world.lab(&["host", "down", a.name])?.ok()?;
    b.wb(&["attach", &image.spec, "--break-lease"])
        .run()?
        .refused(Kind::Dirty, &[a.name, "--discard-dirty"])?;
    let device = front(&b.attach(&image, &["--break-lease", "--discard-dirty"])?)?;
    let mut model = std::fs::File::create(&image.model)?;
    std::io::Write::write_all(&mut model, &before)?;
    b.check(&device, &image)?;
    b.detach(&image)?;
    b.check_gone(&image)?;
    a.boot()
}
