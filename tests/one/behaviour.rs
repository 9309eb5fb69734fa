//! What a driver must be whatever it is asked for (contract, 9.3): it speaks as each release of oned reads, tells no secret, leaves
//! nobody hanging on its pipes, and takes what names and documents there are. `README.md` beside this says where each check is.

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use warmblock::sys::atomic;

use super::vm::{Vm, datastores, gone};
use super::wire::{self, Said};
use crate::case::Case;
use crate::cmd::Out;
use crate::host::Host;
use crate::tests::same;
use crate::world::{SMALL, path};

/// Releases of each way to read standard error.
pub(super) const RELEASES: [&str; 4] = ["5.12.0", "6.4.0", "6.10.0", "7.4.0"];

/// Every action of either driver, as oned calls it, in an order in which each can be done. `H` is the host.
pub(super) const ACTIONS: &[&str] = &[
    "tm clone FE:PARENT H:DIR/disk.0 62 101",
    "tm ln FE:OWN H:DIR/disk.1 62 101",
    "tm mkimage 16 raw H:DIR/disk.2 62 100",
    "tm mkswap 8 H:DIR/disk.3 62 100",
    "tm context VAR/context.sh H:DIR/disk.4 62 100",
    "tm snap_create H:DIR/disk.1 0 62 101",
    "tm snap_create_live H:DIR/disk.1 1 62 101",
    "tm cpds H:DIR/disk.1 one/one-6201 0 62 101",
    "tm snap_revert H:DIR/disk.1 0 62 101",
    "tm snap_delete H:DIR/disk.1 1 62 101",
    "tm snap_delete H:DIR/disk.1 0 62 101",
    "tm resize H:DIR/disk.0 32 62 101",
    "tm prebackup H:DIR 0:1 one-62 - 62 100",
    "tm postbackup H:DIR 0:1 one-62 - 62 100",
    "tm prebackup_live H:DIR 0:1 one-62 - 62 100",
    "tm postbackup_live H:DIR 0:1 one-62 - 62 100",
    "tm premigrate H H DIR 62 100",
    "tm failmigrate H H DIR 62 100",
    "tm postmigrate H H DIR 62 100",
    "tm mv H:DIR/disk.0 H:DIR/disk.0 62 101",
    "tm mvds H:DIR/disk.1 OWN 62 101",
    "tm delete H:DIR/disk.0 62 101",
    "tm delete H:DIR/disk.2 62 100",
    "tm delete H:DIR/disk.3 62 100",
    "tm delete H:DIR 62 100",
    "ds stat 6202",
    "ds cp 6202",
    "ds clone 6203",
    "ds mkfs 6204",
    "ds export 6202",
    "ds snap_revert 6203",
    "ds snap_delete 6203",
    "ds snap_flatten 6203",
    "ds rm 6203",
    "ds rm 6202",
    "ds rm 6204",
];

/// What can only fail here: nobody counts for `monitor` in this lab, there is no backup, and no boot.
const ONLY_FAIL: &[&str] = &[
    "tm monitor 100",
    "ds monitor 101",
    "tm restore H:DIR 62 55 -1 -1",
    "tm monitor_ds",
    "tm activate now",
];

/// One VM, and what it is told by whom.
pub(super) struct Talk<'c> {
    pub(super) vm: Vm<'c>,
    pub(super) host: &'c Host,
}

/// One after the other.
pub fn behaviour(case: &Case) -> Result<()> {
    let (vm, host) = (Vm::new(case, 62)?, case.host());
    vm.state(1, host.name);
    for id in [100, 101] {
        vm.oned.datastore(
            id,
            &format!(
                "<DATASTORE><ID>{id}</ID><TEMPLATE><POOL_NAME>one</POOL_NAME><BRIDGE_LIST>{}</BRIDGE_LIST></TEMPLATE></DATASTORE>",
                host.name
            ),
        );
    }
    atomic::write(&vm.oned.var().join("context.sh"), b"A='b'\n")?;
    let talk = Talk { vm, host };
    talk.failures()?;
    talk.failures_of_a_host()?;
    talk.successes()?;
    talk.nobody_listens()?;
    talk.a_master_stays()?;
    talk.silence()?;
    talk.documents()?;
    talk.secrets()?;
    match std::fs::remove_dir_all(datastores(talk.vm.world)?) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    gone(&talk.vm, host)?;
    host.check_gone(&talk.vm.own)
}

