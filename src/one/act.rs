//! An action from its call to its end: what oned is asked, which hosts are, and what is answered.

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use super::call::{Call, Node, TmCall};
use super::oned::Surroundings;
use super::remote::is_silence;
use super::voice::{Dialect, Voice};
use super::{Tree, store, transfer};
use crate::{Error, Result};

/// How long a host may be silent about its part. One of this release says now and then that it gets somewhere, however long it takes:
/// a backup of many terabytes, say; when nothing moves any more, as on a file server that is gone, it is silent. One of an older
/// release says nothing before it is done.
pub(super) const JOB_DEADLINE: Duration = Duration::from_secs(4 * 3600);

/// What an action finds around it.
#[derive(Debug, Clone)]
pub struct Site {
    /// Where oned answers.
    pub oned: Surroundings,
    /// How the release of oned wants to be spoken to.
    pub dialect: Dialect,
    /// This machine, as oned calls it.
    pub front_end: Node,
}

impl Site {
    /// As oned's own programs find it: `/var/lib/one`, or `$ONE_LOCATION/var`.
    ///
    /// # Errors
    /// [`Kind::Config`] if this machine's name cannot be a host's.
    pub fn find() -> Result<Self> {
        let tree = Tree::find();
        Ok(Self {
            dialect: tree.dialect(),
            oned: Surroundings::of(&tree),
            front_end: crate::sys::host::hostname()?.as_str().parse()?,
        })
    }
}

/// How oned is spoken to, and how it speaks.
#[expect(
    missing_debug_implementations,
    reason = "there is nothing to show of a stream"
)]
pub struct Stdio<'a> {
    /// Documents come here.
    pub stdin: &'a mut dyn Read,
    /// The answer goes here.
    pub stdout: &'a mut dyn Write,
    /// Everything else goes here.
    pub stderr: &'a mut dyn Write,
}

/// Does an action, as far as its words were understood, and speaks to oned; whether it came through. `action` is its name: of a
/// host that does not answer the user is told what it was asked for (contract, 9.3.11), for all that ssh knows is the host.
pub fn act(site: &Site, action: &str, call: Result<Call>, stdio: Stdio<'_>) -> bool {
    let Stdio {
        stdin,
        stdout,
        stderr,
    } = stdio;
    let vm = call.as_ref().ok().and_then(Call::vm);
    let mut voice = Voice::new(site.dialect, vm, stderr).with_logs(&site.oned.var);
    let done = call.and_then(|call| match call {
        Call::Datastore(call) => store::act(site, &call, stdin, &mut voice),
        Call::Transfer(TmCall::Monitor { input, .. }) => {
            store::monitor(site, &input, stdin, &mut voice)
        }
        Call::Transfer(TmCall::MonitorDs { dir }) => store::disks_below(Path::new(&dir)),
        Call::Transfer(call) => {
            transfer::act(site, &call, stdin, &mut voice).map(|()| String::new())
        }
    });
    match done {
        Ok(answer) => {
            // oned closes its end when the action is cancelled; what was done stays done.
            let _nobody_listens = stdout.write_all(answer.as_bytes());
            true
        }
        Err(error) if is_silence(&error) => {
            let told = Error::new(error.kind(), format!("{action} failed"));
            voice.fail(&told.because(error));
            false
        }
        Err(error) => {
            voice.fail(&error);
            false
        }
    }
}

/// All warnings in a host's answer, however deep.
pub(super) fn warnings(answer: &serde_json::Value) -> Vec<String> {
    match answer {
        serde_json::Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match (name.as_str(), value) {
                ("warnings", serde_json::Value::Array(list)) => list
                    .iter()
                    .filter_map(|word| word.as_str().map(str::to_owned))
                    .collect(),
                _ => warnings(value),
            })
            .collect(),
        serde_json::Value::Array(list) => list.iter().flat_map(warnings).collect(),
        _ => Vec::new(),
    }
}
