//! Why a host has not answered: what ssh says of it. All of its standard error counts, for the line that tells is not always
//! the last one.

use std::fmt;

use crate::{Error, Kind};

/// How far ssh got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Nobody answered: nothing has begun there, and the host may be dead.
    Nowhere,
    /// Somebody answered and hung up before a word was said: nothing has begun there, and the host lives. An sshd with too many
    /// callers at its door does that (sshd_config(5), MaxStartups).
    HungUp,
    /// Somebody answered and did not let us in, or is not who we know: nothing has begun there, and the host may well live.
    Door,
    /// It was there, and then the connection broke: what was begun may have gone on.
    Inside,
}

/// What ssh said, as the cause of an error.
#[derive(Debug, thiserror::Error)]
#[error("{said}")]
struct Silence {
    node: String,
    reach: Reach,
    said: String,
}

impl Reach {
    /// How far ssh got if it says this (OpenSSH: `ssh.c`, `sshconnect.c`, `kex.c`, `channels.c`).
    fn of(line: &str) -> Option<Self> {
        const NOBODY: [&str; 3] = [
            "ssh: connect to host ",
            "ssh: Could not resolve hostname ",
            "Connection timed out during banner exchange",
        ];
        const HUNG_UP: [&str; 2] = [
            "kex_exchange_identification: ",
            "ssh_exchange_identification: ",
        ];
        let begins = |words: &[&str]| words.iter().any(|word| line.starts_with(word));
        // `USER@HOST: Permission denied (publickey,…).`
        if begins(&["Host key verification failed"]) || line.contains(": Permission denied (") {
            return Some(Self::Door);
        }
        // What a jump host (`ProxyJump`) could not do for us, before ssh says that this hung up: `channel 0: open failed: WHY: …`.
        if line.starts_with("channel ") && line.contains(": open failed: connect failed: ") {
            return Some(Self::Nowhere);
        }
        // It may not, or does not say why not: the host may live.
        if line.starts_with("channel ") && line.contains(": open failed: ")
            || begins(&["stdio forwarding failed"])
        {
            return Some(Self::Door);
        }
        if begins(&HUNG_UP) {
            return Some(Self::HungUp);
        }
        begins(&NOBODY).then_some(Self::Nowhere)
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Nowhere => "ssh does not get there",
            Self::HungUp => "sshd hung up",
            Self::Door => "ssh is not let in",
            Self::Inside => "the connection broke",
        }
    }
}

impl Silence {
    fn read(node: &impl fmt::Display, stderr: &str) -> Self {
        let mut lines = stderr.lines().map(str::trim);
        let told = lines.find_map(|line| Some((Reach::of(line)?, line)));
        let last = || stderr.lines().last().unwrap_or("ssh says nothing");
        let (reach, said) = told.unwrap_or_else(|| (Reach::Inside, last()));
        Self {
            node: node.to_string(),
            reach,
            said: said.to_owned(),
        }
    }
}

/// The error of a host that has not answered, from all that ssh said.
pub(super) fn error(node: &impl fmt::Display, stderr: &str) -> Error {
    let silence = Silence::read(node, stderr);
    let kind = match stderr.contains("timed out") {
        true => Kind::Timeout,
        false => Kind::Failed,
    };
    let remedy = match silence.reach {
        Reach::HungUp => format!(
            "if many ask {node} at once, raise MaxStartups in its sshd_config; else its sshd's log says why"
        ),
        Reach::Nowhere | Reach::Door => {
            format!("as oneadmin, `ssh {node} true` must work without a question")
        }
        Reach::Inside => format!(
            "what was begun there may have gone on: when {node} is back, `warmblock status` there says what it has; then \
             repeat the action"
        ),
    };
    Error::new(kind, silence.reach.words())
        .because(silence)
        .remedy(remedy)
}

/// Whether nobody answered, so that nothing has begun there and the host may be dead. A host that does not let us in is alive.
pub(in crate::one) fn is_unreached(error: &Error) -> bool {
    reach(error) == Some(Reach::Nowhere)
}

