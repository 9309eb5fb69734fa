//! A gateway: tgtd, its RBD back end, where it listens, how it is started, and how its clients of Ceph behave.
//!
//! Only where there is an inventory: other hosts need none of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::finding::Finding;
use crate::Result;
use crate::exec::Cmd;
use crate::host::Host;
use crate::sys::host::hostname;
use crate::tgt::daemon::Tgtadm;
use crate::tgt::inventory::Inventory;

/// How long Ceph may keep tgtd waiting when a LUN is opened: all of its I/O stands meanwhile (facts 2.2).
const MOUNT_TIMEOUT: f64 = 30.0;

/// Everything about a gateway; nothing where there is no inventory.
pub fn gateway(host: &Host) -> Vec<Finding> {
    let file = host.roots.etc.join(Inventory::FILE);
    if !file.exists() {
        return Vec::new();
    }
    let tgtadm = Tgtadm::new(&host.exec, None, 0);
    let inventory = Inventory::load(&file);
    let mut findings = vec![
        inventory_finding(&file, &inventory),
        daemon(host, &tgtadm),
        back_end(&tgtadm),
    ];
    findings.extend(
        inventory
            .as_ref()
            .ok()
            .map(|inventory| ports(host, &tgtadm, inventory)),
    );
    findings.push(unit(host));
    findings.extend(inventory.iter().map(|inventory| options(host, inventory)));
    findings
}

fn inventory_finding(file: &Path, inventory: &Result<Inventory>) -> Finding {
    const NAME: &str = "tgt inventory";
    match inventory {
        Err(error) => Finding::of_error(NAME, error, "`warmblock tgt inventory`"),
        Ok(inventory) => {
            let (clients, targets) = (inventory.clients.len(), inventory.targets().count());
            let found = format!("{}: {clients} clients, {targets} targets", file.display());
            match inventory.warnings.len() {
                0 => Finding::ok(NAME, found),
                count => Finding::warn(
                    NAME,
                    format!("{found}, {count} warnings"),
                    "`warmblock tgt inventory` shows them",
                ),
            }
        }
    }
}

fn daemon(host: &Host, tgtadm: &Tgtadm<'_>) -> Finding {
    const NAME: &str = "tgtd";
    let version = match host.exec.run(&Cmd::query("tgtd").arg("--version")) {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(error) => return Finding::of_error(NAME, &error.into(), "install the package tgt"),
    };
    if !new_enough(&version) {
        // tgt 1.0.84 made a target that names initiators only open to every address (facts 3.6)
        return Finding::warn(
            NAME,
            format!("version {version} joins access lists otherwise than later ones"),
            "use 1.0.84 or later",
        );
    }
    match tgtadm.targets() {
        Ok(targets) => Finding::ok(
            NAME,
            format!("version {version}, {} targets", targets.len()),
        ),
        Err(error) => Finding::of_error(NAME, &error, "systemctl start tgt"),
    }
}

/// `1.0.85` and later; what cannot be read is taken for new.
fn new_enough(version: &str) -> bool {
    let numbers: Vec<u32> = version
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect();
    numbers.len() < 3 || numbers >= vec![1, 0, 84]
}

fn back_end(tgtadm: &Tgtadm<'_>) -> Finding {
    const NAME: &str = "tgt-rbd";
    match tgtadm.has_backing_store("rbd") {
        Ok(true) => Finding::ok(NAME, "tgtd opens RBD images"),
        Ok(false) => Finding::fail(
            NAME,
            "this tgtd cannot open RBD images",
            "install the package tgt-rbd, and start tgtd again",
        ),
        Err(error) => Finding::of_error(NAME, &error, "systemctl start tgt"),
    }
}

fn ports(host: &Host, tgtadm: &Tgtadm<'_>, inventory: &Inventory) -> Finding {
    const NAME: &str = "tgt portals";
    let has: Vec<String> = match tgtadm.portals() {
        Ok(portals) => portals.iter().map(ToString::to_string).collect(),
        Err(error) => return Finding::of_error(NAME, &error, "systemctl start tgt"),
    };
    let name = host.config.host.clone().map_or_else(hostname, Ok);
    let own = name.ok().and_then(|name| {
        inventory
            .gateways
            .iter()
            .find(|gateway| gateway.name == name)
    });
    let wanted = own
        .map(|gateway| gateway.portals.clone())
        .unwrap_or_default();
    judge_ports(&has, &wanted)
}

