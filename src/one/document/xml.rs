//! Looking into XML: values by path, each refused with a message if it is not what it should be.

use std::str::FromStr;

use roxmltree::{Document, Node, ParsingOptions};

use crate::model::{Access, ParseError};
use crate::{Error, Kind, Result};

/// Reads a document whose root has a name. No entities of its own, so that none can grow.
pub(super) fn parse<'a>(text: &'a str, root: &str) -> Result<Document<'a>> {
    let options = ParsingOptions {
        allow_dtd: false,
        ..ParsingOptions::default()
    };
    let wrong = |why: String| {
        Error::new(
            Kind::Usage,
            format!("cannot read oned's document {root}: {why}"),
        )
    };
    let document = Document::parse_with_options(text.trim_start(), options)
        .map_err(|error| wrong(error.to_string()))?;
    let is = document.root_element().tag_name().name();
    if is != root {
        return Err(wrong(format!("it is a {is}")));
    }
    Ok(document)
}

/// The element at a path of names; `None` if there is none.
pub(super) fn at<'a, 'd>(node: Node<'a, 'd>, path: &str) -> Option<Node<'a, 'd>> {
    path.split('/').try_fold(node, |node, name| {
        node.children().find(|child| child.has_tag_name(name))
    })
}

/// The text at a path, without blanks around it; `None` if there is none or it is empty.
pub(super) fn text<'a>(node: Node<'a, '_>, path: &str) -> Option<&'a str> {
    let text = at(node, path)?.text()?.trim();
    (!text.is_empty()).then_some(text)
}

/// The value at a path, if there is one.
pub(super) fn value<T>(node: Node<'_, '_>, path: &str) -> Result<Option<T>>
where
    T: FromStr<Err = ParseError>,
{
    let parsed = text(node, path).map(str::parse).transpose();
    parsed.map_err(|error: ParseError| {
        Error::new(
            Kind::Usage,
            format!("oned's {path} cannot be used: {error}"),
        )
    })
}

/// A value that most actions do not need: why it cannot be used is kept with it, and told by the one that needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said<T>(Result<Option<T>, String>);

impl<T> Said<T>
where
    T: FromStr<Err = ParseError>,
{
    pub(super) fn read(node: Node<'_, '_>, path: &str) -> Self {
        Self(value(node, path).map_err(|error| error.chain()))
    }
}

impl<T: Clone> Said<T> {
    /// The value, if there is one.
    ///
    /// # Errors
    /// [`Kind::Usage`] for one that cannot be used.
    pub fn get(&self) -> Result<Option<T>> {
        self.0.clone().map_err(|why| {
            Error::new(Kind::Usage, why).remedy("mend it with `onedatastore update`")
        })
    }
}

/// The value at a path, which must be there.
pub(super) fn required<T>(node: Node<'_, '_>, path: &str) -> Result<T>
where
    T: FromStr<Err = ParseError>,
{
    value(node, path)?
        .ok_or_else(|| Error::new(Kind::Usage, format!("oned's document has no {path}")))
}

/// How Ceph is reached, by the attributes below a path.
pub(super) fn access(node: Node<'_, '_>, path: &str) -> Result<Option<Access>> {
    let path = |name: &str| format!("{path}CEPH_{name}");
    let (user, conf) = (value(node, &path("USER"))?, value(node, &path("CONF"))?);
    Ok(Access::told(user, conf, value(node, &path("KEY"))?))
}

/// OpenNebula's `YES`, in whatever letters; also `1`.
pub(super) fn yes(node: Node<'_, '_>, path: &str) -> bool {
    text(node, path).is_some_and(|word| word.eq_ignore_ascii_case("yes") || word == "1")
}
