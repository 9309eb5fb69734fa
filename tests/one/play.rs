//! Calls as rows of a table: what oned says, what it is answered, and what stands then on the hosts and in Ceph.

use std::fs::File;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::vm::Vm;
use crate::case::Case;
use crate::cmd::Out;
use crate::host::Host;
use crate::tests::same;
use crate::world::{Image, MIB, SMALL, path};

/// What a script must leave behind (contract, 1.4).
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    /// Success without a word but log lines of the VM.
    Silent,
    /// Success, and this on standard output.
    Says(&'static str),
    /// Failure, with one plain line for the user that has these words.
    Refused(&'static [&'static str]),
}

/// A call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// Where the VM is in its life cycle, and its host.
    pub(super) state: (u32, &'static str),
    /// As the contract writes it: `ACTION DRIVER ARGUMENT… < STDIN`, with places to fill in; see [`Story::filled`].
    pub(super) call: &'static str,
    /// How often it is made: the second time nothing may be otherwise.
    pub(super) times: usize,
    /// What it is answered.
    pub(super) answer: Answer,
    /// What is looked at then.
    pub(super) stands: fn(&Story<'_>) -> Result<()>,
}

/// A VM, and what its disks must hold.
pub(super) struct Story<'c> {
    pub(super) vm: Vm<'c>,
    pub(super) hv1: &'c Host,
    pub(super) hv2: &'c Host,
    /// Its disk 0, a clone that is larger than its parent.
    pub(super) clone: Image,
    /// That of an image datastore's own.
    pub(super) datastore: String,
}

/// Disks that are made for the VM: one that may not be anything but raw, one that may not be raw.
const VOLATILE: &str = "<DISK><DISK_ID>2</DISK_ID><TYPE>fs</TYPE><FS>ext4</FS><SIZE>16</SIZE><WARMBLOCK_DRIVER>none</WARMBLOCK_DRIVER></DISK>\
    <DISK><DISK_ID>3</DISK_ID><TYPE>swap</TYPE><SIZE>8</SIZE><WARMBLOCK_DRIVER>none</WARMBLOCK_DRIVER></DISK>\
    <DISK><DISK_ID>5</DISK_ID><TYPE>fs</TYPE><SIZE>8</SIZE><WARMBLOCK_DRIVER>none</WARMBLOCK_DRIVER></DISK>\
    <DISK><DISK_ID>6</DISK_ID><TYPE>fs</TYPE><DRIVER>raw</DRIVER><SIZE>8</SIZE><WARMBLOCK_DRIVER>none</WARMBLOCK_DRIVER></DISK>";

impl<'c> Story<'c> {
    /// Begins one, with the documents of a VM, an image and two datastores.
    pub(super) fn begin(case: &'c Case, id: u32) -> Result<Self> {
        let vm = Vm::new(case, id)?;
        vm.oned.release("7.4.0")?;
        vm.oned.datastore(
            100,
            "<DATASTORE><ID>100</ID><TEMPLATE><POOL_NAME>one</POOL_NAME></TEMPLATE></DATASTORE>",
        );
        let clone = Image {
            spec: format!("{}-{id}-0", vm.parent.spec),
            ..vm.world.kept(&vm.parent)?
        };
        File::options()
            .write(true)
            .open(&clone.model)?
            .set_len(30 * MIB)?;
        let datastore = format!(
            "<DS_DRIVER_ACTION_DATA><IMAGE><PATH>{}</PATH><SIZE>24</SIZE><SOURCE>one/one-6107</SOURCE></IMAGE><DATASTORE><ID>101</ID>\
             <TEMPLATE><POOL_NAME>one</POOL_NAME><BRIDGE_LIST>hv1</BRIDGE_LIST><SAFE_DIRS>/</SAFE_DIRS></TEMPLATE></DATASTORE>\
             </DS_DRIVER_ACTION_DATA>",
            path(&vm.world.file(SMALL.name))?
        );
        for (file, content) in [
            ("context.sh", "SECRET='of the guest'\n"),
            ("first", "the first file\n"),
            ("second.txt", "the second file\n"),
        ] {
            warmblock::sys::atomic::write(&vm.oned.var().join(file), content.as_bytes())?;
        }
        Ok(Self {
            vm,
            hv1: case.host(),
            hv2: case.other(),
            clone,
            datastore,
        })
    }

