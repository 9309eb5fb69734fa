//! Metadata: by librbd, by compare-and-set, and of many images at once.

use std::error::Error;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use warmblock::ceph::{CephError, CreateOptions, features, ignore, meta};
use warmblock::model::{Bytes, ImageId, ImageName};

use super::{Scratch, Test, pool, unique};

pub const TESTS: &[(&str, Test)] = &[
    (
        "meta::librbd_and_omap_see_the_same",
        librbd_and_omap_see_the_same,
    ),
    ("meta::long_and_many_values", long_and_many_values),
    (
        "meta::set_only_if_it_is_what_we_think",
        set_only_if_it_is_what_we_think,
    ),
    ("meta::exactly_one_wins", exactly_one_wins),
    (
        "meta::one_key_of_a_thousand_images",
        one_key_of_a_thousand_images,
    ),
    ("meta::late_answers_are_timeouts", late_answers_are_timeouts),
];

const KEY: &str = "warmblock.test";

fn librbd_and_omap_see_the_same() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "meta", Bytes::mib(1));
    let image = scratch.open();
    let (pool, id) = (&scratch.pool, image.id());
    assert_eq!(image.metadata_get(KEY)?, None);
    assert_eq!(meta::get(pool, id, KEY)?, None);
    image.metadata_set(KEY, "from librbd")?;
    assert_eq!(
        meta::get(pool, id, KEY)?.as_deref(),
        Some(&b"from librbd"[..])
    );
    assert!(meta::compare_and_set(
        pool,
        id,
        KEY,
        Some(b"from librbd"),
        Some(b"from omap")
    )?);
    assert_eq!(image.metadata_get(KEY)?.as_deref(), Some("from omap"));
    assert_eq!(
        image.metadata_list()?,
        [(KEY.to_owned(), "from omap".to_owned())]
    );
    image.metadata_remove(KEY)?;
    assert_eq!(meta::get(pool, id, KEY)?, None);
    assert_eq!(image.metadata_list()?, []);
    Ok(())
}

fn long_and_many_values() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "longmeta", Bytes::mib(1));
    let image = scratch.open();
    let mut all = Vec::new();
    for n in 0..100 {
        let entry = (format!("key{n:03}"), "v".repeat(n * 37));
        image.metadata_set(&entry.0, &entry.1)?;
        all.push(entry);
    }
    let long = "x".repeat(5000);
    image.metadata_set("long", &long)?;
    assert_eq!(image.metadata_get("long")?.as_deref(), Some(long.as_str()));
    all.push(("long".to_owned(), long));
    assert_eq!(image.metadata_list()?, all);
    Ok(())
}

fn set_only_if_it_is_what_we_think() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "cas", Bytes::mib(1));
    let id = scratch.pool.image_id(&scratch.name)?.unwrap();
    let set = |old: Option<&str>, new: Option<&str>| {
        let (old, new) = (old.map(str::as_bytes), new.map(str::as_bytes));
        meta::compare_and_set(&scratch.pool, &id, KEY, old, new)
    };
    let value = || {
        meta::get(&scratch.pool, &id, KEY).map(|value| value.map(|v| String::from_utf8(v).unwrap()))
    };
    assert!(!set(Some("a"), Some("b"))?, "set though there was nothing");
    assert_eq!(value()?, None);
    assert!(set(None, Some("a"))?);
    assert!(!set(None, Some("b"))?, "set though there was something");
    assert!(!set(Some("aa"), Some("b"))? && !set(Some("A"), None)?);
    assert_eq!(value()?.as_deref(), Some("a"));
    assert!(set(Some("a"), Some("b"))?);
    assert!(set(Some("b"), None)?);
    assert_eq!(value()?, None);
    assert!(set(None, None)?);
    assert_eq!(set(None, Some("")).unwrap_err().errno, libc::EINVAL);
    let absent: ImageId = "0123456789abcdef".parse()?;
    let lost = meta::compare_and_set(&scratch.pool, &absent, KEY, None, Some(b"x"));
    assert!(lost.unwrap_err().is_not_found());
    assert!(
        meta::get(&scratch.pool, &absent, KEY)
            .unwrap_err()
            .is_not_found()
    );
    Ok(())
}

