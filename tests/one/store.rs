//! OpenNebula's calls of the datastore driver, made as one_datastore makes them, with a bridge host of the lab.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use warmblock::sys::atomic;

use crate::case::Case;
use crate::cmd::{self, Out};
use crate::one::oned::Oned;
use crate::tests::same;
use crate::world::{Image, KIB, MIB, SMALL, World, path};

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
    let log = |line: &str| {
        ["WARN: warmblock ", "WARN: 13 ", "INFO: "]
            .iter()
            .any(|sign| line.starts_with(sign))
    };
    ensure!(out.stderr.lines().all(log), "neither silent nor log: {out}");
    Ok(())
}

/// What it must say when it fails: one plain line for the user.
fn fails(out: Out, words: &[&str]) -> Result<()> {
    ensure!(out.code != 0, "it should have failed: {out}");
    for word in words {
        ensure!(out.stderr.contains(word), "{word:?} is not in {out}");
    }
    ensure!(!out.stderr.starts_with("ERROR"), "{out}");
    let Out { stdout, stderr, .. } = out;
    same("stdout", stdout.as_str(), "")?;
    same("lines for the user", stderr.lines().count(), 1)
}

/// Serves one answer by HTTP, which says that it is `len` bytes long; its URL.
fn serve(bytes: Vec<u8>, len: usize) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/image.gz", listener.local_addr()?);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut asked = [0; 4096];
            let _whatever = stream.read(&mut asked);
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n");
            // A client that goes away is none of a server's business.
            let _gone = stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(&bytes));
        }
    });
    Ok(url)
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes)?;
    Ok(packed.finish()?)
}

/// The image of a number, and what must be in it.
fn image(id: u32, model: PathBuf, size: u64) -> Image {
    Image {
        spec: format!("one/one-{id}"),
        model,
        size,
    }
}

/// The names in the pool that begin with the image's.
fn of_image(world: &World, id: u32) -> Result<Vec<String>> {
    let all = world.rbd(&["ls", "one"])?;
    let name = format!("one-{id}");
    Ok(all
        .stdout
        .lines()
        .filter(|line| line.starts_with(&name))
        .map(str::to_owned)
        .collect())
}