    /// Makes the calls of a table, one after the other.
    pub(super) fn play(&self, table: &[Row]) -> Result<()> {
        for row in table {
            self.vm
                .oned
                .vm(self.vm.id, &self.document(row.state.0, row.state.1));
            for time in 0..row.times {
                let told = self.call(row).and_then(|()| (row.stands)(self));
                told.with_context(|| format!("{} (call {})", row.call, time + 1))?;
            }
        }
        Ok(())
    }

    fn call(&self, row: &Row) -> Result<()> {
        let (line, stdin) = row.call.split_once(" < ").unwrap_or((row.call, ""));
        let (line, stdin) = (self.filled(row, line)?, self.filled(row, stdin)?);
        let out = match line.strip_prefix("DS ") {
            Some(words) => {
                let words: Vec<&str> = words.split_whitespace().collect();
                self.vm.oned.call(&[&["ds"], &words[..]].concat(), &stdin)?
            }
            None => self.vm.oned.script(&line, &stdin)?,
        };
        row.answer.check(self.vm.id, &out)
    }

    /// With names and documents for what stands in braces. oned writes paths with a slash too many (contract, 0).
    fn filled(&self, row: &Row, text: &str) -> Result<String> {
        let document = STANDARD.encode(self.document(row.state.0, row.state.1));
        let dir = path(&self.vm.dir)?.replacen("/100/", "//100/", 1);
        Ok(text
            .replace("{fe}", &self.vm.fe)
            .replace("{dir}", &dir)
            .replace("{var}", path(&self.vm.oned.var())?)
            .replace("{parent}", &self.vm.parent.spec)
            .replace("{own}", &self.vm.own.spec)
            .replace("{vm}", &document)
            .replace("{ds}", &STANDARD.encode(&self.datastore)))
    }

    /// The VM's document: that of the usual VM, and disks of other kinds while it begins and when these are detached.
    pub(super) fn document(&self, lcm_state: u32, host: &str) -> String {
        let volatile = if matches!(lcm_state, 1 | 34) {
            VOLATILE
        } else {
            ""
        };
        let larger = "<CLONE>YES</CLONE><SIZE>30</SIZE><ORIGINAL_SIZE>24</ORIGINAL_SIZE>";
        // What is in the cache can be written there, and be nowhere else.
        let in_cache =
            "<WARMBLOCK_MODE>writeback</WARMBLOCK_MODE><WARMBLOCK_SEED>first:8M</WARMBLOCK_SEED>";
        let document = self
            .vm
            .document(lcm_state, host)
            .replace("<CLONE>YES</CLONE>", larger);
        let (first, own) = document
            .split_once("<DISK_ID>1<")
            .unwrap_or((&document, ""));
        let own = own
            .replace("<WARMBLOCK_SEED>none</WARMBLOCK_SEED>", "")
            .replace("<WARMBLOCK_MODE>writeback</WARMBLOCK_MODE>", in_cache)
            .replace("</TEMPLATE>", &format!("{volatile}</TEMPLATE>"));
        format!("{first}<DISK_ID>1<{own}")
    }
}

impl Answer {
    pub(super) fn check(self, vm: u32, out: &Out) -> Result<()> {
        let said = match self {
            Self::Refused(words) => {
                ensure!((1..=125).contains(&out.code), "it was to be refused: {out}");
                for word in words {
                    ensure!(out.stderr.contains(word), "{word:?} is not in {out}");
                }
                same("lines for the user", out.stderr.lines().count(), 1)?;
                ""
            }
            Self::Silent | Self::Says(_) => {
                same("exit code", out.code, 0).context(out.to_string())?;
                let signs = [format!("WARN: {vm} "), format!("INFO: {vm} ")];
                let log = |line: &str| signs.iter().any(|sign| line.starts_with(sign));
                ensure!(out.stderr.lines().all(log), "neither silent nor log: {out}");
                if let Self::Says(line) = self {
                    line
                } else {
                    ""
                }
            }
        };
        let severity = ["ERROR:", "INFO:", "WARN:", "DEBUG:"];
        let taken = |line: &str| severity.iter().any(|word| line.starts_with(word));
        if let Self::Refused(_) = self {
            ensure!(!out.stderr.lines().any(taken), "oned would log that: {out}");
        }
        ensure!(
            !out.stderr.contains("panicked") && !out.stderr.contains("oneadmin:secret"),
            "{out}"
        );
        same("stdout", out.stdout.as_str(), said)
    }
}
