//! An oned of ours: it serves documents over XML-RPC and calls the drivers as one_tm does.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use warmblock::one::shims;
use warmblock::sys::atomic;

use crate::cmd::{Out, Running, eventually};
use crate::world::{LAB, World, path};

/// What oned knows: a document by method and number.
type Documents = Arc<Mutex<BTreeMap<(String, u32), String>>>;

/// See the module.
#[derive(Debug)]
pub struct Oned {
    pub(super) place: Place,
    documents: Documents,
    fault: Arc<Mutex<Option<Fault>>>,
    binary: PathBuf,
}

/// Where it is and answers: what its drivers find around them.
#[derive(Debug, Clone)]
pub struct Place {
    pub(super) endpoint: String,
    /// Its ONE_LOCATION; in `var/bin` is a wrapper of ssh's that gets into the hosts of the lab.
    location: PathBuf,
}

/// What it answers instead of what it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It refuses: its code, and what it says.
    Refuses(u32, &'static str),
    /// Nothing but a status of HTTP's and a page.
    Page(&'static str, &'static str),
    /// Half of the answer.
    Cut,
}

/// Ends with what the driver calls on the host, by the user to whom the datastores there belong: sudo, which a host has not, would say
/// so to what it runs as root.
const SSH: &str = r#"#!/bin/sh
while [ "$1" != -- ]; do shift; done
shift
case $1 in dead*) echo "ssh: connect to host $1 port 22: No route to host" >&2; exit 255 ;; esac
[ ! -e "$VAR/silent.$1" ] || { echo "ssh: connect to host $1 port 22: No route to host" >&2; exit 255; }
id=$USER_ID
[ ! -e "$VAR/asker" ] || read -r id <"$VAR/asker"
case $2 in
"sudo -n "*) line="env SUDO_UID=$id SUDO_GID=$id ${2#sudo -n }" ;;
"tar "*) line="setpriv --reuid=$id --regid=$id --clear-groups $2" ;;
*) exit 9 ;;
esac
if [ -e "$VAR/crash.$1" ]; then
    read -r step call once <"$VAR/crash.$1"
    if [ "$call" -gt 1 ]; then
        echo "$step $((call - 1)) $once" >"$VAR/crash.$1"
    else
        line="env WARMBLOCK_CRASH_AFTER=$step $line"
        [ -z "$once" ] || rm "$VAR/crash.$1"
    fi
fi
if [ -e "$VAR/hold" ]; then
    left=$(flock "$VAR/hold" sh -c 'read -r left <"$1"; echo "$((left - 1))" >"$1"; echo "$left"' sh "$VAR/hold")
    if [ "$left" -eq 1 ]; then
        : >"$VAR/held"
        until [ -e "$VAR/let" ]; do sleep 0.1; done
        read -r goes <"$VAR/let"
        rm "$VAR/held"
        [ "$goes" = true ] || exit 255
    fi
fi
echo "$1 $line" >>"$VAR/ssh.log"
# A host by its full name is the same host.
LAB_ID=$ID exec "$LAB" host ssh "${1%%.*}" "install -d -o $id -g $id /run/links; exec $line"
"#;

/// oned waits for an action for as long as it takes; a test does not wait for one that hangs. Fifteen at once on the lab's hosts may
/// take many times what one takes.
pub(super) const PATIENCE: Duration = Duration::from_secs(900);

/// Whoever calls sudo on the hosts: nobody.
const USER_ID: &str = "65534";

impl Oned {
    /// From now on it is root who calls, as on a storage of which root alone has anything.
    pub fn is_root(&self) -> Result<()> {
        Ok(atomic::write(&self.var().join("asker"), b"0\n")?)
    }

