//! The tests, and the order in which they are begun: long ones first, those that need everything last.

pub mod conformance;
mod crash;
mod external;
pub mod faults;
mod hosts;
mod images;
mod load;
mod local;
mod locks;
mod lost;
mod main_job;
pub mod meanwhile;
mod origin;
mod power;
mod recover;
mod seeds;
mod shared;
mod signatures;
mod ssd;
mod stuck;
pub mod write_back;

use std::fmt::Debug;

use anyhow::{Result, ensure};

use crate::case::{Body, Case, Need, Test};
use crate::one;

/// Those that need two hosts are spread among those that need one, so that there is work for all hosts at all times; those that
/// need the whole cluster come last.
pub fn all() -> Vec<Test> {
    let mut tests = [ALONE, one::ALONE].concat();
    if conformance::exhaustive() {
        tests.extend([LONG, one::LONG].concat());
    }
    tests.extend(conformance::all());
    let (alone, tests): (Vec<Test>, Vec<Test>) =
        (tests.into_iter()).partition(|test| test.need == Need::All);
    let (two, one): (Vec<Test>, Vec<Test>) =
        (tests.into_iter()).partition(|test| test.need == Need::Both);
    let stride = one.len().div_ceil(two.len().max(1)).max(1);
    let mut two = two.into_iter();
    let mut order = Vec::new();
    for some in one.chunks(stride) {
        order.extend(two.next());
        order.extend_from_slice(some);
    }
    order.extend(two.chain(alone));
    order
}

/// Only in an exhaustive run.
const LONG: &[Test] = &[
    test("hosts::cut_off", Need::Both, lost::cut_off),
    test(
        "external::promises_are_tried",
        Need::One,
        external::promises_are_tried,
    ),
    test(
        "external::opencas_conforms",
        Need::Udev,
        external::opencas_conforms,
    ),
    test(
        "shared::killed_beside_another",
        Need::One,
        shared::killed_beside_another,
    ),
    test("shared::slow_to_leave", Need::One, shared::slow_to_leave),
    test(
        "local::refusals_and_sizes",
        Need::One,
        local::refusals_and_sizes,
    ),
    test(
        "local::killed_while_giving_up",
        Need::One,
        local::killed_while_giving_up,
    ),
];

