//! What oned is asked for each action: the VM, unless its document comes with the call; the datastore, where the plan needs
//! of it what neither the VM nor the call says; and the VM once more after a disk was brought up.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::*;
use crate::one::call::{Call, Family};
use crate::one::oned::Surroundings;

/// A clone, an image's own disk, and one that is made for the VM.
const CLONE: &str = "<DISK><DISK_ID>0</DISK_ID><IMAGE_ID>42</IMAGE_ID><DATASTORE_ID>101</DATASTORE_ID><TM_MAD>warmblock</TM_MAD>\
                     <SOURCE>one/one-42</SOURCE><CLONE>YES</CLONE></DISK>";
const LINK: &str = "<DISK><DISK_ID>1</DISK_ID><IMAGE_ID>43</IMAGE_ID><DATASTORE_ID>101</DATASTORE_ID><TM_MAD>warmblock</TM_MAD>\
                    <SOURCE>one/one-43</SOURCE><CLONE>NO</CLONE></DISK>";
const VOLATILE: &str = "<DISK><DISK_ID>2</DISK_ID><TYPE>fs</TYPE><SIZE>1024</SIZE></DISK>";

/// Every action on a VM of each kind of disk.
const CALLS: [&str; 22] = [
    "clone fe:one/one-42 nfs1:DIR/disk.0 12 101",
    "ln fe:one/one-43 nfs1:DIR/disk.1 12 101",
    "mkimage 1024 raw nfs1:DIR/disk.2 12 100",
    "mkswap 512 nfs1:DIR/disk.2 12 100",
    "mvds nfs1:DIR/disk.1 one/one-43 12 101",
    "delete nfs1:DIR/disk.0 12 101",
    "delete nfs1:DIR/disk.1 12 101",
    "delete nfs1:DIR/disk.2 12 100",
    "delete nfs1:DIR 12 100",
    "mv nfs0:DIR/disk.0 nfs1:DIR/disk.0 12 101",
    "mv nfs0:DIR/disk.2 nfs1:DIR/disk.2 12 100",
    "mv nfs0:DIR nfs1:DIR 12 100",
    "snap_create nfs1:DIR/disk.1 0 12 101",
    "snap_create fe:DIR/disk.1 0 12 101",
    "snap_revert nfs1:DIR/disk.1 0 12 101",
    "snap_delete nfs1:DIR/disk.1 0 12 101",
    "cpds nfs1:DIR/disk.1 one/one-77 -1 12 101",
    "resize nfs1:DIR/disk.1 30720 12 101",
    "resize nfs1:DIR/disk.2 30720 12 100",
    "premigrate nfs0 nfs1 DIR 12 100",
    "postmigrate nfs0 nfs1 DIR 12 100",
    "failmigrate nfs0 nfs1 DIR 12 100",
];

fn vm(disks: &str, state: u32) -> String {
    let stay = |seq, host| {
        format!(
            "<HISTORY><SEQ>{seq}</SEQ><HOSTNAME>{host}</HOSTNAME><HID>{seq}</HID><DS_ID>100</DS_ID><TM_MAD>warmblock</TM_MAD></HISTORY>"
        )
    };
    format!(
        "<VM><ID>12</ID><STATE>3</STATE><LCM_STATE>{state}</LCM_STATE><TEMPLATE>{disks}</TEMPLATE><HISTORY_RECORDS>{}{}\
         </HISTORY_RECORDS></VM>",
        stay(0, "nfs0"),
        stay(1, "nfs1")
    )
}

/// An oned that knows one VM and every datastore, and notes what it is asked; for as long as the test runs.
struct Fake {
    home: tempfile::TempDir,
    endpoint: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    fn new(vm: String) -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".one")).unwrap();
        let auth = home.path().join(".one/one_auth");
        crate::sys::atomic::write(&auth, b"oneadmin:x\n").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/RPC2", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &vm, &notes);
            }
        });
        Self {
            home,
            endpoint,
            asked,
        }
    }

    fn site(&self) -> Site {
        Site {
            oned: Surroundings {
                endpoint: Some(self.endpoint.clone()),
                home: Some(self.home.path().to_owned()),
                var: self.home.path().to_owned(),
                ..Surroundings::default()
            },
            dialect: Dialect::Levels,
            front_end: "fe".parse().unwrap(),
        }
    }
}

