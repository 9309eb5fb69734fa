//! The login: names, CHAP, parameters (RFC 7143 6 and 11.12).

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::chap::{self, Account};
use super::pdu::Pdu;
use super::{IscsiError, Session};

/// Who logs in where, and how it proves who it is.
#[derive(Debug, Clone)]
pub struct Login<'a> {
    /// Where the target listens.
    pub portal: SocketAddr,
    /// The target's name.
    pub target: &'a str,
    /// The initiator's name.
    pub initiator: &'a str,
    /// What the initiator proves; without it no authentication is offered.
    pub chap: Option<&'a Account>,
    /// What the target must prove.
    pub mutual: Option<&'a Account>,
    /// For the connection and for each answer.
    pub deadline: Duration,
}

const LOGIN: u8 = 0x43;
const LOGIN_RESPONSE: u8 = 0x23;
const TRANSIT: u8 = 0x80;
const CONTINUE: u8 = 0x40;
const SECURITY: u8 = 0;
const OPERATIONAL: u8 = 1;
const FULL_FEATURE: u8 = 3;
/// A login of ours needs four exchanges.
const EXCHANGES: usize = 12;

/// Writes are sent when the target asks for them, reads come in large units; both are what every target must take.
const PARAMETERS: [(&str, &str); 13] = [
    ("HeaderDigest", "None"),
    ("DataDigest", "None"),
    ("InitialR2T", "Yes"),
    ("ImmediateData", "No"),
    ("MaxRecvDataSegmentLength", "262144"),
    ("MaxBurstLength", "262144"),
    ("FirstBurstLength", "65536"),
    ("DefaultTime2Wait", "2"),
    ("DefaultTime2Retain", "0"),
    ("ErrorRecoveryLevel", "0"),
    ("MaxConnections", "1"),
    ("MaxOutstandingR2T", "1"),
    ("DataPDUInOrder", "Yes"),
];

/// Logs in. A refusal is [`IscsiError::Refused`].
pub fn login(ask: &Login<'_>) -> Result<Session, IscsiError> {
    let io = |what, source| IscsiError::Io { what, source };
    let stream = TcpStream::connect_timeout(&ask.portal, ask.deadline)
        .map_err(|source| io("connecting", source))?;
    let set = stream
        .set_nodelay(true)
        .and_then(|()| stream.set_read_timeout(Some(ask.deadline)))
        .and_then(|()| stream.set_write_timeout(Some(ask.deadline)));
    set.map_err(|source| io("setting up the connection", source))?;
    let mut talk = Talk {
        stream,
        stat_sn: 0,
        isid: isid(),
        left: EXCHANGES,
    };
    talk.security(ask)?;
    talk.operational()?;
    Ok(Session::new(talk.stream, talk.stat_sn))
}

/// A session id of its own for every login, or it would end the session of another with the same name (RFC 7143 6.3.5).
fn isid() -> [u8; 6] {
    use std::sync::atomic::{AtomicU16, Ordering};
    static NEXT: AtomicU16 = AtomicU16::new(1);
    let [a, b] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let [_, c, d, e] = std::process::id().to_be_bytes();
    // the first two bits say that it is random
    [0x80, c, d, e, a, b]
}

struct Talk {
    stream: TcpStream,
    stat_sn: u32,
    isid: [u8; 6],
    left: usize,
}

type Keys = Vec<(String, String)>;

fn key<'a>(keys: &'a Keys, name: &str) -> Option<&'a str> {
    keys.iter()
        .find(|(has, _)| has == name)
        .map(|(_, value)| value.as_str())
}

fn needed<'a>(keys: &'a Keys, name: &str) -> Result<&'a str, IscsiError> {
    key(keys, name).ok_or_else(|| IscsiError::Protocol(format!("the target sent no {name}")))
}