pub fn images(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let oned = Oned::start(world)?;
    let ds = |action: &str, id: u32, image: &str| oned.ds(action, id, &document(case, image, "")?);
    let golden = world.file(SMALL.name);
    let raw = std::fs::read(&golden)?;

    // A file of the front-end. The size is asked first, and what oned then registers may be larger.
    let file = format!("<PATH>{}</PATH>", path(&golden)?);
    says(ds("stat", 9001, &file)?, "24\n")?;
    says(
        ds("cp", 9001, &format!("{file}<SIZE>26</SIZE>"))?,
        "one/one-9001 raw\n",
    )?;
    let model = world.file(&world.name("model"));
    std::fs::copy(&golden, &model)?;
    std::fs::File::options()
        .write(true)
        .open(&model)?
        .set_len(26 * MIB)?;
    let first = image(9001, model, 26 * MIB);
    world.check_ceph(&first)?;
    let used = world.allocated_blocks(&first, 4 * MIB, 26 * MIB)?;
    ensure!(
        used <= 4,
        "{used} objects are allocated: holes were written"
    );

    // A packed one of a web server, with its checksum.
    let packed = gzip(&raw)?;
    let packed_file = world.file(&world.name("packed"));
    atomic::write(&packed_file, &packed)?;
    let md5 = cmd::run(&["md5sum", path(&packed_file)?], Duration::from_secs(30))?.ok()?;
    let md5: String = md5.text().chars().take(32).collect();
    let url = serve(packed.clone(), packed.len())?;
    let web = format!("<PATH>{url}</PATH><TEMPLATE><MD5>{md5}</MD5></TEMPLATE>");
    says(ds("stat", 9002, &web)?, "24\n")?;
    says(ds("cp", 9002, &web)?, "one/one-9002 raw\n")?;
    world.check_ceph(&image(9002, golden.clone(), SMALL.size))?;

    // Not faster than it may: of this one all but what may come at once, and what is under way at the end, is waited for.
    let slow = document(
        case,
        &format!("<PATH>{}</PATH>", serve(raw.clone(), raw.len())?),
        "<LIMIT_TRANSFER_BW>8M</LIMIT_TRANSFER_BW>",
    )?;
    let began = Instant::now();
    says(oned.ds("cp", 9008, &slow)?, "one/one-9008 raw\n")?;
    let took = began.elapsed();
    ensure!(
        took >= Duration::from_millis((SMALL.size - 2 * MIB) * 1000 / (8 * MIB)),
        "{took:?} for {} at 8 MiB/s",
        SMALL.size
    );
    world.check_ceph(&image(9008, golden.clone(), SMALL.size))?;

    // What another hypervisor wrote; and one that would have the host's own files read.
    let vmdk = world.file(&world.name("vmdk"));
    let (from, to) = (path(&golden)?, path(&vmdk)?);
    let convert = ["qemu-img", "convert", "-f", "raw", "-O", "vmdk", from, to];
    cmd::run(&convert, Duration::from_secs(120))?.ok()?;
    let foreign = format!("<PATH>{to}</PATH>");
    says(ds("stat", 9009, &foreign)?, "24\n")?;
    says(ds("cp", 9009, &foreign)?, "one/one-9009 raw\n")?;
    world.check_ceph(&image(9009, golden.clone(), SMALL.size))?;
    let mut hostile = std::fs::read(&vmdk)?;
    hostile[12..20].fill(0);
    hostile[512..542].copy_from_slice(b"RW 8 FLAT \"/etc/shadow\" 0    \n");
    atomic::write(&vmdk, &hostile)?;
    for action in ["stat", "cp"] {
        fails(ds(action, 9010, &foreign)?, &["vmdk", "other files"])?;
    }
    same("leftovers", of_image(world, 9010)?, Vec::<String>::new())?;

    // What does not come whole, or is another, leaves nothing.
    let cut = serve(packed[..packed.len() / 2].to_vec(), packed.len())?;
    fails(
        ds("cp", 9003, &format!("<PATH>{cut}</PATH>"))?,
        &["cannot read the source"],
    )?;
    let wrong = web.replace(&md5, &"0".repeat(32));
    fails(ds("cp", 9003, &wrong)?, &["checksum", host.name])?;
    same("leftovers", of_image(world, 9003)?, Vec::<String>::new())?;

    // Empty ones, by the calls of older releases; and a name for what another action will make.
    let text = STANDARD.encode(document(case, "<SIZE>32</SIZE><FORMAT>raw</FORMAT>", "")?);
    says(
        oned.call(&["ds", "mkfs", &text, "9004"], "")?,
        "one/one-9004\n",
    )?;
    says(
        oned.call(&["ds", "mkfs", "-", "9004"], &text)?,
        "one/one-9004\n",
    )?;
    let size = world
        .rbd(&["info", "--format", "json", "one/one-9004"])?
        .json()?;
    same("size", size["size"].as_u64(), Some(32 * MIB))?;
    let ext4 = "<SIZE>32</SIZE><FORMAT>raw</FORMAT><FS>ext4</FS>";
    says(ds("mkfs", 9005, ext4)?, "one/one-9005\n")?;
    let magic = cmd::run(
        &[
            "bash",
            "-c",
            "rbd export --no-progress one/one-9005 - | od -An -tx2 -j 1080 -N 2",
        ],
        Duration::from_secs(30),
    )?;
    same("ext4's magic", magic.ok()?.text(), "ef53")?;
    says(
        ds("mkfs", 9006, "<FORMAT>save_as</FORMAT>")?,
        "one/one-9006\n",
    )?;
    same("save_as", of_image(world, 9006)?, Vec::<String>::new())?;

    // A copy shares what it is a copy of as it is now, whatever snapshot there was before.
    world.rbd(&["snap", "create", "--no-progress", "one/one-9001@snap"])?;
    world.write_elsewhere(&first, 5, 8 * MIB, 64 * KIB)?;
    let copy = format!("<PATH>{}</PATH>", first.spec);
    for _ in 0..2 {
        says(ds("clone", 9007, &copy)?, "one/one-9007 raw\n")?;
    }
    let second = Image {
        spec: "one/one-9007".into(),
        ..first.clone()
    };
    world.check_ceph(&second)?;
    same(
        "snapshots",
        world.snapshots(&first)?,
        vec!["snap".to_owned()],
    )?;
    let source = |id: u32| format!("<SOURCE>one/one-{id}</SOURCE><SIZE>26</SIZE>");
    fails(
        ds("rm", 9001, &source(9001))?,
        &["it has clones", "one/one-9007"],
    )?;
    world.check_ceph(&first)?;

    // Snapshots of an image, protected as the stock driver has them.
    for snap in ["0", "1"] {
        let name = format!("one/one-9007@{snap}");
        world.rbd(&["snap", "create", "--no-progress", &name])?;
        world.rbd(&["snap", "protect", &name])?;
        if snap == "0" {
            world.write_elsewhere(&world.kept(&second)?, 6, 0, 64 * KIB)?;
        }
    }
    let all =
        "<SNAPSHOTS><SNAPSHOT><ID>0</ID></SNAPSHOT><SNAPSHOT><ID>1</ID></SNAPSHOT></SNAPSHOTS>";
    let snapshot = |id| {
        format!(
            "{}<TARGET_SNAPSHOT>{id}</TARGET_SNAPSHOT>{all}",
            source(9007)
        )
    };
    let other = world.kept(&second)?;
    other.expect(6, 0, 64 * KIB)?;
    world.check_ceph(&other)?;
    fails(
        ds("snap_flatten", 9007, &snapshot(99))?,
        &["no snapshot 99"],
    )?;
    fails(ds("snap_revert", 9007, &snapshot(99))?, &["no snapshot 99"])?;
    world.check_ceph(&other)?;
    same("snapshots", world.snapshots(&second)?.len(), 2)?;
    says(ds("snap_revert", 9007, &snapshot(0))?, "")?;
    world.check_ceph(&second)?;
    says(ds("snap_revert", 9007, &snapshot(1))?, "")?;
    world.check_ceph(&other)?;
    for _ in 0..2 {
        says(ds("snap_delete", 9007, &snapshot(1))?, "")?;
    }
    says(ds("snap_flatten", 9007, &snapshot(0))?, "")?;
    world.check_ceph(&second)?;
    same("snapshots", world.snapshots(&second)?, Vec::<String>::new())?;

    // What is only told.
    let sum = cmd::run(&["md5sum", path(&second.model)?], Duration::from_secs(30))?.ok()?;
    let export = ds("export", 9007, &source(9007))?.ok()?;
    let told = format!(
        "<IMPORT_SOURCE>rbd://{}/one/one-9007</IMPORT_SOURCE><MD5>{}</MD5><SIZE>26</SIZE><FORMAT>raw</FORMAT>",
        host.name,
        sum.text().get(..32).unwrap_or_default()
    );
    ensure!(
        export.stdout.contains(&told) && export.stdout.lines().count() == 1,
        "{export}"
    );
    let encoded = STANDARD.encode(document(case, "", "")?);
    // The lab has no mgr, and it is the mgr that counts.
    for words in [["ds", "monitor", "101"], ["tm", "monitor", "101"]] {
        fails(
            oned.call(&words, &encoded)?,
            &["how full pool one is", "mgr"],
        )?;
    }

    unwanted(case, &oned, &first)?;
    counted(world, &|words| oned.call(words, &encoded))?;

    // The end, twice.
    for id in [9007, 9001, 9002, 9004, 9005, 9008, 9009] {
        for _ in 0..2 {
            says(ds("rm", id, &source(id))?, "")?;
        }
        same("leftovers", of_image(world, id)?, Vec::<String>::new())?;
    }
    Ok(())
}

