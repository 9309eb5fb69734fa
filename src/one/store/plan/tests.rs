use super::*;

const IMAGE: &str = "<ID>7</ID><SOURCE>one/one-7</SOURCE><SIZE>24</SIZE>";
const DATASTORE: &str = "<POOL_NAME>one</POOL_NAME><BRIDGE_LIST>c1 c2</BRIDGE_LIST>";

fn planned(action: DsAction, image: &str, datastore: &str) -> Result<Plan> {
    let text = format!(
        "<DS_DRIVER_ACTION_DATA><IMAGE>{image}</IMAGE><DATASTORE><ID>101</ID><TEMPLATE>{datastore}</TEMPLATE></DATASTORE>\
         </DS_DRIVER_ACTION_DATA>"
    );
    Plan::of(action, 8, &DatastoreJob::parse(&text)?)
}

/// A plan, a line per step, and what is answered.
fn plan(action: DsAction, image: &str, datastore: &str) -> String {
    let (steps, data, answer) = match planned(action, image, datastore) {
        Err(error) => return error.chain(),
        Ok(Plan::Host {
            steps,
            data,
            answer,
            ..
        }) => (steps, data, answer),
        Ok(other) => return format!("{other:?}"),
    };
    let mut lines: Vec<String> = steps
        .iter()
        .map(|step| {
            let mut json = serde_json::to_value(&step.request).unwrap();
            let fields = json.as_object_mut().unwrap();
            fields.retain(|name, value| !value.is_null() && *value != false && name != "op");
            match step.content_with.as_slice() {
                [] => json.to_string(),
                kinds => format!("{json} or {kinds:?}"),
            }
        })
        .collect();
    lines.extend(data.map(|data| format!("data: {data}")));
    lines.push(format!("answer: {answer:?}"));
    lines.join("\n")
}

#[test]
fn images_come() {
    let path = "<PATH>/var/tmp/a b.qcow2</PATH><SIZE>24</SIZE><TEMPLATE><MD5>900150983CD24FB0D6963F7D28E17F72</MD5></TEMPLATE>";
    insta::assert_snapshot!(plan(DsAction::Cp, path, DATASTORE));
    let all = "<POOL_NAME>one</POOL_NAME><RBD_NAMESPACE>t</RBD_NAMESPACE><EC_POOL_NAME>ec</EC_POOL_NAME>\
               <STAGING_DIR>/srv</STAGING_DIR><NO_DECOMPRESS>yes</NO_DECOMPRESS>";
    insta::assert_snapshot!(plan(DsAction::Cp, "<PATH>http://h/a.gz</PATH>", all));
    let backup = "<PATH>rsync://100//0:3ffce7/d/100/1/3ffce7/disk.0.0</PATH><SIZE>24</SIZE>";
    insta::assert_snapshot!(plan(DsAction::Cp, backup, DATASTORE));
    insta::assert_snapshot!(plan(
        DsAction::Clone,
        "<PATH>two/one-7</PATH><SIZE>24</SIZE>",
        DATASTORE
    ));
    insta::assert_snapshot!(plan(
        DsAction::Clone,
        "<PATH>two/one-7</PATH><SIZE>24</SIZE><REGTIME>1700000000</REGTIME>",
        DATASTORE
    ));
}

#[test]
fn images_are_made() {
    let empty = "<SIZE>24</SIZE><FORMAT>raw</FORMAT>";
    insta::assert_snapshot!(plan(DsAction::Mkfs, empty, DATASTORE));
    insta::assert_snapshot!(plan(DsAction::Mkfs, &format!("{empty}<FS>ext4</FS>"), ""));
    let registered = format!("{empty}<REGTIME>1700000000</REGTIME><FS>ext4</FS>");
    insta::assert_snapshot!(plan(DsAction::Mkfs, &registered, ""));
    assert_eq!(
        plan(DsAction::Mkfs, "<FORMAT>save_as</FORMAT>", DATASTORE),
        "Answer(\"one/one-8\")"
    );
    // Older releases have one word for both.
    let older = |word: &str| {
        plan(
            DsAction::Mkfs,
            &format!("<SIZE>1</SIZE><FSTYPE>{word}</FSTYPE>"),
            DATASTORE,
        )
    };
    assert_eq!(older("save_as"), "Answer(\"one/one-8\")");
    assert!(older("ext4").contains("\"ext4\""), "{}", older("ext4"));
    assert!(!older("raw").contains("filesystem"), "{}", older("raw"));
    assert!(older("qcow2").contains("qcow2"));
}

