//! How tgtd's clients of Ceph behave.

use std::time::Duration;

use super::super::finding::Finding;
use crate::Result;
use crate::exec::Cmd;
use crate::host::Host;
use crate::tgt::inventory::Inventory;

/// How long Ceph may keep tgtd waiting when a LUN is opened: all of its I/O stands meanwhile (facts 2.2).
const MOUNT_TIMEOUT: f64 = 30.0;

/// What Ceph's configuration says to tgtd's clients, as librados would read it.
pub(super) fn options(host: &Host, inventory: &Inventory) -> Finding {
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
    fn options_of_the_clients() {
        let state = |cache, policy, mount, op| judge_options("tgt", cache, policy, mount, op).state;
        assert_eq!(state("true", "writearound", "300", "0"), State::Warn);
        assert_eq!(state("true", "writeback", "10", "30"), State::Fail);
        assert_eq!(state("false", "writeback", "10", "30"), State::Ok);
    }
}
