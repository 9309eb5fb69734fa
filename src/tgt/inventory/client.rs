//! One client: who may log in, through which gateway, and its targets.

use std::path::Path;

use toml::Spanned;

use super::check::Builder;
use super::load::Lines;
use super::raw::{OneOrMany, RawChap, RawClient, RawTarget, Word};
use super::{Backing, Chap, Client, Place, Target};
use super::{acl, chap, lun, names};
use crate::model::HostName;

impl Builder<'_> {
    pub(super) fn client(&mut self, lines: &Lines, name: &Word, raw: &RawClient) -> Client {
        let place = lines.of(name);
        let label = name.get_ref();
        if let Some(why) = names::bad_label(label) {
            self.problems.error(
                &place,
                format!("client {label:?} {why}"),
                "its name becomes part of a file name and of its targets' names: rename it",
            );
        }
        let standby = raw
            .standby
            .iter()
            .filter_map(|word| self.host(lines, word))
            .collect();
        let mut client = Client {
            name: label.clone(),
            gateway: self.active(lines, label, raw),
            standby,
            standby_login: raw.standby_login,
            addresses: self.addresses(lines, raw),
            initiators: self.initiators(lines, raw),
            chap: self.chap(lines, raw.chap.as_ref()),
            chap_mutual: self.chap(lines, raw.chap_mutual.as_ref()),
            targets: Vec::new(),
            place,
        };
        if raw.addresses.is_empty() && raw.initiators.is_empty() {
            self.problems.error(
                &client.place,
                format!("client {label} has neither addresses nor initiators"),
                "tgt-admin would open its targets to everybody: say who may log in",
            );
        }
        for target in &raw.target {
            client.targets.extend(self.target(lines, label, target));
        }
        client.targets.sort_by(|a, b| a.iqn.cmp(&b.iqn));
        client
    }

    fn active(&mut self, lines: &Lines, client: &str, raw: &RawClient) -> Option<HostName> {
        let word = raw.gateway.as_ref()?;
        match word.get_ref() {
            OneOrMany::One(name) => self.host(lines, &Spanned::new(word.span(), name.clone())),
            OneOrMany::Many(names) => {
                self.problems.error(
                    &lines.of(word),
                    format!("client {client} has {} active gateways ({}), so its images would have two writers", names.len(), names.join(", ")),
                    "tgt shares neither reservations nor caches between hosts: give one as gateway, the others as standby",
                );
                None
            }
        }
    }

    fn addresses(&mut self, lines: &Lines, raw: &RawClient) -> Vec<String> {
        let mut all = Vec::new();
        for word in &raw.addresses {
            match acl::canonical(word.get_ref()) {
                Ok(address) if all.contains(&address) => {
                    self.problems.error(
                        &lines.of(word),
                        format!("address {address} is given twice"),
                        "tgtd refuses the second one and tgt-admin stops there: remove it",
                    );
                }
                Ok(address) => all.push(address),
                Err(why) => {
                    self.problems.error(&lines.of(word), format!("address {:?} {why}", word.get_ref()), "write an address such as 10.0.0.11 or [2001:db8::1], or a network such as 10.0.0.0/24; names go to initiators");
                }
            }
        }
        all.sort();
        all
    }

    fn initiators(&mut self, lines: &Lines, raw: &RawClient) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for word in &raw.initiators {
            let name = word.get_ref();
            if let Some(why) = names::bad_initiator(name) {
                self.problems.error(&lines.of(word), format!("initiator {name:?} {why}"), "write the name that the initiator shows, such as iqn.1998-01.com.vmware:esx1-5a3f0c12");
            } else if all.contains(name) {
                self.problems.error(
                    &lines.of(word),
                    format!("initiator {name} is given twice"),
                    "tgtd refuses the second one and tgt-admin stops there: remove it",
                );
            } else {
                all.push(name.clone());
            }
        }
        all.sort();
        all
    }

    fn chap(&mut self, lines: &Lines, raw: Option<&Spanned<RawChap>>) -> Option<Chap> {
        let raw = raw?.get_ref();
        let user = raw.user.get_ref();
        if let Some(why) = chap::bad_user(user) {
            self.problems.error(
                &lines.of(&raw.user),
                format!("CHAP user {user:?} {why}"),
                "choose another name, one per client",
            );
        }
        let file = Path::new(raw.secret_file.get_ref());
        match chap::read_secret(file) {
            Ok(secret) => Some(Chap {
                user: user.clone(),
                secret,
            }),
            Err((why, remedy)) => {
                self.problems.error(
                    &lines.of(&raw.secret_file),
                    format!("secret file {} {why}", file.display()),
                    remedy,
                );
                None
            }
        }
    }

    fn target(&mut self, lines: &Lines, client: &str, raw: &Spanned<RawTarget>) -> Option<Target> {
        let place = lines.of(raw);
        let raw = raw.get_ref();
        let iqn = self.iqn_of(lines, client, raw, &place)?;
        let luns = lun::all(raw, lines, &self.defaults, self.problems);
        let backing = match luns.first() {
            Some((backing, _)) => *backing,
            None => {
                self.problems.error(
                    &place,
                    format!("target {iqn} has no LUN"),
                    "give it luns = [\"POOL/IMAGE\"], or remove it",
                );
                Backing::Rbd
            }
        };
        if let Some((_, mixed)) = luns.iter().find(|(other, _)| *other != backing) {
            self.problems.error(
                &mixed.place,
                format!("target {iqn} has cached and plain LUNs"),
                "tgt-admin takes one bs-type for a whole target: make two targets of it",
            );
        }
        let tid = raw.tid.as_ref().and_then(|tid| {
            let number = u16::try_from(*tid.get_ref())
                .ok()
                .filter(|number| *number > 0);
            if number.is_none() {
                self.problems.error(
                    &lines.of(tid),
                    format!("tid {} is not between 1 and 65535", tid.get_ref()),
                    "leave it out: the registry gives one",
                );
            }
            number
        });
        let luns = luns.into_iter().map(|(_, lun)| lun).collect();
        Some(Target {
            iqn,
            tid,
            backing,
            luns,
            place,
        })
    }

    /// The target's name: given, or built of the site's prefix, the client and the title.
    fn iqn_of(
        &mut self,
        lines: &Lines,
        client: &str,
        raw: &RawTarget,
        place: &Place,
    ) -> Option<String> {
        let (iqn, word) = match (&raw.iqn, &raw.title, &self.iqn) {
            (Some(iqn), None, _) => (iqn.get_ref().clone(), iqn),
            (None, Some(title), Some(prefix)) => {
                (format!("{prefix}:{client}.{}", title.get_ref()), title)
            }
            (None, Some(title), None) => {
                self.problems.error(
                    &lines.of(title),
                    "a target with a title needs site.iqn",
                    "add [site] iqn = \"iqn.YYYY-MM.reversed.domain\"",
                );
                return None;
            }
            _ => {
                self.problems.error(
                    place,
                    "a target needs either a title or an iqn",
                    "add title = \"NAME\"",
                );
                return None;
            }
        };
        if let Some(why) = names::bad_iqn(&iqn) {
            self.problems.error(&lines.of(word), format!("target name {iqn:?} {why}"), "names are iqn.YYYY-MM.reversed.domain:client.title, in small letters (RFC 3720, RFC 3722)");
            return None;
        }
        Some(iqn)
    }
}
