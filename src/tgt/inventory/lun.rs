//! LUNs: their images in the grammar of bs_rbd (facts 2.1), their numbers and identities (facts 3.1, 3.2).

use super::load::{Lines, Source};
use super::raw::{RawLun, RawTarget, Word};
use super::{Backing, Lun, Problems, names};
use crate::model::SnapSpec;

/// `[lun]`: what holds of every LUN.
#[derive(Debug, Clone)]
pub(super) struct Defaults {
    vendor: String,
    product: String,
    lbppbe: u8,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            vendor: "CEPH".into(),
            product: "RBD".into(),
            lbppbe: 3,
        }
    }
}

impl Defaults {
    pub(super) fn read(sources: &[Source], problems: &mut Problems) -> Self {
        let mut defaults = Self::default();
        let Some((source, section)) = sources
            .iter()
            .find_map(|source| Some((source, source.raw.lun.as_ref()?.get_ref())))
        else {
            return defaults;
        };
        let lines = &source.lines;
        let mut word = |word: &Option<Word>, what: &str, limit: usize, into: &mut String| {
            let Some(word) = word else { return };
            match names::bad_plain(word.get_ref(), "", limit) {
                None => into.clone_from(word.get_ref()),
                Some(why) => problems.error(
                    &lines.of(word),
                    format!("lun.{what} {:?} {why}", word.get_ref()),
                    "tgtd cuts what is too long silently: choose a shorter, plain word",
                ),
            }
        };
        word(&section.vendor, "vendor", 8, &mut defaults.vendor);
        word(&section.product, "product", 16, &mut defaults.product);
        if let Some(lbppbe) = physical(section.physical.as_ref(), lines, problems) {
            defaults.lbppbe = lbppbe;
        }
        defaults
    }
}

/// 512 or 4096 as tgt's exponent: the two that ESXi takes; the default, made of the object size, is neither (facts 2.4).
fn physical(
    word: Option<&toml::Spanned<i64>>,
    lines: &Lines,
    problems: &mut Problems,
) -> Option<u8> {
    let word = word?;
    match word.get_ref() {
        512 => Some(0),
        4096 => Some(3),
        other => {
            problems.error(
                &lines.of(word),
                format!("physical sectors of {other} bytes are not taken by ESXi"),
                "write 512 or 4096",
            );
            None
        }
    }
}

/// The LUNs of a target, in the order of the file: first `luns`, then `[[lun]]`.
pub(super) fn all(
    raw: &RawTarget,
    lines: &Lines,
    defaults: &Defaults,
    problems: &mut Problems,
) -> Vec<(Backing, Lun)> {
    let mut luns = Vec::new();
    for word in &raw.luns {
        let plain = RawLun {
            image: word.clone(),
            number: None,
            cached: false,
            readonly: false,
            physical: None,
            scsi_id: None,
            scsi_sn: None,
        };
        luns.extend(one(&plain, lines, defaults, problems));
    }
    for lun in &raw.lun {
        luns.extend(one(lun.get_ref(), lines, defaults, problems));
    }
    luns
}

fn one(
    raw: &RawLun,
    lines: &Lines,
    defaults: &Defaults,
    problems: &mut Problems,
) -> Option<(Backing, Lun)> {
    let place = lines.of(&raw.image);
    let image = image(&raw.image, lines, problems);
    if let Some(snap) = image.as_ref().and_then(|image| image.snap.as_ref()) {
        if !raw.readonly {
            problems.error(
                &place,
                format!("{} is a snapshot, and readonly is not set", raw.image.get_ref()),
                format!("tgt shows @{snap} as writable and fails every write with a medium error: set readonly = true"),
            );
        }
        if raw.cached {
            problems.error(
                &place,
                "a snapshot cannot be a cached disk",
                "leave out cached = true",
            );
        }
    }
    let number = raw.number.as_ref().and_then(|word| {
        let number = u8::try_from(*word.get_ref())
            .ok()
            .filter(|number| *number > 0);
        if number.is_none() {
            problems.error(
                &lines.of(word),
                format!("LUN {} is not between 1 and 255", word.get_ref()),
                "0 is tgtd's own controller, and above 255 ESXi 6.5 sees nothing; or leave it out",
            );
        }
        number
    });
    let backing = if raw.cached {
        Backing::Front
    } else {
        Backing::Rbd
    };
    let lun = Lun {
        image: image?,
        number,
        readonly: raw.readonly,
        lbppbe: physical(raw.physical.as_ref(), lines, problems).unwrap_or(defaults.lbppbe),
        vendor: defaults.vendor.clone(),
        product: defaults.product.clone(),
        scsi_id: scsi_id(raw, lines, problems),
        scsi_sn: scsi_sn(raw, lines, problems),
        place,
    };
    Some((backing, lun))
}

fn image(word: &Word, lines: &Lines, problems: &mut Problems) -> Option<SnapSpec> {
    let place = lines.of(word);
    let text = word.get_ref();
    let spec: SnapSpec = match text.parse() {
        Ok(spec) => spec,
        Err(why) => {
            problems.error(
                &place,
                format!("{why}"),
                "name it as POOL/IMAGE or POOL/IMAGE@SNAP",
            );
            return None;
        }
    };
    if spec.image.namespace.is_some() {
        problems.error(
            &place,
            format!("{text} is in a namespace, which tgtd cannot open"),
            "tgt takes it for an image of that name in the default namespace: keep exported images there, or attach it and export it with cached = true under another name",
        );
        return None;
    }
    let snap = spec.snap.as_ref().map_or("x", |snap| snap.as_str());
    for part in [spec.image.pool.as_str(), spec.image.image.as_str(), snap] {
        if let Some(why) = names::bad_plain(part, "", 240) {
            problems.error(
                &place,
                format!("{part:?} of {text} {why}"),
                "rename it: `warmblock image rename`",
            );
            return None;
        }
    }
    Some(spec)
}

/// An identity to keep: exactly 32 hexadecimal digits, the first a 6, or page 83 shows something else (facts 3.1).
fn scsi_id(raw: &RawLun, lines: &Lines, problems: &mut Problems) -> Option<String> {
    let word = raw.scsi_id.as_ref()?;
    let id = word.get_ref();
    let hex = id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if id.len() == 32 && hex && id.starts_with('6') {
        return Some(id.clone());
    }
    problems.error(
        &lines.of(word),
        format!("scsi_id {id:?} is not 32 hexadecimal digits in small letters that begin with 6"),
        "leave it out for a new one, or write the digits that the initiator shows behind naa.",
    );
    None
}

fn scsi_sn(raw: &RawLun, lines: &Lines, problems: &mut Problems) -> Option<String> {
    let word = raw.scsi_sn.as_ref()?;
    match names::bad_plain(word.get_ref(), "", 36) {
        None => Some(word.get_ref().clone()),
        Some(why) => {
            problems.error(
                &lines.of(word),
                format!("scsi_sn {:?} {why}", word.get_ref()),
                "leave it out for a new one",
            );
            None
        }
    }
}
