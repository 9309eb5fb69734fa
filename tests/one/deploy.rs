//! OpenNebula's calls, made as one_tm makes them, on hosts of the lab.

use anyhow::{Result, ensure};

use crate::case::Case;
use crate::cmd::Out;
use crate::host::Host;
use crate::one::oned::Oned;
use crate::tests::same;
use crate::world::{KIB, MIB, SMALL, path};

const DIR: &str = "/run/links/datastores/100/12";

/// A VM with a disk that is a clone and one that is an image itself, in write-back, after stays on these hosts.
fn vm(parent: &str, own: &str, lcm_state: u32, hosts: &[&str]) -> String {
    let stay = |host: &&str| {
        format!(
            "<HISTORY><HOSTNAME>{host}</HOSTNAME><DS_ID>100</DS_ID><TM_MAD>warmblock</TM_MAD></HISTORY>"
        )
    };
    let stays: String = hosts.iter().map(stay).collect();
    format!(
        "<VM><ID>12</ID><LCM_STATE>{lcm_state}</LCM_STATE><TEMPLATE>\
         <DISK><DISK_ID>0</DISK_ID><IMAGE_ID>42</IMAGE_ID><TM_MAD>warmblock</TM_MAD><SOURCE>{parent}</SOURCE><CLONE>YES</CLONE>\
         <SIZE>30</SIZE><ORIGINAL_SIZE>24</ORIGINAL_SIZE><WARMBLOCK_SIZE>16M</WARMBLOCK_SIZE></DISK>\
         <DISK><DISK_ID>1</DISK_ID><IMAGE_ID>43</IMAGE_ID><TM_MAD>warmblock</TM_MAD><SOURCE>{own}</SOURCE><CLONE>NO</CLONE>\
         <WARMBLOCK_MODE>writeback</WARMBLOCK_MODE><WARMBLOCK_SEED>none</WARMBLOCK_SEED></DISK>\
         </TEMPLATE><HISTORY_RECORDS>{stays}</HISTORY_RECORDS></VM>"
    )
}

const DATASTORE: &str =
    "<DATASTORE><ID>101</ID><TEMPLATE><POOL_NAME>one</POOL_NAME></TEMPLATE></DATASTORE>";

/// What every action of the transfer manager must be when it comes through: silent, but for log lines with the VM's number.
fn silent(out: Out) -> Result<()> {
    let out = out.ok()?;
    same("stdout", out.stdout.as_str(), "")?;
    let log = |line: &str| line.starts_with("WARN: 12 ") || line.starts_with("INFO: 12 ");
    ensure!(out.stderr.lines().all(log), "neither silent nor log: {out}");
    Ok(())
}

fn size(host: &Host, link: &str) -> Result<u64> {
    Ok(host
        .sh(&format!("blockdev --getsize64 {link}"))?
        .text()
        .parse()?)
}