impl Talk {
    /// One exchange: keys there, keys back, and whether the target goes on to the next stage.
    fn exchange(
        &mut self,
        stage: u8,
        next: Option<u8>,
        keys: &[(&str, &str)],
    ) -> Result<(Keys, bool), IscsiError> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| IscsiError::Protocol("the login does not end".into()))?;
        let flags = next.map_or(stage << 2, |next| TRANSIT | stage << 2 | next);
        let mut ask = Pdu::new(LOGIN, flags, 0);
        ask.put(8, &self.isid);
        ask.put(24, &1_u32.to_be_bytes());
        ask.put(28, &self.stat_sn.to_be_bytes());
        for (name, value) in keys {
            ask.data
                .extend_from_slice(format!("{name}={value}\0").as_bytes());
        }
        ask.send(&mut self.stream)?;
        let answer = Pdu::receive(&mut self.stream)?;
        if answer.opcode() != LOGIN_RESPONSE {
            return Err(IscsiError::Protocol(format!(
                "opcode {:#x} instead of a login response",
                answer.opcode()
            )));
        }
        let keys = read_keys(&answer.data);
        let (class, detail) = (answer.header[36], answer.header[37]);
        match class {
            0 => {}
            1 => {
                let to = key(&keys, "TargetAddress").unwrap_or("nowhere");
                return Err(IscsiError::Redirected(to.to_owned()));
            }
            _ => return Err(IscsiError::Refused { class, detail }),
        }
        if answer.flags() & CONTINUE != 0 {
            return Err(IscsiError::Protocol("keys in several units".into()));
        }
        self.stat_sn = answer.u32(24).wrapping_add(1);
        Ok((keys, answer.flags() & TRANSIT != 0))
    }

    fn security(&mut self, ask: &Login<'_>) -> Result<(), IscsiError> {
        let method = if ask.chap.is_some() { "CHAP" } else { "None" };
        let names = [
            ("InitiatorName", ask.initiator),
            ("TargetName", ask.target),
            ("SessionType", "Normal"),
            ("AuthMethod", method),
        ];
        let (keys, on) = self.exchange(SECURITY, Some(OPERATIONAL), &names)?;
        let wanted = key(&keys, "AuthMethod").unwrap_or("None");
        match ask.chap {
            Some(account) if wanted == "CHAP" => self.chap(ask, account),
            None if on => Ok(()),
            _ => Err(IscsiError::Protocol(format!(
                "the target wants {wanted}, and {method} was offered"
            ))),
        }
    }

    fn chap(&mut self, ask: &Login<'_>, account: &Account) -> Result<(), IscsiError> {
        let (keys, _) = self.exchange(SECURITY, None, &[("CHAP_A", chap::ALGORITHM)])?;
        let id = needed(&keys, "CHAP_I")?;
        let id: u8 = id
            .parse()
            .map_err(|_| IscsiError::Protocol(format!("CHAP_I is {id:?}")))?;
        let challenge = chap::bytes(needed(&keys, "CHAP_C")?)?;
        let proof = chap::hex(&chap::response(id, &account.secret, &challenge));
        // another challenge than the target's, or it could send our own answer back
        let own: Vec<u8> = challenge.iter().rev().map(|byte| byte ^ 0x5a).collect();
        let own_hex = chap::hex(&own);
        let mut words = vec![("CHAP_N", account.user.as_str()), ("CHAP_R", &proof)];
        if ask.mutual.is_some() {
            words.extend([("CHAP_I", "7"), ("CHAP_C", &own_hex)]);
        }
        let (keys, on) = self.exchange(SECURITY, Some(OPERATIONAL), &words)?;
        if let Some(mutual) = ask.mutual {
            let given = key(&keys, "CHAP_R").map(chap::bytes).transpose()?;
            if given != Some(chap::response(7, &mutual.secret, &own)) {
                return Err(IscsiError::Unproven("its answer is wrong".into()));
            }
            if key(&keys, "CHAP_N") != Some(mutual.user.as_str()) {
                return Err(IscsiError::Unproven(
                    "it calls itself otherwise than agreed".into(),
                ));
            }
        }
        if on {
            return Ok(());
        }
        Err(IscsiError::Protocol(
            "the target does not go on after CHAP".into(),
        ))
    }

    fn operational(&mut self) -> Result<(), IscsiError> {
        let mut keys: &[(&str, &str)] = &PARAMETERS;
        loop {
            let (_, on) = self.exchange(OPERATIONAL, Some(FULL_FEATURE), keys)?;
            if on {
                return Ok(());
            }
            keys = &[];
        }
    }
}

fn read_keys(data: &[u8]) -> Keys {
    data.split(|byte| *byte == 0)
        .filter_map(|pair| {
            let (name, value) = std::str::from_utf8(pair).ok()?.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        })
        .collect()
}
