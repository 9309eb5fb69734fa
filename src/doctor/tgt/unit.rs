//! How tgtd is started: its unit with its drop-ins.

use std::path::Path;

use super::super::finding::Finding;
use super::super::systemd;
use crate::host::Host;

/// As Debian calls it, and as RHEL does.
const UNITS: [&str; 2] = ["tgt.service", "tgtd.service"];

/// How the distribution's unit starts it, with its drop-ins, as text.
pub(super) fn unit(host: &Host) -> Finding {
    const NAME: &str = "tgt unit";
    let root = host.roots.etc.parent().and_then(Path::parent);
    let Some(root) = root else {
        return Finding::warn(NAME, "not looked at", "run it with a root that has /etc");
    };
    let read = |name: &'static str| Some((name, systemd::text(root, name)?));
    match UNITS.into_iter().find_map(read) {
        Some((name, text)) => judge_unit(name, &text),
        None => Finding::warn(
            NAME,
            "there is no tgt.service, and no tgtd.service",
            "see that tgtd is started at boot, with what tgt-templates/tgt.service.conf does",
        ),
    }
}

fn judge_unit(name: &str, text: &str) -> Finding {
    const NAME: &str = "tgt unit";
    let remedy = format!(
        "put tgt-templates/tgt.service.conf at /etc/systemd/system/{name}.d/warmblock.conf, then systemctl daemon-reload"
    );
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let reload = lines.iter().rfind(|line| line.starts_with("ExecReload="));
    let has = |wanted: &str| lines.contains(&wanted);
    let mut wrong = Vec::new();
    if !has("TasksMax=infinity") {
        wrong.push("TasksMax stops it at a few dozen LUNs, each of which has 31 threads");
    }
    let mut before = lines
        .iter()
        .filter(|line| line.starts_with("ExecStartPre="));
    let render = before.find(|line| line.contains("warmblock tgt render"));
    let (has_render, starting) = (
        render.is_some(),
        render.is_some_and(|line| line.contains("--starting")),
    );
    if !has_render {
        wrong.push("after a failover while it was down it would serve the client again");
    }
    if has_render && !starting {
        wrong.push("what it opens when it starts is not noted for a failover");
    }
    if reload.is_some_and(|line| line.contains("--update ALL") && line.contains("-f")) {
        wrong.push("a reload ends every session");
    }
    if wrong.is_empty() {
        return Finding::ok(NAME, "starts from files that follow the registry");
    }
    Finding::warn(NAME, wrong.join("; "), remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn the_units_of_the_distributions() {
        let ours = include_str!("../../../tgt-templates/tgt.service.conf");
        let debian = "[Service]\nTasksMax=infinity\nExecReload=/usr/sbin/tgt-admin --update ALL -c /etc/tgt/targets.conf\n";
        let upstream = "[Service]\nExecReload=/usr/sbin/tgt-admin --update ALL -f\n";
        let found = |text: &str| judge_unit("tgt.service", text).found;
        assert!(
            found(debian).contains("serve the client again") && !found(debian).contains("TasksMax")
        );
        assert!(
            found(upstream).contains("TasksMax") && found(upstream).contains("ends every session")
        );
        let whole = judge_unit("tgt.service", &format!("{upstream}{ours}"));
        assert_eq!(whole.state, State::Ok);
        let older = ours.replace(" --starting", "");
        assert!(found(&older).contains("not noted for a failover"));
        let remedy = judge_unit("tgtd.service", upstream).remedy.unwrap();
        assert!(remedy.contains("system/tgtd.service.d/"), "{remedy}");
    }
}
