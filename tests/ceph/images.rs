//! Making, cloning, finding, renaming and removing images.

use std::error::Error;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::process::{Command, Stdio};
use std::time::Duration;

use warmblock::ceph::{
    CloneFormat, CloneOptions, CreateOptions, ParentSnap, Pool, Stage, TrashSource, features,
    ignore,
};
use warmblock::model::{Bytes, ImageName, SnapName};

use super::{Scratch, Test, ec_pool, noise, pool, unique};

pub const TESTS: &[(&str, Test)] = &[
    ("images::created_as_asked", created_as_asked),
    ("images::found_by_name_and_id", found_by_name_and_id),
    (
        "images::errors_tell_what_is_there",
        errors_tell_what_is_there,
    ),
    ("images::renamed_and_removed", renamed_and_removed),
    (
        "images::an_open_image_is_not_removed",
        an_open_image_is_not_removed,
    ),
    ("images::clones_of_both_formats", clones_of_both_formats),
    ("images::a_larger_clone", a_larger_clone),
    ("images::erasure_coded_data", erasure_coded_data),
    ("images::resized_both_ways", resized_both_ways),
    ("images::trash_and_back", trash_and_back),
    ("images::a_parent_in_the_trash", a_parent_in_the_trash),
    ("images::namespaces_are_apart", namespaces_are_apart),
    ("images::format_1_is_refused", format_1_is_refused),
    (
        "images::flattening_can_be_stopped",
        flattening_can_be_stopped,
    ),
];

fn created_as_asked() -> Result<(), Box<dyn Error>> {
    let pool = pool();
    let scratch = Scratch::named(&pool, "created");
    let wanted = features::LAYERING | features::STRIPINGV2 | features::EXCLUSIVE_LOCK;
    let options = CreateOptions {
        size: Bytes::mib(10),
        object_size: Some(Bytes::mib(1)),
        features: Some(wanted),
        data_pool: None,
        stripe_unit: Some(Bytes::kib(64)),
        stripe_count: Some(4),
    };
    pool.create(&scratch.name, &options)?;
    let info = scratch.open().info()?;
    assert_eq!(
        (info.size, info.object_size),
        (Bytes::mib(10), Bytes::mib(1))
    );
    assert_eq!((info.stripe_unit, info.stripe_count), (Bytes::kib(64), 4));
    assert_eq!(info.features, wanted);
    assert!(!info.has_fast_diff() && info.has(features::EXCLUSIVE_LOCK));
    assert_eq!((info.parent, info.data_pool, info.flags), (None, None, 0));
    let now = std::time::UNIX_EPOCH.elapsed()?.as_secs().cast_signed();
    assert!(
        (now - 60..=now + 1).contains(&info.created),
        "{} is not now",
        info.created
    );
    Ok(())
}

fn found_by_name_and_id() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "found", Bytes::mib(1));
    let pool = &scratch.pool;
    let id = pool.image_id(&scratch.name)?.unwrap();
    assert!(pool.image_exists(&scratch.name)?);
    assert!(
        pool.list_images()?
            .contains(&(scratch.name.clone(), id.clone()))
    );
    assert_eq!(scratch.open().id(), &id);
    assert_eq!(pool.open_by_id(&id)?.name()?, scratch.name);
    assert_eq!(pool.open_by_id_read_only(&id, None)?.size()?, Bytes::mib(1));
    let absent: ImageName = unique("absent").parse()?;
    assert_eq!(pool.image_id(&absent)?, None);
    assert!(!pool.image_exists(&absent)?);
    Ok(())
}

