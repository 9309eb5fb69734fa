//! What jobs on images answer, in words.

use std::fmt::{Display, Write as _};

use super::step_row;
use crate::ceph::Snap;
use crate::cli::output::columns;
use crate::cli::paint::{Paint, Tone};
use crate::image::{ImageFacts, ImageReport, ImageRow, ImportProof, MoreFacts};

/// The report as a person reads it: what was asked for first, then the steps and the warnings.
pub fn human(report: &ImageReport, paint: Paint) -> String {
    let mut text = String::new();
    if let Some(images) = &report.images {
        text.push_str(&columns(
            "",
            &images.iter().map(image_row).collect::<Vec<_>>(),
        ));
    }
    if let Some(snapshots) = &report.snapshots {
        text.push_str(&columns(
            "",
            &snapshots.iter().map(snap_row).collect::<Vec<_>>(),
        ));
    }
    if let Some(image) = &report.image {
        let headline = match report.change {
            Some(change) if report.dry_run => format!("{image}: would be {change}"),
            Some(change) => format!("{image}: {change}"),
            None => image.to_string(),
        };
        let _infallible = writeln!(text, "{}", paint.tone(Tone::Strong, &headline));
    }
    let step = |step: &crate::image::ImageStep| {
        step_row(step.change, step.seconds, &step.what, report.dry_run, paint)
    };
    text.push_str(&columns(
        "  ",
        &report.steps.iter().map(step).collect::<Vec<_>>(),
    ));
    if let Some(facts) = &report.facts {
        text.push_str(&columns("  ", &fact_rows(facts)));
    }
    if let Some(import) = &report.import {
        let _infallible = writeln!(text, "{}", import_line(import));
    }
    if let Some(digest) = &report.digest {
        let _infallible = writeln!(text, "  {digest}");
    }
    if let Some(usage) = &report.usage {
        let _infallible = writeln!(text, "{} used, {} free", usage.used, usage.free);
    }
    for warning in &report.warnings {
        let _infallible = writeln!(text, "{} {warning}", paint.tone(Tone::Warn, "warning:"));
    }
    text
}

fn image_row(row: &ImageRow) -> Vec<String> {
    let name = match &row.namespace {
        Some(namespace) => format!("{namespace}/{}", row.name),
        None => row.name.to_string(),
    };
    let mut notes = Vec::new();
    if let Some(parent) = &row.parent {
        notes.push(format!("clone of {}@{}", parent.image, parent.snap));
    }
    if let Some(holder) = row.lease.as_ref().and_then(|lease| lease.holder.as_ref()) {
        let dirty = if holder.dirty { ", may be dirty" } else { "" };
        notes.push(format!("on host {}{dirty}", holder.host));
    }
    let sharers = row.lease.iter().flat_map(|lease| &lease.shared);
    let sharers: Vec<_> = sharers.map(|sharer| &sharer.host).collect();
    if !sharers.is_empty() {
        notes.push(format!("shared by hosts {}", list(&sharers)));
    }
    if row.importing {
        notes.push("import under way or stopped".into());
    }
    notes.extend(row.problem.clone());
    let allocated = row
        .allocated
        .map_or_else(String::new, |bytes| bytes.to_string());
    vec![name, row.size.to_string(), allocated, notes.join("; ")]
}

fn snap_row(snap: &Snap) -> Vec<String> {
    let protected = if snap.protected { "protected" } else { "" };
    vec![
        snap.name.to_string(),
        snap.size.to_string(),
        protected.into(),
    ]
}

fn fact_rows(facts: &ImageFacts) -> Vec<Vec<String>> {
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let mut rows = vec![
        row("id", facts.id.to_string()),
        row("size", facts.size.to_string()),
        row("object size", facts.object_size.to_string()),
        row("features", list(&facts.features)),
    ];
    rows.extend(
        facts
            .data_pool
            .iter()
            .map(|pool| row("data pool", pool.to_string())),
    );
    if let Some(parent) = &facts.parent {
        rows.push(row(
            "parent",
            format!(
                "{}@{}, {} shared",
                parent.image, parent.snap, parent.overlap
            ),
        ));
    }
    rows.extend(facts.more.iter().flat_map(more_rows));
    rows
}

