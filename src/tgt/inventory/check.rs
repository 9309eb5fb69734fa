//! From the files to an inventory, section by section. Goes on after an error, so that all of them are told at once.

use std::path::{Path, PathBuf};

use toml::Spanned;

use super::load::{Lines, Source};
use super::raw::{OneOrMany, RawChap, RawClient, RawTarget, Word};
use super::{
    Backing, CephAccess, Chap, Client, Gateway, Inventory, Place, Problems, RegistryPlace, Target,
};
use super::{acl, chap, cross, lun, names, session};
use crate::model::HostName;

/// Where Ceph's configuration is unless somebody says otherwise.
const CEPH_CONF: &str = "/etc/ceph/ceph.conf";
/// The object with the identities unless somebody says otherwise.
const OBJECT: &str = "warmblock.tgt.registry";

/// Builds an inventory and gathers what is wrong.
pub(super) struct Builder<'a> {
    problems: &'a mut Problems,
    defaults: lun::Defaults,
    iqn: Option<String>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(problems: &'a mut Problems) -> Self {
        Self {
            problems,
            defaults: lun::Defaults::default(),
            iqn: None,
        }
    }

    pub(super) fn build(mut self, sources: &[Source]) -> Inventory {
        self.once(sources);
        self.iqn = self.site(sources);
        self.defaults = lun::Defaults::read(sources, self.problems);
        let mut inventory = Inventory {
            ceph: self.ceph(sources),
            registry: self.registry(sources),
            session: session::read(sources, self.problems),
            gateways: self.gateways(sources),
            clients: Vec::new(),
            warnings: Vec::new(),
        };
        for source in sources {
            for (name, raw) in &source.raw.client {
                let client = self.client(&source.lines, name, raw);
                inventory.clients.push(client);
            }
        }
        inventory.clients.sort_by(|a, b| a.name.cmp(&b.name));
        cross::check(&inventory, self.problems);
        inventory
    }

    /// A section without a name belongs into one file: two of them would override each other by their order.
    fn once(&mut self, sources: &[Source]) {
        let spans = |source: &Source| {
            let raw = &source.raw;
            [
                ("site", raw.site.as_ref().map(Spanned::span)),
                ("ceph", raw.ceph.as_ref().map(Spanned::span)),
                ("registry", raw.registry.as_ref().map(Spanned::span)),
                ("lun", raw.lun.as_ref().map(Spanned::span)),
                ("session", raw.session.as_ref().map(Spanned::span)),
            ]
        };
        let mut seen: std::collections::BTreeMap<&str, Place> = std::collections::BTreeMap::new();
        for source in sources {
            for (name, span) in spans(source) {
                let Some(span) = span else { continue };
                let place = source.lines.at(&span);
                match seen.get(name) {
                    None => drop(seen.insert(name, place)),
                    Some(first) => self.problems.error(
                        &place,
                        format!("section [{name}] is given twice; first at {first}"),
                        "keep one of them",
                    ),
                }
            }
        }
    }

    fn site(&mut self, sources: &[Source]) -> Option<String> {
        let (source, site) = sources.iter().find_map(|s| Some((s, s.raw.site.as_ref()?)))?;
        let word = site.get_ref().iqn.as_ref()?;
        let prefix = word.get_ref();
        let why = names::bad_iqn(prefix).or_else(|| {
            prefix.contains(':').then(|| "must end before the colon".to_owned())
        });
        if let Some(why) = why {
            self.problems.error(
                &source.lines.of(word),
                format!("site.iqn {prefix:?} {why}"),
                "write a month in which you owned your domain, and the domain reversed: iqn.2014-02.my.domain",
            );
        }
        Some(prefix.clone())
    }

    fn ceph(&mut self, sources: &[Source]) -> CephAccess {
        let mut access = CephAccess {
            id: crate::config::fixed("admin"),
            conf: None,
        };
        let Some((source, ceph)) = sources.iter().find_map(|s| Some((s, s.raw.ceph.as_ref()?))) else {
            return access;
        };
        if let Some(id) = &ceph.get_ref().id {
            let why = names::bad_plain(id.get_ref(), "", 64);
            match (why, id.get_ref().parse()) {
                (None, Ok(id)) => access.id = id,
                (why, parsed) => {
                    let why = why.or_else(|| parsed.err().map(|error: crate::model::ParseError| error.to_string()));
                    let message = format!("ceph.id {:?} {}", id.get_ref(), why.unwrap_or_default());
                    self.problems.error(&source.lines.of(id), message, "name a client whose id is plain, without \"client.\"");
                }
            }
        }
        let conf = ceph.get_ref().conf.as_ref().filter(|conf| conf.get_ref() != CEPH_CONF);
        if let Some(conf) = conf {
            self.absolute(&source.lines, conf, "ceph.conf");
            access.conf = Some(PathBuf::from(conf.get_ref()));
            if access.id.as_str() != "admin" {
                self.problems.error(
                    &source.lines.of(conf),
                    format!("ceph.conf {} and ceph.id {} cannot both be handed to tgtd by every version of tgt-admin", conf.get_ref(), access.id),
                    format!("tgt-admin before 1.0.96 needs quotes where later ones forbid them: keep the id, and let {CEPH_CONF} be (a link to) that file"),
                );
            }
        }
        access
    }

    fn absolute(&mut self, lines: &Lines, word: &Word, what: &str) {
        let path = word.get_ref();
        let why = names::bad_plain(path, "/", 255)
            .or_else(|| (!Path::new(path).is_absolute()).then(|| "is not absolute".into()));
        if let Some(why) = why {
            self.problems.error(&lines.of(word), format!("{what} {path:?} {why}"), "name it by a plain absolute path");
        }
    }

    fn registry(&mut self, sources: &[Source]) -> RegistryPlace {
        let default = RegistryPlace::Object {
            pool: crate::config::fixed("rbd"),
            object: OBJECT.into(),
        };
        let Some((source, section)) = sources.iter().find_map(|s| Some((s, s.raw.registry.as_ref()?))) else {
            return default;
        };
        let raw = section.get_ref();
        match (&raw.file, &raw.pool) {
            (Some(file), None) if raw.object.is_none() => {
                self.absolute(&source.lines, file, "registry.file");
                RegistryPlace::File(file.get_ref().into())
            }
            (Some(file), _) => {
                self.problems.error(&source.lines.of(file), "registry has both a file and an object", "keep the object if there is more than one gateway");
                default
            }
            (None, pool) => {
                let name = pool.as_ref().map_or("rbd", |pool| pool.get_ref().as_str());
                let object = raw.object.as_ref().map_or(OBJECT, |word| word.get_ref().as_str());
                match name.parse() {
                    Ok(pool) if !object.is_empty() => RegistryPlace::Object { pool, object: object.to_owned() },
                    _ => {
                        self.problems.error(&source.lines.of(section), "registry names no pool and object", "set registry.pool to a replicated pool");
                        default
                    }
                }
            }
        }
    }

    fn gateways(&mut self, sources: &[Source]) -> Vec<Gateway> {
        let mut gateways: Vec<Gateway> = Vec::new();
        for source in sources {
            for (name, raw) in &source.raw.gateway {
                let place = source.lines.of(name);
                let Some(host) = self.host(&source.lines, name) else { continue };
                if let Some(first) = gateways.iter().find(|gateway| gateway.name == host) {
                    self.problems.error(&place, format!("gateway {host} is given twice; first at {}", first.place), "keep one of them");
                }
                for portal in &raw.portals {
                    if portal.get_ref().parse::<std::net::SocketAddr>().is_err() {
                        self.problems.error(&source.lines.of(portal), format!("portal {:?} is not ADDRESS:PORT", portal.get_ref()), "write it as 10.0.0.1:3260 or [2001:db8::1]:3260");
                    }
                }
                let portals = raw.portals.iter().map(|word| word.get_ref().clone()).collect();
                gateways.push(Gateway { name: host, portals, place });
            }
        }
        gateways
    }

    fn host(&mut self, lines: &Lines, word: &Word) -> Option<HostName> {
        let parsed = word.get_ref().parse::<HostName>();
        if let Err(why) = &parsed {
            self.problems.error(&lines.of(word), why.to_string(), "name the gateway as `hostname` prints it there");
        }
        parsed.ok()
    }

    fn client(&mut self, lines: &Lines, name: &Word, raw: &RawClient) -> Client {
        let place = lines.of(name);
        let label = name.get_ref();
        if let Some(why) = names::bad_label(label) {
            self.problems.error(&place, format!("client {label:?} {why}"), "its name becomes part of a file name and of its targets' names: rename it");
        }
        let standby = raw.standby.iter().filter_map(|word| self.host(lines, word)).collect();
        let mut client = Client {
            name: label.clone(),
            gateway: self.active(lines, label, raw),
            standby,
            addresses: self.addresses(lines, raw),
            initiators: self.initiators(lines, raw),
            chap: self.chap(lines, raw.chap.as_ref()),
            chap_mutual: self.chap(lines, raw.chap_mutual.as_ref()),
            targets: Vec::new(),
            place,
        };
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
                    self.problems.error(&lines.of(word), format!("address {address} is given twice"), "tgtd refuses the second one and tgt-admin stops there: remove it");
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
                self.problems.error(&lines.of(word), format!("initiator {name} is given twice"), "tgtd refuses the second one and tgt-admin stops there: remove it");
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
            self.problems.error(&lines.of(&raw.user), format!("CHAP user {user:?} {why}"), "choose another name, one per client");
        }
        let file = Path::new(raw.secret_file.get_ref());
        match chap::read_secret(file) {
            Ok(secret) => Some(Chap { user: user.clone(), secret }),
            Err((why, remedy)) => {
                self.problems.error(&lines.of(&raw.secret_file), format!("secret file {} {why}", file.display()), remedy);
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
                self.problems.error(&place, format!("target {iqn} has no LUN"), "give it luns = [\"POOL/IMAGE\"], or remove it");
                Backing::Rbd
            }
        };
        if let Some((_, mixed)) = luns.iter().find(|(other, _)| *other != backing) {
            self.problems.error(&mixed.place, format!("target {iqn} has cached and plain LUNs"), "tgt-admin takes one bs-type for a whole target: make two targets of it");
        }
        let tid = raw.tid.as_ref().and_then(|tid| {
            let number = u16::try_from(*tid.get_ref()).ok().filter(|number| *number > 0);
            if number.is_none() {
                self.problems.error(&lines.of(tid), format!("tid {} is not between 1 and 65535", tid.get_ref()), "leave it out: the registry gives one");
            }
            number
        });
        let luns = luns.into_iter().map(|(_, lun)| lun).collect();
        Some(Target { iqn, tid, backing, luns, place })
    }

    /// The target's name: given, or built of the site's prefix, the client and the title.
    fn iqn_of(&mut self, lines: &Lines, client: &str, raw: &RawTarget, place: &Place) -> Option<String> {
        let (iqn, word) = match (&raw.iqn, &raw.title, &self.iqn) {
            (Some(iqn), None, _) => (iqn.get_ref().clone(), iqn),
            (None, Some(title), Some(prefix)) => (format!("{prefix}:{client}.{}", title.get_ref()), title),
            (None, Some(title), None) => {
                self.problems.error(&lines.of(title), "a target with a title needs site.iqn", "add [site] iqn = \"iqn.YYYY-MM.reversed.domain\"");
                return None;
            }
            _ => {
                self.problems.error(place, "a target needs either a title or an iqn", "add title = \"NAME\"");
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
