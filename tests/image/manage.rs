//! Lists, facts, sizes, names and snapshots.

use warmblock::Kind;
use warmblock::ceph::{CreateOptions, meta};
use warmblock::image::{
    CloneImage, ImageJob, ImageReport, ListAllocated, ListImages, OneImage, OneSnap, RemoveImage,
    RenameImage, ResizeImage,
};
use warmblock::model::{Bytes, Change, Lease, SnapSpec};

use super::{Scratch, Test, do_it, noise, pool_name, unique};

pub const TESTS: &[(&str, Test)] = &[
    (
        "manage: the list has all, with parents, leases and namespaces",
        list,
    ),
    ("manage: info has all", info),
    ("manage: sizes", resize),
    ("manage: names", rename),
    ("manage: flattening", flatten),
    ("manage: snapshots", snapshots),
    ("manage: snapshots of images in use", snapshots_in_use),
];

pub type Outcome = Result<(), Box<dyn std::error::Error>>;

/// What images take, by what their names are like, one namespace at a time.
fn allocated_soon(parent: &Scratch, inside: &Scratch) -> Outcome {
    let like = parent.spec.image.as_str();
    let measured = |like: &str, namespace, seconds| {
        let ask = ListAllocated {
            pool: pool_name(),
            namespace,
            like: like.to_owned(),
            seconds,
        };
        do_it(ImageJob::Allocated(ask))
    };
    let all = measured(like, None, 600)?.allocated.unwrap();
    let [one] = all.as_slice() else {
        panic!("{all:?}")
    };
    assert_eq!(one.name, parent.spec.image);
    assert!((1..=4 << 20).contains(&one.allocated.0), "{one:?}");
    let namespace = inside.spec.namespace.clone();
    assert_eq!(measured(like, namespace, 600)?.allocated, Some(Vec::new()));
    let late = measured(like, None, 0)?;
    assert_eq!(late.allocated, Some(Vec::new()));
    assert!(
        late.warnings[0].starts_with("1 of 1"),
        "{:?}",
        late.warnings
    );
    Ok(())
}

pub fn made(stem: &str) -> Scratch {
    let scratch = Scratch::new(stem);
    let options = CreateOptions {
        size: Bytes::mib(16),
        ..CreateOptions::default()
    };
    scratch.pool.create(&scratch.spec.image, &options).unwrap();
    scratch
}

pub fn cloned(parent: &Scratch) -> Scratch {
    let child = Scratch::new("child");
    let parent = SnapSpec {
        image: parent.spec.clone(),
        snap: None,
    };
    do_it(ImageJob::Clone(CloneImage::new(parent, child.spec.clone()))).unwrap();
    child
}

pub fn one(scratch: &Scratch) -> OneImage {
    OneImage {
        image: scratch.spec.clone(),
    }
}

pub fn snap(scratch: &Scratch, name: &str) -> OneSnap {
    OneSnap {
        image: scratch.spec.clone(),
        snap: name.parse().unwrap(),
    }
}

pub fn removal(scratch: &Scratch) -> RemoveImage {
    RemoveImage {
        image: scratch.spec.clone(),
        snapshots: false,
        missing_ok: false,
        left_by: Vec::new(),
        discard_dirty: false,
        of: Vec::new(),
    }
}

pub fn set_lease(scratch: &Scratch, dirty: bool) {
    let lease = format!(
        "{{\"version\":1,\"generation\":3,\"holder\":{{\"host\":\"hv9\",\"boot_id\":\"b\",\"since\":1,\"driver\":\
         \"dm-cache\",\"mode\":\"writeback\",\"dirty\":{dirty},\"cache_id\":null}}}}"
    );
    scratch
        .pool
        .open(&scratch.spec.image)
        .unwrap()
        .metadata_set(Lease::KEY, &lease)
        .unwrap();
}

pub fn drop_lease(scratch: &Scratch) {
    scratch
        .pool
        .open(&scratch.spec.image)
        .unwrap()
        .metadata_remove(Lease::KEY)
        .unwrap();
}

/// That a job is refused, with these words in its message.
pub fn refused(job: ImageJob, kind: Kind, words: &[&str]) {
    let shown = format!("{job:?}");
    let error = do_it(job)
        .map(|report: ImageReport| panic!("{shown} was done: {report:?}"))
        .unwrap_err();
    assert_eq!(error.kind(), kind, "{shown}: {error:?}");
    for word in words {
        assert!(
            error.chain().contains(word),
            "{shown}: no {word:?} in {:?}",
            error.chain()
        );
    }
    assert!(
        error.remedy_text().is_some(),
        "{shown}: no remedy: {error:?}"
    );
}

