//! Images and their options (facts 2.1).

use std::collections::HashMap;

use super::finding::{Rule, Severity};
use super::look::Look;
use crate::tgt::conf::plan::{PlannedLun, PlannedTarget};
use crate::tgt::conf::show;

/// What tgtd of Debian has, and what its other packages bring.
const TYPES: [&str; 11] = [
    "rbd", "rdwr", "aio", "sg", "bsg", "null", "ssc", "smc", "mmc", "sheepdog", "glfs",
];

pub(super) fn look(look: &mut Look<'_>) {
    let plan = look.plan;
    let mut users: HashMap<&str, &PlannedTarget> = HashMap::new();
    for target in &plan.targets {
        for lun in &target.luns {
            if let Some(first) = users
                .insert(&lun.path, target)
                .filter(|first| first.name != target.name)
            {
                let message = format!(
                    "{} is exported by {}, too: nothing keeps two initiators from writing over each other",
                    show(&lun.path),
                    show(&first.name)
                );
                look.danger(Rule::ImageTwice, lun.at, message)
                    .of(&target.name);
            }
            bs_type(look, target, lun);
            if lun.path.contains(',') {
                let message = "tgtadm cuts the path at the comma";
                look.danger(Rule::Comma, lun.at, message).of(&target.name);
            }
            if lun.bs_type == "rbd" {
                image(look, target, lun);
                snapshot(look, target, lun);
                thin(look, target, lun);
                bsopts(look, target, lun);
            }
        }
    }
}

fn bs_type(look: &mut Look<'_>, target: &PlannedTarget, lun: &PlannedLun) {
    let kind = lun.bs_type.as_str();
    if kind.is_empty() || TYPES.contains(&kind) || kind.contains("(0x") {
        return;
    }
    let at = lun.option("bs-type").map(|(_, at)| at).or(lun.at);
    let message = format!(
        "tgtd has no backing store type \"{}\": the LUN is not made",
        show(kind)
    );
    look.danger(Rule::BackingStoreType, at, message)
        .of(&target.name);
}

/// `[pool/]image[@snap]` (B30 to B32).
fn image(look: &mut Look<'_>, target: &PlannedTarget, lun: &PlannedLun) {
    let path = lun.path.as_str();
    let shown = show(path);
    let said = match path.split_once('/') {
        None => {
            let message =
                format!("no pool: the image is looked for in a pool called \"rbd\" (rbd/{shown})");
            look.warn(Rule::ImagePath, lun.at, message)
                .replaced(path, &format!("rbd/{shown}"))
        }
        Some((pool, image)) if pool.is_empty() || image.is_empty() || image.starts_with('@') => {
            let message = format!("{shown} names no image: pool/image");
            look.danger(Rule::ImagePath, lun.at, message)
        }
        Some((pool, image)) if image.contains('/') => {
            let message = format!(
                "tgtd knows no namespaces: it looks for an image called \"{}\" in the pool {}, and does not find it",
                show(image),
                show(pool)
            );
            look.danger(Rule::ImagePath, lun.at, message)
        }
        Some(_) if path.contains(char::is_whitespace) => {
            let message = "a blank in the image's name: quote it everywhere, or better rename it";
            look.warn(Rule::ImagePath, lun.at, message)
        }
        Some(_) => return,
    };
    let _said = said.of(&target.name);
}

fn snapshot(look: &mut Look<'_>, target: &PlannedTarget, lun: &PlannedLun) {
    let readonly = lun
        .option("readonly")
        .is_some_and(|(value, _)| value == "1");
    if lun.path.contains('@') && !readonly {
        let message = "a snapshot looks writable without \"readonly 1\", and every write fails with a medium error";
        look.warn(Rule::Snapshot, lun.at, message)
            .of(&target.name)
            .mended("readonly 1");
    }
}

fn thin(look: &mut Look<'_>, target: &PlannedTarget, lun: &PlannedLun) {
    let params = lun.options.iter().filter(|(option, ..)| option == "params");
    let wanted = params.flat_map(|(_, value, at)| value.split(',').map(|one| (one.trim(), *at)));
    let found = wanted
        .filter(|(one, _)| one.replace(' ', "") == "thin_provisioning=1")
        .map(|(_, at)| at)
        .next();
    if let Some(at) = found {
        let message = "thin provisioning on rbd: UNMAP discards the data and then answers with a hardware error";
        look.warn(Rule::ThinProvisioning, at, message)
            .of(&target.name);
    }
}

/// `conf=`, `id=`, `cluster=` and two more, with `;` between them; the first one that is unknown ends them (facts 2.1).
fn bsopts(look: &mut Look<'_>, target: &PlannedTarget, lun: &PlannedLun) {
    let Some((value, at)) = lun.option("bsopts") else {
        return;
    };
    let plain = value.trim_matches(['\'', '"']).replace("\\;", ";");
    const KEYS: [&str; 5] = ["conf=", "id=", "cluster=", "virsecretuuid=", "cephx_key="];
    let parts: Vec<&str> = plain.split(';').filter(|part| !part.is_empty()).collect();
    let wrong = parts
        .iter()
        .position(|part| !KEYS.iter().any(|key| part.starts_with(key)));
    if let Some(wrong) = wrong {
        let message = format!(
            "\"{}\" is no option of rbd (blanks count, too): it and what follows are dropped, and the LUN may connect as client.admin",
            show(parts[wrong].split('=').next().unwrap_or_default())
        );
        look.danger(Rule::BackingStoreOptions, at, message)
            .of(&target.name);
    }
    if plain.contains(',') {
        let message = "tgtadm cuts the options at the comma; the rest is lost";
        look.danger(Rule::Comma, at, message).of(&target.name);
    }
    if parts.len() > 1 {
        two_options(look, target, value, at);
    }
}

/// With a `;` in it no spelling suits all versions (B33 to B38).
fn two_options(
    look: &mut Look<'_>,
    target: &PlannedTarget,
    value: &str,
    at: crate::tgt::conf::LineId,
) {
    let (severity, message) = if value.starts_with('\'') && value.ends_with('\'') {
        (
            Severity::Warning,
            "right for tgt up to 1.0.95; from 1.0.96 on the quotes become part of the options",
        )
    } else if value.starts_with('"') || value.contains("\\;") {
        (
            Severity::Warning,
            "right for tgt up to 1.0.95; from 1.0.96 on quotes and backslashes become part of the options",
        )
    } else {
        (
            Severity::Danger,
            "up to tgt 1.0.95 the shell takes the \";\" for the end of the command, and runs the rest as another one; from 1.0.96 on it is right",
        )
    };
    let said = look.say(Rule::VersionDependent, severity, at, message);
    let _said = said.of(&target.name).mended("bsopts id=NAME");
}
