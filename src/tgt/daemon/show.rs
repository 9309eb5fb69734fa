//! What `tgtadm --op show` prints (facts 4.2): an indented tree for all targets, `key=value` lines for one.
//!
//! The tree's indentation is 4, 8, 12 blanks and so on, and tells what a line belongs to; names are free text, so a line is
//! known by where it stands and never by what it resembles. What is not known is passed over: later versions add lines.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A target as the daemon has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetState {
    /// Its number.
    pub tid: u16,
    /// Its name.
    pub iqn: String,
    /// Its driver, `iscsi` or `iser`.
    pub driver: String,
    /// Whether it takes logins.
    pub ready: bool,
    /// Who is connected.
    pub nexuses: Vec<Nexus>,
    /// Its LUNs without LUN 0, which is tgtd's own.
    pub luns: Vec<LunState>,
    /// The accounts of which an initiator must prove one.
    pub accounts: Vec<String>,
    /// The account that the target proves.
    pub outgoing: Option<String>,
    /// Addresses and initiator names that are let in; the daemon does not say which is which.
    pub acl: Vec<String>,
}

/// A session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Nexus {
    /// Its number.
    pub id: u64,
    /// The initiator's name.
    pub initiator: String,
    /// The addresses of its connections.
    pub addresses: Vec<String>,
    /// Their numbers.
    #[serde(default)]
    pub connections: Vec<u64>,
}

/// A LUN as the daemon has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LunState {
    /// Its number.
    pub number: u64,
    /// Page 83's text.
    pub scsi_id: String,
    /// Page 80's serial.
    pub scsi_sn: String,
    /// Whether it has its backing store open.
    pub online: bool,
    /// Whether writes are refused.
    pub readonly: bool,
    /// `rbd`, `rdwr` and so on.
    pub bs_type: String,
    /// What is behind it.
    pub path: String,
}

/// Where in a target's tree a line stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    System,
    Nexus,
    Lun,
    Account,
    Acl,
    Other,
}

/// All targets, from `--op show --mode target`.
pub fn parse_targets(text: &str) -> Result<Vec<TargetState>, String> {
    let mut targets: Vec<TargetState> = Vec::new();
    let mut section = Section::Other;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let words = line.trim();
        if indent == 0 {
            targets.push(head(words)?);
            section = Section::Other;
            continue;
        }
        let target = targets
            .last_mut()
            .ok_or_else(|| format!("begins with {line:?}"))?;
        if indent == 4 {
            section = match words {
                "System information:" => Section::System,
                "I_T nexus information:" => Section::Nexus,
                "LUN information:" => Section::Lun,
                "Account information:" => Section::Account,
                "ACL information:" => Section::Acl,
                _ => Section::Other,
            };
            continue;
        }
        inside(target, section, words)?;
    }
    for target in &mut targets {
        target.luns.retain(|lun| lun.number != 0);
    }
    Ok(targets)
}

/// `Target 4: iqn.2014-02.my.domain:c1.t1`
fn head(line: &str) -> Result<TargetState, String> {
    let bad = || format!("has {line:?} where a target begins");
    let (tid, iqn) = line
        .strip_prefix("Target ")
        .and_then(|rest| rest.split_once(": "))
        .ok_or_else(bad)?;
    Ok(TargetState {
        tid: tid.parse().map_err(|_| bad())?,
        iqn: iqn.to_owned(),
        ..TargetState::default()
    })
}

fn inside(target: &mut TargetState, section: Section, line: &str) -> Result<(), String> {
    let (key, value) = line
        .split_once(':')
        .map_or((line, ""), |(key, value)| (key, value.trim()));
    match section {
        Section::System => match key {
            "Driver" => target.driver = value.to_owned(),
            "State" => target.ready = value == "ready",
            _ => {}
        },
        Section::Nexus => nexus(target, key, value)?,
        Section::Lun => lun(target, key, value)?,
        Section::Account => match line.strip_suffix(" (outgoing)") {
            Some(user) => target.outgoing = Some(user.to_owned()),
            None => target.accounts.push(line.to_owned()),
        },
        Section::Acl => target.acl.push(line.to_owned()),
        Section::Other => {}
    }
    Ok(())
}

fn nexus(target: &mut TargetState, key: &str, value: &str) -> Result<(), String> {
    if key == "I_T nexus" {
        let id = value
            .parse()
            .map_err(|_| format!("has the session number {value:?}"))?;
        target.nexuses.push(Nexus {
            id,
            ..Nexus::default()
        });
        return Ok(());
    }
    let Some(nexus) = target.nexuses.last_mut() else {
        return Ok(());
    };
    match key {
        // the alias is the initiator's own words and may hold anything; a name has no blanks
        "Initiator" => {
            let name = value.split_once(" alias:").map_or(value, |(name, _)| name);
            nexus.initiator = name.to_owned();
        }
        "Connection" => nexus.connections.extend(value.parse::<u64>()),
        "IP Address" => nexus.addresses.push(value.to_owned()),
        _ => {}
    }
    Ok(())
}

fn lun(target: &mut TargetState, key: &str, value: &str) -> Result<(), String> {
    if key == "LUN" {
        let number = value
            .parse()
            .map_err(|_| format!("has the LUN {value:?}"))?;
        target.luns.push(LunState {
            number,
            ..LunState::default()
        });
        return Ok(());
    }
    let Some(lun) = target.luns.last_mut() else {
        return Ok(());
    };
    match key {
        "SCSI ID" => lun.scsi_id = value.to_owned(),
        "SCSI SN" => lun.scsi_sn = value.to_owned(),
        "Online" => lun.online = value == "Yes",
        "Readonly" => lun.readonly = value == "Yes",
        "Backing store type" => lun.bs_type = value.to_owned(),
        "Backing store path" => lun.path = value.to_owned(),
        _ => {}
    }
    Ok(())
}

/// The parameters of one target, from `--op show --mode target --tid N`.
pub fn parse_parameters(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests;
