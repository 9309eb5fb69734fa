//! The XML of cache_restore and cache_dump. It is written and read line by line: it is made by machines, one element per line,
//! and a cache has as many lines as blocks.

use std::io::{self, Write};

use super::Geometry;
use crate::model::Sectors;

/// A cached block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mapping {
    /// Its place on the data device, in blocks.
    pub cache_block: u64,
    /// Its place on the origin, in blocks.
    pub origin_block: u64,
    /// The origin is older than the cache.
    pub dirty: bool,
}

/// What cache_dump printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dump {
    /// The shape of the cache.
    pub geometry: Geometry,
    /// The policy that wrote its hints last.
    pub policy: String,
    /// The cached blocks, by their place in the cache.
    pub mappings: Vec<Mapping>,
}

pub(super) fn write(
    out: &mut impl Write,
    geometry: Geometry,
    mappings: impl IntoIterator<Item = Mapping>,
) -> io::Result<()> {
    let Geometry { block, blocks } = geometry;
    writeln!(
        out,
        r#"<superblock uuid="" block_size="{block}" nr_cache_blocks="{blocks}" policy="smq" hint_width="4">"#
    )?;
    writeln!(out, "  <mappings>")?;
    for Mapping {
        cache_block,
        origin_block,
        dirty,
    } in mappings
    {
        writeln!(
            out,
            r#"    <mapping cache_block="{cache_block}" origin_block="{origin_block}" dirty="{dirty}"/>"#
        )?;
    }
    writeln!(out, "  </mappings>")?;
    writeln!(out, "</superblock>")
}

pub(super) fn parse(text: &str) -> Result<Dump, String> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let head = lines.next().filter(|line| line.starts_with("<superblock "));
    let head = head.ok_or("it does not begin with <superblock>")?;
    let mut mappings = Vec::new();
    let mut ended = false;
    for line in lines {
        if line.starts_with("<mapping ") {
            mappings.push(mapping(line)?);
        }
        ended = line == "</superblock>";
    }
    if !ended {
        return Err("it breaks off before </superblock>".into());
    }
    Ok(Dump {
        geometry: Geometry {
            block: Sectors(number(head, "block_size")?),
            blocks: number(head, "nr_cache_blocks")?,
        },
        policy: attribute(head, "policy")?.to_owned(),
        mappings,
    })
}

fn mapping(line: &str) -> Result<Mapping, String> {
    Ok(Mapping {
        cache_block: number(line, "cache_block")?,
        origin_block: number(line, "origin_block")?,
        dirty: match attribute(line, "dirty")? {
            "true" => true,
            "false" => false,
            other => return Err(format!("{other:?} is neither true nor false")),
        },
    })
}

fn number(line: &str, name: &str) -> Result<u64, String> {
    let value = attribute(line, name)?;
    value
        .parse()
        .map_err(|_| format!("{name} {value:?} is not a number"))
}

fn attribute<'a>(line: &'a str, name: &str) -> Result<&'a str, String> {
    let value = || {
        let (_, rest) = line.split_once(&format!(" {name}=\""))?;
        Some(rest.split_once('"')?.0)
    };
    value().ok_or_else(|| format!("{line:?} has no {name}"))
}
