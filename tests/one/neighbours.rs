//! What is not the VM's: images and VMs whose names begin alike, a clone that a stranger made of its disk, a namespace beside others,
//! and what a dead host has of it when it is deleted.

use anyhow::{Result, ensure};

use super::vm::{Vm, gone, holder};
use crate::case::Case;
use crate::tests::same;
use crate::world::{Image, KIB, MIB, SMALL, World, path};

/// A VM ends that nobody has any use for (`recover --delete`).
const CLEANUP_DELETE: u32 = 23;
const EPILOG: u32 = 11;

/// One after the other.
pub fn stay(case: &Case) -> Result<()> {
    numbers_alike(case)?;
    a_strangers_clone(case)?;
    in_a_namespace(case)?;
    deleted_from_a_dead_host(case)
}

fn is_there(world: &World, spec: &str) -> Result<bool> {
    Ok(world.try_rbd(&["info", spec])?.code == 0)
}

/// The clone that a VM's first disk is.
fn clone_of(vm: &Vm<'_>) -> Result<Image> {
    Ok(Image {
        spec: format!("{}-{}-0", vm.parent.spec, vm.id),
        ..vm.world.kept(&vm.parent)?
    })
}

/// Image 5 beside image 50, and VM 5 beside VM 50.
fn numbers_alike(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let stem = format!("one/{}", world.name("near"));
    let made = |id: u32| -> Result<Vm<'_>> {
        let mut vm = Vm::new(case, id)?;
        vm.parent = world.clone_as(SMALL, &format!("{stem}-{id}"))?;
        vm.state(1, host.name);
        vm.prolog()?;
        Ok(vm)
    };
    let (five, fifty) = (made(5)?, made(50)?);
    let clone = clone_of(&fifty)?;
    host.write(&fifty.disk(0), &clone, 1, MIB, 256 * KIB)?;
    host.write(&fifty.disk(1), &fifty.own, 2, MIB, 256 * KIB)?;
    five.epilog(host)?;
    let rm = format!(
        "<DS_DRIVER_ACTION_DATA><IMAGE><SOURCE>{}</SOURCE></IMAGE><DATASTORE><ID>101</ID><TEMPLATE><POOL_NAME>one</POOL_NAME>\
         <BRIDGE_LIST>{}</BRIDGE_LIST></TEMPLATE></DATASTORE></DS_DRIVER_ACTION_DATA>",
        five.parent.spec, host.name
    );
    for _ in 0..2 {
        five.oned.ds("rm", 5, &rm)?.ok()?;
    }
    for (spec, there) in [
        (&five.parent.spec, false),
        (&clone_of(&five)?.spec, false),
        (&fifty.parent.spec, true),
        (&clone.spec, true),
    ] {
        same(spec, is_there(world, spec)?, there)?;
    }
    host.check(&fifty.disk(0), &clone)?;
    host.check(&fifty.disk(1), &fifty.own)?;
    fifty.epilog(host)?;
    gone(&fifty, host)?;
    world.check_ceph(&fifty.own)?;
    world.check_ceph(&fifty.parent)
}

/// The disk goes with its VM, but not while somebody's clone needs it: that is named, and both keep what they have.
fn a_strangers_clone(case: &Case) -> Result<()> {
    let (vm, host) = (Vm::new(case, 51)?, case.host());
    let world = vm.world;
    vm.prolog()?;
    let clone = clone_of(&vm)?;
    host.write(&vm.disk(0), &clone, 1, MIB, 256 * KIB)?;
    let (snap, theirs) = (
        format!("{}@mine", clone.spec),
        format!("{}-mine", clone.spec),
    );
    world.rbd(&["snap", "create", "--no-progress", &snap])?;
    let format = ["--rbd-default-clone-format", "2"];
    world.rbd(&[&["clone"], format.as_slice(), &[&snap, &theirs]].concat())?;
    vm.state(EPILOG, host.name);
    let delete = "DELETE warmblock hv1:DIR/disk.0 IDS";
    for _ in 0..2 {
        let heard = vm.transfer(delete)?;
        ensure!(!heard.success && heard.info.contains(&theirs), "{heard:?}");
    }
    world.check_ceph(&clone)?;
    world.check_ceph(&Image {
        spec: theirs.clone(),
        ..clone.clone()
    })?;
    world.rbd(&["rm", "--no-progress", &theirs])?;
    vm.done(delete)?;
    same(&clone.spec, is_there(world, &clone.spec)?, false)?;
    vm.epilog(host)?;
    gone(&vm, host)
}

