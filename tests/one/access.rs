//! A datastore with a user of Ceph's of its own, beside one of the host's: each disk is reached as its datastore says, for as long
//! as it is on the host.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use warmblock::sys::atomic;

use super::vm::datastores;
use crate::case::Case;
use crate::cmd::{self, Out};
use crate::host::Host;
use crate::one::oned::Oned;
use crate::tests::same;
use crate::world::{Image, SMALL, World, path};

/// The pool that the user may use, called as it is.
const TENANT: &str = "two";

/// The datastore's attributes, and where they point.
struct Tenant {
    /// As elements of a document.
    words: String,
    /// The host that reaches Ceph for it.
    bridge: &'static str,
    /// The key, which may stand nowhere.
    secret: String,
}

impl Tenant {
    /// Makes pool and user.
    fn new(world: &World, host: &Host) -> Result<Self> {
        let bridge = host.name;
        let ceph =
            |args: &[&str]| cmd::run(&[&["ceph"], args].concat(), Duration::from_secs(60))?.ok();
        ceph(&["osd", "pool", "create", TENANT, "8"])?;
        world.rbd(&["pool", "init", TENANT])?;
        let user = format!("client.{TENANT}");
        let osd = format!("profile rbd pool={TENANT}");
        let caps = ["mon", "profile rbd", "osd", &osd];
        ceph(&[&["auth", "get-or-create", &user], caps.as_slice()].concat())?;
        let secret = ceph(&["auth", "get-key", &user])?.stdout.trim().to_owned();
        let keyfile = world.file("two.key");
        atomic::write_mode(&keyfile, secret.as_bytes(), 0o600)?;
        let conf = world.dir.join("ceph/ceph.conf");
        let words = format!(
            "<CEPH_USER>{TENANT}</CEPH_USER><CEPH_CONF>{}</CEPH_CONF><CEPH_KEY>{}</CEPH_KEY>",
            path(&conf)?,
            path(&keyfile)?
        );
        Ok(Self {
            words,
            bridge,
            secret,
        })
    }

    fn datastore(&self, pool: &str) -> String {
        let Self { words, bridge, .. } = self;
        format!(
            "<DATASTORE><ID>202</ID><TEMPLATE><POOL_NAME>{pool}</POOL_NAME><BRIDGE_LIST>{bridge}</BRIDGE_LIST>{words}</TEMPLATE>\
             </DATASTORE>"
        )
    }
}

/// Pools and users are the lab's, which other cases have as well.
impl Drop for Tenant {
    fn drop(&mut self) {
        let really = "--yes-i-really-really-mean-it";
        for args in [
            ["ceph", "osd", "pool", "rm", TENANT, TENANT, really].as_slice(),
            &["ceph", "auth", "rm", "client.two"],
        ] {
            let _left = cmd::run(args, Duration::from_secs(60));
        }
    }
}

/// A VM with a clone in the tenant's pool and an image of its own in the host's.
struct Vm<'t> {
    oned: Oned,
    fe: String,
    dir: String,
    tenant: &'t Tenant,
    own: Image,
}

impl<'t> Vm<'t> {
    fn new(case: &Case, tenant: &'t Tenant) -> Result<Self> {
        let vm = Self {
            oned: Oned::start(&case.world)?,
            fe: Oned::name()?,
            dir: path(&datastores(&case.world)?)?.to_owned() + "/100/12",
            tenant,
            own: case.world.clone_of(SMALL)?,
        };
        let plain =
            "<DATASTORE><ID>101</ID><TEMPLATE><POOL_NAME>one</POOL_NAME></TEMPLATE></DATASTORE>";
        vm.oned.datastore(101, plain);
        vm.oned.datastore(202, &tenant.datastore(TENANT));
        vm.state(11, &format!("{TENANT}/one-42"), case.host());
        Ok(vm)
    }

    fn state(&self, lcm_state: u32, source: &str, host: &Host) {
        let common = "<TM_MAD>warmblock</TM_MAD><WARMBLOCK_SIZE>16M</WARMBLOCK_SIZE>";
        let document = format!(
            "<VM><ID>12</ID><LCM_STATE>{lcm_state}</LCM_STATE><TEMPLATE>\
             <DISK><DISK_ID>0</DISK_ID><IMAGE_ID>42</IMAGE_ID>{common}<SOURCE>{source}</SOURCE><CLONE>YES</CLONE>{}</DISK>\
             <DISK><DISK_ID>1</DISK_ID><IMAGE_ID>43</IMAGE_ID>{common}<SOURCE>{}</SOURCE><CLONE>NO</CLONE></DISK></TEMPLATE>\
             <HISTORY_RECORDS><HISTORY><SEQ>0</SEQ><HOSTNAME>{}</HOSTNAME><DS_ID>100</DS_ID><TM_MAD>warmblock</TM_MAD></HISTORY>\
             </HISTORY_RECORDS></VM>",
            self.tenant.words, self.own.spec, host.name
        );
        self.oned.vm(12, &document);
    }

    fn transfer(&self, file: &str) -> Result<()> {
        let file = file.replace("FE:", &format!("{}:", self.fe));
        let heard = self
            .oned
            .transfer("7.4.0", 12, &file.replace("DIR", &self.dir))?;
        ensure!(heard.success, "{file}: {}", heard.info);
        Ok(())
    }
}