fn errors_tell_what_is_there() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "errors", Bytes::mib(1));
    let again = scratch
        .pool
        .create(&scratch.name, &CreateOptions::default());
    assert!(again.unwrap_err().is_exists());
    let absent: ImageName = unique("absent").parse()?;
    assert!(scratch.pool.open(&absent).unwrap_err().is_not_found());
    assert!(
        scratch
            .pool
            .open_read_only(&absent, None)
            .unwrap_err()
            .is_not_found()
    );
    let missing = scratch.pool.remove(&absent, &mut ignore);
    assert!(missing.unwrap_err().is_not_found());
    let odd = CreateOptions {
        object_size: Some(Bytes(3 << 20)),
        ..CreateOptions::default()
    };
    let error = scratch.pool.create(&absent, &odd).unwrap_err();
    assert!(
        error.to_string().contains("3 MiB is no power of two"),
        "{error}"
    );
    let writing = scratch
        .pool
        .open_read_only(&scratch.name, None)?
        .write_at(0, b"x");
    assert_eq!(writing.unwrap_err().errno, libc::EROFS);
    Ok(())
}

fn renamed_and_removed() -> Result<(), Box<dyn Error>> {
    let old = Scratch::sized(&pool(), "old", Bytes::mib(1));
    let new = Scratch::named(&old.pool, "new");
    let taken = Scratch::sized(&old.pool, "taken", Bytes::mib(1));
    let id = old.pool.image_id(&old.name)?;
    assert!(
        old.pool
            .rename(&old.name, &taken.name)
            .unwrap_err()
            .is_exists()
    );
    old.pool.rename(&old.name, &new.name)?;
    assert_eq!(old.pool.image_id(&new.name)?, id);
    assert!(!old.pool.image_exists(&old.name)?);
    let mut told = Vec::new();
    old.pool.remove(&new.name, &mut |progress| {
        told.push(progress);
        ControlFlow::Continue(())
    })?;
    assert!(told.iter().all(|progress| progress.done <= progress.total) && !told.is_empty());
    assert!(!old.pool.image_exists(&new.name)?);
    Ok(())
}

fn an_open_image_is_not_removed() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "busy", Bytes::mib(1));
    let elsewhere = pool().open(&scratch.name)?;
    let error = scratch.pool.remove(&scratch.name, &mut ignore).unwrap_err();
    assert!(error.is_busy(), "{error}");
    elsewhere.close()?;
    let snap: SnapName = "s".parse()?;
    scratch.open().snap_create(&snap)?;
    let error = scratch.pool.remove(&scratch.name, &mut ignore).unwrap_err();
    assert!(
        error.is_busy() && error.to_string().contains("it has snapshots"),
        "{error}"
    );
    scratch.open().snap_remove(&snap)?;
    scratch.pool.remove(&scratch.name, &mut ignore)?;
    Ok(())
}

fn clones_of_both_formats() -> Result<(), Box<dyn Error>> {
    let parent = Scratch::sized(&pool(), "parent", Bytes::mib(1));
    let pool = &parent.pool;
    let snap: SnapName = "base".parse()?;
    let data = noise(1, 1 << 20);
    let image = parent.open();
    image.write_at(0, &data)?;
    image.snap_create(&snap)?;
    let from = ParentSnap {
        pool,
        image: &parent.name,
        snap: &snap,
    };
    let format = |clone_format| CloneOptions {
        clone_format,
        ..CloneOptions::default()
    };

    let two = Scratch::named(pool, "clone-v2");
    pool.clone_image(&two.name, from, &format(CloneFormat::V2))?;
    let one = Scratch::named(pool, "clone-v1");
    let error = pool
        .clone_image(&one.name, from, &format(CloneFormat::V1))
        .unwrap_err();
    assert_eq!(error.errno, libc::EINVAL, "{error}");
    assert!(
        warmblock::Error::from(error)
            .remedy_text()
            .unwrap()
            .contains("rbd snap protect")
    );
    image.snap_protect(&snap)?;
    pool.clone_image(&one.name, from, &format(CloneFormat::V1))?;
    let again = pool.clone_image(&one.name, from, &CloneOptions::default());
    assert!(again.unwrap_err().is_exists());

    for clone in [&one, &two] {
        let opened = clone.open();
        let parent_spec = opened.info()?.parent.unwrap();
        assert_eq!(parent_spec.image, pool.spec(&parent.name));
        assert_eq!(
            (&parent_spec.image_id, &parent_spec.snap),
            (image.id(), &snap)
        );
        assert_eq!(
            (parent_spec.overlap, parent_spec.trash),
            (Bytes::mib(1), false)
        );
        let mut read = vec![0; data.len()];
        assert_eq!(opened.read_at(0, &mut read)?, data.len());
        assert_eq!(read, data);
    }
    let mut children: Vec<_> = image
        .children(Some(&snap))?
        .into_iter()
        .map(|child| child.image)
        .collect();
    children.sort();
    assert_eq!(children, [one.name.clone(), two.name.clone()]);
    assert_eq!(image.children(None)?.len(), 2);
    assert!(image.snap_unprotect(&snap).unwrap_err().is_busy());
    one.open().flatten(&mut ignore)?;
    assert_eq!(one.open().parent()?, None);
    image.snap_unprotect(&snap)?;
    assert_eq!(image.children(None)?[0].image, two.name);
    assert_eq!(
        one.open().flatten(&mut ignore).unwrap_err().errno,
        libc::EINVAL
    );
    drop((one, two));
    Ok(())
}