/// Whether it is this host that is not reached.
pub(in crate::one) fn is_unreached_at(error: &Error, node: &impl fmt::Display) -> bool {
    silence(error).is_some_and(|silence| silence.node == node.to_string()) && is_unreached(error)
}

/// Whether a host has not answered, for whatever reason.
pub(in crate::one) fn is_silence(error: &Error) -> bool {
    reach(error).is_some()
}

/// Whether nothing has begun there: another host can be asked instead.
pub(super) fn nothing_began(error: &Error) -> bool {
    matches!(
        reach(error),
        Some(Reach::Nowhere | Reach::HungUp | Reach::Door)
    )
}

/// Whether sshd hung up before a word was said, as one with too many callers does: nothing has begun, and it may let us in the
/// next time.
pub(super) fn is_crowded(error: &Error) -> bool {
    reach(error) == Some(Reach::HungUp)
}

fn reach(error: &Error) -> Option<Reach> {
    silence(error).map(|silence| silence.reach)
}

fn silence(error: &Error) -> Option<&Silence> {
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        if let Some(silence) = cause.downcast_ref::<Silence>() {
            return Some(silence);
        }
        next = cause.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Context;

    /// What OpenSSH says, with the line that tells at different places.
    #[test]
    fn how_far_ssh_got() {
        for (stderr, reach) in [
            (
                "ssh: connect to host kvm1 port 22: No route to host",
                Reach::Nowhere,
            ),
            (
                "ssh: connect to host kvm1 port 22: Connection timed out",
                Reach::Nowhere,
            ),
            (
                "ssh: Could not resolve hostname kvm1: Name or service not known",
                Reach::Nowhere,
            ),
            (
                "Connection timed out during banner exchange\r\nConnection to 10.0.0.5 port 22 timed out",
                Reach::Nowhere,
            ),
            (
                "kex_exchange_identification: Connection closed by remote host\nConnection closed by 10.0.0.5 port 22",
                Reach::HungUp,
            ),
            (
                "channel 0: open failed: connect failed: No route to host\r\nstdio forwarding failed\r\n\
                 kex_exchange_identification: Connection closed by remote host\r\nConnection closed by UNKNOWN port 65535",
                Reach::Nowhere,
            ),
            (
                "channel 0: open failed: administratively prohibited: open failed\r\nstdio forwarding failed\r\n\
                 kex_exchange_identification: Connection closed by remote host",
                Reach::Door,
            ),
            (
                "stdio forwarding failed\nkex_exchange_identification: Connection closed by remote host",
                Reach::Door,
            ),
            (
                "@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n@@@@@\nHost key verification failed.",
                Reach::Door,
            ),
            ("oneadmin@kvm1: Permission denied (publickey).", Reach::Door),
            ("Timeout, server kvm1 not responding.", Reach::Inside),
            (
                "cannot open /dev/x: Permission denied\nConnection to kvm1 closed by remote host.",
                Reach::Inside,
            ),
            ("", Reach::Inside),
        ] {
            assert_eq!(Silence::read(&"kvm1", stderr).reach, reach, "{stderr}");
            let error = Err::<(), _>(error(&"kvm1", stderr)).context(|| "on host kvm1".into());
            let error = error.unwrap_err();
            assert!(is_silence(&error), "{stderr}");
            assert_eq!(is_unreached(&error), reach == Reach::Nowhere);
            assert_eq!(is_unreached_at(&error, &"kvm1"), reach == Reach::Nowhere);
            assert!(!is_unreached_at(&error, &"kvm2"));
            assert_eq!(nothing_began(&error), reach != Reach::Inside);
            assert_eq!(is_crowded(&error), reach == Reach::HungUp);
            assert!(error.chain().contains(reach.words()), "{}", error.chain());
            assert!(
                error
                    .remedy_text()
                    .is_some_and(|text| text.contains("kvm1"))
            );
        }
        // Nobody else's words count.
        let other = Error::new(Kind::Failed, "ssh: connect to host kvm1 port 22: no");
        assert!(!is_silence(&other) && !nothing_began(&other));
    }
}