fn answer(mut stream: TcpStream, vm: &str, notes: &Mutex<Vec<String>>) {
    let (mut request, mut chunk) = (String::new(), [0; 4096]);
    while !request.contains("</methodCall>") {
        let len = stream.read(&mut chunk).unwrap();
        assert_ne!(len, 0, "the call ends too early");
        request.push_str(std::str::from_utf8(&chunk[..len]).unwrap());
    }
    let between = |from: &str, to: &str| {
        let rest = request.split(from).nth(1).unwrap();
        rest.split(to).next().unwrap().to_owned()
    };
    let (what, id) = (between("<methodName>one.", ".info<"), between("<i4>", "<"));
    let document = match what.as_str() {
        "vm" => vm.to_owned(),
        "datastore" => format!(
            "<DATASTORE><ID>{id}</ID><TEMPLATE><BRIDGE_LIST>nfs9</BRIDGE_LIST></TEMPLATE></DATASTORE>"
        ),
        _ => format!("<HOST><ID>{id}</ID><STATE>3</STATE></HOST>"),
    };
    notes.lock().unwrap().push(format!("{what} {id}"));
    let body = format!(
        "<methodResponse><params><param><value><array><data><value><boolean>1</boolean></value><value><string>{}</string></value>\
         <value><i4>0</i4></value></data></array></value></param></params></methodResponse>",
        document.replace('<', "&lt;")
    );
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
        .unwrap();
}

/// What oned is asked for a call about a VM of these disks, in its order.
fn asked(disks: &str, state: u32, line: &str, stdin: &str) -> String {
    let (dir, remote) = remote(HOSTS);
    let fake = Fake::new(vm(disks, state));
    let words = line.replace("DIR", "/var/lib/one//datastores/100/12");
    let mut words = words.split_whitespace().map(str::to_owned);
    let action = words.next().unwrap();
    let Call::Transfer(call) =
        Call::parse(Family::Transfer, &action, &words.collect::<Vec<_>>()).unwrap()
    else {
        unreachable!()
    };
    let mut voice = Voice::new(Dialect::Levels, None, Vec::new());
    let done = through(
        &remote,
        &fake.site(),
        &call,
        &mut stdin.as_bytes(),
        &mut voice,
    );
    assert!(done.is_ok(), "{line}: {done:?}");
    drop(dir);
    let asked = fake.asked.lock().unwrap();
    match asked.as_slice() {
        [] => "nothing".to_owned(),
        asked => asked.join(", "),
    }
}

#[test]
fn what_oned_is_asked_for_each_action() {
    let disks = [CLONE, LINK, VOLATILE].concat();
    let rows = CALLS.map(|line| format!("{line}: {}", asked(&disks, 3, line, "")));
    insta::assert_snapshot!(rows.join("\n"));
}

/// A VM without a volatile disk says all that a migration needs, and oned brings its document along.
#[test]
fn what_a_migration_asks() {
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let row = |(name, disks): (&str, String)| {
        let lines = ["premigrate", "postmigrate", "failmigrate"]
            .map(|action| format!("{action} nfs0 nfs1 DIR 12 100"));
        let stdin = encode(&vm(&disks, 3));
        lines.map(|line| format!("{name}, {line}: {}", asked(&disks, 3, &line, &stdin)))
    };
    let rows = [
        ("none of its own", [CLONE, LINK].concat()),
        ("one of its own", [CLONE, LINK, VOLATILE].concat()),
    ];
    insta::assert_snapshot!(rows.map(row).concat().join("\n"));
}

/// Whether the host lives that a VM is taken from, is asked as well.
#[test]
fn what_a_move_from_a_lost_host_asks() {
    let line = "mv nfs0:DIR/disk.1 nfs1:DIR/disk.1 12 101";
    assert_eq!(asked(LINK, 60, line, ""), "vm 12, host 0, vm 12");
}
