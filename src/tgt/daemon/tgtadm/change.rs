//! What is changed of a daemon, a verb for each request.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{REDIRECT_ADDRESS, REDIRECT_PORT, Tgtadm};
use crate::exec::Cmd;
use crate::sys::wait;
use crate::{Error, Kind, Result};

/// How long a command of an initiator may keep a LUN busy that is to go; those of a healthy one end in milliseconds.
const BUSY: Duration = Duration::from_secs(10);

impl Tgtadm<'_> {
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

    /// Sends whoever logs in elsewhere for the time being, or nobody any more. tgtd does so whether the target is offline or
    /// not and before it looks at the access list; whoever is connected stays (seen with 1.0.85).
    pub fn redirect(&self, tid: u16, to: Option<SocketAddr>) -> Result<()> {
        // the address is what counts: without it nobody is sent anywhere
        self.parameter(tid, REDIRECT_ADDRESS, "")?;
        let Some(to) = to else { return Ok(()) };
        self.parameter(tid, REDIRECT_PORT, &to.port().to_string())?;
        self.parameter(tid, "RedirectReason", "Temporary")?;
        self.parameter(tid, REDIRECT_ADDRESS, &redirect_address(to))
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
            .changing("new", "account")
            .args(["--user", user, "--password"]);
        self.do_it(&cmd.secret_arg(secret))
    }

    /// Removes an account, from every target that has it too.
    pub fn account_delete(&self, user: &str) -> Result<()> {
        self.do_it(&self.changing("delete", "account").args(["--user", user]))
    }

    /// Binds an account to a target, or takes it off.
    pub fn account(&self, tid: u16, user: &str, outgoing: bool, bind: bool) -> Result<()> {
        let op = if bind { "bind" } else { "unbind" };
        let cmd = self.on(op, "account", tid).args(["--user", user]);
        self.do_it(&if outgoing { cmd.arg("--outgoing") } else { cmd })
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
}

/// As tgtd hands it on (RFC 7143 13.8): an IPv6 address in brackets.
fn redirect_address(to: SocketAddr) -> String {
    match to.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}
