//! What tgt-admin does with what it has read: the lines that `tgt-admin --pretend` prints, in their order.
//!
//! The daemon is taken to have nothing yet, as after a start. Everything the script asks of the machine is asked of
//! [`Files`], but two things: whether somebody has a backing file open (taken for no), and what `sg_inq` says of a
//! `direct-store` (taken for nothing).

mod globals;
mod lun;
mod step;
mod store;
mod target;

pub use lun::{PlannedLun, SkippedLun};
pub use step::{Step, Stop};
pub(crate) use target::ISCSI;
pub use target::{PlannedTarget, User};

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::files::Files;
use super::lines::{LineId, Place};
use super::tree::{Map, Value};
use super::{Conf, Died, number, text};

/// Stands for a number that is an address of Perl's, plus something.
const ADDRESS: &str = "ADDRESS";

/// How tgt-admin is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// `--execute`: what starts with the daemon.
    Execute,
    /// `--update ALL`: what a reload does.
    UpdateAll,
}

/// What it does.
#[derive(Debug, Default)]
pub struct Plan {
    /// The lines it prints, in order.
    pub steps: Vec<Step>,
    /// Why it stops before the end.
    pub stop: Option<Stop>,
    /// The targets that it makes, in order; the last one may be half made.
    pub targets: Vec<PlannedTarget>,
}

impl Plan {
    /// All lines as one text, for people.
    pub fn text(&self) -> String {
        let lines = self.steps.iter().map(|step| text::show(&step.text) + "\n");
        lines.collect()
    }
}

/// Finds out what tgt-admin does. `named` is the path if it is given with `-c`, which is then told.
pub fn plan(conf: &Conf, files: &dyn Files, run: Run, named: Option<&Path>) -> Plan {
    let mut script = Script {
        conf,
        files,
        plan: Plan::default(),
        control_port: "0".into(),
        default_driver: None,
        next_tid: String::new(),
        accounts: BTreeSet::new(),
        tids: BTreeMap::new(),
        update: run == Run::UpdateAll,
    };
    if let Some(path) = named {
        script.say(
            format!("# Using {} as configuration file\n", path.display()),
            None,
        );
    }
    let end = match &conf.tree {
        Ok(tree) => script.run(tree),
        Err(died) => Err(Stop::from(died.clone())),
    };
    script.plan.stop = end.err();
    script.plan
}

/// The script while it runs.
struct Script<'a> {
    conf: &'a Conf,
    files: &'a dyn Files,
    plan: Plan,
    control_port: String,
    default_driver: Option<String>,
    /// The target id that was given last.
    next_tid: String,
    /// The accounts that it believes to exist.
    accounts: BTreeSet<String>,
    /// The target ids that it gave.
    tids: BTreeMap<String, String>,
    update: bool,
}

impl Script<'_> {
    fn run(&mut self, tree: &Map) -> Result<(), Stop> {
        if !self.update {
            return self.add_targets(tree, "");
        }
        let Some(targets) = tree.get("target") else {
            return Ok(());
        };
        for name in self.names(targets)? {
            self.add_targets(tree, &name)?;
        }
        Ok(())
    }

    /// The names of the targets: there are none if `target` is not a block.
    fn names(&self, targets: &Value) -> Result<Vec<String>, Stop> {
        match targets {
            Value::Block(map) => Ok(map.entries.keys().cloned().collect()),
            Value::Undef(_) => Ok(Vec::new()),
            other => Err(self.died(other, "\"target\" is an option here, not a block")),
        }
    }

    /// `only` is the one target that is to be updated, or empty for all.
    fn add_targets(&mut self, tree: &Map, only: &str) -> Result<(), Stop> {
        self.globals(tree)?;
        let Some(targets) = tree.get("target") else {
            return Ok(());
        };
        let configured = !only.is_empty() && self.tids.contains_key(only);
        let names = if only.is_empty() {
            self.names(targets)?
        } else {
            vec![only.to_owned()]
        };
        for name in names {
            if !only.is_empty() {
                self.delete_before_update(&name);
            }
            let value = targets.block().and_then(|map| map.get(&name));
            let known = configured.then(|| self.tids.get(&name).cloned()).flatten();
            match value {
                Some(Value::Block(map)) => self.add_target(&name, map, known)?,
                Some(Value::Undef(at)) => {
                    let empty = Map {
                        opened: vec![*at],
                        ..Map::default()
                    };
                    self.add_target(&name, &empty, known)?;
                }
                Some(other) => return Err(self.died(other, "a target has no name")),
                None => {}
            }
        }
        self.say(String::new(), None);
        Ok(())
    }

    /// An update begins with a deletion; of a target that is not there it is only said.
    fn delete_before_update(&mut self, name: &str) {
        match self.tids.get(name).filter(|tid| !tid.is_empty()) {
            Some(tid) => {
                let command = format!("--mode target --op delete --tid={tid}");
                self.say(format!("# Removing target: {name}"), None);
                self.command(&command, None);
                self.say(String::new(), None);
            }
            None => self.say(format!("# Target with name {name} does not exist!"), None),
        }
    }

    fn count_tid(&mut self) {
        // An address is a number as well, and a different one in every run.
        let address = self.next_tid.contains("(0x") || self.next_tid == ADDRESS;
        self.next_tid = if address {
            ADDRESS.into()
        } else {
            number::plus_one(&self.next_tid)
        };
    }

    fn place(&self, at: LineId) -> Option<Place> {
        self.conf.lines.place(at)
    }

    fn say(&mut self, text: String, at: Option<LineId>) {
        self.step(text, at, None);
    }

    fn command(&mut self, words: &str, at: Option<LineId>) {
        let text = format!("tgtadm -C {} {words}", self.control_port);
        self.say(text, at);
    }

    fn step(&mut self, text: String, at: Option<LineId>, shuffled: Option<usize>) {
        let at = at.and_then(|at| self.place(at));
        self.plan.steps.push(Step { text, at, shuffled });
    }

    fn died(&self, value: &Value, why: &str) -> Stop {
        Stop::from(Died::new(self.place(value.at()), why))
    }

    /// The script says what is wrong and ends with 1.
    fn refuse(&self, value: Option<&Value>, why: impl Into<String>) -> Stop {
        Stop::Refused {
            at: value.and_then(|value| self.place(value.last_at())),
            why: why.into(),
        }
    }

    /// An option that must have a value.
    fn with_value(&self, value: &Value, option: &str) -> Result<(), Stop> {
        if value.text().is_empty() {
            return Err(self.refuse(Some(value), format!("\"{option}\" has no value")));
        }
        Ok(())
    }

    /// An option that must not be repeated, nor be a block.
    fn single(&self, value: Option<&Value>, option: &str) -> Result<(), Stop> {
        match value {
            Some(value) if value.is_reference() => {
                let why = format!("\"{option}\" may be there only once");
                Err(self.refuse(Some(value), why))
            }
            _ => Ok(()),
        }
    }
}
