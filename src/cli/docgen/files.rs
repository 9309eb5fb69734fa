//! The man pages of the files that people write, from the types that read them.

use std::fmt::Write as _;
use std::path::Path;

use super::Document;
use super::man::{roff, verbatim};
use crate::config::reference as config;
use crate::tgt::inventory::reference as inventory;

/// The page of the inventory: every key, and an example.
pub(super) fn inventory_page() -> Document {
    let mut page = String::from(
        ".TH warmblock\\-tgt.toml 5\n.SH NAME\nwarmblock\\-tgt.toml \\- the inventory of iSCSI targets\n.SH DESCRIPTION\n\
         /etc/warmblock/tgt.toml and, after it, /etc/warmblock/tgt.d/*.toml in the order of their names. Clients and gateways may \
         be in any of them, every other section in one only. `warmblock tgt inventory` and `warmblock tgt check` say what is \
         wrong with it.\n",
    );
    for section in inventory::reference() {
        let title = roff(section.header);
        let _infallible = writeln!(page, ".SH {title}\n{}", roff(&section.about));
        for (key, about) in section.keys {
            let _infallible = writeln!(page, ".TP\n\\fB{}\\fR\n{}", roff(&key), roff(&about));
        }
    }
    page.push_str(&verbatim("EXAMPLE", inventory::EXAMPLE.trim_end()));
    page.push_str(&verbatim("SEE ALSO", "warmblock-tgt(1)"));
    Document {
        path: Path::new("man").join("warmblock-tgt.toml.5"),
        text: page,
    }
}

/// The page of the configuration: every key with its default, and an example.
pub(super) fn config_page() -> Document {
    let mut page = format!(
        ".TH warmblock.toml 5\n.SH NAME\nwarmblock.toml \\- the configuration of warmblock\n.SH DESCRIPTION\n{}\n",
        roff(CONFIG).replace("\n\n", "\n.PP\n")
    );
    for section in config::reference() {
        let title = if section.name.is_empty() {
            "KEYS OF NO SECTION".to_owned()
        } else {
            format!("[{}]", section.name)
        };
        let about = roff(&section.about);
        let _infallible = writeln!(page, ".SH {title}\n{about}");
        for key in section.keys {
            let default = key.default.unwrap_or_else(|| "none".into());
            let _infallible = writeln!(
                page,
                ".TP\n\\fB{}\\fR (a {}; default {})\n{}",
                roff(&key.name),
                key.kind,
                roff(&default),
                roff(&key.about)
            );
            for (word, about) in key.words {
                let _infallible = writeln!(page, ".br\n\"{}\": {}", roff(&word), roff(&about));
            }
        }
    }
    page += &verbatim("EXAMPLE", config::EXAMPLE.trim_end());
    page += &verbatim(
        "SEE ALSO",
        "warmblock(1), warmblock-config-show(1), warmblock-tgt.toml(5)",
    );
    Document {
        path: Path::new("man").join("warmblock.toml.5"),
        text: page,
    }
}

const CONFIG: &str = "\
/etc/warmblock/warmblock.toml in TOML and, after it, conf.d/*.toml beside it in the order of their names: a later file \
overrides single keys of an earlier one. Every key may be left out. A key that is not known is refused, with its file and \
line. `warmblock config show` prints the values in effect.

A size is a number of bytes, or a string with a unit, such as \"256K\" or \"8G\", by powers of 1024. A share is of the \
image's size: \"10%\". A time is a string such as \"30s\", \"5m\" or \"1h 30m\", never zero.";