impl Talk<'_> {
    /// Every action fails, in every way in which a release reads that: nothing on standard output, and one plain line.
    fn failures(&self) -> Result<()> {
        for release in RELEASES {
            self.vm.oned.release(release)?;
            for action in ACTIONS.iter().chain(ONLY_FAIL) {
                // A VM that there is not; a document that is none.
                let line = self.filled(action)?.replace(" 62 ", " 6299 ");
                let out = self.call(&line, "")?;
                failed(release, &out).context(out.to_string())?;
            }
        }
        Ok(())
    }

    /// What fails in a job, on its host: an image that there is not; a link that is somebody's file. Its words come as far as the user.
    fn failures_of_a_host(&self) -> Result<()> {
        let (dir, link) = (path(&self.vm.dir)?, self.vm.disk(1));
        self.host.sh(&format!(
            "mkdir -p {dir} && chown -R nobody /run/links && echo mine >{link}"
        ))?;
        let failing = [
            ("tm clone FE:one/none H:DIR/disk.0 62 101", "one/none"),
            ("tm ln FE:OWN H:DIR/disk.1 62 101", "is no symbolic link"),
        ];
        for (release, (action, words)) in RELEASES
            .into_iter()
            .flat_map(|release| failing.map(|fails| (release, fails)))
        {
            self.vm.oned.release(release)?;
            let out = self.call(&self.filled(action)?, "")?;
            let told = failed(release, &out).and_then(|()| {
                let heard = heard(release, &out);
                ensure!(heard.info.contains(words), "not {words:?}: {heard:?}");
                ensure!(
                    heard.info.contains(self.host.name),
                    "it names no host: {heard:?}"
                );
                Ok(())
            });
            told.with_context(|| format!("{release}: {action}: {out}"))?;
        }
        let there = self.host.sh(&format!("cat {link}"))?;
        same("what was there", there.text(), "mine")?;
        self.host.sh("rm -rf /run/links")?;
        self.host.check_empty()
    }

    /// Every action comes through: nothing on standard output but what a datastore's action answers, one line, and no line that a
    /// release would show or take for another VM's. Each as one release reads it, by turns.
    fn successes(&self) -> Result<()> {
        for (action, release) in ACTIONS.iter().zip(RELEASES.iter().cycle()) {
            self.before(action)?;
            self.vm.oned.release(release)?;
            let out = self.call(&self.filled(action)?, &self.stdin(action))?;
            self.came_through(release, action, &out)
                .with_context(|| format!("{release}: {out}"))?;
        }
        self.vm
            .world
            .rbd(&["rm", "--no-progress", "one/one-6201"])?;
        let left = self.vm.world.rbd(&["ls", "one"])?;
        ensure!(!left.stdout.contains("one-62"), "{left}");
        gone(&self.vm, self.host)
    }

    /// What an action needs that no other one makes.
    fn before(&self, action: &str) -> Result<()> {
        let world = self.vm.world;
        if action.starts_with("ds snap_revert") {
            for snap in ["0", "1"] {
                world.rbd(&[
                    "snap",
                    "create",
                    "--no-progress",
                    &format!("one/one-6203@{snap}"),
                ])?;
            }
        }
        let ends = ["tm mv ", "tm mvds ", "tm delete "];
        let state = if ends.iter().any(|end| action.starts_with(end)) {
            11
        } else {
            3
        };
        self.vm.oned.vm(62, &self.document(state));
        Ok(())
    }

    fn came_through(&self, release: &str, action: &str, out: &Out) -> Result<()> {
        let heard = heard(release, out);
        ensure!(heard.success, "it failed");
        ensure!(
            heard.log.iter().all(|(_, vm, _)| *vm == 62 || *vm == -1),
            "{heard:?}"
        );
        let answers = ["stat", "cp", "clone", "mkfs", "export"];
        let answers = answers
            .iter()
            .any(|name| action.starts_with(&format!("ds {name} ")));
        same(
            "lines on stdout",
            out.stdout.lines().count(),
            usize::from(answers),
        )?;
        // What is not log would be thrown away, or shown with the next failure.
        let log = out.stderr.lines().count();
        same("lines of log", log, heard.log.len())
    }

    /// The VM, with a disk of each kind.
    pub(super) fn document(&self, state: u32) -> String {
        let none = "<WARMBLOCK_DRIVER>none</WARMBLOCK_DRIVER>";
        let more = format!(
            "<DISK><DISK_ID>2</DISK_ID><TYPE>fs</TYPE><SIZE>16</SIZE>{none}</DISK>\
             <DISK><DISK_ID>3</DISK_ID><TYPE>swap</TYPE><SIZE>8</SIZE>{none}</DISK></TEMPLATE>"
        );
        self.vm
            .document(state, self.host.name)
            .replace("</TEMPLATE>", &more)
    }

    /// What an action gets on standard input.
    fn stdin(&self, action: &str) -> String {
        let document = self.document(3);
        match action.split_whitespace().collect::<Vec<_>>()[..] {
            ["tm", migrate, ..] if migrate.ends_with("migrate") => STANDARD.encode(document),
            ["tm", backup, ..] if backup.contains("backup") => document,
            ["ds", action, id] => STANDARD.encode(self.image(action, id, "")),
            _ => String::new(),
        }
    }

    /// A datastore's document.
    pub(super) fn image(&self, action: &str, id: &str, more: &str) -> String {
        let golden = self.vm.world.file(SMALL.name);
        let path = match action {
            "clone" => "one/one-6202".to_owned(),
            _ => golden.display().to_string(),
        };
        let target = if action == "snap_delete" { 1 } else { 0 };
        format!(
            "<DS_DRIVER_ACTION_DATA><IMAGE><PATH>{path}</PATH><SIZE>24</SIZE><FORMAT>raw</FORMAT><SOURCE>one/one-{id}</SOURCE>\
             <TARGET_SNAPSHOT>{target}</TARGET_SNAPSHOT><SNAPSHOTS><SNAPSHOT><ID>0</ID></SNAPSHOT><SNAPSHOT><ID>1</ID></SNAPSHOT>\
             </SNAPSHOTS></IMAGE><DATASTORE><ID>101</ID><TEMPLATE><POOL_NAME>one</POOL_NAME><BRIDGE_LIST>{}</BRIDGE_LIST>\
             <SAFE_DIRS>/</SAFE_DIRS>{more}</TEMPLATE></DATASTORE></DS_DRIVER_ACTION_DATA>",
            self.host.name
        )
    }

    pub(super) fn filled(&self, line: &str) -> Result<String> {
        Ok(line
            .replace("FE:", &format!("{}:", self.vm.fe))
            .replace("H:", &format!("{}:", self.host.name))
            .replace(" H H ", &format!(" {0} {0} ", self.host.name))
            .replace("DIR", path(&self.vm.dir)?)
            .replace("VAR", path(&self.vm.oned.var())?)
            .replace("PARENT", &self.vm.parent.spec)
            .replace("OWN", &self.vm.own.spec))
    }

    pub(super) fn call(&self, line: &str, stdin: &str) -> Result<Out> {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.vm.oned.call(&words, stdin)
    }

    /// Names with all that people write, in no known coding, and a document of megabytes.
    fn documents(&self) -> Result<()> {
        let host = self.host.name;
        let many = "<ATTRIBUTE><![CDATA[a value of ninety bytes & more, as sites have thousands of them <here>]]></ATTRIBUTE>";
        let odd = "<NAME><![CDATA[<VM> & \"web\" 'ä' $(reboot) ]]></NAME><TITLE>&lt;b&gt; &amp;amp; &quot;x&quot; &#228;</TITLE>";
        let document = self
            .document(11)
            .replace("<LCM_STATE>", &format!("{odd}<LCM_STATE>"))
            .replace(
                "</VM>",
                &format!(
                    "<USER_TEMPLATE>{}</USER_TEMPLATE></VM>",
                    many.repeat(50_000)
                ),
            );
        ensure!(document.len() > 4 << 20, "it is no large document");
        self.vm.oned.vm(62, &document);
        self.call(&self.filled("tm delete H:DIR 62 100")?, "")?
            .ok()?;
        // Latin-1, as names were kept by databases of old.
        let migrate = self.filled("tm premigrate H H DIR 62 100")?;
        let bytes = self
            .document(3)
            .replace("<LCM_STATE>", "<NAME>B\u{1}r</NAME><LCM_STATE>");
        let bytes: Vec<u8> = bytes
            .bytes()
            .map(|byte| if byte == 1 { 0xe4 } else { byte })
            .collect();
        self.call(&migrate, &STANDARD.encode(bytes))?.ok()?;
        let bytes = self.image("stat", "6205", "<NAME>B\u{1}r</NAME>");
        let bytes: Vec<u8> = bytes
            .bytes()
            .map(|byte| if byte == 1 { 0xe4 } else { byte })
            .collect();
        let out = self.call("ds stat 6205", &STANDARD.encode(bytes))?.ok()?;
        same(host, out.stdout.as_str(), "24\n")
    }
}

/// A failure in a release's words: one line for the user, and nothing else (contract, 1.4).
pub(super) fn failed(release: &str, out: &Out) -> Result<()> {
    let heard = heard(release, out);
    ensure!((1..=125).contains(&out.code), "exit code {}", out.code);
    same("stdout", out.stdout.as_str(), "")?;
    ensure!(
        heard.info.len() > 10 && !heard.info.starts_with('-'),
        "{heard:?}"
    );
    ensure!(heard.log.is_empty(), "{heard:?}");
    let framed = wire::release(release) < (6, 2, 0);
    same(
        "lines",
        out.stderr.lines().count(),
        if framed { 3 } else { 1 },
    )?;
    let severity = ["ERROR", "INFO:", "WARN:", "DEBUG:", "panicked"];
    ensure!(
        !severity.iter().any(|word| heard.info.starts_with(word)),
        "{heard:?}"
    );
    Ok(())
}

/// What a release makes of what a script left.
fn heard(version: &str, out: &Out) -> Said {
    wire::read(
        wire::release(version),
        out.code == 0,
        &out.stdout,
        &out.stderr,
    )
}