#[test]
fn images_go() {
    insta::assert_snapshot!(plan(DsAction::Rm, IMAGE, DATASTORE));
    insta::assert_snapshot!(plan(DsAction::Rm, IMAGE, "<CEPH_TRASH>yes</CEPH_TRASH>"));
}

#[test]
fn snapshots() {
    let image = format!(
        "{IMAGE}<TARGET_SNAPSHOT>1</TARGET_SNAPSHOT><SNAPSHOTS><CURRENT_BASE>0</CURRENT_BASE>\
         <SNAPSHOT><ID>0</ID></SNAPSHOT><SNAPSHOT><ID>1</ID></SNAPSHOT></SNAPSHOTS>"
    );
    insta::assert_snapshot!(plan(DsAction::SnapDelete, &image, DATASTORE));
    insta::assert_snapshot!(plan(DsAction::SnapRevert, &image, DATASTORE));
    insta::assert_snapshot!(plan(DsAction::SnapFlatten, &image, DATASTORE));
}

#[test]
fn disks_are_measured_where_that_is_asked_for() {
    let text = format!(
        "<DS_DRIVER_ACTION_DATA><DATASTORE><ID>100</ID><TEMPLATE>{DATASTORE}<RBD_NAMESPACE>t</RBD_NAMESPACE></TEMPLATE></DATASTORE>\
         <MONITOR_VM_DISKS>1</MONITOR_VM_DISKS></DS_DRIVER_ACTION_DATA>"
    );
    let document = DatastoreJob::parse(&text).unwrap();
    let Ok(Plan::Host { steps, .. }) = Plan::of(DsAction::Monitor, 0, &document) else {
        panic!("no host")
    };
    let asked: Vec<String> = steps
        .iter()
        .map(|step| serde_json::to_string(&step.request).unwrap())
        .collect();
    insta::assert_snapshot!(asked.join("\n"));
}

#[test]
fn what_is_only_told() {
    insta::assert_snapshot!(plan(DsAction::Monitor, "", DATASTORE));
    insta::assert_snapshot!(plan(
        DsAction::Export,
        IMAGE,
        "<CEPH_USER>libvirt</CEPH_USER>"
    ));
    assert_eq!(
        plan(DsAction::Stat, "<PATH>/a</PATH>", DATASTORE),
        "Measure(\"/a\", None)"
    );
}

#[test]
fn what_cannot_be_is_told() {
    for (action, image, words) in [
        (DsAction::Cp, "<SIZE>1</SIZE>", "no IMAGE/PATH"),
        (
            DsAction::Cp,
            "<PATH>/a</PATH><TEMPLATE><MD5>x;reboot</MD5></TEMPLATE>",
            "checksum",
        ),
        (DsAction::Mkfs, "<FORMAT>raw</FORMAT>", "no IMAGE/SIZE"),
        (
            DsAction::Mkfs,
            "<SIZE>1</SIZE><FORMAT>qcow2</FORMAT>",
            "\"qcow2\"",
        ),
        (
            DsAction::Mkfs,
            "<SIZE>1</SIZE><FS>ext4 $(x)</FS>",
            "file system",
        ),
        (
            DsAction::Clone,
            "<PATH>/a/file</PATH>",
            "no image of Ceph's",
        ),
        (DsAction::Rm, "<ID>7</ID>", "no IMAGE/SOURCE"),
        (
            DsAction::SnapRevert,
            "<SOURCE>one/one-7</SOURCE><TARGET_SNAPSHOT>-1</TARGET_SNAPSHOT>",
            "TARGET_SNAPSHOT",
        ),
    ] {
        let said = plan(action, image, DATASTORE);
        assert!(said.contains(words), "{action:?} {image}: {said}");
    }
}

/// A datastore of another user, and maybe another cluster.
#[test]
fn every_step_is_by_the_datastores_access() {
    let datastore =
        format!("{DATASTORE}<CEPH_USER>libvirt</CEPH_USER><CEPH_KEY>/etc/ceph/k</CEPH_KEY>");
    let image = format!(
        "{IMAGE}<PATH>one/one-9</PATH><TARGET_SNAPSHOT>0</TARGET_SNAPSHOT><FORMAT>raw</FORMAT>"
    );
    let mut seen = 0;
    for (name, action) in DsAction::ALL {
        let Plan::Host { steps, .. } = planned(action, &image, &datastore).unwrap() else {
            continue;
        };
        for step in &steps {
            let access = step.access.as_ref().map(ToString::to_string);
            assert_eq!(
                access.as_deref(),
                Some("client.libvirt, /etc/ceph/k"),
                "{name}"
            );
        }
        seen += steps.len();
    }
    assert!(seen >= 10, "{seen}");
}
