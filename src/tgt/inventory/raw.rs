//! The inventory as it is written, with the place of everything that can be wrong. What is said of the keys here is what
//! the reference page says of them ([`super::reference`]).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::StandbyLogin;

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

/// What all targets share.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSite {
    /// What the names of targets begin with: iqn.YYYY-MM.REVERSED.DOMAIN, of a month in which you owned that domain. A
    /// target is then called IQN:CLIENT.TITLE. Needed by every target that has a title.
    #[schemars(with = "Option<String>")]
    pub(super) iqn: Option<Word>,
}

/// As whom tgtd reaches Ceph.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCeph {
    /// The client, without "client."; admin by default. It needs mon 'profile rbd' and osd 'profile rbd'.
    #[schemars(with = "Option<String>")]
    pub(super) id: Option<Word>,
    /// Ceph's configuration file, where it is not /etc/ceph/ceph.conf. Not together with another id than admin: the
    /// releases of tgt-admin quote two options differently.
    #[schemars(with = "Option<String>")]
    pub(super) conf: Option<Word>,
}

/// Where numbers and ids are kept, once given: an object that all gateways see, or a file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRegistry {
    /// The pool of the object, which must be a replicated one; rbd by default.
    #[schemars(with = "Option<String>")]
    pub(super) pool: Option<Word>,
    /// The object; warmblock.tgt.registry by default.
    #[schemars(with = "Option<String>")]
    pub(super) object: Option<Word>,
    /// A file in its place, by its absolute path: for a single gateway, or on a file system that all of them share.
    #[schemars(with = "Option<String>")]
    pub(super) file: Option<Word>,
}

/// What holds for every LUN that does not say otherwise.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLunDefaults {
    /// The vendor that initiators see, 8 characters at most; CEPH by default.
    #[schemars(with = "Option<String>")]
    pub(super) vendor: Option<Word>,
    /// The product that they see, 16 characters at most; RBD by default.
    #[schemars(with = "Option<String>")]
    pub(super) product: Option<Word>,
    /// Bytes of a physical sector: 4096 (512e, the default) or 512 (512n).
    #[schemars(with = "Option<i64>")]
    pub(super) physical: Option<Spanned<i64>>,
}

/// A host that runs tgtd, called as `hostname` prints it there. None at all where there is only one.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawGateway {
    /// Where its tgtd listens, each as ADDRESS:PORT. `verify` logs in there.
    #[schemars(with = "Vec<String>")]
    pub(super) portals: Vec<Word>,
    /// How the other gateways reach it, [USER@]HOST as ssh takes it; its name by default.
    #[schemars(with = "Option<String>")]
    pub(super) ssh: Option<Word>,
}

/// One name, or (by mistake) several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// Who may log in, and what it finds. The name becomes part of a file's name and of its targets' names.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawClient {
    /// The gateway that serves it: one, since images must not have two writers. After a failover the registry's word counts.
    #[schemars(with = "Option<String>")]
    pub(super) gateway: Option<Spanned<OneOrMany>>,
    /// Gateways that could serve it: they know its targets, offline and without LUNs.
    #[schemars(with = "Vec<String>")]
    pub(super) standby: Vec<Word>,
    /// What those answer to a login: "offline" (the default) refuses, "redirect" sends the initiator to the first portal of the
    /// gateway that serves. tgt-admin cannot set the latter: after a restart of tgt a standby refuses until `tgt apply`.
    pub(super) standby_login: StandbyLogin,
    /// Initiators' addresses, such as 10.0.0.11 or [2001:db8::1], and networks, such as 10.0.0.0/24. Either these or
    /// initiators: tgtd admits whoever matches one of the two.
    #[schemars(with = "Vec<String>")]
    pub(super) addresses: Vec<Word>,
    /// Initiators' names, such as iqn.1998-01.com.vmware:esx1-5a3f0c12.
    #[schemars(with = "Vec<String>")]
    pub(super) initiators: Vec<Word>,
    /// What initiators prove: { user = "NAME", secret_file = "/PATH" }.
    #[schemars(with = "Option<RawChap>")]
    pub(super) chap: Option<Spanned<RawChap>>,
    /// What the targets prove to initiators, in the same form, with another user and another secret.
    #[schemars(with = "Option<RawChap>")]
    pub(super) chap_mutual: Option<Spanned<RawChap>>,
    /// Its targets, see below.
    #[schemars(with = "Vec<RawTarget>")]
    pub(super) target: Vec<Spanned<RawTarget>>,
}

/// A name and a secret.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChap {
    /// The user's name, which no other client may have: tgtd knows one secret per name.
    #[schemars(with = "String")]
    pub(super) user: Word,
    /// A file with the secret in its first line, 12 to 16 characters; root's, and readable by nobody else.
    #[schemars(with = "String")]
    pub(super) secret_file: Word,
}

/// A target and its LUNs.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTarget {
    /// The last part of its name, which is built as site.iqn says.
    #[schemars(with = "Option<String>")]
    pub(super) title: Option<Word>,
    /// Its whole name, in place of a title.
    #[schemars(with = "Option<String>")]
    pub(super) iqn: Option<Word>,
    /// Its number in tgtd, if a certain one must be kept. Left out, the registry gives one, once and for ever.
    #[schemars(with = "Option<i64>")]
    pub(super) tid: Option<Spanned<i64>>,
    /// Its images, as POOL/IMAGE or POOL/IMAGE@SNAPSHOT. The registry numbers them, once and for ever.
    #[schemars(with = "Vec<String>")]
    pub(super) luns: Vec<Word>,
    /// Its images with more to be said of each, see below.
    #[schemars(with = "Vec<RawLun>")]
    pub(super) lun: Vec<Spanned<RawLun>>,
}

/// A LUN of which more is said than its image.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLun {
    /// The image, as POOL/IMAGE or POOL/IMAGE@SNAPSHOT.
    #[schemars(with = "String")]
    pub(super) image: Word,
    /// Its number, 1 to 255, if a certain one must be kept.
    #[serde(default)]
    #[schemars(with = "Option<i64>")]
    pub(super) number: Option<Spanned<i64>>,
    /// Whether it is served from the gateway's SSD: the image is attached there by `warmblock attach`. All LUNs of a target
    /// or none.
    #[serde(default)]
    pub(super) cached: bool,
    /// Whether writes are refused; a snapshot must be.
    #[serde(default)]
    pub(super) readonly: bool,
    /// Bytes of a physical sector: 4096 or 512.
    #[serde(default)]
    #[schemars(with = "Option<i64>")]
    pub(super) physical: Option<Spanned<i64>>,
    /// The id by which initiators know it already: 32 hexadecimal digits, the first a 6.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(super) scsi_id: Option<Word>,
    /// The serial by which they know it already.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(super) scsi_sn: Option<Word>,
}
