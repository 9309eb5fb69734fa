//! Files made from a number: of the grammar, and of a case with bytes changed.

use crate::cases::{self, Case};

/// A small generator of numbers (xorshift64*): the same on every machine.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % limit
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// The case of a number: three of four are of the grammar.
pub fn case(seed: u64) -> Case {
    let mut dice = Dice::new(seed + 1);
    if seed % 4 == 3 {
        mutated(seed, &mut dice)
    } else {
        grammatical(seed, &mut dice)
    }
}

const PATHS: &[&str] = &[
    "rbd/a",
    "rbd/b",
    "rbd/img1",
    "rbd/img10",
    "rbd/img2",
    "pool/x@snap",
    "x",
    "rbd/a b",
    "@DIR@/main.conf",
    "/no/where",
    "rbd/\\#1",
    "\"rbd/q\"",
    "",
];
const NAMES: &[&str] = &[
    "iqn.2014-02.my.domain:a",
    "iqn.2014-02.my.domain:b",
    "iqn.2014-02.my.domain:c.d",
    "\"iqn.x:y\"",
    "iqn.x:y ",
    "t",
    "0",
    "",
];
const VALUES: &[&str] = &[
    "1",
    "0",
    "rbd",
    "iscsi",
    "off",
    "on",
    "yes",
    "10.0.0.1",
    "10.0.0.2",
    "user secret123456",
    "user2 pass;word",
    "a  b",
    "a=b",
    "\"a b\"",
    "'a b'",
    "\"a",
    "a#b",
    "a \\# b",
    "$x",
    "a\\",
    "a /* b */ c",
    "conf=/etc/ceph/ceph.conf;id=tgt",
    "3",
    "5",
    "",
    "= x",
    "<x>",
    "iqn.1998-01.com.vmware:esx1",
    "60014051d6f3c2a94b7e4d1892aa5e07",
    "Yes",
    "262144",
    "<y/>",
    "params mode_page",
];
const AT_TARGET: &[&str] = &[
    "driver",
    "controller_tid",
    "bs-type",
    "backing-store",
    "backing-store",
    "direct-store",
    "lun",
    "allow-in-use",
    "bsopts",
    "bsoflags",
    "block-size",
    "device-type",
    "write-cache",
    "scsi_id",
    "scsi_sn",
    "vendor_id",
    "product_id",
    "product_rev",
    "sense_format",
    "removable",
    "online",
    "path",
    "readonly",
    "lbppbe",
    "la_lba",
    "optimal_xfer_gran",
    "optimal_xfer_len",
    "mode_page",
    "params",
    "initiator-address",
    "initiator-address",
    "initiator-name",
    "incominguser",
    "outgoinguser",
    "MaxBurstLength",
    "HeaderDigest",
    "ImmediateData",
    "state",
    "stateful",
    "Initiator-Address",
    "nonsense",
    "bs-type",
    "bs-type",
];
const OUTSIDE: &[&str] = &[
    "default-driver",
    "ignore-errors",
    "control-port",
    "iSNS",
    "iSNSServerIP",
    "incomingdiscoveryuser",
    "outgoingdiscoveryuser",
    "bs-type",
    "initiator-address",
    "target",
];

fn grammatical(seed: u64, dice: &mut Dice) -> Case {
    let mut files = vec![("main.conf".to_owned(), String::new())];
    if dice.one_in(3) {
        for at in 0..=dice.below(3) {
            files.push((format!("conf.d/{at}.conf"), String::new()));
        }
    }
    for (at, (_, text)) in files.iter_mut().enumerate() {
        if at == 0 && dice.one_in(2) {
            let what = [
                "include @DIR@/conf.d/*.conf",
                "include @DIR@/conf.d",
                "include conf.d/0.conf",
                "includeoptional conf.d/1.conf",
            ];
            text.push_str(&format!("{}\n", dice.pick(&what)));
        }
        if dice.one_in(4) {
            option(dice, OUTSIDE, text, "");
        }
        for _ in 0..dice.below(4) {
            target(dice, text);
        }
    }
    let bytes = |(name, text): (String, String)| (name, text.into_bytes());
    Case {
        name: format!("generated {seed}"),
        files: files.into_iter().map(bytes).collect(),
        relative: dice.one_in(8),
    }
}

fn target(dice: &mut Dice, text: &mut String) {
    let name = dice.pick(NAMES);
    text.push_str(&format!("<target {name}>\n"));
    if !dice.one_in(4) {
        text.push_str("    bs-type rbd\n");
    }
    let blocks = dice.one_in(2);
    for _ in 0..dice.below(8) {
        if blocks && dice.one_in(3) {
            store(dice, text);
        } else {
            option(dice, AT_TARGET, text, "    ");
        }
    }
    if dice.one_in(12) {
        text.push_str("    # include @DIR@/none\n");
    }
    if !dice.one_in(40) {
        text.push_str(if dice.one_in(20) {
            "</Target>\n"
        } else {
            "</target>\n"
        });
    }
}

fn store(dice: &mut Dice, text: &mut String) {
    let path = dice.pick(PATHS);
    if dice.one_in(6) {
        text.push_str(&format!("    <backing-store {path}/>\n"));
        return;
    }
    text.push_str(&format!("    <backing-store {path}>\n"));
    for _ in 0..dice.below(5) {
        option(dice, AT_TARGET, text, "        ");
    }
    text.push_str("    </backing-store>\n");
}

fn option(dice: &mut Dice, names: &[&str], text: &mut String, indent: &str) {
    let name = dice.pick(names);
    let value = if name.ends_with("-store") {
        dice.pick(PATHS)
    } else if name.ends_with("user") && !dice.one_in(4) {
        "user password1234"
    } else {
        dice.pick(VALUES)
    };
    let line = match dice.below(24) {
        0 => format!("{indent}{name} = {value}\n"),
        1 => format!("{indent}{name}={value}\n"),
        2 => format!("{indent}{name}\t{value}  # remark\n"),
        3 => format!("{indent}{name} \\\n  {value}\n"),
        4 => format!("{indent}{name} <<EOF\n{value}\n  EOF\n"),
        5 => format!("{indent}{name} \"{value}\"\n"),
        6 => format!("{indent}/* {name} */ {name} {value}\n"),
        7 => format!("{indent}{name} {value}\r\n"),
        8 => format!("{indent}{name}\n"),
        _ => format!("{indent}{name} {value}\n"),
    };
    text.push_str(&line);
}

/// A case that is written by hand, with a few bytes changed. Its files have no links.
fn mutated(seed: u64, dice: &mut Dice) -> Case {
    const BYTES: &[u8] = b"<>/=\"'\\#*\n\r\t 0a{[";
    let written = cases::written();
    let mut case = loop {
        let case = written[dice.below(written.len())].clone();
        if case.files.iter().all(|(_, text)| !text.starts_with(b"->")) {
            break case;
        }
    };
    for _ in 0..=dice.below(4) {
        let file = dice.below(case.files.len());
        let text = &mut case.files[file].1;
        let at = dice.below(text.len() + 1);
        match dice.below(3) {
            0 if at < text.len() => {
                text.remove(at);
            }
            1 if at < text.len() => text[at] = BYTES[dice.below(BYTES.len())],
            _ => text.insert(at, BYTES[dice.below(BYTES.len())]),
        }
    }
    case.name = format!("mutated {seed} of {}", case.name);
    case
}
