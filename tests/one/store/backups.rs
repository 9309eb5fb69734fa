//! Backups of a VM's disks, in a chain and in full, as oned asks for them and for their end.

use anyhow::{Result, ensure};

use super::{fails, says};
use crate::case::Case;
use crate::one::oned::Oned;
use crate::tests::same;
use crate::world::{Image, KIB, MIB, SMALL};

/// A VM with one disk, an image of its own.
fn vm(own: &str, config: &str) -> String {
    format!(
        "<VM><ID>13</ID><LCM_STATE>69</LCM_STATE><TEMPLATE><DISK><DISK_ID>1</DISK_ID><IMAGE_ID>43</IMAGE_ID>\
         <TM_MAD>warmblock</TM_MAD><SOURCE>{own}</SOURCE><CLONE>NO</CLONE><WARMBLOCK_MODE>writeback</WARMBLOCK_MODE>\
         <WARMBLOCK_SIZE>16M</WARMBLOCK_SIZE><WARMBLOCK_SEED>none</WARMBLOCK_SEED></DISK></TEMPLATE><BACKUPS><BACKUP_CONFIG>{config}\
         </BACKUP_CONFIG></BACKUPS><HISTORY_RECORDS><HISTORY><HOSTNAME>hv1</HOSTNAME><DS_ID>100</DS_ID><TM_MAD>warmblock</TM_MAD>\
         </HISTORY></HISTORY_RECORDS></VM>"
    )
}

