//! What tgtd printed, and whatever it may print.

use proptest::prelude::*;

use super::*;

/// As tgtd 1.0.85 printed it.
const SHOWN: &str = "\
Target 4: iqn.2014-02.my.domain:c1.t1
    System information:
        Driver: iscsi
        State: ready
    I_T nexus information:
        I_T nexus: 45
            Initiator: iqn.2024-01.lab:init alias: alias: none
            Connection: 1
                IP Address: 127.0.0.1
            Connection: 2
                IP Address: [::1]
    LUN information:
        LUN: 0
            Type: controller
            SCSI ID: IET     00040000
            SCSI SN: beaf40
            Size: 0 MB, Block size: 1
            Online: Yes
            Backing store type: null
            Backing store path: None
            Backing store flags: 
        LUN: 1
            Type: disk
            SCSI ID: IET     00040001
            SCSI SN: beaf41
            Size: 67 MB, Block size: 512
            Online: Yes
            Removable media: No
            Readonly: Yes
            Backing store type: rbd
            Backing store path: rbd/a@b
            Backing store flags: 
    Account information:
        esx1
        tgt1 (outgoing)
    ACL information:
        10.0.0.1
        [2001:db8::]/64
        iqn.1998-01.com.vmware:esx1
Target 5: bare
    System information:
        Driver: iscsi
        State: offline
    I_T nexus information:
    LUN information:
    Account information:
    ACL information:
";

#[test]
fn a_tree_is_read() {
    let targets = parse_targets(SHOWN).unwrap();
    let one = &targets[0];
    assert_eq!(
        (one.tid, one.iqn.as_str(), one.ready),
        (4, "iqn.2014-02.my.domain:c1.t1", true)
    );
    assert_eq!(
        one.nexuses,
        [Nexus {
            id: 45,
            initiator: "iqn.2024-01.lab:init".into(),
            addresses: vec!["127.0.0.1".into(), "[::1]".into()],
            connections: vec![1, 2],
        }]
    );
    assert_eq!(
        one.luns,
        [LunState {
            number: 1,
            scsi_id: "IET     00040001".into(),
            scsi_sn: "beaf41".into(),
            online: true,
            readonly: true,
            bs_type: "rbd".into(),
            path: "rbd/a@b".into()
        }]
    );
    assert_eq!(
        (one.accounts.clone(), one.outgoing.clone()),
        (vec!["esx1".to_owned()], Some("tgt1".to_owned()))
    );
    assert_eq!(
        one.acl,
        ["10.0.0.1", "[2001:db8::]/64", "iqn.1998-01.com.vmware:esx1"]
    );
    let two = &targets[1];
    assert_eq!(
        (two.tid, two.ready, two.luns.len(), two.acl.len()),
        (5, false, 0, 0)
    );
    assert!(parse_targets("").unwrap().is_empty());
    assert!(parse_targets("nonsense\n").is_err());
    assert!(parse_targets("    System information:\n").is_err());
}

#[test]
fn parameters_are_read() {
    let all =
        parse_parameters("nop_interval=0\nHeaderDigest=None\nMaxRecvDataSegmentLength=8192\n");
    assert_eq!(all["MaxRecvDataSegmentLength"], "8192");
    assert_eq!(all.len(), 3);
}

proptest! {
    #[test]
    fn whatever_is_printed_does_no_harm(text in "(Target [0-9]{1,6}: [a-z]{1,9}\n)?([ ]{0,12}[A-Z_:a-z0-9 ]{0,20}\n){0,20}") {
        let _read_or_refused = parse_targets(&text);
    }
}
