//! Facts about this host.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use super::Roots;
use crate::error::{Context, Error, Kind, Result};
use crate::model::HostName;

/// The kernel's name for this host.
pub fn hostname() -> Result<HostName> {
    let name = nix::unistd::gethostname();
    let name = name.map_err(|error| {
        Error::new(Kind::Failed, "cannot ask for the host's name").because(error)
    })?;
    let name: Result<HostName, _> = name.to_string_lossy().parse();
    name.context(|| {
        "the host's name cannot be used in a lease; set `host` in the configuration".into()
    })
}

/// The id that the kernel gives to each boot (random(4)): another one means that the host went down in between.
pub fn boot_id(roots: &Roots) -> Result<String> {
    let path = roots.proc.join("sys/kernel/random/boot_id");
    Ok(read(&path)?.trim().to_owned())
}

/// An id that nothing else has, from the kernel (random(4)).
pub fn new_id(roots: &Roots) -> Result<String> {
    let path = roots.proc.join("sys/kernel/random/uuid");
    Ok(read(&path)?.trim().to_owned())
}

/// The addresses of this host's interfaces, by which others know it (getifaddrs(3)).
pub fn addresses() -> Result<BTreeSet<IpAddr>> {
    let all = nix::ifaddrs::getifaddrs().map_err(|error| {
        Error::new(Kind::Failed, "cannot list this host's addresses").because(error)
    })?;
    let ips = all.filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        let v6 = address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip()));
        v4.or(v6)
    });
    Ok(ips.collect())
}

/// Refuses with a remedy unless this process may change devices.
pub fn require_root() -> Result<()> {
    if nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    Err(Error::new(
        Kind::Missing,
        "this works on the host's devices and needs root",
    )
    .remedy("run it with sudo"))
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        Error::new(Kind::Failed, format!("cannot read {}", path.display())).because(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_has_a_name_and_a_boot() {
        assert!(hostname().is_ok());
        assert_eq!(boot_id(&Roots::default()).unwrap().len(), 36);
        assert!(boot_id(&Roots::at("/nonexistent")).is_err());
    }
}
