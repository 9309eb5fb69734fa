//! That an image which is opened anew is noted first, and not opened where another gateway serves.

use super::*;
use crate::tgt::daemon::apply::look;
use crate::tgt::daemon::fake::{Fake, IQN};
use crate::tgt::registry::{holdings, set_active};

/// A daemon of gw1 that serves both LUNs.
fn served(fake: &Fake) -> Site {
    let site = fake.site("gw1");
    let tgtadm = fake.tgtadm();
    let tid = site.identities.tid(IQN).unwrap();
    tgtadm.target_new(tid, IQN).unwrap();
    for lun in &site.views().unwrap()[0].targets[0].luns {
        tgtadm
            .lun_new(tid, lun.number, &lun.path, "rbd", "id=tgt")
            .unwrap();
    }
    site
}

fn reopened(fake: &Fake, site: &Site) -> Result<()> {
    let (tgtadm, views) = (fake.tgtadm(), site.views().unwrap());
    let daemon = look(&tgtadm, &views).unwrap();
    let view = &views[0];
    let target = &view.targets[0];
    let holders = Holders::new(&fake.host, site).unwrap();
    let one = Target {
        tgtadm: &tgtadm,
        view,
        target,
        state: &daemon.targets[0],
        ceph: None,
        holders: holders.as_ref(),
        force: false,
        dry_run: false,
    };
    one.reopen(&target.luns[0])
}

#[test]
fn an_image_is_not_opened_anew_where_another_gateway_serves() {
    let fake = Fake::new();
    let site = served(&fake);
    let before = fake.log();
    assert!(set_active(&fake.store(), "c", &"gw2".parse().unwrap()).unwrap());
    let error = reopened(&fake, &site).unwrap_err();
    assert_eq!(error.kind(), Kind::Busy);
    assert_eq!(fake.log(), before, "tgtd was asked");
}

/// Whatever becomes of this program then, a failover knows that there may be a client more.
#[test]
fn that_an_image_is_opened_anew_is_noted_first() {
    let fake = Fake::new();
    let site = served(&fake);
    fake.refuse(&["path"]);
    let error = reopened(&fake, &site).unwrap_err();
    assert!(
        error.chain().contains("invalid request"),
        "{}",
        error.chain()
    );
    let gateway: HostName = "gw1".parse().unwrap();
    let key = &site.identities.lun(&"rbd/x".parse().unwrap()).unwrap().key;
    assert!(holdings(&fake.store()).unwrap()[key][&gateway].opening);
}
