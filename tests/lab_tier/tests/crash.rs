//! A verb is killed after each of its steps, and run again: the world must be the one of a verb that was never killed.

use anyhow::{Result, bail, ensure};
use serde_json::Value;
use warmblock::Kind;

use super::conformance::{Driver, exhaustive};
use super::same;
use crate::case::Case;
use crate::cmd::{KILLED, Out};
use crate::host::{Host, alike, front};
use crate::world::{Image, KIB, SMALL};

/// More steps than any verb has.
const TOO_MANY: u32 = 200;

const THROUGH: &[&str] = &["--size", "16M", "--seed", "allocated"];
const BACK: &[&str] = &["--size", "16M", "--seed", "first:6M", "--mode", "writeback"];

pub fn attach_write_through_odd(case: &Case) -> Result<()> {
    attach_and_detach(case, THROUGH, 1, every(2, 7))
}
pub fn attach_write_through_even(case: &Case) -> Result<()> {
    attach_and_detach(case, THROUGH, 2, every(2, 9))
}

/// A part of the steps will do: they are those of write-through, but for the lease's mark.
pub fn attach_write_back(case: &Case) -> Result<()> {
    attach_and_detach(case, BACK, 2, every(1, 11))
}

/// How many steps lie between two crashes: in an exhaustive run, and in a usual one, which has to be short.
fn every(exhaustively: usize, usually: usize) -> usize {
    if exhaustive() { exhaustively } else { usually }
}

/// Whether the call came through; it must have, or have been killed.
fn came_through(out: &Out) -> Result<bool> {
    match out.code {
        0 => Ok(true),
        KILLED => Ok(false),
        _ => bail!("neither killed nor done: {out}"),
    }
}

/// Attach and detach with a driver, killed at some steps; in write-back where it has that mode, since there is more to lose.
pub fn of_driver(case: &Case, driver: &'static Driver) -> Result<()> {
    let mode = driver.dirty_mode().unwrap_or(driver.modes[0]);
    attach_and_detach(case, &options(driver, mode), 1, every(1, driver.stride))
}

/// The same for taking the cache out and putting it in again.
pub fn bypass_of_driver(case: &Case, driver: &'static Driver) -> Result<()> {
    let mode = driver.dirty_mode().unwrap_or(driver.modes[0]);
    let story = Story {
        attach: &options(driver, mode),
        there: &["bypass"],
        back: &["insert"],
        every: every(1, 2 * driver.stride + 1),
    };
    story.tell(case)
}

/// The same for another mode and back, whether it is changed in place or by taking the cache out of the path and putting it in again.
pub fn modes_of_driver(case: &Case, driver: &'static Driver) -> Result<()> {
    let (first, last) = (driver.modes[0], driver.modes[driver.modes.len() - 1]);
    let story = Story {
        attach: &options(driver, first),
        there: &["mode", last],
        back: &["mode", first],
        every: every(1, driver.stride.div_ceil(6)),
    };
    story.tell(case)
}