/// All of it in a namespace; the pool beside it has images of the same names.
fn in_a_namespace(case: &Case) -> Result<()> {
    let (mut vm, host) = (Vm::new(case, 52)?, case.host());
    let world = vm.world;
    let template = format!(
        "<TEMPLATE><POOL_NAME>one</POOL_NAME><RBD_NAMESPACE>tenant</RBD_NAMESPACE><BRIDGE_LIST>{}</BRIDGE_LIST>\
         <SAFE_DIRS>{}</SAFE_DIRS></TEMPLATE>",
        host.name,
        path(&world.file(""))?
    );
    let datastore = format!("<DATASTORE><ID>101</ID>{template}</DATASTORE>");
    vm.oned.datastore(101, &datastore);
    let golden = path(&world.file(SMALL.name))?.to_owned();
    for (action, id, from) in [
        ("cp", 9052, golden.as_str()),
        ("clone", 9053, "one/tenant/one-9052"),
    ] {
        let ask = format!(
            "<DS_DRIVER_ACTION_DATA><IMAGE><PATH>{from}</PATH></IMAGE>{datastore}</DS_DRIVER_ACTION_DATA>"
        );
        let out = vm.oned.ds(action, id, &ask)?.ok()?;
        let said = format!("one/tenant/one-{id} raw");
        same("where it is", out.text(), said.as_str())?;
    }
    let beside = ["one/one-9052", "one/one-9053", "one/one-9052-52-0"];
    let theirs: Vec<Image> = (beside.iter())
        .map(|spec| world.clone_as(SMALL, spec))
        .collect::<Result<_>>()?;
    let theirs_as_they_are = |vm: &Vm<'_>| theirs.iter().try_for_each(|it| vm.world.check_ceph(it));
    vm.parent = named(world, "one/tenant/one-9052")?;
    vm.own = named(world, "one/tenant/one-9053")?;
    vm.state(1, host.name);
    vm.prolog()?;
    let clone = clone_of(&vm)?;
    host.write(&vm.disk(0), &clone, 1, MIB, 256 * KIB)?;
    host.write(&vm.disk(1), &vm.own, 2, MIB, 256 * KIB)?;
    host.check(&vm.disk(0), &clone)?;
    theirs_as_they_are(&vm)?;
    for step in ["premigrate", "postmigrate"] {
        vm.migrated(step, host, case.other())?;
    }
    case.other().check(&vm.disk(1), &vm.own)?;
    vm.epilog(case.other())?;
    same(&clone.spec, is_there(world, &clone.spec)?, false)?;
    world.check_ceph(&vm.own)?;
    theirs_as_they_are(&vm)?;
    for id in [9053, 9052] {
        let ask = format!(
            "<DS_DRIVER_ACTION_DATA><IMAGE><SOURCE>one/tenant/one-{id}</SOURCE></IMAGE>{datastore}</DS_DRIVER_ACTION_DATA>"
        );
        vm.oned.ds("rm", id, &ask)?.ok()?;
    }
    let left = world.rbd(&["ls", "--namespace", "tenant", "one"])?.stdout;
    ensure!(!left.contains("one-905"), "{left}");
    theirs_as_they_are(&vm)?;
    for image in &theirs {
        world.rbd(&["rm", "--no-progress", &image.spec])?;
    }
    host.sh(&format!("rm -rf {}", path(&vm.dir)?))?;
    gone(&vm, host)?;
    gone(&vm, case.other())
}

/// An image that has the golden one's bytes.
fn named(world: &World, spec: &str) -> Result<Image> {
    let golden = Image {
        spec: spec.to_owned(),
        model: world.file(SMALL.name),
        size: SMALL.size,
    };
    world.kept(&golden)
}

/// The host is dead, and its VM is deleted: what was made for the VM goes by way of a bridge, an image of its own stays, and the host
/// gives up what it had of them when it is back.
fn deleted_from_a_dead_host(case: &Case) -> Result<()> {
    let vm = Vm::new(case, 53)?;
    let (world, hv1, own) = (vm.world, case.host(), &vm.own);
    vm.oned.datastore(
        101,
        "<DATASTORE><ID>101</ID><TEMPLATE><POOL_NAME>one</POOL_NAME><BRIDGE_LIST>dead hv2</BRIDGE_LIST></TEMPLATE></DATASTORE>",
    );
    vm.prolog()?;
    let clone = clone_of(&vm)?;
    hv1.write(&vm.disk(0), &clone, 1, MIB, 256 * KIB)?;
    hv1.cut_power()?;
    vm.oned.silent(hv1.name, true)?;
    vm.state(CLEANUP_DELETE, hv1.name);
    let all = "DELETE warmblock hv1:DIR/disk.0 IDS\nDELETE warmblock hv1:DIR/disk.1 IDS\nDELETE warmblock hv1:DIR IDS";
    for _ in 0..2 {
        vm.done(all)?;
    }
    same(&clone.spec, is_there(world, &clone.spec)?, false)?;
    let held = holder(world, own)?;
    same("the holder", held["host"].as_str(), Some(hv1.name))?;
    hv1.boot()?;
    vm.oned.silent(hv1.name, false)?;
    hv1.wb(&["recover", "--wait", "2m"]).ok()?;
    hv1.detach(own)?;
    hv1.sh(&format!("rm -rf {}", path(&vm.dir)?))?;
    gone(&vm, hv1)?;
    hv1.check_gone(own)
}