    /// Starts one.
    pub fn start(world: &World) -> Result<Self> {
        let location = world.file(&world.name("oned"));
        let var = location.join("var");
        std::fs::create_dir_all(var.join(".one"))?;
        std::fs::create_dir_all(var.join("bin"))?;
        std::fs::create_dir_all(var.join("staging"))?;
        atomic::write(&var.join(".one/one_auth"), b"oneadmin:secret\n")?;
        let id = std::env::var("LAB_ID")?;
        let ssh = var.join("bin/ssh");
        let script = SSH
            .replace("$USER_ID", USER_ID)
            .replace("$LAB", LAB)
            .replace("$ID", &id)
            .replace("$VAR", path(&var)?);
        atomic::write_mode(&ssh, script.as_bytes(), 0o755)?;
        std::os::unix::fs::symlink(world.file("warmblock"), var.join("bin/warmblock"))?;
        let scripts = [
            ("tm", shims::TRANSFER.as_slice()),
            ("datastore", shims::DATASTORE.as_slice()),
        ];
        for (family, shims) in scripts {
            let dir = var.join("remotes").join(family).join("warmblock");
            std::fs::create_dir_all(&dir)?;
            for (name, text) in shims {
                atomic::write_mode(&dir.join(name), text.as_bytes(), 0o755)?;
            }
        }
        let listener = TcpListener::bind("127.0.0.1:0").context("the lab's own loopback")?;
        let (documents, fault) = (Documents::default(), Arc::default());
        let oned = Self {
            place: Place {
                endpoint: format!("http://{}/RPC2", listener.local_addr()?),
                location,
            },
            documents: Arc::clone(&documents),
            fault: Arc::clone(&fault),
            binary: world.file("warmblock"),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let fault = *fault.lock().unwrap_or_else(PoisonError::into_inner);
                // A caller that goes away is none of a server's business.
                let _gone = serve(stream, &documents, fault);
            }
        });
        Ok(oned)
    }

    /// Says what `one.vm.info` answers from now on.
    pub fn vm(&self, id: u32, document: &str) {
        self.know("one.vm.info", id, document);
    }

    /// Says what `one.datastore.info` answers from now on.
    pub fn datastore(&self, id: u32, document: &str) {
        self.know("one.datastore.info", id, document);
    }

    /// Says what `one.image.info` answers from now on.
    pub fn image(&self, id: u32, document: &str) {
        self.know("one.image.info", id, document);
    }

    /// Says that there is no such image any more. Those of which nothing is said are there: oned has an image made that it knows.
    pub fn forget_image(&self, id: u32) {
        self.know("one.image.info", id, "");
    }

    /// Says what `one.host.info` answers from now on.
    pub fn host(&self, id: u32, document: &str) {
        self.know("one.host.info", id, document);
    }

    /// Says what a pool's method answers from now on.
    pub fn pool(&self, method: &str, document: &str) {
        self.know(method, 0, document);
    }

    /// From now on it answers this, whatever it is asked; or again what it knows.
    pub fn answers(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// Puts a script of oned's own below its `remotes`.
    pub fn put_script(&self, name: &str, text: &str) -> Result<()> {
        let script = self.var().join("remotes").join(name);
        if let Some(dir) = script.parent() {
            std::fs::create_dir_all(dir)?;
        }
        Ok(atomic::write_mode(&script, text.as_bytes(), 0o755)?)
    }

    fn know(&self, method: &str, id: u32, document: &str) {
        let mut known = self
            .documents
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        known.insert((method.to_owned(), id), document.to_owned());
    }

    /// The front-end, as oned calls it: with a domain that the machine itself knows nothing of.
    pub fn name() -> Result<String> {
        Ok(format!("{}.lab", warmblock::sys::host::hostname()?))
    }

    /// Calls the transfer-manager driver with a line of a transfer file, split at blanks as one_tm does.
    pub fn tm(&self, line: &str) -> Result<Out> {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.call(&[&["tm"], words.as_slice()].concat(), "")
    }

    /// Calls the datastore driver as one_datastore does since 6.8: the document in base64 on standard input.
    pub fn ds(&self, action: &str, id: u32, document: &str) -> Result<Out> {
        let document = STANDARD.encode(document);
        self.call(&["ds", action, &id.to_string()], &document)
    }

    /// Calls a driver with these words, and this on standard input.
    pub fn call(&self, words: &[&str], stdin: &str) -> Result<Out> {
        let binary = path(&self.binary)?;
        self.run(&[&[binary, "one"], words].concat(), stdin)
    }

    /// Runs a program in the environment that oned gives its drivers.
    pub fn run(&self, argv: &[&str], stdin: &str) -> Result<Out> {
        let began = Instant::now();
        let out = self.begin(argv, stdin)?.wait(PATIENCE)?;
        if std::env::var_os("WARMBLOCK_LAB_TRACE").is_some() {
            let took = began.elapsed().as_secs_f64();
            eprintln!("{took:6.2} s  {}  exit code {}", argv.join(" "), out.code);
        }
        Ok(out)
    }

    /// Starts one.
    pub fn begin(&self, argv: &[&str], stdin: &str) -> Result<Running> {
        let words = self.words(argv)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Running::start_with(&words, stdin.as_bytes())
    }

    /// The words that start one in that environment.
    pub fn words(&self, argv: &[&str]) -> Result<Vec<String>> {
        self.place.words(argv)
    }

    /// Where its files are.
    pub fn var(&self) -> PathBuf {
        self.place.var()
    }

    /// From now on what runs on a host kills itself after its n-th step; or no more.
    pub fn crash(&self, host: &str, after: Option<u32>) -> Result<()> {
        let file = self.var().join(format!("crash.{host}"));
        match after {
            Some(step) => Ok(atomic::write(&file, format!("{step} 1\n").as_bytes())?),
            None => Ok(atomic::remove(&file).map(drop)?),
        }
    }

    /// The n-th call from now on kills itself after its step; those that come later do as well, unless it is to be `once`.
    pub fn crash_call(&self, host: &str, call: u32, step: u32, once: bool) -> Result<()> {
        let file = self.var().join(format!("crash.{host}"));
        let once = if once { "once" } else { "" };
        Ok(atomic::write(
            &file,
            format!("{step} {call} {once}\n").as_bytes(),
        )?)
    }

    /// Whether a kill that was asked for is still to come.
    pub fn crash_to_come(&self, host: &str) -> bool {
        self.var().join(format!("crash.{host}")).exists()
    }

    /// The n-th connection from now on is held, before anything comes to its host.
    pub fn hold(&self, connection: u32) -> Result<()> {
        let count = format!("{connection}\n");
        Ok(atomic::write(&self.var().join("hold"), count.as_bytes())?)
    }

    /// Whether one is.
    pub fn is_held(&self) -> bool {
        self.var().join("held").exists()
    }

    /// No connection is held any more. The one that is goes on, or is lost.
    pub fn let_go(&self, goes: bool) -> Result<()> {
        let goes = format!("{goes}\n");
        let word = self.var().join("let");
        atomic::write(&word, goes.as_bytes())?;
        eventually("the connection to be let go", 60, || Ok(!self.is_held()))?;
        for file in [word, self.var().join("hold")] {
            atomic::remove(&file)?;
        }
        Ok(())
    }

    /// Where what [`super::signal::start`] starts has its temporary files.
    pub fn staging(&self) -> PathBuf {
        self.var().join("staging")
    }

    /// From now on a host is not reached; or again.
    pub fn silent(&self, host: &str, yes: bool) -> Result<()> {
        let file = self.var().join(format!("silent.{host}"));
        match yes {
            true => Ok(atomic::write(&file, b"")?),
            false => Ok(atomic::remove(&file).map(drop)?),
        }
    }

    /// The connections that were made so far, a line each: the host and the command.
    pub fn connections(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.var().join("ssh.log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }
}

impl Place {
    /// The words that start a program in the environment of oned's drivers.
    pub(super) fn words(&self, argv: &[&str]) -> Result<Vec<String>> {
        let var = self.var();
        let search = format!("PATH={}:/usr/bin:/bin", path(&var.join("bin"))?);
        let endpoint = format!("ONE_XMLRPC={}", self.endpoint);
        let auth = format!("ONE_AUTH={}", path(&var.join(".one/one_auth"))?);
        let location = format!("ONE_LOCATION={}", path(&self.location)?);
        let fixed = ["env".to_owned(), search, endpoint, auth, location];
        let argv = argv.iter().map(|word| (*word).to_owned());
        Ok(fixed.into_iter().chain(argv).collect())
    }

    /// Where its files are, and where its drivers run.
    pub(super) fn var(&self) -> PathBuf {
        self.location.join("var")
    }
}

fn serve(mut stream: TcpStream, documents: &Documents, fault: Option<Fault>) -> Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut asked = String::new();
    let mut chunk = [0; 4096];
    while !asked.contains("</methodCall>") {
        let len = stream.read(&mut chunk)?;
        anyhow::ensure!(len > 0, "cut short");
        asked.push_str(&String::from_utf8_lossy(&chunk[..len]));
    }
    let (code, said) = match fault {
        Some(Fault::Refuses(code, said)) => (code, said.to_owned()),
        _ => answer(&asked, documents)?,
    };
    let said = said
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let body = format!(
        "<?xml version=\"1.0\"?><methodResponse><params><param><value><array><data><value><boolean>{}</boolean></value>\
         <value><string>{said}</string></value><value><i4>{code}</i4></value></data></array></value></param></params></methodResponse>",
        u8::from(code == 0)
    );
    let len = body.len();
    let (status, body, sent) = match fault {
        Some(Fault::Page(status, page)) => (status, page.to_owned(), page.len()),
        Some(Fault::Cut) => ("200 OK", body, len / 2),
        _ => ("200 OK", body, len),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    Ok(stream.write_all(&body.as_bytes()[..sent])?)
}

/// The code, which is none if it is well, and the document or what is wrong.
fn answer(asked: &str, documents: &Documents) -> Result<(u32, String)> {
    let between = |from: &str, to: &str| {
        let rest = asked.split_once(from)?.1;
        Some(rest.split_once(to)?.0.to_owned())
    };
    let method = between("<methodName>", "</methodName>").context("no method")?;
    let id: u32 = match method.ends_with("pool.info") {
        true => 0,
        false => between("<i4>", "</i4>").context("no number")?.parse()?,
    };
    let known = documents.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(match known.get(&(method.clone(), id)) {
        _ if !asked.contains("<string>oneadmin:secret</string>") => {
            (0x0100, "not authenticated".to_owned())
        }
        Some(document) if !document.is_empty() => (0, document.clone()),
        None if method == "one.image.info" => (0, format!("<IMAGE><ID>{id}</ID></IMAGE>")),
        _ => (0x0400, format!("[{method}] no object {id}")),
    })
}
