//! Documents of web servers, by way of the proxies that oned's environment names.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use ureq::Proxy;

use crate::{Error, Kind, Result};

/// How long a server may take to answer, and how long it may be silent then.
const ANSWER: Duration = Duration::from_secs(60);
const SILENCE: Duration = Duration::from_secs(300);

/// What is read at once, and how many of that wait to be taken.
const PIECE: usize = 1 << 18;
const AHEAD: usize = 4;

/// How long a document may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Any time, as long as bytes come: they may be many, and taken slowly.
    WhileItComes,
    /// So long, from the first question to the last byte.
    Within(Duration),
}

/// A document.
pub(super) struct Document {
    /// How long it is, if the server says so.
    pub(super) len: Option<u64>,
    /// Its bytes as they come.
    pub(super) body: Box<dyn Read + Send>,
}

/// Asks a web server for a document.
///
/// # Errors
/// It is not reached, does not answer, or has no such document; that it ends too early is an error of the reading.
pub(super) fn get(url: &str, patience: Patience) -> Result<Document> {
    let config = ureq::Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(10)))
        .timeout_recv_response(Some(ANSWER))
        .tls_config(
            ureq::tls::TlsConfig::builder()
                .root_certs(ureq::tls::RootCerts::PlatformVerifier)
                .build(),
        )
        .proxy(proxy(url, &|name| std::env::var(name).ok())?)
        .user_agent(concat!("warmblock/", env!("CARGO_PKG_VERSION")));
    let config = match patience {
        Patience::WhileItComes => config,
        Patience::Within(all) => config.timeout_global(Some(all)),
    };
    let agent: ureq::Agent = config.build().into();
    let answer = agent.get(url).call().map_err(|error| {
        Error::new(Kind::Failed, format!("cannot fetch {}", without_secrets(url)))
            .because(error)
            .remedy("can the front-end reach it? http_proxy, https_proxy and no_proxy of oned's environment are used")
    })?;
    let body = answer.into_body();
    let len = body.content_length();
    let body = body.into_reader();
    let body: Box<dyn Read + Send> = match patience {
        Patience::WhileItComes => Box::new(Patient::new(body, SILENCE)),
        Patience::Within(_) => Box::new(body),
    };
    Ok(Document { len, body })
}

/// The proxy for an URL, which variables name that are written either way, as curl has them; `no_proxy` names the hosts that are
/// reached without, and with each its sub-domains.
fn proxy(url: &str, var: &dyn Fn(&str) -> Option<String>) -> Result<Option<Proxy>> {
    let either = |name: &str| {
        let said = |name: &str| var(name).filter(|value| !value.trim().is_empty());
        said(name).or_else(|| said(&name.to_ascii_uppercase()))
    };
    let scheme = url.split_once("://").map_or("http", |(scheme, _)| scheme);
    let own = format!("{}_proxy", scheme.to_ascii_lowercase());
    let Some(said) = either(&own).or_else(|| either("all_proxy")) else {
        return Ok(None);
    };
    let bad = |error: ureq::Error| {
        Error::new(
            Kind::Config,
            format!("{own} or all_proxy of oned's environment is no proxy"),
        )
        .because(error)
        .remedy(
            "such as http://proxy.example.org:3128; oned's unit or its drivers' settings say it",
        )
    };
    let said = Proxy::new(said.trim()).map_err(bad)?;
    let mut built = Proxy::builder(said.protocol())
        .host(said.host())
        .port(said.port());
    if let Some(name) = said.username() {
        built = built.username(name);
    }
    if let Some(password) = said.password() {
        built = built.password(password);
    }
    let without = either("no_proxy").unwrap_or_default();
    for host in without
        .split([',', ' '])
        .map(|host| host.trim_start_matches('.'))
    {
        if !host.is_empty() {
            built = built.no_proxy(host).no_proxy(&format!(".{host}"));
        }
    }
    built.build().map(Some).map_err(bad)
}

/// An URL without user, password and query.
pub(super) fn without_secrets(url: &str) -> String {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    match plain.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = host.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}/{path}")
        }
        None => plain.to_owned(),
    }
}

/// A reader that fails when nothing has come for so long while somebody waited for it; that what came is taken slowly does not count.
struct Patient {
    pieces: Receiver<io::Result<Vec<u8>>>,
    silence: Duration,
    piece: io::Cursor<Vec<u8>>,
}

