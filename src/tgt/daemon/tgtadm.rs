//! tgtadm's requests as verbs. Every refusal of tgtd is exit code 22 and one line of text (facts 4.1), which ends up in the
//! error; no daemon at all is 107.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::show::{TargetState, parse_parameters, parse_targets};
use crate::exec::{Cmd, Exec, ExecError, Output};
use crate::sys::wait;
use crate::{Error, Kind, Result};

/// Where tgtd's sockets are unless TGT_IPC_SOCKET says otherwise (usr/tgtif.c).
const SOCKET: &str = "/var/run/tgtd/socket";
/// Opening an image waits for Ceph, which was reached a moment before.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long a command of an initiator may keep a LUN busy that is to go; those of a healthy one end in milliseconds.
const BUSY: Duration = Duration::from_secs(10);
/// A question is answered at once, unless the daemon hangs in something else.
const ANSWER: Duration = Duration::from_secs(20);

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

    fn change(&self, op: &str, mode: &str) -> Cmd {
        self.words(Cmd::change("tgtadm"), op, mode)
    }

    fn on(&self, op: &str, mode: &str, tid: u16) -> Cmd {
        self.change(op, mode).args(["--tid", &tid.to_string()])
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

    /// Again while a command of an initiator is under way on the LUN: tgtd refuses to take it away in that moment.
    fn once_idle(&self, cmd: &Cmd) -> Result<()> {
        let mut last = None;
        let done = wait::poll(BUSY, || match self.exec.run(cmd) {
            Err(error) if error.says("logical unit is still active") => {
                last = Some(error);
                None
            }
            Err(error) => Some(Err(error.into())),
            Ok(_) => Some(Ok(())),
        });
        let busy = || {
            let error = Error::new(Kind::Busy, "a command of an initiator does not end");
            Err(match last {
                Some(last) => error.because(last),
                None => error,
            })
        };
        done.unwrap_or_else(busy)
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

    /// Makes a target, which lets nobody in until something is bound to it (facts 1.2).
    pub fn target_new(&self, tid: u16, iqn: &str) -> Result<()> {
        self.do_it(&self.on("new", "target", tid).args(["-T", iqn]))
    }

    /// Removes a target; with sessions only by force.
    pub fn target_delete(&self, tid: u16, force: bool) -> Result<()> {
        let cmd = self.on("delete", "target", tid);
        if !force {
            return self.do_it(&cmd);
        }
        // or initiators would keep it busy: offline, they are sent away with their next command
        self.state(tid, false)?;
        self.once_idle(&cmd.arg("--force"))
    }

    /// Sets an iSCSI parameter, for the next login.
    pub fn parameter(&self, tid: u16, name: &str, value: &str) -> Result<()> {
        self.do_it(
            &self
                .on("update", "target", tid)
                .args(["--name", name, "--value", value]),
        )
    }

    /// Lets logins in, or drops and refuses them.
    pub fn state(&self, tid: u16, ready: bool) -> Result<()> {
        self.parameter(tid, "state", if ready { "ready" } else { "offline" })
    }

    /// Ends a connection at once; its initiator notices, where one of a target that is offline would only wait. One that is
    /// gone already is no error.
    pub fn disconnect(&self, tid: u16, session: u64, connection: u64) -> Result<()> {
        let cmd = self.on("delete", "conn", tid);
        let (session, connection) = (session.to_string(), connection.to_string());
        match self
            .exec
            .run(&cmd.args(["--sid", &session, "--cid", &connection]))
        {
            Err(error) if !error.says("can't find") => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Adds an address or network to those that are let in, or takes it away.
    pub fn address(&self, tid: u16, address: &str, bind: bool) -> Result<()> {
        let op = if bind { "bind" } else { "unbind" };
        self.do_it(&self.on(op, "target", tid).args(["-I", address]))
    }

    /// The same for an initiator's name.
    pub fn initiator(&self, tid: u16, name: &str, bind: bool) -> Result<()> {
        let op = if bind { "bind" } else { "unbind" };
        self.do_it(&self.on(op, "target", tid).args(["-Q", name]))
    }

    /// Makes a LUN.
    pub fn lun_new(
        &self,
        tid: u16,
        lun: u8,
        path: &str,
        bs_type: &str,
        bsopts: &str,
    ) -> Result<()> {
        let cmd = self
            .on("new", "logicalunit", tid)
            .args(["--lun", &lun.to_string()]);
        let cmd = cmd.args([
            "--backing-store",
            path,
            "--bstype",
            bs_type,
            "--blocksize",
            "512",
        ]);
        self.do_it(&if bsopts.is_empty() {
            cmd
        } else {
            cmd.args(["--bsopts", bsopts])
        })
    }

    /// Sets what is behind `--params`; neither name nor value may hold a comma.
    pub fn lun_params(&self, tid: u16, lun: u8, params: &[(String, String)]) -> Result<()> {
        let params: Vec<String> = params
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let cmd = self
            .on("update", "logicalunit", tid)
            .args(["--lun", &lun.to_string()]);
        self.do_it(&cmd.args(["--params", &params.join(",")]))
    }

    /// Opens what is behind a LUN once more, so that its size is read again (facts 2.4). The LUN answers "not ready" for that
    /// moment; commands that are under way are done.
    pub fn lun_reopen(&self, tid: u16, lun: u8, path: &str) -> Result<()> {
        self.lun_params(tid, lun, &[("online".into(), "0".into())])?;
        self.lun_params(tid, lun, &[("path".into(), path.into())])
    }

    /// Removes a LUN, in use or not.
    pub fn lun_delete(&self, tid: u16, lun: u64) -> Result<()> {
        self.once_idle(
            &self
                .on("delete", "logicalunit", tid)
                .args(["--lun", &lun.to_string()]),
        )
    }

    /// Makes an account. tgtadm takes the password as an argument and in no other way; it is visible in the process table
    /// for the few milliseconds that tgtadm runs.
    pub fn account_new(&self, user: &str, secret: &str) -> Result<()> {
        let cmd = self
            .change("new", "account")
            .args(["--user", user, "--password"]);
        self.do_it(&cmd.secret_arg(secret))
    }

    /// Removes an account, from every target that has it too.
    pub fn account_delete(&self, user: &str) -> Result<()> {
        self.do_it(&self.change("delete", "account").args(["--user", user]))
    }

    /// Binds an account to a target, or takes it off.
    pub fn account(&self, tid: u16, user: &str, outgoing: bool, bind: bool) -> Result<()> {
        let op = if bind { "bind" } else { "unbind" };
        let cmd = self.on(op, "account", tid).args(["--user", user]);
        self.do_it(&if outgoing { cmd.arg("--outgoing") } else { cmd })
    }
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
