//! What may be told to nobody, while it is used and whatever comes of it (contract, 9.3).

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use warmblock::sys::atomic;

use super::behaviour::{RELEASES, Talk, failed};
use crate::cmd::{self, eventually};
use crate::world::{SMALL, World, path};

/// What is in a URL.
const PASSWORD: &str = "pass-of-joe";

impl Talk<'_> {
    /// While an image comes from a URL with a password, by a user of Ceph's with a key, no process on either machine has them among
    /// its arguments; nor has the log, whatever comes of it.
    pub(super) fn secrets(&self) -> Result<()> {
        let (world, oned) = (self.vm.world, &self.vm.oned);
        let (words, key) = ceph_user(world)?;
        let secrets = [PASSWORD, &key, "oneadmin:secret"];
        let (url, go_on) = held_back(std::fs::read(world.file(SMALL.name))?)?;
        let golden = path(&world.file(SMALL.name))?.to_owned();
        let document = |url: &str| self.image("cp", "6206", &words).replace(&golden, url);
        let program = path(&world.file("warmblock"))?.to_owned();
        let before = oned.connections().len();
        let argv = [program.as_str(), "one", "ds", "cp", "6206"];
        let copying = oned.begin(&argv, &STANDARD.encode(document(&url)))?;
        eventually("the host to be asked", 60, || {
            Ok(oned.connections().len() > before)
        })?;
        eventually("the job on the host", 60, || {
            told_by_none(&self.on_host()?, &secrets)?;
            told_by_none(&on_machine()?, &secrets)?;
            Ok(self.on_host()?.contains("warmblock host"))
        })?;
        ensure!(
            on_machine()?.contains("one ds cp 6206"),
            "it is not among the processes that were looked at"
        );
        told_by_none(&on_machine()?, &secrets)?;
        go_on.send(())?;
        let out = copying.wait(Duration::from_secs(240))?.ok()?;
        told_by_none(&format!("{}{}", out.stdout, out.stderr), &secrets)?;
        self.call("ds rm 6206", &STANDARD.encode(document(&url)))?
            .ok()?;
        // Nobody is there, in the words of each release.
        let closed = format!("http://joe:{PASSWORD}@127.0.0.1:1/image");
        for release in RELEASES {
            oned.release(release)?;
            for action in ["stat", "cp"] {
                let out = self.call(
                    &format!("ds {action} 6206"),
                    &STANDARD.encode(document(&closed)),
                )?;
                failed(release, &out)?;
                told_by_none(&out.stderr, &secrets)?;
            }
        }
        told_by_none(&oned.connections().join("\n"), &secrets)
    }

    /// All arguments of all processes on the host.
    fn on_host(&self) -> Result<String> {
        let out = self
            .host
            .sh("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; true")?;
        Ok(out.stdout)
    }
}

fn told_by_none(text: &str, secrets: &[&str]) -> Result<()> {
    let told = text
        .lines()
        .find(|line| secrets.iter().any(|secret| line.contains(secret)));
    ensure!(told.is_none(), "a secret is told: {told:?}");
    Ok(())
}

/// All arguments of all processes on this machine, a line each.
fn on_machine() -> Result<String> {
    let mut all = String::new();
    for process in std::fs::read_dir("/proc")? {
        // One that has ended meanwhile has none.
        let words = std::fs::read(process?.path().join("cmdline")).unwrap_or_default();
        all.push_str(&String::from_utf8_lossy(&words).replace('\0', " "));
        all.push('\n');
    }
    Ok(all)
}

/// The words of a datastore that has a key of Ceph's, and the key.
fn ceph_user(world: &World) -> Result<(String, String)> {
    let key = ["ceph", "auth", "get-key", "client.admin"];
    let key = cmd::run(&key, Duration::from_secs(60))?
        .ok()?
        .text()
        .to_owned();
    let file = world.file("admin.key");
    atomic::write_mode(&file, key.as_bytes(), 0o600)?;
    let conf = world.dir.join("ceph/ceph.conf");
    let words = format!(
        "<CEPH_USER>admin</CEPH_USER><CEPH_CONF>{}</CEPH_CONF><CEPH_KEY>{}</CEPH_KEY>",
        path(&conf)?,
        path(&file)?
    );
    Ok((words, key))
}

/// Serves bytes, to whoever has the password; the second half when it is told to go on.
fn held_back(bytes: Vec<u8>) -> Result<(String, Sender<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://joe:{PASSWORD}@{}/image", listener.local_addr()?);
    let (go_on, told) = channel();
    let serve = move |mut stream: TcpStream| -> Result<()> {
        let mut asked = [0; 4096];
        let len = stream.read(&mut asked)?;
        let asked = String::from_utf8_lossy(&asked[..len]).to_lowercase();
        let right = STANDARD.encode(format!("joe:{PASSWORD}")).to_lowercase();
        if !asked.contains(&right) {
            return Ok(write!(
                stream,
                "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
            )?);
        }
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            bytes.len()
        )?;
        let (first, second) = bytes.split_at(bytes.len() / 2);
        stream.write_all(first)?;
        told.recv()?;
        Ok(stream.write_all(second)?)
    };
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away is none of a server's business.
            let _gone = serve(stream);
        }
    });
    Ok((url, go_on))
}
