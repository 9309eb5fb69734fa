//! From the files to an inventory, section by section. Goes on after an error, so that all of them are told at once.

use std::path::{Path, PathBuf};

use toml::Spanned;

use super::load::{Lines, Source};
use super::raw::Word;
use super::{CephAccess, Gateway, Inventory, Place, Problems, RegistryPlace};
use super::{cross, lun, names, session};
use crate::model::HostName;

/// Where Ceph's configuration is unless somebody says otherwise.
const CEPH_CONF: &str = "/etc/ceph/ceph.conf";
/// The object with the identities unless somebody says otherwise.
const OBJECT: &str = "warmblock.tgt.registry";

/// Builds an inventory and gathers what is wrong.
pub(super) struct Builder<'a> {
    pub(super) problems: &'a mut Problems,
    pub(super) defaults: lun::Defaults,
    pub(super) iqn: Option<String>,
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
        let (source, site) = sources
            .iter()
            .find_map(|s| Some((s, s.raw.site.as_ref()?)))?;
        let word = site.get_ref().iqn.as_ref()?;
        let prefix = word.get_ref();
        let why = names::bad_iqn(prefix).or_else(|| {
            prefix
                .contains(':')
                .then(|| "must end before the colon".to_owned())
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
        let Some((source, ceph)) = sources.iter().find_map(|s| Some((s, s.raw.ceph.as_ref()?)))
        else {
            return access;
        };
        if let Some(id) = &ceph.get_ref().id {
            let why = names::bad_plain(id.get_ref(), "", 64);
            match (why, id.get_ref().parse()) {
                (None, Ok(id)) => access.id = id,
                (why, parsed) => {
                    let why = why.or_else(|| {
                        parsed
                            .err()
                            .map(|error: crate::model::ParseError| error.to_string())
                    });
                    let message = format!("ceph.id {:?} {}", id.get_ref(), why.unwrap_or_default());
                    self.problems.error(
                        &source.lines.of(id),
                        message,
                        "name a client whose id is plain, without \"client.\"",
                    );
                }
            }
        }
        let conf = ceph
            .get_ref()
            .conf
            .as_ref()
            .filter(|conf| conf.get_ref() != CEPH_CONF);
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
            self.problems.error(
                &lines.of(word),
                format!("{what} {path:?} {why}"),
                "name it by a plain absolute path",
            );
        }
    }

    fn registry(&mut self, sources: &[Source]) -> RegistryPlace {
        let default = RegistryPlace::Object {
            pool: crate::config::fixed("rbd"),
            object: OBJECT.into(),
        };
        let Some((source, section)) = sources
            .iter()
            .find_map(|s| Some((s, s.raw.registry.as_ref()?)))
        else {
            return default;
        };
        let raw = section.get_ref();
        match (&raw.file, &raw.pool) {
            (Some(file), None) if raw.object.is_none() => {
                self.absolute(&source.lines, file, "registry.file");
                RegistryPlace::File(file.get_ref().into())
            }
            (Some(file), _) => {
                self.problems.error(
                    &source.lines.of(file),
                    "registry has both a file and an object",
                    "keep the object if there is more than one gateway",
                );
                default
            }
            (None, pool) => {
                let name = pool.as_ref().map_or("rbd", |pool| pool.get_ref().as_str());
                let object = raw
                    .object
                    .as_ref()
                    .map_or(OBJECT, |word| word.get_ref().as_str());
                match name.parse() {
                    Ok(pool) if !object.is_empty() => RegistryPlace::Object {
                        pool,
                        object: object.to_owned(),
                    },
                    _ => {
                        self.problems.error(
                            &source.lines.of(section),
                            "registry names no pool and object",
                            "set registry.pool to a replicated pool",
                        );
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
                let Some(host) = self.host(&source.lines, name) else {
                    continue;
                };
                if let Some(first) = gateways.iter().find(|gateway| gateway.name == host) {
                    self.problems.error(
                        &place,
                        format!("gateway {host} is given twice; first at {}", first.place),
                        "keep one of them",
                    );
                }
                for portal in &raw.portals {
                    if portal.get_ref().parse::<std::net::SocketAddr>().is_err() {
                        self.problems.error(
                            &source.lines.of(portal),
                            format!("portal {:?} is not ADDRESS:PORT", portal.get_ref()),
                            "write it as 10.0.0.1:3260 or [2001:db8::1]:3260",
                        );
                    }
                }
                let portals = raw
                    .portals
                    .iter()
                    .map(|word| word.get_ref().clone())
                    .collect();
                let ssh = self.ssh(&source.lines, raw.ssh.as_ref(), &host);
                gateways.push(Gateway {
                    name: host,
                    portals,
                    ssh,
                    place,
                });
            }
        }
        gateways
    }

    /// What ssh takes; nothing that it could take for an option.
    fn ssh(&mut self, lines: &Lines, word: Option<&Word>, host: &HostName) -> String {
        let Some(word) = word else {
            return host.to_string();
        };
        if let Some(why) = names::bad_plain(word.get_ref(), "@:[]", 255) {
            self.problems.error(
                &lines.of(word),
                format!("ssh {:?} {why}", word.get_ref()),
                "write HOST or USER@HOST",
            );
        }
        word.get_ref().clone()
    }

    pub(super) fn host(&mut self, lines: &Lines, word: &Word) -> Option<HostName> {
        let parsed = word.get_ref().parse::<HostName>();
        if let Err(why) = &parsed {
            self.problems.error(
                &lines.of(word),
                why.to_string(),
                "name the gateway as `hostname` prints it there",
            );
        }
        parsed.ok()
    }
}