fn a_larger_clone() -> Result<(), Box<dyn Error>> {
    let parent = Scratch::sized(&pool(), "small", Bytes::mib(1));
    let pool = &parent.pool;
    let snap: SnapName = "base".parse()?;
    parent.open().snap_create(&snap)?;
    let from = ParentSnap {
        pool,
        image: &parent.name,
        snap: &snap,
    };
    let clone = Scratch::named(pool, "large");
    let sized = |size| CloneOptions {
        clone_format: CloneFormat::V2,
        size: Some(size),
        ..CloneOptions::default()
    };
    let error = pool
        .clone_image(&clone.name, from, &sized(Bytes::kib(512)))
        .unwrap_err();
    assert!(
        error.to_string().contains("cannot hold a parent of 1 MiB"),
        "{error}"
    );
    assert!(!pool.image_exists(&clone.name)?);
    pool.clone_image(&clone.name, from, &sized(Bytes::mib(3)))?;
    let info = clone.open().info()?;
    assert_eq!(
        (info.size, info.parent.unwrap().overlap),
        (Bytes::mib(3), Bytes::mib(1))
    );
    drop(clone);
    Ok(())
}

fn erasure_coded_data() -> Result<(), Box<dyn Error>> {
    let pool = pool();
    let scratch = Scratch::named(&pool, "ec");
    let options = CreateOptions {
        size: Bytes::mib(4),
        data_pool: Some(ec_pool()),
        ..CreateOptions::default()
    };
    pool.create(&scratch.name, &options)?;
    let image = scratch.open();
    let info = image.info()?;
    assert_eq!(info.data_pool, Some(ec_pool()));
    assert!(info.has(features::DATA_POOL));
    let data = noise(2, 100_000);
    image.write_at(12_345, &data)?;
    let mut read = vec![0; data.len()];
    assert_eq!(image.read_at(12_345, &mut read)?, data.len());
    assert_eq!(read, data);
    image.snap_create(&"s".parse()?)?;
    let clone = Scratch::named(&pool, "ec-clone");
    let from = ParentSnap {
        pool: &pool,
        image: &scratch.name,
        snap: &"s".parse()?,
    };
    let v2 = CloneOptions {
        clone_format: CloneFormat::V2,
        data_pool: Some(ec_pool()),
        ..CloneOptions::default()
    };
    pool.clone_image(&clone.name, from, &v2)?;
    assert_eq!(clone.open().info()?.data_pool, Some(ec_pool()));
    drop(clone);
    Ok(())
}