fn options(driver: &Driver, mode: &'static str) -> Vec<&'static str> {
    let mut options = driver.options(mode);
    if !driver.whole && !driver.shares {
        options.extend(["--size", "16M"]);
    }
    for option in &mut options {
        if *option == "first:8M" {
            *option = "first:6M";
        }
    }
    options
}

/// Every so many steps from `first`: attach, killed; finished in one of three ways; detach, killed; finished.
fn attach_and_detach(case: &Case, options: &[&str], first: u32, every: usize) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(SMALL)?;
    let attach = [&["attach", &image.spec], options].concat();
    let detach = ["detach", &image.spec];
    let never_killed = {
        host.wb(&attach).ok()?;
        let status = host.status(&image)?;
        host.wb(&detach).ok()?;
        host.check_gone(&image)?;
        status
    };
    for (round, n) in (first..TOO_MANY).step_by(every).enumerate() {
        let step = |error: anyhow::Error| error.context(format!("killed after step {n}"));
        let attached = came_through(&host.wb(&attach).crash_after(n).run()?)?;
        let round = round % 4;
        if !attached && round == 3 {
            gone_after(host, host.wb(&detach).run()?).map_err(step)?;
            host.check_gone(&image).map_err(step)?;
            continue;
        }
        if !attached && round == 2 {
            host.wb(&["recover"]).ok().map_err(step)?;
        }
        let device = front(&host.wb(&attach).ok().map_err(step)?)?;
        alike(&host.status(&image)?, &never_killed).map_err(step)?;
        host.write(&device, &image, n.into(), u64::from(n) * 16 * KIB, 16 * KIB)?;
        if round == 0 {
            host.check(&device, &image).map_err(step)?;
        }
        let detached = came_through(&host.wb(&detach).crash_after(n).run()?)?;
        if !detached {
            let how: &[&str] = if round == 1 { &["recover"] } else { &detach };
            gone_after(host, host.wb(how).run()?).map_err(step)?;
            if round == 1 {
                // It was killed before it had said what it wants: recover rightly kept the disk.
                gone_after(host, host.wb(&detach).run()?).map_err(step)?;
            }
        }
        host.check_gone(&image).map_err(step)?;
        if attached && detached {
            return walked(&attach, first, n);
        }
    }
    bail!("it has not come through after {TOO_MANY} steps")
}

/// Says how far the crashes went: from step `first` up to before step `came`, at which nothing was left to kill.
pub fn walked(what: &[&str], first: u32, came: u32) -> Result<()> {
    ensure!(came > first, "no step was ever killed");
    println!(
        "killed at steps {first} to {} of {}",
        came - 1,
        what.join(" ")
    );
    Ok(())
}

/// It succeeded, or there was nothing left to do.
fn gone_after(host: &Host, out: Out) -> Result<()> {
    if out.code == i32::from(Kind::NotFound.exit_code()) {
        return host.check_empty();
    }
    out.ok().map(drop)
}

/// Two verbs on an attached disk, the second of which leads back to where the first began.
struct Story<'a> {
    attach: &'a [&'a str],
    there: &'a [&'a str],
    back: &'a [&'a str],
    /// Every so many steps.
    every: usize,
}

pub fn bypass_and_insert(case: &Case) -> Result<()> {
    let story = Story {
        attach: THROUGH,
        there: &["bypass"],
        back: &["insert"],
        every: every(1, 7),
    };
    story.tell(case)
}

pub fn modes(case: &Case) -> Result<()> {
    let story = Story {
        attach: THROUGH,
        there: &["mode", "writeback"],
        back: &["mode", "writethrough"],
        every: every(1, 7),
    };
    story.tell(case)
}

/// A seed is a bypass and an insert, whose every step is walked above; here a part of them, with data that are dirty.
pub fn seed_and_flush(case: &Case) -> Result<()> {
    let story = Story {
        attach: BACK,
        there: &["seed"],
        back: &["flush"],
        every: every(1, 9),
    };
    story.tell(case)
}

pub fn bypass_then_attach(case: &Case) -> Result<()> {
    past_the_cache(case, THROUGH, &["bypass"], 1)
}

pub fn bypass_then_attach_write_back(case: &Case) -> Result<()> {
    past_the_cache(case, BACK, &["bypass"], 2)
}

pub fn flush_then_attach(case: &Case) -> Result<()> {
    past_the_cache(case, BACK, &["flush"], 1)
}

/// A verb is killed after some of its steps, the guest goes on writing, and then it is not that verb that is run again but
/// `attach`: whatever the cache missed, it must not serve.
fn past_the_cache(case: &Case, options: &[&str], verb: &[&str], first: u32) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(SMALL)?;
    let attach = [&["attach", &image.spec], options].concat();
    let line = with_image(verb, &image);
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    let device = front(&host.wb(&attach).ok()?)?;
    for n in (first..TOO_MANY).step_by(every(2, 5)) {
        let step = |error: anyhow::Error| error.context(format!("killed after step {n}"));
        let through = came_through(&host.wb(&line).crash_after(n).run()?)?;
        let seed = u64::from(n);
        host.write(&device, &image, seed, seed * 16 * KIB, 16 * KIB)
            .map_err(step)?;
        host.wb(&attach).ok().map_err(step)?;
        host.check(&device, &image).map_err(step)?;
        if through {
            walked(&line, first, n)?;
            host.detach(&image)?;
            return host.check_gone(&image);
        }
    }
    bail!("it has not come through after {TOO_MANY} steps")
}

