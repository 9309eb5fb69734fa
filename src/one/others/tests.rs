use super::*;
use crate::one::call::{Call, Family, TmCall};
use crate::one::oned::Surroundings;
use crate::one::remote::tests::{remote, write_script};
use crate::one::voice::Dialect;

const VM: &str = "<VM><ID>12</ID><TEMPLATE>
    <DISK><DISK_ID>0</DISK_ID><IMAGE_ID>42</IMAGE_ID><TM_MAD>warmblock</TM_MAD><SOURCE>one/one-42</SOURCE></DISK>
    <DISK><DISK_ID>1</DISK_ID><IMAGE_ID>43</IMAGE_ID><TM_MAD>ceph</TM_MAD><SOURCE>one/one-43</SOURCE></DISK>
    <DISK><DISK_ID>2</DISK_ID><IMAGE_ID>44</IMAGE_ID><TM_MAD>ceph</TM_MAD><SOURCE>one/one-44</SOURCE></DISK>
    <DISK><DISK_ID>3</DISK_ID><IMAGE_ID>45</IMAGE_ID><TM_MAD>fs_lvm</TM_MAD><SOURCE>lvm/one-45</SOURCE></DISK>
    <DISK><DISK_ID>4</DISK_ID><IMAGE_ID>46</IMAGE_ID><TM_MAD>qcow2</TM_MAD><SOURCE>/a/file</SOURCE></DISK>
    </TEMPLATE></VM>";

/// What comes of telling them, and what they were told. `ceph` notes it, `fs_lvm` fails if it is to, `qcow2` has no scripts, and our
/// own are not called.
fn told(action: &'static str, caller: &str, lvm: &str) -> (Result<()>, String) {
    let (dir, remote) = remote("exit 9");
    let site = Site {
        oned: Surroundings {
            var: dir.path().to_owned(),
            ..Surroundings::default()
        },
        dialect: Dialect::Levels,
        front_end: "fe".parse().unwrap(),
    };
    let note = "echo \"${0%/*}\" | sed 's,.*/,,' >>\"$NOTE\"; echo \"$*, $(cat), $ONE_LOCATION\" >>\"$NOTE\"";
    let note = note.replace("$NOTE", dir.path().join("told").to_str().unwrap());
    for (driver, script) in [
        ("ceph", note.clone()),
        ("fs_lvm", format!("{note}; {lvm}")),
        ("warmblock", "exit 7".to_owned()),
    ] {
        let script_dir = site.oned.var.join("remotes/tm").join(driver);
        std::fs::create_dir_all(&script_dir).unwrap();
        let undone = format!("{note}; [ {driver} = ceph ]");
        write_script(&script_dir.join("failmigrate"), &undone);
        write_script(&script_dir.join(action), &script);
    }
    let args = format!("kvm1 kvm2 /ds/100/12 12 100 {caller}");
    let args: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
    let Ok(Call::Transfer(
        TmCall::Premigrate(migration)
        | TmCall::Postmigrate(migration)
        | TmCall::Failmigrate(migration),
    )) = Call::parse(Family::Transfer, action, &args)
    else {
        unreachable!()
    };
    let others = Others {
        action,
        migration: &migration,
        document: b"the document".to_vec(),
    };
    let done = others.tell(&site, &remote, &Vm::parse(VM).unwrap());
    let told = std::fs::read_to_string(dir.path().join("told"));
    (done, told.unwrap_or_default())
}

const CEPH: &str = "ceph\nkvm1 kvm2 /ds/100/12 12 100 warmblock, the document, /one\n";

/// Each once, with our name, the document and what oned's environment gave us.
#[test]
fn each_driver_is_told_once() {
    for action in ["premigrate", "postmigrate", "failmigrate"] {
        let (done, told) = told(action, "", "exit 0");
        assert!(done.is_ok(), "{action}: {done:?}");
        assert_eq!(
            told,
            format!("{CEPH}{}", CEPH.replace("ceph\n", "fs_lvm\n"))
        );
    }
    assert_eq!(
        told("premigrate", "ceph", "exit 0").1,
        "",
        "it would call us again"
    );
}

#[test]
fn a_driver_that_fails_is_named() {
    let (done, told) = told("premigrate", "", "echo no room >&2; exit 3");
    let chain = done.unwrap_err().chain();
    assert!(
        chain.contains("driver fs_lvm") && chain.contains("no room"),
        "{chain}"
    );
    // The one before it is told that nothing comes of it, and nobody else.
    let both = format!("{CEPH}{}{CEPH}", CEPH.replace("ceph\n", "fs_lvm\n"));
    assert_eq!(told, both);
}

/// Before 5.10 the document is an argument, and the caller comes after it.
#[test]
fn a_document_that_came_as_an_argument_is_passed_on_as_one() {
    let document = "PFZNPg==".repeat(20);
    let (done, told) = told("postmigrate", &document, "exit 0");
    assert!(done.is_ok(), "{done:?}");
    let ceph = format!("ceph\nkvm1 kvm2 /ds/100/12 12 100 {document} warmblock, , /one\n");
    assert_eq!(
        told,
        format!("{ceph}{}", ceph.replace("ceph\n", "fs_lvm\n"))
    );
}