fn resized_both_ways() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "resize", Bytes::mib(1));
    let image = scratch.open();
    image.resize(Bytes::mib(2), false, &mut ignore)?;
    assert_eq!(image.size()?, Bytes::mib(2));
    image.write_at((2 << 20) - 1, b"x")?;
    let refused = image.resize(Bytes::mib(1), false, &mut ignore).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("making it smaller was not asked for"),
        "{refused}"
    );
    assert_eq!(image.size()?, Bytes::mib(2));
    image.resize(Bytes::mib(1), true, &mut ignore)?;
    image.resize(Bytes::mib(2), false, &mut ignore)?;
    let mut last = [9];
    image.read_at((2 << 20) - 1, &mut last)?;
    assert_eq!(last, [0], "what was cut off came back");
    assert_eq!(
        image.write_at(2 << 20, b"x").unwrap_err().errno,
        libc::EINVAL
    );
    assert_eq!(
        image.write_at((2 << 20) - 1, b"xy").unwrap_err().errno,
        libc::EINVAL
    );
    Ok(())
}

fn trash_and_back() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "trash", Bytes::mib(1));
    let pool = &scratch.pool;
    let id = pool.image_id(&scratch.name)?.unwrap();
    pool.trash_move(&scratch.name, Duration::from_secs(3600))?;
    assert!(!pool.image_exists(&scratch.name)?);
    let entries = pool.trash_list()?;
    let entry = entries.iter().find(|entry| entry.id == id).unwrap();
    assert_eq!(
        (&entry.name, entry.source),
        (&scratch.name, TrashSource::User)
    );
    assert_eq!(entry.deferred_until - entry.deleted, 3600);
    assert_eq!(pool.open_by_id(&id)?.size()?, Bytes::mib(1));
    let early = pool.trash_remove(&id, false, &mut ignore).unwrap_err();
    assert_eq!(early.errno, libc::EPERM);
    assert!(
        warmblock::Error::from(early)
            .remedy_text()
            .unwrap()
            .contains("delay is not over")
    );
    pool.trash_restore(&id, &scratch.name)?;
    assert_eq!(pool.image_id(&scratch.name)?, Some(id.clone()));
    pool.trash_move(&scratch.name, Duration::from_secs(3600))?;
    pool.trash_remove(&id, true, &mut ignore)?;
    assert!(pool.trash_list()?.iter().all(|entry| entry.id != id));
    Ok(())
}

fn a_parent_in_the_trash() -> Result<(), Box<dyn Error>> {
    let parent = Scratch::sized(&pool(), "gone", Bytes::mib(1));
    let pool = &parent.pool;
    let snap: SnapName = "base".parse()?;
    parent.open().write_at(0, b"from the parent")?;
    parent.open().snap_create(&snap)?;
    let clone = Scratch::named(pool, "orphan");
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
    let id = pool.image_id(&parent.name)?.unwrap();
    pool.trash_move(&parent.name, Duration::ZERO)?;
    let image = clone.open();
    let spec = image.parent()?.unwrap();
    assert!(spec.trash);
    assert_eq!(spec.image_id, id);
    let mut read = [0; 15];
    image.read_at(0, &mut read)?;
    assert_eq!(&read, b"from the parent");
    let children = pool.open_by_id(&id)?.children(Some(&snap))?;
    assert_eq!(children.len(), 1);
    assert_eq!((&children[0].id, children[0].trash), (image.id(), false));
    drop((image, clone));
    pool.trash_restore(&id, &parent.name)?;
    Ok(())
}

fn namespaces_are_apart() -> Result<(), Box<dyn Error>> {
    let pool = pool();
    let namespace = unique("tenant").parse()?;
    let inside = pool.cluster().pool(pool.name(), Some(&namespace))?;
    let early = inside.create(&"x".parse()?, &CreateOptions::default());
    assert!(early.unwrap_err().is_not_found());
    pool.namespace_create(&namespace)?;
    assert!(pool.namespace_create(&namespace).unwrap_err().is_exists());
    assert!(pool.namespaces()?.contains(&namespace));
    let scratch = Scratch::sized(&inside, "inside", Bytes::mib(1));
    assert!(!pool.image_exists(&scratch.name)?);
    assert_eq!(inside.list_images()?.len(), 1);
    assert_eq!(inside.to_string(), format!("{}/{namespace}", pool.name()));
    scratch.open().snap_create(&"s".parse()?)?;
    let clone = Scratch::named(&pool, "outside");
    let from = ParentSnap {
        pool: &inside,
        image: &scratch.name,
        snap: &"s".parse()?,
    };
    let v2 = CloneOptions {
        clone_format: CloneFormat::V2,
        ..CloneOptions::default()
    };
    pool.clone_image(&clone.name, from, &v2)?;
    assert_eq!(
        clone.open().parent()?.unwrap().image,
        inside.spec(&scratch.name)
    );
    let children = scratch.open().children(None)?;
    assert_eq!(
        (&children[0].namespace, &children[0].image),
        (&None, &clone.name)
    );
    drop(clone);
    assert!(pool.namespace_remove(&namespace).unwrap_err().is_busy());
    drop(scratch);
    pool.namespace_remove(&namespace)?;
    Ok(())
}

