use super::*;
use crate::one::call::{Call, Family};

const VM: &str = "<VM><ID>12</ID><LCM_STATE>3</LCM_STATE><TEMPLATE>
    <DISK><DISK_ID>0</DISK_ID><IMAGE_ID>42</IMAGE_ID><TM_MAD>warmblock</TM_MAD><SOURCE>one/one-42</SOURCE><CLONE>YES</CLONE>
      <SIZE>20480</SIZE><ORIGINAL_SIZE>10240</ORIGINAL_SIZE><WARMBLOCK_MODE>WriteBack</WARMBLOCK_MODE></DISK>
    <DISK><DISK_ID>1</DISK_ID><IMAGE_ID>43</IMAGE_ID><TM_MAD>warmblock</TM_MAD><SOURCE>one/one-43</SOURCE><CLONE>NO</CLONE></DISK>
    <DISK><DISK_ID>2</DISK_ID><TYPE>fs</TYPE><SIZE>1024</SIZE></DISK>
    <DISK><DISK_ID>3</DISK_ID><IMAGE_ID>44</IMAGE_ID><TM_MAD>ceph</TM_MAD><SOURCE>one/one-44</SOURCE><CLONE>YES</CLONE></DISK>
    </TEMPLATE><HISTORY_RECORDS><HISTORY><HOSTNAME>kvm1</HOSTNAME><DS_ID>100</DS_ID><TM_MAD>warmblock</TM_MAD></HISTORY>
    </HISTORY_RECORDS></VM>";
const DATASTORE: &str = "<DATASTORE><ID>100</ID><TEMPLATE><POOL_NAME>sys</POOL_NAME><BRIDGE_LIST>c1</BRIDGE_LIST></TEMPLATE></DATASTORE>";

/// The plan of a call, a line per step: host, request as JSON.
fn plan(line: &str) -> String {
    let mut words = line.split_whitespace().map(str::to_owned);
    let action = words.next().unwrap();
    let args: Vec<String> = words
        .map(|word| word.replace("DIR", "/var/lib/one//datastores/100/12"))
        .collect();
    let Call::Transfer(call) = Call::parse(Family::Transfer, &action, &args).unwrap() else {
        unreachable!()
    };
    let vm = Vm::parse(VM).unwrap();
    let datastore = Datastore::parse(DATASTORE).unwrap();
    let known = Known {
        vm: &vm,
        datastore: &datastore,
        front_end: &"fe".parse().unwrap(),
    };
    let plan = match Plan::of(&call, &known) {
        Ok(plan) => plan,
        Err(error) => return error.chain(),
    };
    let lines = plan.tasks.iter().flat_map(|task| {
        let Request::Steps(all) = &task.request else {
            unreachable!()
        };
        all.steps.iter().map(|step| {
            let mut json = serde_json::to_value(&step.request).unwrap();
            json.as_object_mut()
                .unwrap()
                .retain(|_, value| !value.is_null() && *value != false);
            let content = if step.content_with.is_empty() {
                ""
            } else {
                " (if there)"
            };
            format!("{}: {json}{content}", task.node)
        })
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_clone() {
    insta::assert_snapshot!(plan("clone fe:one/one-42 kvm1:DIR/disk.0 12 101"));
}

#[test]
fn a_link() {
    insta::assert_snapshot!(plan("ln fe:one/one-43 kvm1:DIR/disk.1 12 101"));
}

#[test]
fn ends() {
    insta::assert_snapshot!(plan("mvds kvm1:DIR/disk.1 one/one-43 12 101"));
    insta::assert_snapshot!(plan("delete kvm1:DIR/disk.0 12 101"));
    insta::assert_snapshot!(plan("delete kvm1:DIR/disk.1 12 101"));
    insta::assert_snapshot!(plan("delete kvm1:DIR/disk.2 12 100"));
    insta::assert_snapshot!(plan("delete fe:DIR/disk.0 12 101"));
    insta::assert_snapshot!(plan("delete kvm1:DIR 12 100"));
    assert_eq!(plan("delete fe:DIR 12 100"), "");
}

#[test]
fn moves() {
    insta::assert_snapshot!(plan("mv kvm1:DIR/disk.0 fe:DIR/disk.0 12 101"));
    insta::assert_snapshot!(plan("mv fe:DIR/disk.0 kvm2:DIR/disk.0 12 101"));
    insta::assert_snapshot!(plan("mv kvm1:DIR/disk.0 kvm2:DIR/disk.0 12 101"));
}

#[test]
fn a_live_migration() {
    insta::assert_snapshot!(plan("premigrate kvm1 kvm2 DIR 12 100"));
    insta::assert_snapshot!(plan("postmigrate kvm1 kvm2 DIR 12 100"));
    insta::assert_snapshot!(plan("failmigrate kvm1 kvm2 DIR 12 100"));
}

#[test]
fn snapshots_and_sizes() {
    insta::assert_snapshot!(plan("snap_create kvm1:DIR/disk.0 0 12 101"));
    insta::assert_snapshot!(plan("snap_delete kvm1:DIR/disk.0 0 12 101"));
    insta::assert_snapshot!(plan("resize kvm1:DIR/disk.0 30720 12 101"));
}

#[test]
fn what_cannot_be_is_told() {
    assert!(plan("clone fe:/a/file kvm1:DIR/disk.0 12 101").contains("no image of Ceph's"));
    assert!(plan("clone fe:one/one-42 kvm1:DIR/disk.9 12 101").contains("no disk 9"));
    assert!(plan("clone fe:/a/kernel kvm1:DIR/kernel 12 2").contains("not supported"));
}
