//! The inventory as it is written, with the place of everything that can be wrong.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// A word and where it stands.
pub(super) type Word = Spanned<String>;

/// One file. Sections without a name may be given in one file only; clients and gateways are gathered from all.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawFile {
    pub(super) site: Option<Spanned<RawSite>>,
    pub(super) ceph: Option<Spanned<RawCeph>>,
    pub(super) registry: Option<Spanned<RawRegistry>>,
    pub(super) lun: Option<Spanned<RawLunDefaults>>,
    pub(super) session: Option<Spanned<BTreeMap<String, Spanned<toml::Value>>>>,
    pub(super) gateway: BTreeMap<Word, RawGateway>,
    pub(super) client: BTreeMap<Word, RawClient>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSite {
    pub(super) iqn: Option<Word>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCeph {
    pub(super) id: Option<Word>,
    pub(super) conf: Option<Word>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRegistry {
    pub(super) pool: Option<Word>,
    pub(super) object: Option<Word>,
    pub(super) file: Option<Word>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLunDefaults {
    pub(super) vendor: Option<Word>,
    pub(super) product: Option<Word>,
    pub(super) physical: Option<Spanned<i64>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawGateway {
    pub(super) portals: Vec<Word>,
    pub(super) ssh: Option<Word>,
}

/// One name, or (by mistake) several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawClient {
    pub(super) gateway: Option<Spanned<OneOrMany>>,
    pub(super) standby: Vec<Word>,
    pub(super) addresses: Vec<Word>,
    pub(super) initiators: Vec<Word>,
    pub(super) chap: Option<Spanned<RawChap>>,
    pub(super) chap_mutual: Option<Spanned<RawChap>>,
    pub(super) target: Vec<Spanned<RawTarget>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChap {
    pub(super) user: Word,
    pub(super) secret_file: Word,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTarget {
    pub(super) title: Option<Word>,
    pub(super) iqn: Option<Word>,
    pub(super) tid: Option<Spanned<i64>>,
    pub(super) luns: Vec<Word>,
    pub(super) lun: Vec<Spanned<RawLun>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLun {
    pub(super) image: Word,
    #[serde(default)]
    pub(super) number: Option<Spanned<i64>>,
    #[serde(default)]
    pub(super) cached: bool,
    #[serde(default)]
    pub(super) readonly: bool,
    #[serde(default)]
    pub(super) physical: Option<Spanned<i64>>,
    #[serde(default)]
    pub(super) scsi_id: Option<Word>,
    #[serde(default)]
    pub(super) scsi_sn: Option<Word>,
}
