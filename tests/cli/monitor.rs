//! `monitor` of a datastore, from oned's document to its monitor daemon, with an ssh that answers as a host does.

use std::io::Read as _;
use std::net::UdpSocket;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;

use super::{put, run, warmblock};

const DOCUMENT: &str = "<DS_DRIVER_ACTION_DATA><DATASTORE><ID>100</ID><TEMPLATE><POOL_NAME>one</POOL_NAME><BRIDGE_LIST>c1</BRIDGE_LIST>\
    </TEMPLATE></DATASTORE><MONITOR_VM_DISKS>1</MONITOR_VM_DISKS></DS_DRIVER_ACTION_DATA>";

const USAGE: &str = r#"{"done":{"answer":"image","usage":{"used":"1M","free":"9M"}}}"#;

/// A host of this release.
const HOST: &str = r#"echo '{"answer":"steps","steps":[USAGE,{"done":{"answer":"image","allocated":[
    {"name":"one-42-12-0","allocated":"3M"},{"name":"one-sys-12-1","allocated":"1M"}]}}]}'"#;

/// One that cannot measure.
const FAILS: &str = r#"echo '{"answer":"steps","steps":[USAGE,{"content":"no quorum"}]}'"#;

/// One of an older release: it refuses what it does not know.
const OLD: &str = r#"case $job in
    *allocated*) echo '{"version":1,"error":{"kind":"usage","exit_code":2,"cleanup":[],"remedy":null,"message":
        "cannot understand the job on standard input: unknown variant `allocated`"}}'; exit 2 ;;
    *) echo '{"answer":"steps","steps":[USAGE]}' ;;
    esac"#;

/// What `monitor` says on standard output and error, and what the daemon hears.
fn monitored(host: &str) -> (String, String, Option<String>) {
    let dir = tempfile::tempdir().unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let conf = format!("NETWORK = [ MONITOR_ADDRESS = \"auto\", PORT = {port}, PUBKEY = \"\" ]");
    put(dir.path(), "etc/monitord.conf", &conf);
    put(dir.path(), "var/remotes/VERSION", "7.4.0");
    let (ssh, host) = (dir.path().join("bin/ssh"), host.replace("USAGE", USAGE));
    let script = format!("#!/bin/sh\njob=$(cat)\n{host}\n");
    warmblock::sys::atomic::write_mode(&ssh, script.as_bytes(), 0o755).unwrap();
    let path = format!("{}:/usr/bin:/bin", dir.path().join("bin").display());
    let mut command = warmblock(dir.path());
    command.env("ONE_LOCATION", dir.path()).env("PATH", path);
    command.args(["one", "tm", "monitor", "100"]);
    let ran = run(command.write_stdin(STANDARD.encode(DOCUMENT)));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // What was sent within this machine is there when the sender has ended.
    socket.set_nonblocking(true).unwrap();
    let mut datagram = vec![0; 1 << 16];
    let heard = socket.recv(&mut datagram).ok().map(|len| {
        let words = std::str::from_utf8(&datagram[..len]).unwrap();
        let packed = words
            .trim_end()
            .strip_prefix("MONITOR_VM SUCCESS -1 0 ")
            .unwrap();
        let packed = STANDARD.decode(packed).unwrap();
        let mut heard = String::new();
        ZlibDecoder::new(&*packed)
            .read_to_string(&mut heard)
            .unwrap();
        heard
    });
    (ran.stdout, ran.stderr, heard)
}

const FULL: &str = "USED_MB=1\nTOTAL_MB=10\nFREE_MB=9\n";

#[test]
fn the_daemon_hears_what_disks_take() {
    let (stdout, stderr, heard) = monitored(HOST);
    assert_eq!((stdout.as_str(), stderr.as_str()), (FULL, ""));
    let disks = STANDARD.encode("DISK_SIZE=[ID=0,SIZE=3]\nDISK_SIZE=[ID=1,SIZE=1]\n");
    assert_eq!(heard.unwrap(), format!("VM=[ID=12, MONITOR=\"{disks}\"]"));
}

#[test]
fn a_host_that_cannot_measure_tells_how_full_the_pool_is() {
    for (host, why) in [(FAILS, "no quorum"), (OLD, "is older")] {
        let (stdout, stderr, heard) = monitored(host);
        assert_eq!((stdout.as_str(), heard), (FULL, None));
        assert!(stderr.starts_with("WARN: warmblock "), "{stderr}");
        assert!(
            stderr.contains(why) && stderr.lines().count() == 1,
            "{stderr}"
        );
    }
}
