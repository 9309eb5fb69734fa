//! All hosts, as oned lists them, and a single one.

use super::xml::{parse, required, text};
use crate::Result;
use crate::one::ids::HostId;

/// A host in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRow {
    /// Its number.
    pub id: HostId,
    /// Its name.
    pub name: String,
    /// The hypervisor's driver.
    pub driver: Option<String>,
    /// The cluster it is in.
    pub cluster: Option<String>,
    /// Why no VM comes to it, if an operator said so: `OFFLINE` or `DISABLED`.
    pub put_aside: Option<&'static str>,
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
            cluster: text(node, "CLUSTER_ID").map(str::to_owned),
            put_aside: match text(node, "STATE") {
                Some("8") => Some("OFFLINE"),
                // Also while it is monitored.
                Some("4" | "7") => Some("DISABLED"),
                _ => None,
            },
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
