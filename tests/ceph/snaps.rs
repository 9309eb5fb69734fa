//! Snapshots.

use std::error::Error;

use warmblock::ceph::{CloneFormat, CloneOptions, ParentSnap, SnapNamespace, ignore};
use warmblock::model::{Bytes, SnapName};

use super::{Scratch, Test, pool};

pub const TESTS: &[(&str, Test)] = &[
    (
        "snaps::made_listed_protected_removed",
        made_listed_protected_removed,
    ),
    (
        "snaps::more_than_the_first_list_holds",
        more_than_the_first_list_holds,
    ),
    (
        "snaps::rolled_back_and_looked_at",
        rolled_back_and_looked_at,
    ),
    ("snaps::removed_under_a_clone", removed_under_a_clone),
];

fn made_listed_protected_removed() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "snaps", Bytes::mib(1));
    let image = scratch.open();
    assert_eq!(image.snapshots()?, []);
    let (first, second): (SnapName, SnapName) = ("first".parse()?, "second".parse()?);
    image.snap_create(&first)?;
    assert!(image.snap_create(&first).unwrap_err().is_exists());
    image.resize(Bytes::mib(2), false, &mut ignore)?;
    image.snap_create(&second)?;
    image.snap_protect(&second)?;
    assert!(image.snap_is_protected(&second)?);
    let found = image.snapshots()?;
    let facts: Vec<_> = found
        .iter()
        .map(|snap| (&snap.name, snap.size, snap.protected, snap.namespace))
        .collect();
    assert_eq!(
        facts,
        [
            (&first, Bytes::mib(1), false, SnapNamespace::User),
            (&second, Bytes::mib(2), true, SnapNamespace::User),
        ]
    );
    assert!(found[0].id < found[1].id);
    assert!(image.snap_remove(&second).unwrap_err().is_busy());
    image.snap_unprotect(&second)?;
    image.snap_remove(&second)?;
    let third: SnapName = "third".parse()?;
    image.snap_rename(&first, &third)?;
    assert_eq!(image.snapshots()?[0].name, third);
    assert!(image.snap_remove(&first).unwrap_err().is_not_found());
    assert!(image.snap_is_protected(&first).unwrap_err().is_not_found());
    Ok(())
}

fn more_than_the_first_list_holds() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "manysnaps", Bytes::mib(1));
    let image = scratch.open();
    let names: Vec<SnapName> = (0..70)
        .map(|n| format!("s{n:02}").parse().unwrap())
        .collect();
    for name in &names {
        image.snap_create(name)?;
    }
    let found: Vec<SnapName> = image
        .snapshots()?
        .into_iter()
        .map(|snap| snap.name)
        .collect();
    assert_eq!(found, names);
    Ok(())
}

fn rolled_back_and_looked_at() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "rollback", Bytes::mib(1));
    let image = scratch.open();
    let snap: SnapName = "then".parse()?;
    let read = |image: &warmblock::ceph::Image| {
        let mut text = [0; 3];
        image.read_at(0, &mut text).map(|_| text)
    };
    image.write_at(0, b"old")?;
    image.snap_create(&snap)?;
    image.write_at(0, b"new")?;
    assert_eq!(
        &read(&scratch.pool.open_read_only(&scratch.name, Some(&snap))?)?,
        b"old"
    );
    image.snap_set(Some(&snap))?;
    assert_eq!(&read(&image)?, b"old");
    image.snap_set(None)?;
    assert_eq!(&read(&image)?, b"new");
    image.snap_rollback(&snap, &mut ignore)?;
    assert_eq!(&read(&image)?, b"old");
    assert!(
        image
            .snap_rollback(&"never".parse()?, &mut ignore)
            .unwrap_err()
            .is_not_found()
    );
    let absent = scratch
        .pool
        .open_read_only(&scratch.name, Some(&"never".parse()?));
    assert!(absent.unwrap_err().is_not_found());
    Ok(())
}

fn removed_under_a_clone() -> Result<(), Box<dyn Error>> {
    let parent = Scratch::sized(&pool(), "under", Bytes::mib(1));
    let pool = &parent.pool;
    let snap: SnapName = "base".parse()?;
    let image = parent.open();
    image.snap_create(&snap)?;
    let clone = Scratch::named(pool, "over");
    let from = ParentSnap {
        pool,
        image: &parent.name,
        snap: &snap,
    };
    let v2 = CloneOptions {
        clone_format: CloneFormat::V2,
        ..CloneOptions::default()
    };
    pool.clone_image(&clone.name, from, &v2)?;
    image.snap_remove(&snap)?;
    let left = image.snapshots()?;
    assert_eq!(left.len(), 1);
    assert_eq!(
        (left[0].namespace, left[0].protected),
        (SnapNamespace::Trash, false)
    );
    assert_eq!(clone.open().parent()?.unwrap().snap_id, left[0].id);
    assert_eq!(image.children(None)?.len(), 1);
    drop(clone);
    assert_eq!(parent.open().snapshots()?, []);
    Ok(())
}
