//! tgtadm's requests as verbs. Every refusal of tgtd is exit code 22 and one line of text (facts 4.1), which ends up in the
//! error; no daemon at all is 107.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::show::{TargetState, parse_parameters, parse_targets};
use crate::exec::{Cmd, Exec, ExecError, Output};
use crate::{Error, Kind, Result};

/// Where tgtd's sockets are unless TGT_IPC_SOCKET says otherwise (usr/tgtif.c).
const SOCKET: &str = "/var/run/tgtd/socket";
/// Opening an image waits for Ceph, which was reached a moment before.
const DEADLINE: Duration = Duration::from_secs(60);
/// A question is answered at once, unless the daemon hangs in something else.
const ANSWER: Duration = Duration::from_secs(20);

const REDIRECT_ADDRESS: &str = "RedirectAddress";
const REDIRECT_PORT: &str = "RedirectPort";

mod change;

/// A running tgtd.
#[derive(Debug, Clone)]
pub struct Tgtadm<'a> {
    exec: &'a Exec,
    socket: PathBuf,
    port: u16,
}

impl<'a> Tgtadm<'a> {
    /// The daemon of a control socket and port.
    pub fn new(exec: &'a Exec, socket: Option<&Path>, port: u16) -> Self {
        Self {
            exec,
            socket: socket.unwrap_or(Path::new(SOCKET)).to_owned(),
            port,
        }
    }

    /// Tells one daemon from the next: a daemon makes its socket when it starts, and keeps nothing over its end.
    pub fn incarnation(&self) -> Result<String> {
        let path = format!("{}.{}", self.socket.display(), self.port);
        match Path::new(&path).metadata() {
            Ok(meta) => Ok(format!(
                "{}-{}.{:09}",
                meta.ino(),
                meta.ctime(),
                meta.ctime_nsec()
            )),
            Err(error) => Err(self.gone().because(error)),
        }
    }

    fn gone(&self) -> Error {
        Error::new(
            Kind::Missing,
            format!("no tgtd answers at {}.{}", self.socket.display(), self.port),
        )
        .remedy(
            "start it (systemctl start tgt), or say where it is with --socket and --control-port",
        )
    }

    fn words(&self, cmd: Cmd, op: &str, mode: &str) -> Cmd {
        cmd.env("TGT_IPC_SOCKET", &self.socket)
            .deadline(DEADLINE)
            .args([
                "-C",
                &self.port.to_string(),
                "--lld",
                "iscsi",
                "--op",
                op,
                "--mode",
                mode,
            ])
    }

    fn query(&self, mode: &str) -> Cmd {
        self.words(Cmd::query("tgtadm"), "show", mode)
            .deadline(ANSWER)
    }

    fn changing(&self, op: &str, mode: &str) -> Cmd {
        self.words(Cmd::change("tgtadm"), op, mode)
    }

    fn on(&self, op: &str, mode: &str, tid: u16) -> Cmd {
        self.changing(op, mode).args(["--tid", &tid.to_string()])
    }

    fn run(&self, cmd: &Cmd) -> Result<Output> {
        self.exec.run(cmd).map_err(|error| {
            if error.says("Transport endpoint is not connected") {
                return self.gone();
            }
            error.into()
        })
    }

    fn do_it(&self, cmd: &Cmd) -> Result<()> {
        self.run(cmd).map(drop)
    }

    /// All targets.
    pub fn targets(&self) -> Result<Vec<TargetState>> {
        let output = self.run(&self.query("target"))?;
        let text = output.text().map_err(Error::from)?;
        Ok(parse_targets(text).map_err(|why| -> ExecError { output.bad(why) })?)
    }

    /// A target's iSCSI parameters.
    pub fn parameters(&self, tid: u16) -> Result<BTreeMap<String, String>> {
        let output = self.run(&self.query("target").args(["--tid", &tid.to_string()]))?;
        Ok(parse_parameters(output.text()?))
    }

    /// The accounts' user names; secrets are never told.
    pub fn accounts(&self) -> Result<Vec<String>> {
        let output = self.run(&self.query("account"))?;
        let lines = output.text()?.lines().skip(1);
        Ok(lines
            .map(|line| line.trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect())
    }

    /// Where it listens: `Portal: 0.0.0.0:3260,1`, without the group's number. An address of all interfaces is told as that
    /// of the loopback, where it can be reached from here.
    pub fn portals(&self) -> Result<Vec<SocketAddr>> {
        let output = self.run(&self.query("portal"))?;
        let words = output
            .text()?
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Portal: "));
        words
            .map(|word| {
                portal(word).ok_or_else(|| output.bad(format!("has the portal {word:?}")).into())
            })
            .collect()
    }

    /// Whether the daemon has a kind of backing store.
    pub fn has_backing_store(&self, kind: &str) -> Result<bool> {
        let output = self.run(&self.query("sys"))?;
        let mut lines = output.text()?.lines();
        let _before = lines.find(|line| line.starts_with("Backing stores:"));
        let stores = lines.take_while(|line| line.starts_with(' '));
        Ok(stores
            .map(|line| line.trim().split(' ').next().unwrap_or_default())
            .any(|name| name == kind))
    }
}

/// Where a target's parameters say that logins are sent. While there is such a place, tgtd shows nothing else of them.
pub fn redirected(parameters: &BTreeMap<String, String>) -> Option<String> {
    let address = parameters.get(REDIRECT_ADDRESS)?;
    let port = parameters.get(REDIRECT_PORT)?;
    Some(format!("{address}:{port}"))
}

/// `ADDRESS:PORT,GROUP`.
fn portal(word: &str) -> Option<SocketAddr> {
    let mut portal: SocketAddr = word.rsplit_once(',')?.0.parse().ok()?;
    match portal.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => portal.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => portal.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    Some(portal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portals_are_read() {
        let shown = |word| portal(word).map(|portal| portal.to_string());
        assert_eq!(shown("10.0.0.1:3260,1").as_deref(), Some("10.0.0.1:3260"));
        assert_eq!(shown("0.0.0.0:3260,1").as_deref(), Some("127.0.0.1:3260"));
        assert_eq!(shown("[::]:3260,1").as_deref(), Some("[::1]:3260"));
        assert_eq!(shown("nowhere"), None);
    }
}
