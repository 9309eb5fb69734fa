//! The disks of this host, in words.

use std::fmt::Write as _;

use super::image::lease;
use crate::cache::Stats;
use crate::cli::output::columns;
use crate::cli::paint::{Paint, Tone};
use crate::disk::{DiskStatus, StatusReport};
use crate::model::Bytes;

/// A line per disk; a single disk with all its layers.
pub fn human(report: &StatusReport, paint: Paint) -> String {
    let mut text: String = report
        .unreadable
        .iter()
        .map(|why| format!("{} {why}\n", paint.tone(Tone::Bad, "not shown:")))
        .collect();
    text.push_str(&disks(report, paint));
    text
}

fn disks(report: &StatusReport, paint: Paint) -> String {
    match report.disks.as_slice() {
        [] if !report.unreadable.is_empty() => "no others are attached on this host\n".into(),
        [] => "no disks are attached on this host\n".into(),
        [disk] => one(disk, paint),
        disks => columns(
            "",
            &disks
                .iter()
                .map(|disk| row(disk, paint))
                .collect::<Vec<_>>(),
        ),
    }
}

const fn tone(well: bool) -> Tone {
    if well { Tone::Good } else { Tone::Bad }
}

fn row(disk: &DiskStatus, paint: Paint) -> Vec<String> {
    let mut state = paint.tone(tone(disk.well), &disk.state);
    if let Some(who) = &disk.at_work {
        let _infallible = write!(state, "; {who}");
    }
    if let Some(text) = lease_text(disk) {
        let _infallible = write!(state, "; lease: {text}");
    }
    vec![
        disk.image.to_string(),
        disk.driver.to_string(),
        disk.mode.to_string(),
        state,
    ]
}

fn one(disk: &DiskStatus, paint: Paint) -> String {
    let mut text = format!("{}\n", paint.tone(Tone::Strong, &disk.image.to_string()));
    let pair = |name: &str, value: String| vec![name.to_owned(), value];
    let mut rows = vec![
        pair("state", paint.tone(tone(disk.well), &disk.state)),
        pair("device", disk.front.display().to_string()),
    ];
    rows.extend(
        disk.at_work
            .iter()
            .map(|who| pair("at work", who.to_string())),
    );
    rows.extend(disk.layers.iter().map(|layer| {
        pair(
            &layer.layer.to_string(),
            paint.tone(if layer.well { Tone::Dim } else { Tone::Bad }, &layer.what),
        )
    }));
    rows.extend(disk.stats.iter().flat_map(|stats| counters(stats, &pair)));
    rows.extend(lease_text(disk).map(|text| pair("lease", text)));
    rows.push(pair("guarantee", disk.guarantee.clone()));
    text.push_str(&columns("  ", &rows));
    text
}

fn counters(stats: &Stats, pair: &impl Fn(&str, String) -> Vec<String>) -> Vec<Vec<String>> {
    let dirty = if stats.dirty == Bytes(0) {
        "none".to_owned()
    } else {
        stats.dirty.to_string()
    };
    vec![
        pair(
            "resident",
            format!("{} of {}", stats.resident, stats.capacity),
        ),
        pair("dirty", dirty),
        pair(
            "reads",
            format!("{} hits, {} misses", stats.read_hits, stats.read_misses),
        ),
        pair(
            "writes",
            format!("{} hits, {} misses", stats.write_hits, stats.write_misses),
        ),
        pair(
            "blocks",
            format!(
                "{} brought in, {} thrown out",
                stats.promotions, stats.demotions
            ),
        ),
    ]
}

fn lease_text(disk: &DiskStatus) -> Option<String> {
    let unread = disk
        .lease_error
        .as_ref()
        .map(|why| format!("unknown: {why}"));
    disk.lease.as_ref().map(lease).or(unread)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Running;
    use crate::disk::{Intent, LayerStatus};
    use crate::job::LayerName;
    use crate::model::CacheMode;

    fn disk(image: &str, well: bool) -> DiskStatus {
        let what = if well {
            "/dev/rbd0, 20 GiB"
        } else {
            "not mapped"
        };
        DiskStatus {
            image: image.parse().unwrap(),
            key: "801945f3-2-abc".parse().unwrap(),
            intent: Intent::Attached,
            driver: "dm-cache".parse().unwrap(),
            mode: CacheMode::Writethrough,
            generation: 4,
            front: "/dev/mapper/wb-801945f3-2-abc".into(),
            link: None,
            shared: None,
            access: None,
            well,
            state: if well {
                "cached, 8 GiB of 8 GiB resident"
            } else {
                "not well: map not mapped"
            }
            .into(),
            layers: vec![LayerStatus {
                layer: LayerName::Map,
                well,
                what: what.into(),
            }],
            at_work: None,
            running: Some(Running::Serving(CacheMode::Writethrough)),
            stats: well.then(|| Stats {
                capacity: Bytes::gib(8),
                resident: Bytes::gib(8),
                ..Stats::default()
            }),
            lease: None,
            lease_error: (!well).then(|| "Ceph does not answer".into()),
            guarantee: "nothing is lost with the SSD".into(),
        }
    }

    #[test]
    fn many_disks_have_a_line_each_and_one_has_all() {
        let mut report = StatusReport {
            version: 1,
            unreadable: Vec::new(),
            disks: vec![disk("one/a", true), disk("one/bcd", false)],
        };
        insta::assert_snapshot!(human(&report, Paint::PLAIN), @r"
        one/a    dm-cache  writethrough  cached, 8 GiB of 8 GiB resident
        one/bcd  dm-cache  writethrough  not well: map not mapped; lease: unknown: Ceph does not answer
        ");
        report.disks.pop();
        insta::assert_snapshot!(human(&report, Paint::PLAIN), @r"
        one/a
          state      cached, 8 GiB of 8 GiB resident
          device     /dev/mapper/wb-801945f3-2-abc
          map        /dev/rbd0, 20 GiB
          resident   8 GiB of 8 GiB
          dirty      none
          reads      0 hits, 0 misses
          writes     0 hits, 0 misses
          blocks     0 brought in, 0 thrown out
          guarantee  nothing is lost with the SSD
        ");
        report.disks.clear();
        assert!(human(&report, Paint::PLAIN).starts_with("no disks"));
    }
}
