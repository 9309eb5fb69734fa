//! What `apply` refuses, takes back and leaves out, on a daemon that refuses in turn.

use super::super::fake::{Fake, IQN};
use super::super::{LunState, TargetState};
use super::run::Work;
use super::*;
use crate::tgt::Site;
use crate::tgt::inventory::Lun;
use crate::tgt::registry::set_active;
use crate::{Kind, Result};

fn applied(fake: &Fake, site: &Site, only: Option<&str>) -> Result<ApplyReport> {
    let options = Options {
        conf_d: fake.conf_d(),
        dry_run: false,
        force: true,
        only: only.map(str::to_owned),
    };
    apply(&fake.host, &fake.tgtadm(), site, &options)
}

/// An `apply` that waited for the lock while a failover had it: on the gateway that serves now it would end the sessions, on the one
/// that did it would write files by which a restart opens the images.
#[test]
fn a_site_from_before_a_failover_changes_nothing() {
    let fake = Fake::new();
    let before = ["gw1", "gw2"].map(|gateway| fake.site(gateway));
    assert!(set_active(&fake.store(), "c", &"gw2".parse().unwrap()).unwrap());
    for site in &before {
        let error = applied(&fake, site, None).unwrap_err();
        assert_eq!(error.kind(), Kind::Busy, "{}", error.chain());
        assert!(error.to_string().contains("client c was moved"), "{error}");
    }
    assert_eq!(fake.log(), "");
    assert!(!fake.conf_d().exists());
    // what concerns another client alone goes on
    let report = applied(&fake, &before[1], Some("d")).unwrap();
    assert!(!report.failed() && report.changed(), "{report:?}");
    assert!(fake.conf_d().join("d.conf").exists());
}

fn carried_out(fake: &Fake, site: &Site) -> TargetReport {
    let (tgtadm, views) = (fake.tgtadm(), site.views().unwrap());
    let mut applied = Applied::load(&fake.host.roots, &tgtadm.incarnation().unwrap()).unwrap();
    let daemon = look(&tgtadm, &views).unwrap();
    let plan = plan(&daemon, &views, &site.identities.ours, &applied, false);
    let target = plan.targets.iter().find(|target| target.iqn == IQN);
    let mut work = Work {
        tgtadm: &tgtadm,
        holders: None,
        applied: &mut applied,
    };
    let report = target::carry_out(&mut work, target.unwrap(), false);
    applied.save(&fake.host.roots).unwrap();
    report
}

fn luns(fake: &Fake) -> Vec<LunState> {
    let mut targets = fake.tgtadm().targets().unwrap().into_iter();
    targets.find(|target| target.iqn == IQN).unwrap().luns
}

/// Whoever is let in already would meet a disk under tgtd's own id, which ESXi takes for another one.
#[test]
fn a_lun_that_cannot_be_completed_is_taken_back() {
    let fake = Fake::new();
    let site = fake.site("gw1");
    assert_eq!(carried_out(&fake, &site).error, None);
    let tid = site.identities.tid(IQN).unwrap();
    fake.tgtadm().lun_delete(tid, 2).unwrap();
    let whole = luns(&fake);
    for refused in ["scsi_id", "vendor_id"] {
        fake.refuse(&[refused]);
        let error = carried_out(&fake, &site).error.unwrap();
        assert!(error.contains("cannot LUN 2"), "{error}");
        assert!(!error.contains("; then:"), "{error}");
        assert_eq!(luns(&fake), whole, "{refused}");
    }
    // one that was there before is not taken from those who use it
    fake.refuse(&[]);
    let other = [("scsi_sn".to_owned(), "other".to_owned())];
    fake.tgtadm().lun_params(tid, 1, &other).unwrap();
    fake.refuse(&["scsi_id"]);
    assert!(carried_out(&fake, &site).error.is_some());
    assert_eq!(luns(&fake).len(), 1);
    fake.refuse(&[]);
    assert_eq!(carried_out(&fake, &site).error, None);
    let now = luns(&fake);
    let y = site.identities.lun(&"rbd/y".parse().unwrap()).unwrap();
    assert_eq!((now.len(), &now[0]), (2, &whole[0]));
    assert_eq!(now[1].scsi_id, y.scsi_id);
}

/// A LUN that is made anew: its own client is no second writer, but only if it is closed first, on the same target.
#[test]
fn only_luns_that_are_closed_first_are_counted() {
    let fake = Fake::new();
    let site = fake.site("gw1");
    let of = |image: &str, number: u64| LunState {
        number,
        scsi_id: site
            .identities
            .lun(&image.parse().unwrap())
            .unwrap()
            .scsi_id
            .clone(),
        online: true,
        bs_type: "rbd".into(),
        path: format!("{image}-as-it-was-called"),
        ..LunState::default()
    };
    let target = |tid, luns| TargetState {
        tid,
        luns,
        ..TargetState::default()
    };
    let states = [
        target(1, vec![of("rbd/x", 1), of("rbd/y", 2)]),
        target(2, vec![of("rbd/x", 1)]),
    ];
    let luns = || {
        let targets = site.inventory.targets();
        targets.flat_map(|(_, target)| &target.luns)
    };
    let x: &Lun = luns().next().unwrap();
    let delete = |tid, number| Step::LunDelete { tid, number };
    let all = Step::TargetDelete {
        tid: 1,
        force: false,
    };
    let cases: [(&[Step], usize); 5] = [
        (&[], 0),
        (&[delete(1, 1)], 1),
        (&[delete(1, 2)], 0),
        (&[all], 1),
        (&[delete(1, 1), delete(2, 1)], 2),
    ];
    for (steps, wanted) in cases {
        assert_eq!(going(steps, &states, &site, x), wanted, "{steps:?}");
    }
}