/// The header of an empty image of format 1, which no librbd of today makes any more.
fn format_1_header(size: Bytes) -> Vec<u8> {
    let mut header = b"<<< Rados Block Device Image >>>\n".to_vec();
    header.resize(40, 0);
    header.extend_from_slice(b"rb.0.1234.5678");
    header.resize(64, 0);
    header.extend_from_slice(b"RBD\x00001.005\x00");
    let (order, snaps) = (22, [0; 24]);
    header.extend_from_slice(&[order, 0, 0, 0]);
    header.extend_from_slice(&size.0.to_le_bytes());
    header.extend_from_slice(&snaps);
    header
}

#[expect(
    clippy::disallowed_methods,
    reason = "the product never writes such an object"
)]
fn rados(pool: &Pool, arguments: &[&str], input: &[u8]) -> Result<(), Box<dyn Error>> {
    let mut child = Command::new("rados")
        .args([
            "-c",
            &std::env::var(super::CONF)?,
            "-p",
            pool.name().as_str(),
        ])
        .args(arguments)
        .stdin(Stdio::piped())
        .spawn()?;
    child.stdin.take().unwrap().write_all(input)?;
    assert!(child.wait()?.success(), "rados {arguments:?} failed");
    Ok(())
}

fn format_1_is_refused() -> Result<(), Box<dyn Error>> {
    let pool = pool();
    let name: ImageName = unique("format1").parse()?;
    let object = format!("{name}.rbd");
    rados(
        &pool,
        &["put", &object, "-"],
        &format_1_header(Bytes::mib(1)),
    )?;
    let refused = [
        pool.open(&name).err(),
        pool.open_read_only(&name, None).err(),
    ];
    let exists = pool.image_exists(&name);
    let id = pool.image_id(&name);
    rados(&pool, &["rm", &object], b"")?;
    for error in refused {
        let error = error.unwrap();
        assert_eq!(error.stage, Stage::Unsupported, "{error}");
        assert!(error.to_string().contains("old image format 1"), "{error}");
    }
    assert_eq!((exists?, id?), (true, None));
    assert!(!pool.image_exists(&name)?);
    Ok(())
}

fn flattening_can_be_stopped() -> Result<(), Box<dyn Error>> {
    let parent = Scratch::sized(&pool(), "flat", Bytes::mib(16));
    let snap: SnapName = "base".parse()?;
    let image = parent.open();
    image.write_at(0, &noise(3, 16 << 20))?;
    image.snap_create(&snap)?;
    let clone = Scratch::named(&parent.pool, "half");
    let from = ParentSnap {
        pool: &parent.pool,
        image: &parent.name,
        snap: &snap,
    };
    let v2 = CloneOptions {
        clone_format: CloneFormat::V2,
        ..CloneOptions::default()
    };
    parent.pool.clone_image(&clone.name, from, &v2)?;
    let half = clone.open();
    let stop = &mut |_| ControlFlow::Break(());
    let error = half.flatten(stop).unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    assert!(half.parent()?.is_some());
    half.flatten(&mut ignore)?;
    assert_eq!(half.parent()?, None);
    let mut read = vec![0; 16 << 20];
    half.read_at(0, &mut read)?;
    assert_eq!(read, noise(3, 16 << 20));
    drop((half, clone));
    Ok(())
}
