//! One target.

use super::globals::user_and_password;
use super::lun::{PlannedLun, SkippedLun};
use super::store::Stores;
use super::{Script, Stop};
use crate::tgt::conf::lines::LineId;
use crate::tgt::conf::tree::{Map, Value};

/// A target as the script makes it.
#[derive(Debug, Clone, Default)]
pub struct PlannedTarget {
    /// Its name.
    pub name: String,
    /// Where it was first opened.
    pub at: Option<LineId>,
    /// The id it is given.
    pub tid: String,
    /// The driver.
    pub driver: String,
    /// The LUNs that are made.
    pub luns: Vec<PlannedLun>,
    /// The stores that are passed over.
    pub skipped: Vec<SkippedLun>,
    /// Initiator addresses that are let in.
    pub addresses: Vec<(String, LineId)>,
    /// Initiator names that are let in.
    pub names: Vec<(String, LineId)>,
    /// `-I ALL` is added because no address is there.
    pub all_added: bool,
    /// Accounts that initiators must know.
    pub incoming: Vec<User>,
    /// Accounts that the target shows.
    pub outgoing: Vec<User>,
}

/// An account that is bound to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// The password that stands in the configuration.
    pub password: String,
    /// The account was there before: this password is ignored.
    pub was_there: bool,
    /// Where.
    pub at: LineId,
}

/// Options that are handed to the target as they are.
pub(crate) const ISCSI: [&str; 19] = [
    "MaxRecvDataSegmentLength",
    "MaxXmitDataSegmentLength",
    "HeaderDigest",
    "DataDigest",
    "InitialR2T",
    "MaxOutstandingR2T",
    "ImmediateData",
    "FirstBurstLength",
    "MaxBurstLength",
    "DataPDUInOrder",
    "DataSequenceInOrder",
    "ErrorRecoveryLevel",
    "IFMarker",
    "OFMarker",
    "DefaultTime2Wait",
    "DefaultTime2Retain",
    "OFMarkInt",
    "IFMarkInt",
    "MaxConnections",
];

impl Script<'_> {
    pub(super) fn add_target(
        &mut self,
        name: &str,
        map: &Map,
        known_tid: Option<String>,
    ) -> Result<(), Stop> {
        match known_tid {
            Some(tid) => self.next_tid = tid,
            None => self.count_tid(),
        }
        for (option, value) in &map.entries {
            self.with_value(value, option)?;
            if matches!(option.as_str(), "backing-store" | "direct-store") {
                self.stores_are_blocks(value)?;
            }
        }
        if let Some(tid) = map.get("controller_tid") {
            self.next_tid = tid.text().into_owned();
        }
        let driver = match map.get("driver") {
            Some(driver) => driver.text().into_owned(),
            None => self.default_driver.clone().unwrap_or_default(),
        };
        let at = Some(map.at());
        self.say(format!("# Adding target: {name}"), at);
        let words = format!("--op new --mode target --tid {} -T {name}", self.next_tid);
        self.lld(&driver, &words, at);
        self.plan.targets.push(PlannedTarget {
            name: name.to_owned(),
            at,
            tid: self.next_tid.clone(),
            driver: driver.clone(),
            ..PlannedTarget::default()
        });
        self.options(map, &driver)?;
        self.tids.insert(name.to_owned(), self.next_tid.clone());
        Ok(())
    }

    fn options(&mut self, map: &Map, driver: &str) -> Result<(), Stop> {
        let mut stores = Stores::new(map);
        for (option, value) in &map.entries {
            match option.as_str() {
                "backing-store" | "direct-store" => {
                    self.add_stores(map, driver, value, &mut stores)?;
                }
                "incominguser" => {
                    for value in value.each() {
                        self.user(driver, value, option, "")?;
                    }
                }
                "outgoinguser" => {
                    self.only_first(value, option);
                    self.user(driver, &value.each()[0], option, " --outgoing")?;
                }
                "initiator-address" => self.let_in(driver, value, option, "-I")?,
                "initiator-name" => self.let_in(driver, value, option, "-Q")?,
                _ if ISCSI.contains(&option.as_str()) || option.starts_with("state") => {
                    self.only_first(value, option);
                    let first = value.each()[0].text();
                    let words = format!(
                        "--mode target --op update --tid {} --name {option} --value {first}",
                        self.next_tid
                    );
                    self.lld(driver, &words, Some(value.at()));
                }
                _ => {}
            }
        }
        if map.get("initiator-address").is_none() {
            let words = format!("--op bind --mode target --tid {} -I ALL", self.next_tid);
            self.lld(driver, &words, Some(map.at()));
            self.target(|target| target.all_added = true);
        }
        Ok(())
    }

    /// A command to the target's driver.
    pub(super) fn lld(&mut self, driver: &str, words: &str, at: Option<LineId>) {
        self.command(&format!("--lld {driver} {words}"), at);
    }

    /// Keeps something of the target that is being made.
    pub(super) fn target(&mut self, keep: impl FnOnce(&mut PlannedTarget)) {
        if let Some(target) = self.plan.targets.last_mut() {
            keep(target);
        }
    }

    fn only_first(&mut self, value: &Value, option: &str) {
        let second = value.each().get(1).map(Value::text);
        if second.is_some_and(|second| !second.is_empty()) {
            let remark =
                format!("# Warning: only one {option} is allowed. Will only use the first one.");
            self.say(remark, Some(value.at()));
        }
    }

    fn let_in(
        &mut self,
        driver: &str,
        value: &Value,
        option: &str,
        flag: &str,
    ) -> Result<(), Stop> {
        for one in value.each() {
            self.with_value(one, option)?;
            let text = one.text().into_owned();
            let words = format!(
                "--op bind --mode target --tid {} {flag} {text}",
                self.next_tid
            );
            self.lld(driver, &words, Some(one.at()));
            let entry = (text, one.at());
            self.target(|target| match flag {
                "-I" => target.addresses.push(entry),
                _ => target.names.push(entry),
            });
        }
        Ok(())
    }

    fn user(&mut self, driver: &str, value: &Value, option: &str, how: &str) -> Result<(), Stop> {
        let text = value.text();
        let Some((name, password)) = user_and_password(&text) else {
            let why = format!("\"{option}\" needs a user and a password, one blank between them");
            return Err(self.refuse(Some(value), why));
        };
        let at = Some(value.at());
        let is_new = self.accounts.insert(name.to_owned());
        if is_new {
            let words = format!("--mode account --op new --user={name} --password={password}");
            self.lld(driver, &words, at);
        }
        let tid = self.next_tid.clone();
        let words = format!("--mode account --op bind --tid={tid} --user={name}{how}");
        self.lld(driver, &words, at);
        let user = User {
            name: name.to_owned(),
            password: password.to_owned(),
            was_there: !is_new,
            at: value.at(),
        };
        self.target(|target| match option {
            "incominguser" => target.incoming.push(user),
            _ => target.outgoing.push(user),
        });
        Ok(())
    }
}