const ALONE: &[Test] = &[
    test(
        "main_job::without_udevd",
        Need::Plain,
        main_job::write_through,
    ),
    test("main_job::with_udevd", Need::Udev, main_job::write_through),
    test(
        "external::example_conforms",
        Need::Plain,
        external::example_conforms,
    ),
    test(
        "external::a_module_is_loaded_first",
        Need::One,
        external::a_module_is_loaded_first,
    ),
    test(
        "external::example_serves",
        Need::Udev,
        external::example_serves,
    ),
    test(
        "external::liars_are_found_out",
        Need::Plain,
        external::liars_are_found_out,
    ),
    test(
        "crash::attach_and_detach_write_through_1",
        Need::One,
        crash::attach_write_through_odd,
    ),
    test(
        "crash::attach_and_detach_write_through_2",
        Need::One,
        crash::attach_write_through_even,
    ),
    test(
        "crash::attach_and_detach_write_back",
        Need::One,
        crash::attach_write_back,
    ),
    test(
        "crash::bypass_and_insert",
        Need::One,
        crash::bypass_and_insert,
    ),
    test("crash::seed_and_flush", Need::One, crash::seed_and_flush),
    test("crash::modes", Need::One, crash::modes),
    test(
        "crash::bypass_then_attach",
        Need::One,
        crash::bypass_then_attach,
    ),
    test(
        "crash::bypass_then_attach_write_back",
        Need::One,
        crash::bypass_then_attach_write_back,
    ),
    test(
        "crash::flush_then_attach",
        Need::One,
        crash::flush_then_attach,
    ),
    test(
        "local::only_changes_go_back",
        Need::Plain,
        local::only_changes_go_back,
    ),
    test(
        "local::ssd_fails_half_way",
        Need::One,
        local::ssd_fails_half_way,
    ),
    test("local::power_cut", Need::One, local::power_cut),
    test("local::ssd_lost", Need::Both, local::ssd_lost),
    test(
        "shared::one_leaves_the_other_works",
        Need::One,
        shared::one_leaves_the_other_works,
    ),
    test("shared::used_up", Need::Plain, shared::used_up),
    test("shared::damaged", Need::Plain, shared::damaged),
    test(
        "shared::dirty_through_a_power_cut",
        Need::Udev,
        shared::dirty_through_a_power_cut,
    ),
    test(
        "power::recover_begins_cold",
        Need::One,
        power::recover_write_through,
    ),
    test("signatures::of_a_guest", Need::Udev, signatures::of_a_guest),
    test(
        "write_back::dirty_flush_detach",
        Need::Udev,
        write_back::life,
    ),
    test(
        "ssd::fails_while_it_is_seeded",
        Need::One,
        ssd::while_seeding,
    ),
    test(
        "load::bypass_insert_seed_mode_flush",
        Need::Udev,
        load::everything,
    ),
    test("seeds::none", Need::One, seeds::none),
    test("seeds::first", Need::One, seeds::first),
    test(
        "seeds::larger_than_the_slice",
        Need::One,
        seeds::larger_than_the_slice,
    ),
    test("seeds::odd_size", Need::One, seeds::odd_size),
    test("seeds::blank_image", Need::One, seeds::blank),
    test("seeds::beneath_a_guest", Need::One, seeds::beneath_a_guest),
    test(
        "seeds::exchange_that_does_not_fit",
        Need::One,
        seeds::exchange_that_does_not_fit,
    ),
    test("seeds::again_with_another_choice", Need::One, seeds::again),
    test(
        "faults::names_and_sizes",
        Need::One,
        faults::names_and_sizes,
    ),
    test("faults::odd_names_work", Need::One, faults::odd_names),
    test(
        "faults::key_and_cluster",
        Need::One,
        faults::key_and_cluster,
    ),
    test("faults::volume_group_full", Need::One, faults::full),
    test(
        "faults::volume_group_missing",
        Need::One,
        faults::no_volume_group,
    ),
    test("faults::tools_missing", Need::One, faults::tools),
    test("faults::module_missing", Need::One, faults::module),
    test("faults::foreign_watcher", Need::One, faults::watcher),
    test("faults::who_came_meanwhile", Need::One, meanwhile::alone),
    test("faults::image_grown_beneath", Need::One, faults::grown),
    test("faults::image_shrunk_beneath", Need::One, faults::shrunk),
    test("faults::image_removed_beneath", Need::One, faults::removed),
    test("faults::in_use_is_refused", Need::One, faults::in_use),
    test(
        "faults::attached_otherwise_is_refused",
        Need::One,
        faults::otherwise,
    ),
    test(
        "faults::link_in_the_way",
        Need::One,
        faults::link_in_the_way,
    ),
    test("locks::one_disk_twice_at_once", Need::One, locks::one_disk),
    test("locks::two_disks_at_once", Need::One, locks::two_disks),
    test(
        "locks::interrupt_while_seeding",
        Need::One,
        locks::interrupt,
    ),
    test(
        "recover::dry_run_changes_nothing",
        Need::One,
        recover::dry_run,
    ),
    test(
        "images::debian_import_clone_attach",
        Need::One,
        images::debian,
    ),
    test(
        "hosts::lease_is_respected_and_handed_over",
        Need::Both,
        hosts::handed_over,
    ),
    test("hosts::break_lease", Need::Both, hosts::break_lease),
    test(
        "stuck::attach_and_bypass_end_in_time",
        Need::All,
        stuck::attach_and_bypass,
    ),
    test(
        "write_back::too_little_memory",
        Need::One,
        write_back::too_little_memory,
    ),
    test(
        "stuck::bcache_while_a_device_hangs",
        Need::Plain,
        stuck::bcache,
    ),
    test(
        "stuck::writecache_while_ceph_hangs",
        Need::All,
        stuck::writecache,
    ),
];

/// A test of its own.
pub const fn test(name: &'static str, need: Need, body: fn(&Case) -> Result<()>) -> Test {
    Test {
        name,
        need,
        body: Body::Alone(body),
    }
}

/// Two things that must be the same.
#[expect(
    clippy::needless_pass_by_value,
    reason = "calls read better without a reference on every constant"
)]
pub fn same<A: Debug + PartialEq<B>, B: Debug>(what: &str, have: A, want: B) -> Result<()> {
    ensure!(have == want, "{what}: {have:?} instead of {want:?}");
    Ok(())
}