/// A datastore's action on an image of a pool, by the tenant.
fn made(vm: &Vm<'_>, pool: &str, action: &str, image: &str) -> Result<Out> {
    let document = format!(
        "<DS_DRIVER_ACTION_DATA><IMAGE>{image}</IMAGE>{}</DS_DRIVER_ACTION_DATA>",
        vm.tenant.datastore(pool)
    );
    vm.oned.ds(action, 42, &document)
}

/// As whom the kernel has the images of each pool mapped.
fn mapped(host: &Host, pool: &str) -> Result<String> {
    let line = format!(
        "for d in /sys/bus/rbd/devices/*; do [ \"$(cat $d/pool)\" != {pool} ] || cat $d/config_info; done"
    );
    let shown = host.sh(&line)?.stdout;
    let name = |shown: &str| {
        Some(
            shown
                .split_once("name=")?
                .1
                .split([',', ' '])
                .next()?
                .to_owned(),
        )
    };
    name(&shown).with_context(|| format!("no name in {shown:?}"))
}

/// Both disks are up and well, each by its own client, with leases that can be read.
fn both_up(host: &Host, vm: &Vm<'_>) -> Result<()> {
    let status = host.wb(&["status", "--lease", "--check"]).ok()?;
    let disks = status["disks"].as_array().context("no disks")?;
    same("disks", disks.len(), 2)?;
    for disk in disks {
        let tenants = disk["image"]
            .as_str()
            .is_some_and(|image| image.starts_with("two/"));
        same(
            "user",
            disk["access"]["user"].as_str(),
            tenants.then_some(TENANT),
        )?;
        ensure!(disk["lease"].is_object(), "{disk}");
    }
    same(
        "the tenant's mapping",
        mapped(host, TENANT)?.as_str(),
        TENANT,
    )?;
    same("the host's mapping", mapped(host, "one")?.as_str(), "admin")?;
    let records = host.sh("cat /var/lib/warmblock/disks/*.json")?.stdout;
    ensure!(
        !records.contains(&vm.tenant.secret),
        "a record holds the key"
    );
    Ok(())
}

pub fn a_user_of_its_own(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let tenant = Tenant::new(world, host)?;
    let vm = Vm::new(case, &tenant)?;
    let image = "<ID>42</ID><SIZE>24</SIZE><FORMAT>raw</FORMAT><FS>ext4</FS>";
    let out = made(&vm, TENANT, "mkfs", image)?.ok()?;
    same("mkfs", out.stdout.as_str(), "two/one-42\n")?;
    // Another's pool: nothing is made, and the user is told as whom it was tried.
    let out = made(&vm, "one", "mkfs", image)?;
    ensure!(out.code != 0 && out.stderr.contains("client.two"), "{out}");
    ensure!(out.stderr.contains("not permitted"), "{out}");
    same("lines for the user", out.stderr.lines().count(), 1)?;
    ensure!(
        world.try_rbd(&["info", "one/one-42"])?.code != 0,
        "it was made"
    );

    vm.transfer(&format!(
        "CLONE warmblock FE:two/one-42 {0}:DIR/disk.0 12 202\nLN warmblock FE:{1} {0}:DIR/disk.1 12 101",
        host.name, vm.own.spec
    ))?;
    both_up(host, &vm)?;
    host.wb(&["flush", "two/one-42-12-0"]).ok()?;
    vm.transfer(&format!(
        "SNAP_CREATE warmblock {}:DIR/disk.0 0 12 202",
        host.name
    ))?;
    host.cut_power()?;
    host.boot()?;
    host.wb(&["recover", "--wait", "2m"]).ok()?;
    both_up(host, &vm)?;

    vm.transfer(&format!(
        "DELETE warmblock {0}:DIR/disk.0 12 202\nMVDS warmblock {0}:DIR/disk.1 {1} 12 101",
        host.name, vm.own.spec
    ))?;
    let left = world.rbd(&["ls", TENANT])?.stdout;
    same("what is left", left.trim(), "one-42")?;
    refused(&vm, world, host)?;
    vm.transfer(&format!("DELETE warmblock {}:DIR 12 202", host.name))?;
    made(&vm, TENANT, "rm", "<ID>42</ID><SOURCE>two/one-42</SOURCE>")?.ok()?;
    let left = world.rbd(&["ls", TENANT])?.stdout;
    same("what is left", left.trim(), "")?;
    // Directories of the datastore's stay.
    host.sh("[ -z \"$(find /run/links ! -type d)\" ] && rm -rf /run/links")
        .map(drop)
}

/// A disk of another's pool is not cloned by a user who may not, and leaves nothing.
fn refused(vm: &Vm<'_>, world: &World, host: &Host) -> Result<()> {
    vm.state(1, &vm.own.spec, host);
    let line = format!(
        "CLONE warmblock FE:{} {}:DIR/disk.0 12 202",
        vm.own.spec, host.name
    );
    let error = vm
        .transfer(&line)
        .err()
        .context("it was cloned")?
        .to_string();
    ensure!(
        error.contains("client.two") && error.contains("not permitted"),
        "{error}"
    );
    let clone = format!("{}-12-0", vm.own.spec);
    ensure!(
        world.try_rbd(&["info", &clone])?.code != 0,
        "{clone} is there"
    );
    same(
        "disks",
        host.wb(&["status"]).ok()?["disks"].as_array().map(Vec::len),
        Some(0),
    )
}
