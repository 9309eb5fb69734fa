//! What was read: options and blocks, as Perl's scalars, arrays and hashes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::lines::LineId;

/// The value of an option, or a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// An option without a value: `driver` alone on its line.
    Undef(LineId),
    /// An option with a value, which may be empty.
    Text(String, LineId),
    /// An option (or a block and options) that stands there more than once.
    Array(Vec<Value>),
    /// A block.
    Block(Map),
}

/// The options and blocks in a block, sorted as tgt-admin walks them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Map {
    /// Name to value. A named block `<target X>` is the entry `X` in the block `target`.
    pub entries: BTreeMap<String, Value>,
    /// Where it was opened: more than once if blocks were merged.
    pub opened: Vec<LineId>,
}

impl Value {
    /// What Perl makes of it where a text is wanted. A reference becomes its address, which nobody can want.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Undef(_) => Cow::Borrowed(""),
            Self::Text(text, _) => Cow::Borrowed(text),
            Self::Array(_) => Cow::Borrowed("ARRAY(0x0)"),
            Self::Block(_) => Cow::Borrowed("HASH(0x0)"),
        }
    }

    /// Whether it is an array or a block, so that its text is an address.
    pub const fn is_reference(&self) -> bool {
        matches!(self, Self::Array(_) | Self::Block(_))
    }

    /// The block, if it is one.
    pub const fn block(&self) -> Option<&Map> {
        match self {
            Self::Block(map) => Some(map),
            _ => None,
        }
    }

    /// The values that were given, one or more.
    pub fn each(&self) -> &[Self] {
        match self {
            Self::Array(values) => values,
            one => std::slice::from_ref(one),
        }
    }

    /// Where it was first read.
    pub fn at(&self) -> LineId {
        match self {
            Self::Undef(at) | Self::Text(_, at) => *at,
            Self::Array(values) => values.first().map_or(LineId(0), Self::at),
            Self::Block(map) => map.at(),
        }
    }

    /// Where it was read last.
    pub fn last_at(&self) -> LineId {
        match self {
            Self::Array(values) => values.last().map_or(LineId(0), Self::at),
            Self::Block(map) => map.opened.last().copied().unwrap_or(LineId(0)),
            one => one.at(),
        }
    }
}

impl Map {
    /// The entry of a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entries.get(name)
    }

    /// The text of an entry; empty if it is not there.
    pub fn text(&self, name: &str) -> Cow<'_, str> {
        self.get(name).map_or(Cow::Borrowed(""), Value::text)
    }

    /// Where the block was first opened; for one that was only implied, where the first thing in it was.
    pub fn at(&self) -> LineId {
        let opened = self.opened.first().copied();
        let inside = || self.entries.values().map(Value::at).min();
        opened.or_else(inside).unwrap_or(LineId(0))
    }
}