impl Story<'_> {
    fn tell(&self, case: &Case) -> Result<()> {
        let host = case.host();
        let image = case.world.clone_of(SMALL)?;
        let device = front(&host.attach(&image, self.attach)?)?;
        let scene = Scene {
            host,
            image: &image,
            device: &device,
        };
        let never_killed = [self.there, self.back].map(|verb| -> Result<Value> {
            call(host, &image, verb)?;
            host.status(&image)
        });
        let [there, back] = never_killed;
        let (there, back) = (there?, back?);
        let mut came_back = false;
        for (round, n) in (1..TOO_MANY).step_by(self.every).enumerate() {
            let step = |error: anyhow::Error| error.context(format!("killed after step {n}"));
            let seed = u64::from(n);
            host.write(&device, &image, seed, seed * 16 * KIB, 16 * KIB)?;
            let mut through = scene.killed(self.there, n, &there).map_err(step)?;
            if !through && n % 5 == 4 {
                // Or it is given up altogether.
                host.detach(&image).map_err(step)?;
                host.check_gone(&image).map_err(step)?;
                host.attach(&image, self.attach)?;
                call(host, &image, self.there)?;
            }
            if came_back {
                call(host, &image, self.back).map_err(step)?;
            } else {
                came_back = scene.killed(self.back, n, &back).map_err(step)?;
            }
            through &= came_back;
            if round % 3 == 2 {
                host.check(&device, &image).map_err(step)?;
            }
            if through {
                walked(&[self.there, self.back, self.attach].concat(), 1, n)?;
                host.check(&device, &image)?;
                host.detach(&image)?;
                return host.check_gone(&image);
            }
        }
        bail!("it has not come through after {TOO_MANY} steps")
    }
}

/// A disk in use.
struct Scene<'a> {
    host: &'a Host,
    image: &'a Image,
    device: &'a str,
}

impl Scene<'_> {
    /// A verb is killed after its n-th step, while a guest writes, and finished; whether it came through without.
    fn killed(&self, verb: &[&str], n: u32, never_killed: &Value) -> Result<bool> {
        let Self {
            host,
            image,
            device,
        } = *self;
        let line = with_image(verb, image);
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        if came_through(&host.wb(&line).crash_after(n).run()?)? {
            alike(&host.status(image)?, never_killed)?;
            return Ok(true);
        }
        // A guest writes at once. It may have to wait, if the verb was killed while it held I/O back.
        let (seed, offset) = (u64::from(n) + 100, 4096 * KIB - u64::from(n) * 16 * KIB);
        let guest = match n % 5 {
            1 | 2 => Some(host.start_write(device, seed, offset, 16 * KIB)?),
            _ => None,
        };
        if n % 5 == 2 {
            host.wb(&["recover"]).ok()?;
            same("well", &host.status(image)?["well"], true)?;
        }
        host.wb(&line).ok()?;
        let now = host.status(image)?;
        if let Some(guest) = guest {
            guest.wait(std::time::Duration::from_secs(30))?.ok()?;
            image.expect(seed, offset, 16 * KIB)?;
        }
        alike(&now, never_killed)?;
        Ok(false)
    }
}

/// `mode writeback` as `mode IMAGE writeback`.
fn with_image(words: &[&str], image: &Image) -> Vec<String> {
    let mut line: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    line.insert(1, image.spec.clone());
    line
}

fn call(host: &Host, image: &Image, words: &[&str]) -> Result<()> {
    let line = with_image(words, image);
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    host.wb(&line).ok().map(drop)
}