fn judge_ports(has: &[String], wanted: &[String]) -> Finding {
    const NAME: &str = "tgt portals";
    let everywhere = |portal: &str| {
        let port = portal.rsplit(':').next().unwrap_or_default();
        has.iter()
            .any(|has| has == &format!("127.0.0.1:{port}") || has == &format!("[::1]:{port}"))
    };
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|portal| !has.contains(portal) && !everywhere(portal))
        .map(String::as_str)
        .collect();
    if has.is_empty() {
        return Finding::fail(
            NAME,
            "tgtd listens nowhere",
            "start it without --iscsi portal=, or with the right one",
        );
    }
    if !missing.is_empty() {
        return Finding::fail(
            NAME,
            format!("tgtd does not listen at {}", missing.join(", ")),
            format!(
                "tgtadm --lld iscsi --op new --mode portal --param portal={}",
                missing[0]
            ),
        );
    }
    Finding::ok(NAME, has.join(", "))
}

/// How the distribution's unit starts it, with its drop-ins, as text: no systemd is needed to read it.
fn unit(host: &Host) -> Finding {
    const NAME: &str = "tgt unit";
    let root = host.roots.etc.parent().and_then(Path::parent);
    let Some(root) = root else {
        return Finding::warn(NAME, "not looked at", "run it with a root that has /etc");
    };
    let dirs = [
        "etc/systemd/system",
        "usr/lib/systemd/system",
        "lib/systemd/system",
    ];
    let text = dirs
        .iter()
        .find_map(|dir| read(&root.join(dir).join("tgt.service")));
    let Some(mut text) = text else {
        return Finding::warn(
            NAME,
            "there is no tgt.service",
            "see that tgtd is started at boot, with what tgt-templates/tgt.service.conf does",
        );
    };
    for dir in dirs {
        let entries = std::fs::read_dir(root.join(dir).join("tgt.service.d"))
            .into_iter()
            .flatten()
            .flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        files.sort();
        for file in files {
            text.push('\n');
            text.push_str(&read(&file).unwrap_or_default());
        }
    }
    judge_unit(&text)
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

fn judge_unit(text: &str) -> Finding {
    const NAME: &str = "tgt unit";
    const REMEDY: &str = "put tgt-templates/tgt.service.conf at /etc/systemd/system/tgt.service.d/warmblock.conf, then systemctl daemon-reload";
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let reload = lines.iter().rfind(|line| line.starts_with("ExecReload="));
    let has = |wanted: &str| lines.contains(&wanted);
    let mut wrong = Vec::new();
    if !has("TasksMax=infinity") {
        wrong.push("TasksMax stops it at a few dozen LUNs, each of which has 31 threads");
    }
    if !lines
        .iter()
        .any(|line| line.starts_with("ExecStartPre=") && line.contains("warmblock tgt render"))
    {
        wrong.push("after a failover while it was down it would serve the client again");
    }
    if reload.is_some_and(|line| line.contains("--update ALL") && line.contains("-f")) {
        wrong.push("a reload ends every session");
    }
    if wrong.is_empty() {
        return Finding::ok(NAME, "starts from files that follow the registry");
    }
    Finding::warn(NAME, wrong.join("; "), REMEDY)
}

/// What Ceph's configuration says to tgtd's clients, as librados would read it.
fn options(host: &Host, inventory: &Inventory) -> Finding {
    const NAME: &str = "tgt Ceph options";
    let access = &inventory.ceph;
    let ask = |option: &str| -> Result<String> {
        let mut cmd = Cmd::query("ceph-conf").args(["-n", &format!("client.{}", access.id)]);
        if let Some(conf) = access.conf.as_ref().or(host.config.ceph.conf.as_ref()) {
            cmd = cmd.arg("-c").arg(conf);
        }
        let cmd = cmd
            .args(["--show-config-value", option])
            .deadline(Duration::from_secs(10));
        let output = host.exec.run(&cmd)?;
        Ok(output.text()?.trim().to_owned())
    };
    let all = [
        "rbd_cache",
        "rbd_cache_policy",
        "client_mount_timeout",
        "rados_osd_op_timeout",
    ]
    .map(ask);
    match all {
        [Ok(cache), Ok(policy), Ok(mount), Ok(op)] => {
            judge_options(access.id.as_str(), &cache, &policy, &mount, &op)
        }
        [cache, policy, mount, op] => {
            let error = [cache, policy, mount, op].into_iter().find_map(Result::err);
            error.map_or_else(
                || Finding::ok(NAME, "as they are by default"),
                |error| Finding::of_error(NAME, &error, "install ceph-common"),
            )
        }
    }
}

fn judge_options(id: &str, cache: &str, policy: &str, mount: &str, op: &str) -> Finding {
    const NAME: &str = "tgt Ceph options";
    let remedy = format!(
        "in ceph.conf, [client.{id}]: rbd_cache = false, client_mount_timeout = 10, rados_osd_op_timeout = 30"
    );
    if cache == "true" && policy == "writeback" {
        let found =
            "rbd_cache_policy is writeback: another gateway reads old data after a failover";
        return Finding::fail(NAME, found, remedy);
    }
    let mut wrong = Vec::new();
    let number = |word: &str| word.parse::<f64>().unwrap_or(0.0);
    if number(mount) == 0.0 || number(mount) > MOUNT_TIMEOUT {
        wrong.push(format!("client_mount_timeout is {mount}: all I/O of tgtd stands that long when a monitor does not answer"));
    }
    if number(op) == 0.0 {
        wrong.push(
            "rados_osd_op_timeout is 0: I/O on a stuck placement group never ends".to_owned(),
        );
    }
    if wrong.is_empty() {
        return Finding::ok(
            NAME,
            format!("rbd_cache {cache}, policy {policy}, timeouts {mount} s and {op} s"),
        );
    }
    Finding::warn(NAME, wrong.join("; "), remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn versions() {
        assert!(
            new_enough("1.0.84") && new_enough("1.0.97") && new_enough("1.1.0") && new_enough("?")
        );
        assert!(!new_enough("1.0.83") && !new_enough("1.0.51"));
    }

    #[test]
    fn a_portal_of_all_addresses_is_any_of_them() {
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        let state = |has: &[&str], wanted: &[&str]| judge_ports(&words(has), &words(wanted)).state;
        assert_eq!(state(&["127.0.0.1:3260"], &["10.0.0.1:3260"]), State::Ok);
        assert_eq!(state(&["10.0.0.1:3260"], &["10.0.0.1:3260"]), State::Ok);
        assert_eq!(state(&["10.0.0.2:3260"], &["10.0.0.1:3260"]), State::Fail);
        assert_eq!(state(&[], &[]), State::Fail);
    }

    #[test]
    fn the_units_of_the_distributions() {
        let ours = include_str!("../../tgt-templates/tgt.service.conf");
        let debian = "[Service]\nTasksMax=infinity\nExecReload=/usr/sbin/tgt-admin --update ALL -c /etc/tgt/targets.conf\n";
        let upstream = "[Service]\nExecReload=/usr/sbin/tgt-admin --update ALL -f\n";
        let found = |text: &str| judge_unit(text).found;
        assert!(
            found(debian).contains("serve the client again") && !found(debian).contains("TasksMax")
        );
        assert!(
            found(upstream).contains("TasksMax") && found(upstream).contains("ends every session")
        );
        assert_eq!(judge_unit(&format!("{upstream}{ours}")).state, State::Ok);
    }

    #[test]
    fn options_of_the_clients() {
        let state = |cache, policy, mount, op| judge_options("tgt", cache, policy, mount, op).state;
        assert_eq!(state("true", "writearound", "300", "0"), State::Warn);
        assert_eq!(state("true", "writeback", "10", "30"), State::Fail);
        assert_eq!(state("false", "writeback", "10", "30"), State::Ok);
    }
}