/// With a mgr, what the driver says of the pool is what Ceph says.
fn counted(world: &World, call: &dyn Fn(&[&str]) -> Result<Out>) -> Result<()> {
    world.lab(&["ceph", "mgr"])?.ok()?;
    let pool = || -> Result<[u64; 2]> {
        let df = world
            .lab(&["exec", "ceph", "df", "--format", "json"])?
            .ok()?
            .json()?;
        let all = df["pools"].as_array().into_iter().flatten();
        let mut of = all.filter(|pool| pool["name"] == "one");
        let stats = of.next().cloned().unwrap_or_default()["stats"].clone();
        let number = |name: &str| stats[name].as_u64().unwrap_or(0);
        Ok([number("stored"), number("max_avail")])
    };
    let told = |words: &[&str]| -> Result<Vec<u64>> {
        let out = call(words)?.ok()?;
        same("stderr", out.stderr.as_str(), "")?;
        let lines = out
            .stdout
            .lines()
            .zip(["USED_MB=", "TOTAL_MB=", "FREE_MB="]);
        let numbers = lines.map(|(line, name)| line.strip_prefix(name)?.parse().ok());
        let numbers: Option<Vec<u64>> = numbers.collect();
        same("lines", out.stdout.lines().count(), 3)?;
        numbers.with_context(|| format!("not three figures: {out}"))
    };
    for words in [["ds", "monitor", "101"], ["tm", "monitor", "101"]] {
        // The figures change until the mgr has heard of all.
        cmd::eventually("the figures of Ceph", 60, || {
            let [stored, room] = pool()?;
            let (used, free) = (stored.div_ceil(MIB), room >> 20);
            let said = told(&words)?;
            Ok(stored > 0
                && room > 0
                && said == [used, used + free, free]
                && pool()? == [stored, room])
        })?;
    }
    world.lab(&["ceph", "stop", "mgr.x"])?.ok().map(drop)
}

