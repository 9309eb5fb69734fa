//! All datastores, and all hosts, as oned lists them.

use std::path::PathBuf;

use roxmltree::Node;

use super::datastore::Datastore;
use super::words::CacheWords;
use super::xml::{parse, required, text};
use crate::Result;
use crate::one::ids::{DatastoreId, HostId};
use crate::one::install::TRANSFER;

/// A datastore in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatastoreRow {
    /// Its number.
    pub id: DatastoreId,
    /// Its name.
    pub name: String,
    /// The datastore driver; a hyphen for a system datastore.
    pub data_driver: Option<String>,
    /// The transfer-manager driver.
    pub driver: Option<String>,
    /// Whether it is a system datastore.
    pub is_system: bool,
    /// How its disks reach the hypervisor.
    pub disk_type: Option<String>,
    /// Its pool.
    pub pool: Option<String>,
    /// Where its files are on hosts, and those of its VMs.
    pub path: PathBuf,
    /// Its bridges, as written.
    pub bridges: Vec<String>,
    /// The words of its template that cannot be used: why.
    pub unusable: Vec<String>,
    /// What it took over of the driver's settings when it was made, of which it has its own copy: name and value.
    pub settings: Vec<(&'static str, String)>,
    cache: CacheWords,
}

/// A host in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRow {
    /// Its number.
    pub id: HostId,
    /// Its name.
    pub name: String,
    /// The hypervisor's driver.
    pub driver: Option<String>,
    /// Whether it was declared to be off.
    pub is_offline: bool,
}

impl DatastoreRow {
    /// Whether it is of a driver, as a whole or by half.
    pub fn is_of(&self, name: &str) -> bool {
        [&self.data_driver, &self.driver]
            .into_iter()
            .any(|driver| driver.as_deref() == Some(name))
    }

    /// That the attributes about its cache can be used.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) with the first that cannot.
    pub fn cache_is_understood(&self) -> Result<()> {
        self.cache.read().map(drop)
    }

    fn read(node: Node<'_, '_>) -> Result<Self> {
        let own = |path| text(node, path).map(str::to_owned);
        let bridges = text(node, "TEMPLATE/BRIDGE_LIST").unwrap_or_default();
        let id: DatastoreId = required(node, "ID")?;
        let usual = || format!("/var/lib/one/datastores/{id}");
        Ok(Self {
            path: own("BASE_PATH").unwrap_or_else(usual).into(),
            id,
            name: own("NAME").unwrap_or_default(),
            data_driver: own("DS_MAD"),
            driver: own("TM_MAD"),
            is_system: text(node, "TYPE") == Some("1"),
            disk_type: own("TEMPLATE/DISK_TYPE"),
            pool: own("TEMPLATE/POOL_NAME"),
            bridges: bridges.split_whitespace().map(str::to_owned).collect(),
            unusable: Datastore::unusable(node),
            settings: settings(node),
            cache: CacheWords::below(node, "TEMPLATE/"),
        })
    }
}

/// What a datastore has of the driver's settings.
fn settings(node: Node<'_, '_>) -> Vec<(&'static str, String)> {
    let own = |name: &str| text(node, &format!("TEMPLATE/{name}")).map(str::to_owned);
    let settings = TRANSFER.iter().map(|(name, _)| *name);
    settings
        .filter_map(|name| Some((name, own(name)?)))
        .collect()
}

/// Reads a `DATASTORE_POOL`.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage).
pub fn parse_datastores(document: &str) -> Result<Vec<DatastoreRow>> {
    let document = parse(document, "DATASTORE_POOL")?;
    let rows = document.root_element().children();
    let rows = rows.filter(|node| node.has_tag_name("DATASTORE"));
    rows.map(DatastoreRow::read).collect()
}

/// Whether a host may be alive for all that oned knows, by its state: not if its monitoring fails (`ERROR`, `MONITORING_ERROR`),
/// nor if it was declared to be off (`OFFLINE`). Reads a `HOST`.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage).
pub fn may_live(document: &str) -> Result<bool> {
    let document = parse(document, "HOST")?;
    let state = text(document.root_element(), "STATE");
    Ok(!matches!(state, Some("3" | "5" | "8")))
}

/// Reads a `HOST_POOL`.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage).
pub fn parse_hosts(document: &str) -> Result<Vec<HostRow>> {
    let document = parse(document, "HOST_POOL")?;
    let rows = document.root_element().children();
    let rows = rows.filter(|node| node.has_tag_name("HOST"));
    let row = |node| {
        Ok(HostRow {
            id: required(node, "ID")?,
            name: text(node, "NAME").unwrap_or_default().to_owned(),
            driver: text(node, "VM_MAD").map(str::to_owned),
            is_offline: text(node, "STATE") == Some("8"),
        })
    };
    rows.map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// INIT, MONITORED and DISABLED say nothing against it.
    #[test]
    fn a_host_lives_until_oned_misses_it() {
        for (state, lives) in [
            ("0", true),
            ("1", true),
            ("2", true),
            ("3", false),
            ("4", true),
            ("5", false),
            ("7", true),
            ("8", false),
        ] {
            let document = format!("<HOST><ID>1</ID><STATE>{state}</STATE></HOST>");
            assert_eq!(may_live(&document).unwrap(), lives, "{state}");
        }
        assert!(may_live("<VM/>").is_err());
    }
}