fn more_rows(more: &MoreFacts) -> Vec<Vec<String>> {
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let mut rows = vec![row("allocated", more.allocated.to_string())];
    rows.extend(
        more.snapshots
            .iter()
            .map(|snap| row("snapshot", snap_row(snap).join(" "))),
    );
    let child = |child: &crate::ceph::Child| format!("{}/{}", child.pool, child.image);
    rows.extend(more.children.iter().map(|one| row("clone", child(one))));
    rows.extend(
        more.watchers
            .iter()
            .map(|watcher| row("watcher", watcher.addr.clone())),
    );
    rows.extend(
        more.locks
            .iter()
            .map(|lock| row("lock", format!("{} {}", lock.client, lock.addr))),
    );
    rows.push(row("lease", lease(&more.lease)));
    rows.extend(
        more.metadata
            .iter()
            .map(|pair| row("metadata", format!("{} = {}", pair.key, pair.value))),
    );
    rows
}

/// A lease as a person reads it.
pub fn lease(lease: &crate::model::Lease) -> String {
    if let Some(first) = lease.shared.first() {
        let hosts: Vec<_> = lease.shared.iter().map(|sharer| &sharer.host).collect();
        let (hosts, generation) = (list(&hosts), lease.generation);
        return format!(
            "shared by hosts {hosts}, {}, generation {generation}",
            first.access
        );
    }
    match &lease.holder {
        None => format!("free, generation {}", lease.generation),
        Some(holder) => format!(
            "host {}, {} {}, generation {}, {}",
            holder.host,
            holder.driver,
            holder.mode,
            lease.generation,
            if holder.dirty {
                "may be dirty"
            } else {
                "clean"
            }
        ),
    }
}

fn list(items: &[impl Display]) -> String {
    items
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

fn import_line(import: &ImportProof) -> String {
    let packing = match import.packing.as_str() {
        "none" => String::new(),
        packing => format!(" in {packing}"),
    };
    let mut line = format!(
        "import: {}{packing}, {} read, {} of {} written in {:.1} s",
        import.format, import.read, import.written, import.size, import.seconds
    );
    if let Some(checksum) = &import.checksum {
        let _infallible = write!(line, "; {checksum} as asked");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{ImageStep, Packing, SourceFormat};
    use crate::model::{Bytes, Change};

    fn report() -> ImageReport {
        ImageReport {
            version: ImageReport::VERSION,
            dry_run: false,
            change: None,
            image: None,
            steps: Vec::new(),
            facts: None,
            images: None,
            allocated: None,
            snapshots: None,
            import: None,
            digest: None,
            usage: None,
            warnings: Vec::new(),
        }
    }

    #[test]
    fn an_import_in_words() {
        let made = ImageReport {
            change: Some(Change::Made),
            image: Some("one/debian".parse().unwrap()),
            steps: vec![ImageStep {
                change: Change::Made,
                what: "image of 2 GiB".into(),
                seconds: 0.5,
            }],
            import: Some(Box::new(ImportProof {
                format: SourceFormat::Qcow2,
                packing: Packing::Xz,
                read: Bytes::mib(300),
                size: Bytes::gib(2),
                written: Bytes::mib(900),
                checksum: Some("md5:00".into()),
                staged: true,
                seconds: 12.3,
            })),
            ..report()
        };
        insta::assert_snapshot!(human(&made, Paint::PLAIN), @r"
        one/debian: made
          made  0.50 s  image of 2 GiB
        import: qcow2 in xz, 300 MiB read, 900 MiB of 2 GiB written in 12.3 s; md5:00 as asked
        ");
    }

    #[test]
    fn a_list_in_words() {
        let row = |name: &str, problem: Option<&str>| ImageRow {
            namespace: None,
            name: name.parse().unwrap(),
            id: "abc".parse().unwrap(),
            size: Bytes::gib(20),
            parent: None,
            lease: None,
            allocated: None,
            importing: false,
            problem: problem.map(str::to_owned),
        };
        let list = ImageReport {
            images: Some(vec![
                row("vm-7", None),
                row("vm-100", Some("cannot be opened")),
            ]),
            ..report()
        };
        insta::assert_snapshot!(human(&list, Paint::PLAIN), @r"
        vm-7    20 GiB
        vm-100  20 GiB    cannot be opened
        ");
    }
}
