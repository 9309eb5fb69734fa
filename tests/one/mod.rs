//! The conformance harness of OpenNebula's drivers: an oned of ours that serves documents, runs transfer files as one_tm does and
//! hears scripts as each release does, against the lab's Ceph and its two hosts; and the stories that it plays.

mod access;
mod across;
mod backup_store;
mod behaviour;
mod dead;
mod deploy;
mod doctored;
mod front;
mod half_way;
mod kill;
mod kill_backup;
mod kill_store;
mod late;
mod later;
mod left;
mod life;
mod lines;
mod linked;
mod live;
mod mad;
mod neighbours;
mod odd;
mod oned;
mod pipes;
mod play;
mod reboot;
mod rest;
mod restore;
mod secrets;
mod shared;
mod signal;
mod stands;
mod store;
mod storm;
mod vectors;
mod vm;
mod wire;

use crate::case::{Need, Test};
use crate::tests::test;

/// Only in an exhaustive run.
pub const LONG: &[Test] = &[
    test(
        "one::deleted_while_it_is_made",
        Need::One,
        late::deleted_while_it_is_made,
    ),
    test("one_later::moved", Need::Both, later::moved),
    test("one_later::write_through", Need::One, later::write_through),
    test(
        "one_later::write_back_by_reading",
        Need::One,
        later::write_back_by_reading,
    ),
    test("one_shared::dead_host", Need::Both, shared::dead_host),
    test(
        "one_shared::strangers_and_remains",
        Need::Both,
        shared::strangers_and_remains,
    ),
    test("one_conform::behaviour", Need::One, behaviour::behaviour),
    test("one_conform::vectors", Need::Both, vectors::contract),
    test("one_half_way::all", Need::Both, half_way::half_way),
    test("one_odd::seldom", Need::Both, odd::seldom),
    test("one_odd::doctored", Need::Both, doctored::doctored),
    test("one_odd::neighbours", Need::Both, neighbours::stay),
    test("one_store::backups", Need::One, store::backups::backups),
    test("one_restore::in_place", Need::Both, restore::in_place),
    test("one_restore::refused", Need::Both, restore::refused),
    test("one_restore::killed_once", Need::Both, restore::killed_once),
    test(
        "one_restore::killed_for_good",
        Need::Both,
        restore::killed_for_good,
    ),
    test("one_kill::begin_and_end", Need::Both, kill::begin_and_end),
    test("one_kill::swap", Need::Both, kill::swap),
    test("one_kill::changes", Need::Both, kill::changes),
    test("one_kill::moves", Need::Both, kill::moves),
    test("one_kill::datastore", Need::One, kill_store::datastore),
    test("one_kill::backups", Need::Both, kill_backup::backups),
    test(
        "one_reboot::starts_after_a_boot",
        Need::Both,
        reboot::starts_after_a_boot,
    ),
    test("one::off_on_a_dead_host", Need::Both, dead::off_there),
    test("one::signals", Need::All, signal::asked_to_stop),
    test("one_kill::guests", Need::Both, rest::goes_on),
    test("one_kill::linked", Need::Both, linked::attach_killed),
    test("one_kill::across", Need::Both, across::killed),
    test("one_kill::front_end", Need::Both, front::killed),
    test("one_kill::cancelled", Need::Both, kill::cancelled),
    test("one_storm::thirty_vms", Need::All, storm::thirty_vms),
    test("one::migration_killed", Need::Both, live::migration_killed),
    test(
        "one::what_failed_moves_left",
        Need::Both,
        left::what_failed_moves_left,
    ),
];

/// In every run.
pub const ALONE: &[Test] = &[
    test("one::refusals", Need::One, deploy::refusals),
    test("one_store::images", Need::One, store::images::images),
    test("one_store::refusals", Need::One, store::refusals),
    test(
        "one_access::a_user_of_its_own",
        Need::One,
        access::a_user_of_its_own,
    ),
    test(
        "one::deploy_and_terminate",
        Need::Both,
        deploy::deploy_and_terminate,
    ),
    test("one::releases", Need::One, lines::releases),
    test("one::spoken", Need::One, lines::spoken),
    test("one::ill", Need::One, lines::ill),
    test("one::life_of_a_vm", Need::Both, life::life),
    test("one::live_migration", Need::Both, live::live_migration),
    test("one_shared::several_vms", Need::Both, shared::several_vms),
    test("one::dead_host", Need::Both, dead::dead_host),
];
