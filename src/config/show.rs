//! The configuration as a file: every key, with what it is for, and those that have no value as comments.

use serde_json::Value;

use super::Config;
use crate::{Error, Kind, Result};

/// The text of a `warmblock.toml` that says all of it.
///
/// # Errors
/// [`Kind::Internal`] if a value cannot be written.
pub fn show(config: &Config) -> Result<String> {
    let text = toml::to_string(config).map_err(|error| {
        Error::new(Kind::Internal, "cannot write the configuration").because(error)
    })?;
    let schema = schemars::schema_for!(Config).to_value();
    let mut shown =
        String::from("# Every key with its unit and its default: warmblock.toml(5).\n\n");
    let (mut section, mut said) = (&schema, Vec::new());
    for line in text.lines() {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            shown += &unsaid(&schema, section, &said);
            section = property(&schema, &schema, name);
            said.clear();
            shown += &format!("\n{}{line}\n", comment(section));
        } else if let Some((key, _)) = line.split_once(" = ") {
            said.push(key);
            shown += &format!("{}{line}\n", comment(property(&schema, section, key)));
        }
    }
    shown += &unsaid(&schema, section, &said);
    Ok(shown.trim_start().to_owned())
}

/// What describes a key of a section: what the schema refers to, unless it is described here.
fn property<'s>(schema: &'s Value, section: &'s Value, key: &str) -> &'s Value {
    let found = &section["properties"][key];
    let name = found["$ref"]
        .as_str()
        .and_then(|name| name.rsplit('/').next());
    match name {
        Some(name)
            if found["description"].is_null() || !schema["$defs"][name]["properties"].is_null() =>
        {
            &schema["$defs"][name]
        }
        _ => found,
    }
}

fn comment(of: &Value) -> String {
    let text = of["description"].as_str().unwrap_or_default();
    text.lines().map(|line| format!("# {line}\n")).collect()
}

/// The keys of a section that have no value.
fn unsaid(schema: &Value, section: &Value, said: &[&str]) -> String {
    let all = section["properties"].as_object().into_iter().flatten();
    let keys = all.filter(|(key, of)| {
        let is_section = of["$ref"].as_str().and_then(|name| name.rsplit('/').next());
        let is_section =
            is_section.is_some_and(|name| !schema["$defs"][name]["properties"].is_null());
        !is_section && !said.contains(&key.as_str())
    });
    let text = keys.map(|(key, of)| format!("{}# {key} =\n", comment(of)));
    text.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_there_and_explained() {
        let text = show(&Config::default()).unwrap();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), Config::default());
        let schema = schemars::schema_for!(Config).to_value();
        for (name, _) in schema["properties"].as_object().unwrap() {
            let section = property(&schema, &schema, name);
            let Some(keys) = section["properties"].as_object() else {
                assert!(text.contains(&format!("# {name} =\n")), "{name}");
                continue;
            };
            assert!(text.contains(&format!("\n[{name}]\n")), "{name}");
            for (key, _) in keys {
                let lines: Vec<&str> = text.lines().collect();
                let is = |line: &&&str| {
                    line.trim_start_matches("# ")
                        .starts_with(&format!("{key} ="))
                };
                assert!(lines.iter().any(|line| is(&line)), "[{name}] {key}");
            }
        }
        insta::assert_snapshot!(text);
    }
}
