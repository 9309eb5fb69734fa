use std::io::Read as _;
use std::time::Duration;

use flate2::read::ZlibDecoder;
use rsa::RsaPrivateKey;
use rsa::pkcs8::{EncodePublicKey as _, LineEnding};

use super::*;
use crate::sys::atomic;

fn conf(text: &str) -> Result<Monitord> {
    let dir = tempfile::tempdir().unwrap();
    atomic::write(&dir.path().join("monitord.conf"), text.as_bytes()).unwrap();
    Monitord::find(dir.path())
}

fn sizes(vms: u32, disks: u32) -> Sizes {
    let of = |vm| (0..disks).map(move |disk| (DiskId(disk), Megabytes(u64::from(vm * 7 + disk))));
    (0..vms).map(|vm| (VmId(vm), of(vm).collect())).collect()
}

/// What the daemon reads in a datagram, before it decrypts.
fn unpacked(datagram: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(datagram).unwrap();
    let words = text.strip_prefix("MONITOR_VM SUCCESS -1 0 ").unwrap();
    let packed = STANDARD.decode(words.strip_suffix('\n').unwrap()).unwrap();
    let mut plain = Vec::new();
    ZlibDecoder::new(&*packed).read_to_end(&mut plain).unwrap();
    plain
}

/// What is read there of VMs and disks.
fn read_back(text: &str) -> Sizes {
    let items = text.split("VM=[ID=").skip(1);
    let item = |item: &str| {
        let (vm, rest) = item.split_once(", MONITOR=\"").unwrap();
        let disks = STANDARD
            .decode(rest.trim_end().strip_suffix("\"]").unwrap())
            .unwrap();
        let disks = String::from_utf8(disks).unwrap();
        let disk = |line: &str| {
            let words = line.strip_prefix("DISK_SIZE=[ID=").unwrap();
            let (disk, size) = words.split_once(",SIZE=").unwrap();
            let size = size.strip_suffix(']').unwrap();
            (disk.parse().unwrap(), size.parse().unwrap())
        };
        (vm.parse().unwrap(), disks.lines().map(disk).collect())
    };
    items.map(item).collect()
}

#[test]
fn the_daemon_is_where_its_settings_say() {
    let at = |text: &str| conf(text).map(|is| (is.host, is.port));
    let usual = "# all\nDB = [ CONNECTIONS = 15 ]\nNETWORK = [\n  ADDRESS = \"0.0.0.0\", # here\n  MONITOR_ADDRESS = \"auto\",\n\
                 PORT = 4125,\n PUBKEY = \"\", PRIKEY = \"\" ]\n";
    assert_eq!(at(usual).unwrap(), ("127.0.0.1".to_owned(), 4125));
    assert_eq!(at("A = 1").unwrap(), ("127.0.0.1".to_owned(), PORT));
    let elsewhere = at("NETWORK = [ MONITOR_ADDRESS = \"10.0.0.1\" ]").unwrap();
    assert_eq!(elsewhere, ("10.0.0.1".to_owned(), PORT));
    for (bad, said) in [
        ("NETWORK = [ PORT = 70000 ]", "PORT = 70000"),
        ("NETWORK", "line 1"),
        ("NETWORK = [ PUBKEY = \"/no/such\" ]", "/no/such"),
    ] {
        let error = conf(bad).unwrap_err();
        assert!(error.chain().contains(said), "{}", error.chain());
        assert!(error.chain().contains("monitord.conf"), "{}", error.chain());
    }
    let none = tempfile::tempdir().unwrap();
    assert_eq!(
        Monitord::find(none.path()).unwrap_err().kind(),
        Kind::Config
    );
}

#[test]
fn a_real_receiver_hears_of_every_disk_once() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let port = socket.local_addr().unwrap().port();
    let daemon = conf(&format!("NETWORK = [ PORT = {port} ]")).unwrap();
    let told = sizes(40, 3);
    daemon.tell(&told).unwrap();
    let mut datagram = vec![0; 1 << 16];
    let len = socket.recv(&mut datagram).unwrap();
    let text = String::from_utf8(unpacked(&datagram[..len])).unwrap();
    assert_eq!(read_back(&text), told);
    // Nothing to tell is not told.
    daemon.tell(&Sizes::new()).unwrap();
    socket.set_nonblocking(true).unwrap();
    assert!(socket.recv(&mut datagram).is_err());
}

#[test]
fn what_is_too_much_for_one_datagram_goes_in_several() {
    let daemon = conf("").unwrap();
    let told = sizes(6000, 4);
    let datagrams = daemon.datagrams(&told).unwrap();
    assert!(datagrams.len() > 1);
    let mut heard = Sizes::new();
    for datagram in &datagrams {
        assert!(datagram.len() <= LIMIT, "{}", datagram.len());
        let some = read_back(&String::from_utf8(unpacked(datagram)).unwrap());
        for (vm, disks) in some {
            assert!(heard.insert(vm, disks).is_none(), "{vm} twice");
        }
    }
    assert_eq!(heard, told);
}

#[test]
fn with_a_key_only_its_owner_reads_it() {
    let private = RsaPrivateKey::new(&mut OsRng, 1024).unwrap();
    let public = private.to_public_key();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pub.pem");
    for pem in [
        public.to_public_key_pem(LineEnding::LF).unwrap(),
        rsa::pkcs1::EncodeRsaPublicKey::to_pkcs1_pem(&public, LineEnding::LF).unwrap(),
    ] {
        atomic::write(&path, pem.as_bytes()).unwrap();
        let daemon = conf(&format!("NETWORK = [ PUBKEY = \"{}\" ]", path.display())).unwrap();
        let told = sizes(20, 2);
        let datagrams = daemon.datagrams(&told).unwrap();
        let sealed = unpacked(&datagrams[0]);
        assert_eq!(sealed.len() % public.size(), 0);
        let plain: Vec<u8> = sealed
            .chunks(public.size())
            .flat_map(|block| private.decrypt(Pkcs1v15Encrypt, block).unwrap())
            .collect();
        assert_eq!(read_back(&String::from_utf8(plain).unwrap()), told);
    }
    atomic::write(&path, b"no key").unwrap();
    assert!(key(&path).unwrap_err().chain().contains("PEM"));
}
