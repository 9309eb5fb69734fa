//! All datastores, as oned lists them.

use std::path::PathBuf;

use roxmltree::Node;

use super::datastore::Datastore;
use super::words::CacheWords;
use super::xml::{access, at, parse, required, text};
use crate::Result;
use crate::model::Access;
use crate::one::ids::DatastoreId;
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
    /// How the context CDs of its VMs reach the hypervisor, if it says so.
    pub context_disk_type: Option<String>,
    /// The clusters it is in, whose hosts VMs with its disks come to.
    pub clusters: Vec<String>,
    /// Its pool.
    pub pool: Option<String>,
    /// Where its files are on hosts, and those of its VMs.
    pub path: PathBuf,
    /// Its bridges, as written.
    pub bridges: Vec<String>,
    /// How Ceph is reached for it, where that is not as hosts have it. Words that cannot be used are among the unusable ones.
    pub access: Option<Access>,
    /// The words of its template that cannot be used: why.
    pub unusable: Vec<String>,
    /// What it took over of the driver's settings when it was made, of which it has its own copy: name and value.
    pub settings: Vec<(&'static str, String)>,
    cache: CacheWords,
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
            context_disk_type: own("TEMPLATE/CONTEXT_DISK_TYPE"),
            clusters: clusters(node),
            pool: own("TEMPLATE/POOL_NAME"),
            bridges: bridges.split_whitespace().map(str::to_owned).collect(),
            access: access(node, "TEMPLATE/").unwrap_or_default(),
            unusable: Datastore::unusable(node),
            settings: settings(node),
            cache: CacheWords::below(node, "TEMPLATE/"),
        })
    }
}

fn clusters(node: Node<'_, '_>) -> Vec<String> {
    let ids = at(node, "CLUSTERS")
        .into_iter()
        .flat_map(|all| all.children());
    let ids = ids.filter(|child| child.has_tag_name("ID"));
    ids.filter_map(|id| Some(id.text()?.trim().to_owned()))
        .collect()
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
