//! How tgtd is started: its unit with its drop-ins.

use std::path::{Path, PathBuf};

use super::super::finding::Finding;
use crate::host::Host;

/// How the distribution's unit starts it, with its drop-ins, as text: no systemd is needed to read it.
pub(super) fn unit(host: &Host) -> Finding {
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
    Finding::warn(NAME, wrong.join("; "), REMEDY)
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
        let found = |text: &str| judge_unit(text).found;
        assert!(
            found(debian).contains("serve the client again") && !found(debian).contains("TasksMax")
        );
        assert!(
            found(upstream).contains("TasksMax") && found(upstream).contains("ends every session")
        );
        assert_eq!(judge_unit(&format!("{upstream}{ours}")).state, State::Ok);
        let older = ours.replace(" --starting", "");
        assert!(found(&older).contains("not noted for a failover"));
    }
}
