//! Metadata: by librbd, by compare-and-set, and of many images at once.

use std::error::Error;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use warmblock::ceph::meta;
use warmblock::model::{Bytes, ImageId};

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
                for round in 0..ROUNDS {
                    let old = meta::get(&pool, id, KEY).unwrap();
                    together.wait();
                    let new = format!("round {round} thread {thread}");
                    if meta::compare_and_set(&pool, id, KEY, old.as_deref(), Some(new.as_bytes()))
                        .unwrap()
                    {
                        wins[round].fetch_add(1, Ordering::Relaxed);
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

fn one_key_of_a_thousand_images() -> Result<(), Box<dyn Error>> {
    let pool = pool();
    let namespace = unique("status").parse()?;
    pool.namespace_create(&namespace)?;
    let inside = pool.cluster().pool(pool.name(), Some(&namespace))?;
    let made: Vec<Scratch> = (0..1000)
        .map(|_| Scratch::sized(&inside, "d", Bytes(0)))
        .collect();
    let mut ids: Vec<ImageId> = inside
        .list_images()?
        .into_iter()
        .map(|(_, id)| id)
        .collect();
    assert_eq!(ids.len(), 1000);
    for (n, id) in ids.iter().enumerate().step_by(3) {
        assert!(meta::compare_and_set(
            &inside,
            id,
            KEY,
            None,
            Some(n.to_string().as_bytes())
        )?);
    }
    ids.push("0123456789abcdef".parse()?);
    let begun = Instant::now();
    let values = meta::get_many(&inside, &ids, KEY, Duration::from_secs(10));
    let took = begun.elapsed();
    println!("one key of 1001 images: {took:?}");
    assert!(values.last().unwrap().as_ref().unwrap_err().is_not_found());
    for (n, value) in values[..1000].iter().enumerate() {
        let expected = (n % 3 == 0).then(|| n.to_string().into_bytes());
        assert_eq!(value, &Ok(expected));
    }
    assert!(
        took < Duration::from_secs(2),
        "{took:?}: one after the other?"
    );
    let late = meta::get_many(&inside, &ids[..3], KEY, Duration::ZERO);
    assert!(
        late.iter()
            .any(|value| value.as_ref().is_err_and(|error| error.is_timeout()))
    );
    drop(made);
    pool.namespace_remove(&namespace)?;
    Ok(())
}
