//! What stands outside all targets.

use super::{Script, Stop};
use crate::tgt::conf::tree::{Map, Value};

/// These are handled before `control-port` is, those of the second list after it.
const ISNS_DETAILS: [&str; 3] = ["iSNSAccessControl", "iSNSServerIP", "iSNSServerPort"];

impl Script<'_> {
    pub(super) fn globals(&mut self, tree: &Map) -> Result<(), Stop> {
        for (option, value) in &tree.entries {
            match option.as_str() {
                "default-driver" => self.default_driver(value)?,
                "incomingdiscoveryuser" => self.discovery_user(value, option, "")?,
                "outgoingdiscoveryuser" => self.discovery_user(value, option, " --outgoing")?,
                detail if ISNS_DETAILS.contains(&detail) => self.isns(option, value)?,
                _ => {}
            }
        }
        if let Some(value) = tree.get("control-port") {
            // On the second target of an update, it is the first one's port that is in the way.
            if self.control_port != "0" {
                return Err(self.refuse(Some(value), "\"control-port\" is set already"));
            }
            self.control_port = value.text().into_owned();
        }
        if let Some(value) = tree.get("iSNS") {
            self.isns("iSNS", value)?;
        }
        if self.default_driver.is_none() {
            let remark = "# default-driver not defined, defaulting to iscsi.\n";
            self.say(remark.into(), None);
            self.default_driver = Some("iscsi".into());
        }
        Ok(())
    }

    fn default_driver(&mut self, value: &Value) -> Result<(), Stop> {
        self.single(Some(value), "default-driver")?;
        self.default_driver = match value {
            Value::Undef(_) => None,
            value => Some(value.text().into_owned()),
        };
        Ok(())
    }

    fn isns(&mut self, option: &str, value: &Value) -> Result<(), Stop> {
        self.single(Some(value), option)?;
        let words = format!("--op update --mode sys --name {option} -v {}", value.text());
        self.command(&words, Some(value.at()));
        Ok(())
    }

    fn discovery_user(&mut self, value: &Value, option: &str, how: &str) -> Result<(), Stop> {
        let text = value.text();
        let Some((user, password)) = user_and_password(&text) else {
            let why = format!("\"{option}\" needs a user and a password, one blank between them");
            return Err(self.refuse(Some(value), why));
        };
        let at = Some(value.at());
        if self.accounts.insert(user.to_owned()) {
            let words = format!("--mode account --op new --user={user} --password={password}");
            self.command(&words, at);
        }
        self.command(&format!("--mode account --op bind --user={user} {how}"), at);
        Ok(())
    }
}

/// The first two words, exactly one blank between them; what follows is dropped.
pub(super) fn user_and_password(text: &str) -> Option<(&str, &str)> {
    let mut words = text.split(' ');
    let (user, password) = (words.next()?, words.next()?);
    (!password.is_empty()).then_some((user, password))
}
