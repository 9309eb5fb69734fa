//! Watchers, locks and the blocklist.

use std::error::Error;
use std::time::Duration;

use warmblock::ceph::{Lockers, ignore};
use warmblock::model::Bytes;

use super::{Scratch, Test, pool};

pub const TESTS: &[(&str, Test)] = &[
    (
        "locks::watchers_are_who_has_it_open",
        watchers_are_who_has_it_open,
    ),
    (
        "locks::the_exclusive_lock_has_one_owner",
        the_exclusive_lock_has_one_owner,
    ),
    ("locks::advisory_locks", advisory_locks),
    (
        "locks::a_barred_client_writes_no_more",
        a_barred_client_writes_no_more,
    ),
];

fn watchers_are_who_has_it_open() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "watch", Bytes::mib(1));
    let reader = scratch.pool.open_read_only(&scratch.name, None)?;
    assert_eq!(reader.watchers()?, []);
    let other = pool();
    let writer = other.open(&scratch.name)?;
    let watchers = reader.watchers()?;
    assert_eq!(watchers.len(), 1);
    assert_eq!(
        u64::try_from(watchers[0].id)?,
        other.cluster().instance_id()
    );
    assert!(watchers[0].addr.contains(":0/"), "{watchers:?}");
    let mine = scratch.open();
    assert_eq!(reader.watchers()?.len(), 2);
    mine.close()?;
    writer.close()?;
    assert_eq!(reader.watchers()?, []);
    Ok(())
}

fn the_exclusive_lock_has_one_owner() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "exclusive", Bytes::mib(1));
    let (one, other) = (scratch.open(), pool().open(&scratch.name)?);
    assert_eq!(one.exclusive_lock_owners()?, [""; 0]);
    one.exclusive_lock_acquire()?;
    assert!(one.owns_exclusive_lock()? && !other.owns_exclusive_lock()?);
    let owners = other.exclusive_lock_owners()?;
    let me = one.watchers()?;
    assert!(
        me.iter().any(|watcher| owners == [watcher.addr.clone()]),
        "{owners:?} {me:?}"
    );
    // The advisory list shows it as well.
    assert!(other.lockers()?.lockers[0].cookie.starts_with("auto "));
    let taken = other.exclusive_lock_acquire().unwrap_err();
    assert!([libc::EROFS, libc::EBUSY].contains(&taken.errno), "{taken}");
    one.exclusive_lock_release()?;
    other.exclusive_lock_acquire()?;
    assert!(other.owns_exclusive_lock()? && !one.owns_exclusive_lock()?);
    other.close()?;
    assert_eq!(one.write_at(0, b"x").unwrap_err().errno, libc::EROFS);
    one.exclusive_lock_acquire()?;
    one.write_at(0, b"x")?;
    Ok(())
}

fn advisory_locks() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "advisory", Bytes::mib(1));
    let (one, other_pool) = (scratch.open(), pool());
    let other = other_pool.open(&scratch.name)?;
    assert_eq!(one.lockers()?, Lockers::default());
    one.lock_exclusive("mine")?;
    assert!(one.lock_exclusive("mine").unwrap_err().is_exists());
    assert!(other.lock_exclusive("mine").unwrap_err().is_busy());
    assert!(other.unlock("mine").unwrap_err().is_not_found());
    let found = other.lockers()?;
    assert!(found.exclusive && found.lockers.len() == 1);
    assert_eq!(
        found.lockers[0].client,
        format!("client.{}", scratch.pool.cluster().instance_id())
    );
    assert_eq!(found.lockers[0].cookie, "mine");
    one.unlock("mine")?;
    one.lock_shared("a", "together")?;
    other.lock_shared("b", "together")?;
    assert!(other.lock_shared("c", "apart").unwrap_err().is_busy());
    let found = one.lockers()?;
    assert_eq!(
        (found.exclusive, found.tag.as_str(), found.lockers.len()),
        (false, "together", 2)
    );
    other.unlock("b")?;
    one.unlock("a")?;
    assert_eq!(one.lockers()?, Lockers::default());
    // One that is gone without giving its lock back.
    other.lock_exclusive("forgotten")?;
    other.close()?;
    let left = one.lockers()?.lockers.remove(0);
    one.break_lock(&left.client, &left.cookie)?;
    assert_eq!(one.lockers()?, Lockers::default());
    drop(other_pool);
    one.lock_exclusive("mine")?;
    one.unlock("mine")?;
    one.resize(Bytes::mib(2), false, &mut ignore)?;
    scratch.pool.cluster().blocklist_remove(&left.addr)?;
    Ok(())
}

fn a_barred_client_writes_no_more() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "barred", Bytes::mib(1));
    let other_pool = pool();
    let other = other_pool.open(&scratch.name)?;
    other.write_at(0, b"before")?;
    let cluster = scratch.pool.cluster();
    let addr = scratch.open().exclusive_lock_owners()?.remove(0);
    cluster.blocklist_add(&addr, Some(Duration::from_secs(60)))?;
    let mine = scratch.open();
    mine.write_at(0, b"mine!!")?;
    let error = other.write_at(0, b"after!").unwrap_err();
    assert!(error.is_blocklisted(), "{error}");
    assert!(
        warmblock::Error::from(error)
            .remedy_text()
            .unwrap()
            .contains("blocklist")
    );
    let mut read = [0; 6];
    mine.read_at(0, &mut read)?;
    assert_eq!(&read, b"mine!!");
    cluster.blocklist_remove(&addr)?;
    let refused = cluster.blocklist_add("not an address", None).unwrap_err();
    assert_eq!(refused.errno, libc::EINVAL);
    let _already_gone = other.close();
    Ok(())
}
