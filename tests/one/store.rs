//! OpenNebula's calls of the datastore driver, made as one_datastore makes them, with a bridge host of the lab.

pub mod backups;
pub mod images;
mod sources;
mod wanted;

use anyhow::{Result, ensure};

use crate::case::Case;
use crate::cmd::Out;
use crate::one::oned::Oned;
use crate::tests::same;
use crate::world::{Image, SMALL, World, path};

/// An oned with a datastore whose first bridge is dead.
struct Store<'c> {
    case: &'c Case,
    world: &'c World,
    oned: Oned,
}

impl<'c> Store<'c> {
    fn new(case: &'c Case) -> Result<Self> {
        let world = &*case.world;
        let oned = Oned::start(world)?;
        Ok(Self { case, world, oned })
    }

    /// An action, with this of the image in its document.
    fn ds(&self, action: &str, id: u32, image: &str) -> Result<Out> {
        self.oned.ds(action, id, &document(self.case, image, "")?)
    }
}

/// A datastore whose first bridge is dead.
fn document(case: &Case, image: &str, more: &str) -> Result<String> {
    Ok(format!(
        "<DS_DRIVER_ACTION_DATA><IMAGE>{image}</IMAGE><DATASTORE><ID>101</ID><TEMPLATE><POOL_NAME>one</POOL_NAME>\
         <BRIDGE_LIST>dead {}</BRIDGE_LIST><RESTRICTED_DIRS>/</RESTRICTED_DIRS><SAFE_DIRS>{}</SAFE_DIRS>{more}</TEMPLATE>\
         </DATASTORE></DS_DRIVER_ACTION_DATA>",
        case.host().name,
        path(&case.world.file(""))?
    ))
}

/// What a datastore's action must say when it comes through.
fn says(out: Out, line: &str) -> Result<()> {
    let out = out.ok()?;
    same("stdout", out.stdout.as_str(), line)?;
    ensure!(
        out.stderr.lines().all(is_log),
        "neither silent nor log: {out}"
    );
    Ok(())
}

/// A line that oned takes for its log.
fn is_log(line: &str) -> bool {
    ["WARN: warmblock ", "WARN: 13 ", "INFO: "]
        .iter()
        .any(|sign| line.starts_with(sign))
}

/// What it must say when it fails: one plain line for the user, whatever there is for the log.
fn fails(out: Out, words: &[&str]) -> Result<()> {
    ensure!(out.code != 0, "it should have failed: {out}");
    for word in words {
        ensure!(out.stderr.contains(word), "{word:?} is not in {out}");
    }
    ensure!(!out.stderr.starts_with("ERROR"), "{out}");
    let told = out.to_string();
    let Out { stdout, stderr, .. } = out;
    same("stdout", stdout.as_str(), "")?;
    let plain = stderr.lines().filter(|line| !is_log(line)).count();
    ensure!(plain == 1, "{plain} lines for the user: {told}");
    Ok(())
}

pub fn refusals(case: &Case) -> Result<()> {
    let world = &*case.world;
    let oned = Oned::start(world)?;
    let ds = |action: &str, image: &str| oned.ds(action, 9011, &document(case, image, "")?);
    fails(ds("stat", "<PATH>/etc/hostname</PATH>")?, &["SAFE_DIRS"])?;
    fails(ds("cp", "<PATH>/etc/hostname</PATH>")?, &["SAFE_DIRS"])?;
    fails(ds("cp", "<PATH>/no/such</PATH>")?, &["no such file"])?;
    fails(ds("cp", "<PATH>ftp://h/a</PATH>")?, &["ftp"])?;
    fails(oned.ds("cp", 9011, "<VM/>")?, &["document"])?;
    fails(oned.call(&["ds", "cp", "9011"], "%%%")?, &["base64"])?;
    fails(
        oned.call(&["ds", "dance", "9011"], "")?,
        &["no driver action"],
    )?;
    let golden = path(&world.file(SMALL.name))?.to_owned();
    let none = document(case, &format!("<PATH>{golden}</PATH>"), "")?;
    let host = format!("<BRIDGE_LIST>dead {}</BRIDGE_LIST>", case.host().name);
    let empty = none.replace(&host, "");
    fails(oned.ds("cp", 9011, &empty)?, &["BRIDGE_LIST"])?;
    let dead = none.replace(&host, "<BRIDGE_LIST>dead dead2</BRIDGE_LIST>");
    fails(oned.ds("cp", 9011, &dead)?, &["dead", "No route to host"])?;
    let pool = none.replace("<POOL_NAME>one<", "<POOL_NAME>two<");
    fails(oned.ds("cp", 9011, &pool)?, &["two"])?;

    // Somebody's own clone is named, and stays.
    let parent = world.clone_of(SMALL)?;
    let foreign = format!("{}-mine", parent.spec);
    world.rbd(&[
        "snap",
        "create",
        "--no-progress",
        &format!("{}@b", parent.spec),
    ])?;
    world.rbd(&["snap", "protect", &format!("{}@b", parent.spec)])?;
    world.rbd(&["clone", &format!("{}@b", parent.spec), &foreign])?;
    fails(
        ds("rm", &format!("<SOURCE>{}</SOURCE>", parent.spec))?,
        &[&foreign],
    )?;
    let kept = Image {
        spec: foreign,
        ..parent.clone()
    };
    world.check_ceph(&kept)?;
    world.check_ceph(&parent)
}
