//! Whether udevd is told to leave guest disks alone.

use super::finding::Finding;
use crate::sys::Roots;
use crate::tools::udev;

/// Where rules are read from, the first that has a file of a name wins (udev(7)).
const DIRS: [&str; 3] = [
    "etc/udev/rules.d",
    "usr/local/lib/udev/rules.d",
    "usr/lib/udev/rules.d",
];

/// Whether our rules are installed, where udevd runs.
pub fn rules(roots: &Roots) -> Finding {
    const NAME: &str = "udev rules";
    if !udev::present(roots) {
        return Finding::ok(NAME, "no udevd runs here");
    }
    let prefix = roots.etc.ancestors().nth(2).unwrap_or(&roots.etc);
    let texts = DIRS
        .iter()
        .map(|dir| prefix.join(dir).join(udev::RULES_NAME));
    let installed = texts
        .into_iter()
        .find_map(|file| Some((std::fs::read_to_string(&file).ok()?, file)));
    let install = format!(
        "`warmblock doctor --print-udev-rules > /etc/udev/rules.d/{}`, then `udevadm control --reload`",
        udev::RULES_NAME
    );
    match installed {
        Some((text, file)) if text == udev::RULES => Finding::ok(NAME, file.display().to_string()),
        Some((_, file)) => Finding::warn(
            NAME,
            format!("{} is not that of this release", file.display()),
            install,
        ),
        None => Finding::fail(
            NAME,
            "not installed: udev would look into guest disks and keep them busy",
            install,
        ),
    }
}
