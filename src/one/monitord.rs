//! What oned's monitor daemon is told of VMs' disks (contract, 1.8): datagrams that nobody answers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use rsa::pkcs1::DecodeRsaPublicKey as _;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::rand_core::OsRng;
use rsa::traits::PublicKeyParts as _;
use rsa::{Pkcs1v15Encrypt, RsaPublicKey};

use super::install::conf::{Attribute, parse};
use super::{DiskId, Megabytes, VmId};
use crate::{Context, Error, Kind, Result};

/// What the disks of VMs take.
pub(super) type Sizes = BTreeMap<VmId, BTreeMap<DiskId, Megabytes>>;

/// A datagram over IPv4 holds 65507 bytes.
const LIMIT: usize = 60_000;

/// What PKCS #1 v1.5 adds to a block at least.
const PADDING: usize = 11;

/// The port of a daemon whose settings name none.
const PORT: u16 = 4124;

/// How the daemon is spoken to.
#[derive(Debug)]
pub(super) struct Monitord {
    host: String,
    port: u16,
    key: Option<RsaPublicKey>,
}

impl Monitord {
    /// As monitord.conf of an OpenNebula's settings says.
    ///
    /// # Errors
    /// [`Kind::Config`] if that, or the key that it names, cannot be read or understood.
    pub(super) fn find(etc: &Path) -> Result<Self> {
        let conf = etc.join("monitord.conf");
        let text = read(&conf)?;
        let found = parse(&text).and_then(|all| Self::of(&all));
        found.context(|| format!("cannot use {}", conf.display()))
    }

    fn of(all: &[Attribute]) -> Result<Self> {
        let network = all.iter().find(|one| one.name == "NETWORK");
        let word = |name: &str| {
            let text = network?.element(name)?.text.trim();
            (!text.is_empty()).then_some(text)
        };
        let host = word("MONITOR_ADDRESS").filter(|host| !host.eq_ignore_ascii_case("auto"));
        let port = word("PORT").map(|port| {
            let wrong = |_| Error::new(Kind::Config, format!("PORT = {port} is no port"));
            port.parse().map_err(wrong)
        });
        Ok(Self {
            host: host.unwrap_or("127.0.0.1").to_owned(),
            port: port.transpose()?.unwrap_or(PORT),
            key: word("PUBKEY")
                .map(|path| key(Path::new(path)))
                .transpose()?,
        })
    }

    /// Tells it what disks take; whether it hears that, nobody knows.
    ///
    /// # Errors
    /// [`Kind::Failed`] where the system refuses to send: the address is not found, or nobody is there on this machine.
    pub(super) fn tell(&self, sizes: &Sizes) -> Result<()> {
        let datagrams = self.datagrams(sizes)?;
        let send = || -> std::io::Result<()> {
            let mut found = (self.host.as_str(), self.port).to_socket_addrs()?;
            let to = found.next().ok_or(std::io::ErrorKind::NotFound)?;
            let any: SocketAddr = match to {
                SocketAddr::V4(_) => ([0; 4], 0).into(),
                SocketAddr::V6(_) => ([0; 16], 0).into(),
            };
            let socket = UdpSocket::bind(any)?;
            socket.connect(to)?;
            for datagram in &datagrams {
                socket.send(datagram)?;
            }
            Ok(())
        };
        send().map_err(|error| {
            let at = format!("{} port {}", self.host, self.port);
            Error::new(
                Kind::Failed,
                format!("cannot tell the monitor daemon at {at} what disks take"),
            )
            .because(error)
            .remedy("is it running? MONITOR_ADDRESS and PORT of NETWORK in monitord.conf say where")
        })
    }

    /// As many as it takes, none larger than can be sent; a VM's disks are in one.
    fn datagrams(&self, sizes: &Sizes) -> Result<Vec<Vec<u8>>> {
        let items: Vec<String> = sizes.iter().map(|(vm, disks)| item(*vm, disks)).collect();
        let mut datagrams = Vec::new();
        let mut left: Vec<&[String]> = vec![&items];
        while let Some(some) = left.pop().filter(|some| !some.is_empty()) {
            let datagram = self.datagram(&some.join(" "))?;
            if datagram.len() <= LIMIT || some.len() == 1 {
                datagrams.push(datagram);
            } else {
                let (first, rest) = some.split_at(some.len() / 2);
                left.extend([rest, first]);
            }
        }
        Ok(datagrams)
    }

    fn datagram(&self, text: &str) -> Result<Vec<u8>> {
        let wrong =
            |what: &str| Error::new(Kind::Internal, format!("cannot {what} what disks take"));
        let plain = match &self.key {
            None => text.as_bytes().to_owned(),
            Some(key) => {
                let sealed = encrypted(key, text.as_bytes());
                sealed.map_err(|error| wrong("encrypt").because(error))?
            }
        };
        let mut packer = ZlibEncoder::new(Vec::new(), Compression::best());
        let packed = packer.write_all(&plain).and_then(|()| packer.finish());
        let packed = packed.map_err(|error| wrong("pack").because(error))?;
        Ok(format!("MONITOR_VM SUCCESS -1 0 {}\n", STANDARD.encode(packed)).into_bytes())
    }
}

/// In blocks as long as the key takes.
fn encrypted(key: &RsaPublicKey, text: &[u8]) -> rsa::Result<Vec<u8>> {
    let mut sealed = Vec::new();
    for block in text.chunks(key.size().saturating_sub(PADDING).max(1)) {
        sealed.extend(key.encrypt(&mut OsRng, Pkcs1v15Encrypt, block)?);
    }
    Ok(sealed)
}

/// A VM's disks.
fn item(vm: VmId, disks: &BTreeMap<DiskId, Megabytes>) -> String {
    let mut text = String::new();
    for (disk, size) in disks {
        let _infallible = writeln!(text, "DISK_SIZE=[ID={disk},SIZE={size}]");
    }
    format!("VM=[ID={vm}, MONITOR=\"{}\"]", STANDARD.encode(text))
}

fn key(path: &Path) -> Result<RsaPublicKey> {
    let pem = read(path)?;
    // With its kind of key around it, or the bare numbers.
    let key =
        RsaPublicKey::from_public_key_pem(&pem).or_else(|_| RsaPublicKey::from_pkcs1_pem(&pem));
    key.map_err(|error| {
        let message = format!("PUBKEY {} is no RSA public key in PEM", path.display());
        Error::new(Kind::Config, message).because(error)
    })
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        Error::new(Kind::Config, format!("cannot read {}", path.display())).because(error)
    })
}

#[cfg(test)]
mod tests;