fn list() -> Outcome {
    let parent = made("listed");
    let child = cloned(&parent);
    let inside = Scratch::in_namespace("listed");
    let options = CreateOptions {
        size: Bytes::mib(8),
        ..CreateOptions::default()
    };
    inside.pool.create(&inside.spec.image, &options)?;
    parent
        .pool
        .open(&parent.spec.image)?
        .write_at(0, &noise(1, 4096))?;
    set_lease(&parent, true);
    let ask = ListImages {
        pool: pool_name(),
        namespace: None,
        all_namespaces: true,
        allocated: true,
    };
    let rows = do_it(ImageJob::List(ask))?.images.unwrap();
    let row = |scratch: &Scratch| {
        rows.iter()
            .find(|row| row.name == scratch.spec.image)
            .unwrap()
    };
    assert_eq!(row(&parent).size, Bytes::mib(16));
    assert_eq!(
        row(&parent)
            .lease
            .as_ref()
            .unwrap()
            .dirty_on()
            .unwrap()
            .as_str(),
        "hv9"
    );
    assert!((1..=4 << 20).contains(&row(&parent).allocated.unwrap().0));
    assert_eq!(row(&child).parent.as_ref().unwrap().image, parent.spec);
    assert_eq!(row(&child).lease.as_ref().unwrap().holder, None);
    assert_eq!(row(&child).allocated, Some(Bytes(0)));
    assert_eq!(row(&inside).namespace, inside.spec.namespace);
    allocated_soon(&parent, &inside)?;
    let namespace = inside.spec.namespace.clone();
    let ask = ListImages {
        pool: pool_name(),
        namespace,
        all_namespaces: false,
        allocated: false,
    };
    let rows = do_it(ImageJob::List(ask))?.images.unwrap();
    assert!(rows.iter().any(|row| row.name == inside.spec.image));
    assert!(rows.iter().all(|row| row.name != parent.spec.image));
    let namespace = Some("no-such".parse()?);
    let ask = ListImages {
        pool: pool_name(),
        namespace,
        all_namespaces: false,
        allocated: false,
    };
    assert_eq!(
        do_it(ImageJob::List(ask)).unwrap_err().kind(),
        Kind::NotFound
    );
    Ok(())
}

fn info() -> Outcome {
    let parent = made("known");
    let child = cloned(&parent);
    set_lease(&parent, false);
    let open = parent.pool.open(&parent.spec.image)?;
    open.write_at(0, &noise(1, 4096))?;
    open.metadata_set("colour", "blue")?;
    let facts = do_it(ImageJob::Info(one(&parent)))?.facts.unwrap();
    let more = facts.more.unwrap();
    assert_eq!(facts.size, Bytes::mib(16));
    assert!(
        facts
            .features
            .contains(&warmblock::image::Feature::Layering)
    );
    assert_eq!(more.children[0].image, child.spec.image);
    assert_eq!(more.snapshots[0].name.as_str(), "snap");
    assert_eq!(more.watchers.len(), 1);
    assert_eq!(more.lease.holder.unwrap().host.as_str(), "hv9");
    assert_eq!(
        (more.metadata[0].key.as_str(), more.metadata.len()),
        ("colour", 1)
    );
    assert!(more.allocated.0 > 0);
    drop(open);
    let facts = do_it(ImageJob::Info(one(&child)))?.facts.unwrap();
    assert_eq!(facts.parent.unwrap().image, parent.spec);
    assert_eq!(
        do_it(ImageJob::Info(one(&Scratch::new("nobody"))))
            .unwrap_err()
            .kind(),
        Kind::NotFound
    );
    Ok(())
}

fn resize() -> Outcome {
    let image = made("sized");
    let to = |size, shrink| {
        ImageJob::Resize(ResizeImage {
            image: image.spec.clone(),
            size,
            shrink,
            taken_over: false,
        })
    };
    assert_eq!(do_it(to(Bytes::mib(16), false))?.change, Some(Change::Kept));
    assert_eq!(
        do_it(to(Bytes::mib(24), false))?.change,
        Some(Change::Altered)
    );
    refused(to(Bytes::mib(8), false), Kind::Usage, &["24 MiB", "8 MiB"]);
    let open = image.pool.open(&image.spec.image)?;
    refused(to(Bytes::mib(8), true), Kind::Busy, &["open at"]);
    drop(open);
    set_lease(&image, false);
    refused(to(Bytes::mib(8), true), Kind::LeaseHeld, &["hv9"]);
    let grown = do_it(to(Bytes::mib(32), false))?;
    assert!(grown.warnings[0].contains("warmblock bypass"));
    drop_lease(&image);
    assert_eq!(
        do_it(to(Bytes::mib(8), true))?.facts.unwrap().size,
        Bytes::mib(8)
    );
    assert_eq!(image.open().size()?, Bytes::mib(8));
    assert_eq!(do_it(to(Bytes(0), true)).unwrap_err().kind(), Kind::Usage);
    Ok(())
}

