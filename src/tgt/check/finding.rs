//! What a check answers.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably not what was meant, or bound to be a trouble some day.
    Warning,
    /// A target is open to those it should not be, is missing or lacks a disk; a command is run that nobody wrote;
    /// nothing is configured at all.
    Danger,
}

/// What sort of finding it is. The names are stable: scripts may rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// tgt-admin stops here: what comes later is not done.
    Stops,
    /// `--update ALL` stops, though `--execute` does not.
    UpdateStops,
    /// A comment begins inside a value, or ends where none began, or never ends.
    Comment,
    /// A line is swallowed by the one before it, or lost.
    LineLost,
    /// A here-document.
    HereDocument,
    /// `<x/>` is not read as an empty block, or is read as one inside a value.
    ShortBlock,
    /// An include that reads nothing, too much, or not where it is expected.
    Include,
    /// A file is included twice, but read once.
    IncludedAgain,
    /// A block is closed by the tag of another, or by another file.
    ClosingTag,
    /// A block's name is not what it looks like.
    BlockName,
    /// Quotes that are kept as part of the value.
    Quotes,
    /// An option that tgt-admin does not know and drops.
    Unknown,
    /// An option that tgt-admin does not know, but nearly.
    Misspelt,
    /// An option where tgt-admin does not look for it.
    WrongPlace,
    /// An option that tgtadm has and tgt-admin has not.
    NotAnOption,
    /// An option that may be there only once.
    Repeated,
    /// The same value twice.
    RepeatedValue,
    /// A block where a value is wanted.
    BlockForValue,
    /// A target, or the block of a store, is put together from several places.
    Merged,
    /// A target is open to every initiator.
    OpenToAll,
    /// Address and name are alternatives: either lets an initiator in.
    AddressOrName,
    /// Several addresses or names where one is wanted.
    SeveralInOne,
    /// An address that no initiator will ever match.
    AddressForm,
    /// A name that is none, or that tgtd refuses or compares otherwise than expected.
    Name,
    /// A password that is cut, ignored, too short or too long.
    Chap,
    /// A file with passwords that others may read.
    SecretsReadable,
    /// A store of which no LUN is made.
    LunSkipped,
    /// A target without LUNs.
    NoLun,
    /// LUN numbers that are not in the order of the file.
    LunOrder,
    /// A LUN number that is there twice, or that tgtd does not take.
    LunNumber,
    /// A target id that is there twice, or that tgtd does not take.
    TargetId,
    /// Identities that change when another target is added.
    IdentityUnpinned,
    /// Two LUNs with one identity.
    IdentityTwice,
    /// An identity that tgtd changes.
    IdentityForm,
    /// One image in several targets.
    ImageTwice,
    /// An image that bs_rbd cannot open, or opens otherwise.
    ImagePath,
    /// A snapshot that looks writable.
    Snapshot,
    /// A backing store type that tgtd has not.
    BackingStoreType,
    /// Options of the backing store that are lost.
    BackingStoreOptions,
    /// The write cache is on, or is not off although it looks so.
    WriteCache,
    /// A value that is not one of those that count.
    Value,
    /// A number is wanted.
    Number,
    /// Blocks that ESXi does not support.
    BlockSize,
    /// Discards on RBD end in errors.
    ThinProvisioning,
    /// The shell runs a part of a value as a command, or changes it.
    Shell,
    /// Read otherwise by tgt 1.0.96 and later than by older ones.
    VersionDependent,
    /// A comma ends the value when tgtadm talks to tgtd.
    Comma,
    /// An inventory of `warmblock` that cannot be used, or is probably not meant so; two writers of an image above all.
    Inventory,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// What sort.
    pub rule: Rule,
    /// How bad.
    pub severity: Severity,
    /// The file; absent if it concerns no line.
    pub file: Option<PathBuf>,
    /// The line, the first being 1.
    pub line: Option<usize>,
    /// The line as it stands there, passwords hidden.
    pub text: Option<String>,
    /// The target that it concerns.
    pub target: Option<String>,
    /// What tgt-admin, the shell or tgtd makes of it.
    pub message: String,
    /// The line, or the lines, as they should be; of an inventory, what is to be done.
    pub mended: Option<String>,
}

/// What was found in one configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Checked {
    /// The file that was given.
    pub path: PathBuf,
    /// The files that were read, in their order.
    pub read: Vec<PathBuf>,
    /// How many targets tgt-admin makes, or begins to.
    pub targets: usize,
    /// How many LUNs it makes.
    pub luns: usize,
    /// Whether it gets to the end.
    pub complete: bool,
    /// The findings, by file and line.
    pub findings: Vec<Finding>,
    /// What tgt-admin prints with `--pretend --execute`, if that was asked for.
    pub commands: Option<Vec<String>>,
}

/// The answer of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CheckReport {
    /// The version of this format.
    pub version: u32,
    /// One entry per path that was given.
    pub checked: Vec<Checked>,
}

/// Of nothing yet.
impl Default for CheckReport {
    fn default() -> Self {
        Self {
            version: Self::VERSION,
            checked: Vec::new(),
        }
    }
}

impl CheckReport {
    /// The version that this program writes.
    pub const VERSION: u32 = 1;

    /// How many findings are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        let all = self.checked.iter().flat_map(|one| &one.findings);
        all.filter(|finding| finding.severity == severity).count()
    }

    /// The worst that was found.
    pub fn worst(&self) -> Option<Severity> {
        let all = self.checked.iter().flat_map(|one| &one.findings);
        all.map(|finding| finding.severity).max()
    }

    /// The exit code: 0 clean (notes at most), 20 warnings, 21 dangers. No [`Kind`](crate::Kind) has these codes.
    pub fn exit_code(&self) -> u8 {
        match self.worst() {
            None | Some(Severity::Note) => 0,
            Some(Severity::Warning) => 20,
            Some(Severity::Danger) => 21,
        }
    }
}
