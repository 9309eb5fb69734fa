//! What is wanted, and who is connected.

use std::collections::BTreeSet;

use super::*;

fn lun(number: u8, image: &str) -> LunView {
    LunView {
        path: format!("rbd/{image}"),
        image: format!("rbd/{image}"),
        number,
        scsi_id: format!("6-{image}"),
        scsi_sn: image.into(),
        vendor: "CEPH".into(),
        product: "RBD".into(),
        lbppbe: 3,
        readonly: false,
    }
}

pub(super) fn wanted(
    name: &str,
    tid: u16,
    role: ClientRole,
    luns: &[u8],
    acl: &[&str],
    chap: Option<&str>,
) -> ClientView {
    let served = role == ClientRole::Active;
    let chap = chap.filter(|_| served).map(|secret| ChapView {
        user: format!("user-{name}"),
        secret: secret.into(),
    });
    let luns: Vec<LunView> = luns
        .iter()
        .filter(|_| served)
        .map(|number| lun(*number, &format!("{name}{number}")))
        .collect();
    ClientView {
        client: name.into(),
        gateway: None,
        role,
        redirect: (role == ClientRole::Standby && tid.is_multiple_of(2))
            .then(|| "10.0.0.9:3260".parse().unwrap()),
        targets: vec![TargetView {
            iqn: format!("iqn.2014-02.a.b:{name}"),
            tid,
            bs_type: "rbd",
            bsopts: "id=tgt".into(),
            luns,
        }],
        session: vec![Parameter {
            name: "ImmediateData".into(),
            value: "Yes".into(),
        }],
        chap_mutual: None,
        chap,
        addresses: acl
            .iter()
            .filter(|entry| !entry.starts_with("iqn."))
            .map(|entry| (*entry).to_owned())
            .collect(),
        initiators: acl
            .iter()
            .filter(|entry| entry.starts_with("iqn."))
            .map(|entry| (*entry).to_owned())
            .collect(),
    }
}

/// Every name that these tests use for a target of ours.
pub(super) fn ours() -> BTreeSet<String> {
    ["a", "b", "c"]
        .map(|name| format!("iqn.2014-02.a.b:{name}"))
        .into()
}

pub(super) fn session() -> Nexus {
    Nexus {
        id: 1,
        initiator: "iqn.1998-01.com.vmware:esx1".into(),
        addresses: vec!["10.0.0.1".into()],
        connections: vec![0],
    }
}
