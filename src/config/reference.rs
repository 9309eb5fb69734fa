//! The reference of the configuration's keys, made of the types that read it, so that the page cannot say otherwise.

use serde_json::Value;

use super::Config;

/// A configuration that can be copied and changed.
pub const EXAMPLE: &str = include_str!("example.toml");

/// A section of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name; empty for the keys before the first section.
    pub name: String,
    /// What it is.
    pub about: String,
    /// Its keys.
    pub keys: Vec<Key>,
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: String,
    /// What it is, in sentences.
    pub about: String,
    /// What its value is: a size, a time, one of some words.
    pub kind: String,
    /// Its value where nobody sets it, as TOML; `None` if it has none.
    pub default: Option<String>,
    /// The words that it takes, with what each means; empty where it takes others.
    pub words: Vec<(String, String)>,
}

/// Every section; the keys that are in none come first.
pub fn reference() -> Vec<Section> {
    let schema = schemars::schema_for!(Config).to_value();
    let mut bare = Section {
        name: String::new(),
        about: "Before the first section.".into(),
        keys: Vec::new(),
    };
    let mut sections = Vec::new();
    for (name, of) in properties(&schema) {
        let section = referred(&schema, of);
        if section["properties"].is_null() {
            bare.keys.push(key(&schema, name, of));
        } else {
            sections.push(Section {
                name: name.clone(),
                about: sentences(section),
                keys: properties(section)
                    .map(|(name, of)| key(&schema, name, of))
                    .collect(),
            });
        }
    }
    sections.insert(0, bare);
    sections
}

fn key(schema: &Value, name: &str, of: &Value) -> Key {
    let target = referred(schema, of);
    let words: Vec<_> = target["oneOf"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|word| Some((word["const"].as_str()?.to_owned(), sentences(word))))
        .collect();
    let kind = kind(of, target, &words);
    let default = (!of["default"].is_null()).then(|| toml(&of["default"], kind == "size"));
    Key {
        name: name.to_owned(),
        about: sentences(of),
        kind: kind.to_owned(),
        default,
        words,
    }
}

fn kind(of: &Value, target: &Value, words: &[(String, String)]) -> &'static str {
    match type_name(of) {
        _ if !words.is_empty() => "word",
        Some("Bytes") => "size",
        Some("SliceSize") => "size or share",
        Some("Time") => "time",
        _ if target["type"] == "integer" => "number",
        _ if target["type"] == "array" => "list of strings",
        _ => "string",
    }
}

/// A default as it is written into the file.
fn toml(value: &Value, is_size: bool) -> String {
    match value.as_u64() {
        Some(bytes) if is_size => {
            let units = ["", "K", "M", "G", "T"];
            let fits = |power: &usize| bytes.is_multiple_of(1 << (10 * power)) && bytes > 0;
            let power = (0..units.len()).rev().find(fits).unwrap_or(0);
            let unit = units.get(power).copied().unwrap_or_default();
            format!("\"{}{unit}\"", bytes >> (10 * power))
        }
        _ => value.to_string().replace("\",\"", "\", \""),
    }
}

fn properties(of: &Value) -> impl Iterator<Item = (&String, &Value)> {
    of["properties"].as_object().into_iter().flatten()
}

/// The name of the type that a key has, whether it must be there or not.
fn type_name(of: &Value) -> Option<&str> {
    let optional = of["anyOf"].as_array().into_iter().flatten();
    let mut all = std::iter::once(of).chain(optional);
    all.find_map(|of| of["$ref"].as_str()?.rsplit('/').next())
}

fn referred<'s>(schema: &'s Value, of: &'s Value) -> &'s Value {
    type_name(of).map_or(of, |name| &schema["$defs"][name])
}

/// A description in one line; its lines are broken where the source was full.
fn sentences(of: &Value) -> String {
    let text = of["description"].as_str().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_explained_and_its_default_reads_back() {
        let mut text = String::new();
        for section in reference() {
            assert!(
                !section.about.is_empty() && !section.keys.is_empty(),
                "{section:?}"
            );
            if !section.name.is_empty() {
                text += &format!("[{}]\n", section.name);
            }
            for key in section.keys {
                assert!(key.about.len() > 15 && key.about.ends_with('.'), "{key:?}");
                if let Some(default) = &key.default {
                    text += &format!("{} = {default}\n", key.name);
                }
            }
        }
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), Config::default());
        let keys = text.lines().filter(|line| line.contains(" = ")).count();
        let shown = toml::to_string(&Config::default()).unwrap();
        let wanted = shown.lines().filter(|line| line.contains(" = ")).count();
        assert_eq!(keys, wanted, "a default is left out");
    }

    #[test]
    fn the_example_is_taken() {
        let config = toml::from_str::<Config>(EXAMPLE).unwrap();
        assert_eq!(config.slice.vg.unwrap().as_str(), "ssd");
        assert_eq!(config.ceph.id.as_str(), "libvirt");
    }
}