impl Patient {
    fn new(mut from: impl Read + Send + 'static, silence: Duration) -> Self {
        let (give, pieces) = sync_channel(AHEAD);
        std::thread::spawn(move || {
            loop {
                let mut piece = vec![0; PIECE];
                let read = from.read(&mut piece).map(|count| {
                    piece.truncate(count);
                    piece
                });
                let more = read.as_ref().is_ok_and(|piece| !piece.is_empty());
                // Nobody takes it any more: that is the end, too.
                if give.send(read).is_err() || !more {
                    return;
                }
            }
        });
        Self {
            pieces,
            silence,
            piece: io::Cursor::default(),
        }
    }
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.piece.read(buffer)?;
        if count > 0 || buffer.is_empty() {
            return Ok(count);
        }
        let piece = match self.pieces.recv_timeout(self.silence) {
            Ok(piece) => piece?,
            // It has said its last.
            Err(RecvTimeoutError::Disconnected) => return Ok(0),
            Err(RecvTimeoutError::Timeout) => {
                let message = format!(
                    "the server has been silent for {} s",
                    self.silence.as_secs()
                );
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
        };
        self.piece = io::Cursor::new(piece);
        self.piece.read(buffer)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write as _;
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::sys::wait;

    /// Time that has to pass: what is tried is how long something takes.
    fn pause(milliseconds: u64) {
        let _over = wait::poll(Duration::from_millis(milliseconds), || None::<()>);
    }

    /// A server whose callers are all answered like this; its address.
    pub(in crate::one) fn serve(answer: fn(TcpStream)) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for caller in listener.incoming().flatten() {
                std::thread::spawn(move || answer(caller));
            }
        });
        address.to_string()
    }

    /// Reads what is asked, to its empty line.
    pub(in crate::one) fn asked(caller: &mut TcpStream) -> String {
        let mut asked = Vec::new();
        let mut byte = [0];
        while !asked.ends_with(b"\r\n\r\n") && caller.read(&mut byte).is_ok_and(|count| count > 0) {
            asked.extend(byte);
        }
        String::from_utf8(asked).unwrap()
    }

    /// Says a byte a quarter of a second, without an end.
    pub(in crate::one) fn drip(mut caller: TcpStream) {
        asked(&mut caller);
        let mut said = caller.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        while said.is_ok() {
            pause(250);
            said = caller.write_all(b"x");
        }
    }

    /// Every gap may be as long as that, and all together longer.
    #[test]
    fn what_comes_may_take_any_time_and_silence_may_not() {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut patient = Patient::new(reader, Duration::from_secs(3));
        let slow = std::thread::spawn(move || {
            for byte in b"slowly" {
                pause(750);
                writer.write_all(&[*byte]).unwrap();
            }
            writer
        });
        let mut all = [0; 6];
        patient.read_exact(&mut all).unwrap();
        assert_eq!(&all, b"slowly");
        let silent = slow.join().unwrap();
        let error = patient.read(&mut all).unwrap_err();
        assert!(error.to_string().contains("silent for 3 s"), "{error}");
        drop(silent);
    }

    /// That nobody takes it is not the server's silence.
    #[test]
    fn whoever_takes_slowly_gets_all() {
        let all: Vec<u8> = (0..=250).cycle().take(PIECE * 20).collect();
        let mut patient = Patient::new(io::Cursor::new(all.clone()), Duration::from_secs(2));
        let mut taken = vec![0; 10];
        patient.read_exact(&mut taken).unwrap();
        pause(3000);
        patient.read_to_end(&mut taken).unwrap();
        assert!(taken == all);
    }

    #[test]
    fn one_that_drips_ends_at_the_deadline_of_the_whole() {
        let url = format!("http://{}/a", serve(drip));
        let within = Patience::Within(Duration::from_secs(2));
        let mut body = get(&url, within).unwrap().body;
        let error = body.read_to_end(&mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("timeout"), "{error}");
    }

    fn said(url: &str, vars: &[(&str, &str)]) -> String {
        let var = |name: &str| {
            let found = vars.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        match proxy(url, &var) {
            Ok(None) => "none".into(),
            Ok(Some(proxy)) if proxy.is_no_proxy(&url.parse().unwrap()) => {
                "not for this host".into()
            }
            Ok(Some(proxy)) => proxy.uri().to_string(),
            Err(error) => error.chain(),
        }
    }

    #[test]
    fn proxies_are_as_the_environment_says() {
        let vars = [
            ("http_proxy", "http://p1:3128"),
            ("HTTPS_PROXY", "joe:a%40b@p2:8080"),
            ("no_proxy", "localhost, .inner.org,exact.net"),
        ];
        for (url, proxy) in [
            ("http://a.org/x", "http://p1:3128/"),
            ("HTTP://a.org/x", "http://p1:3128/"),
            ("https://a.org/x", "http://joe:a%40b@p2:8080/"),
            ("https://localhost/x", "not for this host"),
            ("https://a.inner.org/x", "not for this host"),
            ("http://inner.org/x", "not for this host"),
            ("http://www.exact.net:81/x", "not for this host"),
            ("http://inexact.net/x", "http://p1:3128/"),
        ] {
            assert_eq!(said(url, &vars), proxy, "{url}");
        }
        assert_eq!(said("http://a/", &[("https_proxy", "p:1")]), "none");
        assert_eq!(
            said("http://a/", &[("http_proxy", " "), ("ALL_PROXY", "p:1")]),
            "http://p:1/"
        );
        let bad = said("http://a/", &[("http_proxy", "ftp://p")]);
        assert!(bad.contains("http_proxy"), "{bad}");
    }

    #[test]
    fn no_password_is_shown() {
        let url = "https://joe:pw@h:8/a/b?token=x#y";
        assert_eq!(without_secrets(url), "https://h:8/a/b");
        assert_eq!(without_secrets("http://h"), "http://h/");
    }
}