fn rename() -> Outcome {
    let image = made("before");
    let other = made("other");
    let to = |scratch: &Scratch| {
        ImageJob::Rename(RenameImage {
            image: image.spec.clone(),
            to: scratch.spec.image.clone(),
        })
    };
    refused(to(&other), Kind::Exists, &[&other.spec.to_string()]);
    set_lease(&image, false);
    let after = Scratch::of(warmblock::model::ImageSpec {
        image: unique("after"),
        ..image.spec.clone()
    });
    refused(to(&after), Kind::LeaseHeld, &["hv9"]);
    drop_lease(&image);
    let id = image.open().id().clone();
    let report = do_it(to(&after))?;
    assert_eq!(
        (report.image, report.facts.unwrap().id),
        (Some(after.spec.clone()), id)
    );
    assert!(after.exists() && !image.exists());
    refused(to(&after), Kind::NotFound, &[]);
    Ok(())
}

fn flatten() -> Outcome {
    let parent = made("parent");
    parent
        .pool
        .open(&parent.spec.image)?
        .write_at(0, &noise(3, 5000))?;
    let child = cloned(&parent);
    assert_eq!(
        do_it(ImageJob::Flatten(one(&child)))?.change,
        Some(Change::Altered)
    );
    assert_eq!(child.open().parent()?, None);
    assert!(child.bytes()[..5000] == noise(3, 5000));
    assert_eq!(
        do_it(ImageJob::Flatten(one(&child)))?.change,
        Some(Change::Kept)
    );
    Ok(())
}

fn snapshots() -> Outcome {
    let image = made("snapped");
    let write = |seed| {
        image
            .pool
            .open(&image.spec.image)
            .unwrap()
            .write_at(0, &noise(seed, 100))
            .unwrap()
    };
    write(1);
    do_it(ImageJob::SnapCreate(snap(&image, "one")))?;
    refused(
        ImageJob::SnapCreate(snap(&image, "one")),
        Kind::Exists,
        &["@one"],
    );
    write(2);
    do_it(ImageJob::SnapRevert(snap(&image, "one")))?;
    assert!(image.bytes()[..100] == noise(1, 100));
    assert_eq!(
        do_it(ImageJob::SnapProtect(snap(&image, "one")))?.change,
        Some(Change::Altered)
    );
    assert_eq!(
        do_it(ImageJob::SnapProtect(snap(&image, "one")))?.change,
        Some(Change::Kept)
    );
    refused(
        ImageJob::SnapRemove(snap(&image, "one")),
        Kind::Busy,
        &["protected"],
    );
    let child = Scratch::new("child");
    let parent = SnapSpec {
        image: image.spec.clone(),
        snap: Some("one".parse()?),
    };
    let ask = CloneImage {
        clone_format: warmblock::ceph::CloneFormat::V1,
        ..CloneImage::new(parent, child.spec.clone())
    };
    do_it(ImageJob::Clone(ask))?;
    refused(
        ImageJob::SnapUnprotect(snap(&image, "one")),
        Kind::Busy,
        &[&child.spec.to_string()],
    );
    do_it(ImageJob::Remove(removal(&child)))?;
    assert_eq!(
        do_it(ImageJob::SnapUnprotect(snap(&image, "one")))?.change,
        Some(Change::Altered)
    );
    assert_eq!(
        do_it(ImageJob::SnapUnprotect(snap(&image, "one")))?.change,
        Some(Change::Kept)
    );
    assert_eq!(
        do_it(ImageJob::SnapRemove(snap(&image, "one")))?.change,
        Some(Change::Removed)
    );
    refused(
        ImageJob::SnapRemove(snap(&image, "one")),
        Kind::NotFound,
        &[],
    );
    Ok(())
}

fn snapshots_in_use() -> Outcome {
    let image = made("used");
    do_it(ImageJob::SnapCreate(snap(&image, "one")))?;
    set_lease(&image, true);
    refused(
        ImageJob::SnapCreate(snap(&image, "two")),
        Kind::Dirty,
        &["hv9"],
    );
    refused(
        ImageJob::SnapRevert(snap(&image, "one")),
        Kind::Dirty,
        &["hv9"],
    );
    set_lease(&image, false);
    refused(
        ImageJob::SnapRevert(snap(&image, "one")),
        Kind::LeaseHeld,
        &["hv9"],
    );
    do_it(ImageJob::SnapCreate(snap(&image, "two")))?;
    drop_lease(&image);
    let id = image.open().id().clone();
    assert_eq!(meta::get(&image.pool, &id, Lease::KEY)?, None);
    let open = image.pool.open(&image.spec.image)?;
    refused(
        ImageJob::SnapRevert(snap(&image, "one")),
        Kind::Busy,
        &["open at"],
    );
    drop(open);
    Ok(())
}