/// What is registered is this image and no other one of its number; and what oned deleted while it was made goes again.
fn unwanted(case: &Case, oned: &Oned, of: &Image) -> Result<()> {
    let world = &*case.world;
    let registered = |id: u32, time: u32, more: &str| {
        let image = format!("<ID>{id}</ID><REGTIME>{time}</REGTIME><FORMAT>raw</FORMAT>{more}");
        document(case, &image, "")
    };
    let file = format!("<PATH>{}</PATH>", path(&world.file(SMALL.name))?);
    let copy = format!("<PATH>{}</PATH>", of.spec);
    let actions = [
        ("cp", 9021, file.as_str(), " raw"),
        ("clone", 9022, copy.as_str(), " raw"),
        ("mkfs", 9023, "<SIZE>8</SIZE>", ""),
        ("mkfs", 9024, "<SIZE>8</SIZE><FS>ext4</FS>", ""),
    ];
    let none = Vec::<String>::new();
    for (action, id, more, format) in actions {
        let call = |time| oned.ds(action, id, &registered(id, time, more)?);
        oned.forget_image(id);
        fails(call(1)?, &["was deleted while it was made"])?;
        same("leftovers", of_image(world, id)?, none.clone())?;
        let snaps = world.snapshots(of)?;
        ensure!(
            !snaps.iter().any(|snap| snap.starts_with("wb-clone-")),
            "{snaps:?}"
        );
        oned.image(id, &format!("<IMAGE><ID>{id}</ID></IMAGE>"));
        let line = format!("one/one-{id}{format}\n");
        for _ in 0..2 {
            says(call(1)?, &line)?;
        }
        // What is of another registration is somebody's, and stays, also if oned does not know its number.
        oned.forget_image(id);
        let both = ["registered at 1", "registered at 2"];
        fails(call(2)?, &both)?;
        same("kept", of_image(world, id)?, vec![format!("one-{id}")])?;
        world.rbd(&[
            "snap",
            "create",
            "--no-progress",
            &format!("one/one-{id}@mine"),
        ])?;
        fails(call(2)?, &both)?;
        let source = format!("<SOURCE>one/one-{id}</SOURCE>");
        says(oned.ds("rm", id, &document(case, &source, "")?)?, "")?;
    }
    Ok(())
}

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