fn exactly_one_wins() -> Result<(), Box<dyn Error>> {
    const THREADS: usize = 8;
    const ROUNDS: usize = 50;
    let scratch = Scratch::sized(&pool(), "race", Bytes::mib(1));
    let id = scratch.pool.image_id(&scratch.name)?.unwrap();
    let wins: Vec<AtomicUsize> = (0..ROUNDS).map(|_| AtomicUsize::new(0)).collect();
    let together = Barrier::new(THREADS);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (id, wins, together) = (&id, &wins, &together);
            scope.spawn(move || {
                // Each with a connection of its own, as hosts have.
                let pool = pool();
                for (round, wins) in wins.iter().enumerate() {
                    let old = meta::get(&pool, id, KEY).unwrap();
                    together.wait();
                    let new = format!("round {round} thread {thread}");
                    if meta::compare_and_set(&pool, id, KEY, old.as_deref(), Some(new.as_bytes()))
                        .unwrap()
                    {
                        wins.fetch_add(1, Ordering::Relaxed);
                        let now = meta::get(&pool, id, KEY).unwrap();
                        assert_eq!(
                            now.as_deref(),
                            Some(new.as_bytes()),
                            "a winner was overwritten"
                        );
                    }
                    together.wait();
                }
            });
        }
    });
    let wins: Vec<usize> = wins
        .iter()
        .map(|wins| wins.load(Ordering::Relaxed))
        .collect();
    assert_eq!(wins, [1; ROUNDS]);
    Ok(())
}

/// Calls `each` for every name, in a few threads.
fn for_all(names: &[ImageName], each: impl Fn(&ImageName) + Sync) {
    thread::scope(|scope| {
        for part in names.chunks(names.len().div_ceil(8)) {
            let each = &each;
            scope.spawn(move || part.iter().for_each(each));
        }
    });
}

fn one_key_of_a_thousand_images() -> Result<(), Box<dyn Error>> {
    // More than the first array of a list holds.
    const IMAGES: usize = 1030;
    let pool = pool();
    let namespace = unique("status").parse()?;
    pool.namespace_create(&namespace)?;
    let inside = pool.cluster().pool(pool.name(), Some(&namespace))?;
    let names: Vec<ImageName> = (0..IMAGES)
        .map(|n| format!("d{n:04}").parse().unwrap())
        .collect();
    let bare = CreateOptions {
        features: Some(features::LAYERING),
        ..CreateOptions::default()
    };
    for_all(&names, |name| inside.create(name, &bare).unwrap());
    let mut images = inside.list_images()?;
    images.sort();
    assert!(images.iter().map(|(name, _)| name).eq(&names));
    let mut ids: Vec<ImageId> = images.into_iter().map(|(_, id)| id).collect();
    for (n, id) in ids.iter().enumerate().step_by(3) {
        let value = n.to_string();
        assert!(meta::compare_and_set(
            &inside,
            id,
            KEY,
            None,
            Some(value.as_bytes())
        )?);
    }
    ids.push("0123456789abcdef".parse()?);
    let begun = Instant::now();
    let values = meta::get_many(&inside, &ids, KEY, Duration::from_secs(10));
    let took = begun.elapsed();
    println!("one key of {} images: {took:?}", ids.len());
    assert!(values[IMAGES].as_ref().unwrap_err().is_not_found());
    for (n, value) in values[..IMAGES].iter().enumerate() {
        let expected = (n % 3 == 0).then(|| n.to_string().into_bytes());
        assert_eq!(value, &Ok(expected));
    }
    assert!(
        took < Duration::from_secs(2),
        "{took:?}: one after the other?"
    );
    for_all(&names, |name| inside.remove(name, &mut ignore).unwrap());
    pool.namespace_remove(&namespace)?;
    Ok(())
}

/// Answers take part of a millisecond at least, so with no time at all something is late; and nothing hangs or crashes
/// because it was cancelled.
fn late_answers_are_timeouts() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "late", Bytes::mib(1));
    let id = scratch.pool.image_id(&scratch.name)?.unwrap();
    let ids = vec![id; 500];
    let late = meta::get_many(&scratch.pool, &ids, KEY, Duration::ZERO);
    assert_eq!(late.len(), 500);
    let timeouts = late
        .iter()
        .filter(|value| value.as_ref().is_err_and(CephError::is_timeout));
    assert!(timeouts.count() > 0);
    assert_eq!(meta::get(&scratch.pool, &ids[0], KEY)?, None);
    Ok(())
}
