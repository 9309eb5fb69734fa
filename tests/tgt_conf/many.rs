//! Ten thousand targets, a file each. How long a release build may take is measured by `make bench`.

use std::fmt::Write as _;
use std::time::Instant;

use warmblock::tgt::check;
use warmblock::tgt::conf::Disk;

use crate::cases::Case;

const TARGETS: usize = 10_000;

#[test]
fn ten_thousand_targets_are_checked() {
    let mut files = vec![(
        "main.conf".to_owned(),
        b"include @DIR@/conf.d/*.conf\n".to_vec(),
    )];
    files.extend(
        (1..=TARGETS).map(|at| (format!("conf.d/client{at}.conf"), target(at).into_bytes())),
    );
    let case = Case {
        name: "many".into(),
        files,
        relative: false,
    };
    let scratch = tempfile::tempdir().unwrap();
    case.put(scratch.path());
    let start = Instant::now();
    let report = check::check(&Disk, &[scratch.path().join("main.conf")], false);
    let took = start.elapsed();
    let checked = &report.checked[0];
    assert_eq!(
        (checked.targets, checked.luns, checked.read.len()),
        (TARGETS, 2 * TARGETS, TARGETS + 1)
    );
    assert_eq!(report.worst(), None, "{:?}", checked.findings.first());
    println!(
        "{TARGETS} targets in {TARGETS} files: {:.2} s (debug build: {})",
        took.as_secs_f64(),
        cfg!(debug_assertions)
    );
}

fn target(at: usize) -> String {
    let mut text = format!(
        "<target iqn.2014-02.my.domain:client{at}.vmfs>\n    driver iscsi\n    controller_tid {at}\n    bs-type rbd\n    bsopts id=tgt\n"
    );
    for lun in 1..=2 {
        let _infallible = write!(
            text,
            "    <backing-store rbd/client{at}-{lun}>\n        lun {lun}\n        block-size 512\n        scsi_id 6001405{at:024x}{lun}\n        \
             scsi_sn {at:x}x{lun}\n        vendor_id CEPH\n        product_id RBD\n        lbppbe 3\n        write-cache off\n    </backing-store>\n"
        );
    }
    text + "    initiator-address 10.0.0.11\n    initiator-address 10.0.0.12\n</target>\n"
}
