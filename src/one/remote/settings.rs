//! What of oned's environment reaches the programs that are started for it: its unit, and tmrc of the daemon that calls us, say there
//! how ssh connects and by which proxies documents are fetched (contract, 1.1).

use std::ffi::{OsStr, OsString};

use crate::exec::Cmd;

/// What ssh needs of it, and warmblock itself: PATH has a wrapper of ssh's that shares connections.
const PASSED_ON: [&str; 8] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "ONE_LOCATION",
    "ONE_XMLRPC",
    "ONE_AUTH",
    "SSH_AUTH_SOCK",
];

/// The proxies' variables, which are written either way: a ProxyCommand of ssh's reads them as well.
const PROXIES: [&str; 4] = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"];

/// Variables whose names begin like this are settings of ssh, or of oned's wrapper of it (`SSH_OPT_CONTROL_MASTER`).
const SSH: &str = "SSH_";

/// An environment as oned gave it.
#[derive(Clone)]
pub(super) struct Settings(Vec<(OsString, OsString)>);

impl std::fmt::Debug for Settings {
    /// The names alone: a proxy's address may have a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

impl Settings {
    /// This process's.
    pub(super) fn given() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// These.
    #[cfg(test)]
    pub(super) fn of<const N: usize>(all: [(&str, &str); N]) -> Self {
        Self(all.map(|(name, value)| (name.into(), value.into())).into())
    }

    /// For ssh, and for programs of this machine's own.
    pub(super) fn to(&self, cmd: Cmd) -> Cmd {
        let wanted = |(name, _): &&(OsString, OsString)| is_passed_on(name);
        given(cmd, self.0.iter().filter(wanted))
    }

    /// For scripts of oned's own drivers, which rely on whatever oned's unit and the daemon's settings say.
    pub(super) fn all_to(&self, cmd: Cmd) -> Cmd {
        given(cmd, self.0.iter())
    }
}

fn given<'v>(cmd: Cmd, variables: impl Iterator<Item = &'v (OsString, OsString)>) -> Cmd {
    variables.fold(cmd, |cmd, (name, value)| cmd.inherited(name, value))
}

fn is_passed_on(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    PASSED_ON.contains(&name)
        || name.starts_with(SSH)
        || PROXIES.contains(&name.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::Exec;

    /// What a child finds, without what Exec gives every one.
    fn found(cmd: impl Fn(&Settings, Cmd) -> Cmd) -> String {
        let settings = Settings::of([
            ("PATH", "/usr/bin:/bin"),
            ("SSH_OPT_CONTROL_MASTER", "no"),
            ("https_proxy", "http://joe:secret@p:3128"),
            ("NO_PROXY", ".example.org"),
            ("MY_TMRC", "one two"),
        ]);
        let cmd = cmd(&settings, Cmd::query("env"));
        // It is shown in errors and logs.
        assert!(!cmd.to_string().contains("secret"), "{cmd}");
        assert!(!format!("{settings:?}").contains("secret"));
        let output = Exec::default().run(&cmd).unwrap();
        let mut lines: Vec<&str> = output.text().unwrap().lines().collect();
        lines.retain(|line| !line.starts_with("LC_ALL=") && !line.starts_with("PATH="));
        lines.sort_unstable();
        lines.join("\n")
    }

    #[test]
    fn ssh_finds_its_own_and_the_proxies() {
        assert_eq!(
            found(|settings, cmd| settings.to(cmd)),
            "NO_PROXY=.example.org\nSSH_OPT_CONTROL_MASTER=no\nhttps_proxy=http://joe:secret@p:3128"
        );
    }

    #[test]
    fn scripts_of_other_drivers_find_all() {
        let all = found(|settings, cmd| settings.all_to(cmd));
        assert!(
            all.contains("MY_TMRC=one two") && all.contains("SSH_OPT"),
            "{all}"
        );
    }
}