pub fn deploy_and_terminate(case: &Case) -> Result<()> {
    let (world, hv1, hv2) = (&*case.world, case.host(), case.other());
    let (oned, fe) = (Oned::start(world)?, Oned::name()?);
    let parent = world.clone_of(SMALL)?;
    let own = world.clone_of(SMALL)?;
    oned.vm(12, &vm(&parent.spec, &own.spec, 1, &["hv1"]));
    oned.datastore(101, DATASTORE);
    let clone = format!("clone fe:{} hv1:{DIR}/disk.0 12 101", parent.spec);
    let ln = format!("ln fe:{} hv1:{DIR}/disk.1 12 101", own.spec);
    for line in [&clone, &ln, &clone, &ln] {
        silent(oned.tm(line)?)?;
    }
    let (disk0, disk1) = (format!("{DIR}/disk.0"), format!("{DIR}/disk.1"));
    same("the clone's size", size(hv1, &disk0)?, 30 * MIB)?;
    hv1.write(&disk1, &own, 7, MIB, 256 * KIB)?;
    // Stopped: nowhere, then on the other host.
    oned.vm(12, &vm(&parent.spec, &own.spec, 10, &["hv1"]));
    for n in [0, 1] {
        silent(oned.tm(&format!("mv hv1:{DIR}/disk.{n} {fe}:{DIR}/disk.{n} 12 101"))?)?;
    }
    world.check_ceph(&own)?;
    oned.vm(12, &vm(&parent.spec, &own.spec, 9, &["hv1", "hv2"]));
    for n in [0, 1] {
        silent(oned.tm(&format!("mv {fe}:{DIR}/disk.{n} hv2:{DIR}/disk.{n} 12 101"))?)?;
    }
    hv2.check(&disk1, &own)?;
    hv2.write(&disk1, &own, 8, 2 * MIB, 64 * KIB)?;
    // The end: one image stays, the clone goes, and asking again is no error.
    let mvds = format!("mvds hv2:{DIR}/disk.1 {} 12 101", own.spec);
    let delete = format!("delete hv2:{DIR}/disk.0 12 101");
    for line in [&mvds, &delete, &mvds, &delete] {
        silent(oned.tm(line)?)?;
    }
    for host in ["hv1", "hv2"] {
        silent(oned.tm(&format!("delete {host}:{DIR} 12 101"))?)?;
    }
    // The directories above a VM's stay: they are the datastore's.
    for host in [hv1, hv2] {
        host.sh("test ! -e /run/links/datastores/100/12 && rm -rf /run/links")?;
    }
    hv2.check_gone(&own)?;
    let gone = world.try_rbd(&["info", &format!("{}-12-0", parent.spec)])?;
    ensure!(gone.code != 0, "the clone is still there");
    Ok(())
}

pub fn refusals(case: &Case) -> Result<()> {
    let oned = Oned::start(&case.world)?;
    oned.datastore(101, DATASTORE);
    let line = |out: Out, words: &str| -> Result<()> {
        ensure!(out.code != 0, "it should have failed: {out}");
        same("lines for the user", out.stderr.lines().count(), 1)?;
        ensure!(out.stderr.contains(words), "{words:?} is not in {out}");
        ensure!(
            !out.stderr.contains("secret") && !out.stderr.starts_with("ERROR"),
            "{out}"
        );
        Ok(())
    };
    let host = case.host().name;
    let clone = format!("clone fe:one/none {host}:{DIR}/disk.0 12 101");
    line(oned.tm(&clone)?, "no object 12")?;
    oned.vm(12, &vm("one/none", "one/none", 1, &["hv1"]));
    line(oned.tm(&clone)?, "there is no image one/none")?;
    line(oned.tm(&clone.replace(host, "nohost"))?, "nohost")?;
    // A mistake in this program, which is none of Rust's own words.
    let script = oned.var().join("context.sh");
    warmblock::sys::atomic::write(&script, b"A='b'\n")?;
    let program = oned.var().join("bin/warmblock");
    let words = format!(
        "{} one tm context {} {host}:{DIR}/disk.4 12 100",
        path(&program)?,
        path(&script)?
    );
    let words: Vec<&str> = words.split(' ').collect();
    let panics = oned.run(
        &[&["env", "WARMBLOCK_PANIC=1"], words.as_slice()].concat(),
        "",
    )?;
    ensure!((1..=125).contains(&panics.code), "{panics}");
    let (log, told): (Vec<&str>, Vec<&str>) = panics
        .stderr
        .lines()
        .partition(|line| line.starts_with("ERROR: 12 "));
    same("lines for the user", told.len(), 1)?;
    ensure!(
        log.len() == 1 && told[0].contains("has a mistake") && told[0].contains("report"),
        "{panics}"
    );
    line(oned.tm("clone one two")?, "was not called as")?;
    line(oned.tm("dance")?, "no driver action")?;
    case.host().sh("rm -rf /run/links").map(drop)
}
