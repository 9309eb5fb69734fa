//! The other gateways: each is asked for its own status over ssh.

use std::time::Duration;

use super::{GatewayStatus, TgtStatus, across, local};
use crate::host::Host;
use crate::tgt::Site;
use crate::tgt::daemon::Tgtadm;
use crate::tgt::daemon::apply::try_lock;
use crate::tgt::holders::{Holders, Opening};
use crate::tgt::inventory::Gateway;
use crate::tools::ssh;
use crate::{Error, Kind, Result};

/// A gateway that is up answers in a second; one whose daemon hangs tells so after its own deadline, which is shorter.
const DEADLINE: Duration = Duration::from_secs(40);

/// This gateway, and the others where `others` asks for them.
pub fn all(host: &Host, tgtadm: &Tgtadm<'_>, site: &Site, others: bool) -> Result<TgtStatus> {
    let mut here = local(host, tgtadm, site)?;
    if let Err(error) = note(host, tgtadm, site, &here) {
        here.problems.push(format!(
            "what is open here could not be noted in the registry: {}",
            error.chain()
        ));
    }
    let mut gateways = vec![here];
    if others {
        gateways.extend(elsewhere(host, site));
    }
    let problems = across(&gateways);
    Ok(TgtStatus {
        version: TgtStatus::VERSION,
        gateways,
        problems,
    })
}

/// Brings the notes of who has images open to what was found, where they differ; not while somebody else changes the daemon.
fn note(host: &Host, tgtadm: &Tgtadm<'_>, site: &Site, found: &GatewayStatus) -> Result<()> {
    let Some(holders) = Holders::new(host, site)? else {
        return Ok(());
    };
    if found.error.is_some() || site.offline || !holders.differ(found) {
        return Ok(());
    }
    let Some(_lock) = try_lock(host)? else {
        return Ok(());
    };
    holders.keep(&tgtadm.targets()?, Opening::Possible)
}

/// The others, all at once. One that cannot be asked is in the answer with the reason.
pub fn elsewhere(host: &Host, site: &Site) -> Vec<GatewayStatus> {
    let others: Vec<&Gateway> = site
        .inventory
        .gateways
        .iter()
        .filter(|gateway| Some(&gateway.name) != site.gateway.as_ref())
        .collect();
    std::thread::scope(|scope| {
        let asked: Vec<_> = others
            .iter()
            .map(|gateway| scope.spawn(|| ask(host, gateway)))
            .collect();
        let answers = asked.into_iter().map(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| Err(Error::new(Kind::Internal, "asking a gateway panicked")))
        });
        others
            .iter()
            .zip(answers)
            .map(|(gateway, answer)| {
                answer.unwrap_or_else(|error| GatewayStatus {
                    gateway: Some(gateway.name.clone()),
                    error: Some(error.chain()),
                    ..GatewayStatus::default()
                })
            })
            .collect()
    })
}

fn ask(host: &Host, gateway: &Gateway) -> Result<GatewayStatus> {
    let words = [
        "warmblock",
        "--json",
        "-q",
        "tgt",
        "status",
        "--gateway",
        gateway.name.as_str(),
    ];
    let output = ssh::run(&host.exec, &gateway.ssh, &words, DEADLINE)?;
    let cannot = |why: String| {
        Error::new(
            Kind::Failed,
            format!("{} does not tell its status: {why}", gateway.name),
        )
    };
    let told: TgtStatus = match serde_json::from_slice(&output.stdout) {
        Ok(told) => told,
        Err(_) => {
            let said = String::from_utf8_lossy(&output.stdout);
            let said = format!("{} {}", said.trim(), output.stderr);
            return Err(cannot(format!(
                "exit code {}: {}",
                output.code,
                said.trim()
            )));
        }
    };
    if told.version != TgtStatus::VERSION {
        return Err(cannot("it has another release of warmblock".into()));
    }
    told.gateways
        .into_iter()
        .next()
        .ok_or_else(|| cannot("it is empty".into()))
}