pub fn backups(case: &Case) -> Result<()> {
    const DIR: &str = "/run/links/datastores/100/13";
    let (world, host) = (&*case.world, case.host());
    let oned = Oned::start(world)?;
    oned.datastore(100, "<DATASTORE><ID>100</ID><TEMPLATE/></DATASTORE>");
    oned.datastore(101, "<DATASTORE><ID>101</ID><TEMPLATE/></DATASTORE>");
    let own = world.clone_of(SMALL)?;
    let document = |config: &str| vm(&own.spec, config).replace("hv1", host.name);
    oned.vm(13, &document(""));
    let link = format!("{DIR}/disk.1");
    let name = host.name;
    says(
        oned.tm(&format!("ln fe:{} {name}:{link} 13 101", own.spec))?,
        "",
    )?;
    let place = format!("{name}:{DIR}");
    let call = |action: &str, config: &str| {
        oned.call(
            &["tm", action, &place, "1", "one-13", "-", "13", "100"],
            &document(config),
        )
    };
    let increment =
        |last: &str| format!("<MODE>INCREMENT</MODE><LAST_INCREMENT_ID>{last}</LAST_INCREMENT_ID>");
    // What only the SSD has yet is in the backup as well.
    host.write(&link, &own, 7, MIB, 256 * KIB)?;
    says(call("prebackup_live", &increment("-1"))?, "")?;
    let first = world.kept(&own)?;
    let copy = format!("one/{}", world.name("restored"));
    host.wb(&["image", "import", &format!("{DIR}/backup/disk.1.0"), &copy])
        .ok()?;
    world.check_ceph(&Image {
        spec: copy,
        ..first
    })?;
    host.sh(&format!(
        "base64 -d {DIR}/backup/vm.xml | grep -q '<ID>13</ID>'"
    ))?;
    says(call("postbackup_live", &increment("-1"))?, "")?;
    host.sh(&format!("test ! -e {DIR}/backup"))?;
    same(
        "snapshots",
        world.snapshots(&own)?,
        vec!["one_backup_0".to_owned()],
    )?;

    // The next one has what was written since, and no more.
    host.write(&link, &own, 8, 13 * MIB, 64 * KIB)?;
    says(call("prebackup_live", &increment("0"))?, "")?;
    let size = host.sh(&format!("stat -c %s {DIR}/backup/disk.1.1"))?;
    let size: u64 = size.text().parse()?;
    ensure!(
        (64 * KIB..6 * MIB).contains(&size),
        "the increment has {size} bytes"
    );
    says(call("postbackup_live", &increment("0"))?, "")?;
    let both = vec!["one_backup_0".to_owned(), "one_backup_1".to_owned()];
    same("snapshots", world.snapshots(&own)?, both)?;

    // An increment whose base is gone is no backup, and leaves nothing.
    fails(call("prebackup_live", &increment("7"))?, &["one_backup_7"])?;
    host.sh(&format!("test ! -e {DIR}/backup"))?;
    same("snapshots", world.snapshots(&own)?.len(), 2)?;

    // One that failed behind the files, as oned tells it, leaves the chain as it was.
    let failed = |config: &str| {
        let told = document(config).replace("</VM>", "<BACKUP_RESULT>FAILURE</BACKUP_RESULT></VM>");
        let words = ["tm", "postbackup", &place, "1", "one-13", "-", "13", "100"];
        oned.call(&words, &told)
    };
    says(call("prebackup", &increment("1"))?, "")?;
    says(failed(&increment("1"))?, "")?;
    host.sh(&format!("test ! -e {DIR}/backup"))?;
    let last = vec!["one_backup_1".to_owned()];
    same("snapshots", world.snapshots(&own)?, last.clone())?;

    // In full, of two disks of a VM that is off.
    let second = world.clone_of(SMALL)?;
    let more = format!(
        "</DISK><DISK><DISK_ID>2</DISK_ID><IMAGE_ID>44</IMAGE_ID><TM_MAD>warmblock</TM_MAD><SOURCE>{}</SOURCE><CLONE>NO</CLONE>\
         <WARMBLOCK_SIZE>16M</WARMBLOCK_SIZE><WARMBLOCK_SEED>none</WARMBLOCK_SEED></DISK></TEMPLATE>",
        second.spec
    );
    let document = document("<MODE>FULL</MODE>")
        .replace("</DISK></TEMPLATE>", &more)
        .replace("<LCM_STATE>69", "<LCM_STATE>70");
    oned.vm(13, &document);
    let link2 = format!("{DIR}/disk.2");
    let there = format!("ln fe:{} {name}:{link2} 13 101", second.spec);
    says(oned.tm(&there)?, "")?;
    host.write(&link, &own, 9, 2 * MIB, 64 * KIB)?;
    host.write(&link2, &second, 10, 3 * MIB, 64 * KIB)?;
    let full = |action: &str| {
        let words = ["tm", action, &place, "1:2", "one-13", "-", "13", "100"];
        oned.call(&words, &document)
    };
    says(full("prebackup")?, "")?;
    for (file, image) in [("disk.1.0", &own), ("disk.2.0", &second)] {
        let copy = format!("one/{}", world.name("restored"));
        let file = format!("{DIR}/backup/{file}");
        host.wb(&["image", "import", &file, &copy]).ok()?;
        world.check_ceph(&Image {
            spec: copy,
            ..image.clone()
        })?;
    }
    let taken = world.snapshots(&second)?;
    same("snapshots", taken, vec!["one_backup".to_owned()])?;
    // What cannot be cleared is told, and cleared when it is asked for again.
    let mount = |verb: &str| host.sh(&format!("{verb} {DIR}/backup"));
    mount(&format!("mount --bind {DIR}/backup"))?;
    fails(full("postbackup")?, &["/backup"])?;
    mount("umount")?;
    says(full("postbackup")?, "")?;
    host.sh(&format!("test ! -e {DIR}/backup"))?;
    same("snapshots", world.snapshots(&own)?, last)?;
    let none = Vec::<String>::new();
    same("snapshots", world.snapshots(&second)?, none)?;

    for (link, image) in [(&link, &own), (&link2, &second)] {
        let away = format!("mvds {name}:{link} {} 13 101", image.spec);
        says(oned.tm(&away)?, "")?;
    }
    says(oned.tm(&format!("delete {place} 13 100"))?, "")?;
    host.sh("rm -rf /run/links")?;
    world.check_ceph(&second)?;
    world.check_ceph(&own)?;
    world
        .rbd(&["snap", "purge", "--no-progress", &own.spec])
        .map(drop)
}
