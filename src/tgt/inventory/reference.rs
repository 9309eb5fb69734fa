//! The reference of the inventory's keys, made of the types that read it, so that the page cannot say otherwise.

use schemars::{JsonSchema, Schema, schema_for};
use serde_json::Value;

use super::raw::{
    RawCeph, RawChap, RawClient, RawGateway, RawLun, RawLunDefaults, RawRegistry, RawSite,
    RawTarget,
};
use super::session;

/// An inventory that can be copied and changed.
pub const EXAMPLE: &str = include_str!("../../../tgt-templates/tgt.toml");

/// A section of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// How it begins.
    pub header: &'static str,
    /// What it is.
    pub about: String,
    /// Its keys, each with what it means.
    pub keys: Vec<(String, String)>,
}

/// Every section, in the order in which an inventory is best written.
pub fn reference() -> Vec<Section> {
    let parameters = Section {
        header: "[session]",
        about: "iSCSI parameters of every target, by their names in RFC 7143.".into(),
        keys: session::known().collect(),
    };
    vec![
        section::<RawSite>("[site]"),
        section::<RawCeph>("[ceph]"),
        section::<RawRegistry>("[registry]"),
        section::<RawLunDefaults>("[lun]"),
        parameters,
        section::<RawGateway>("[gateway.NAME]"),
        section::<RawClient>("[client.NAME]"),
        section::<RawChap>("chap, chap_mutual"),
        section::<RawTarget>("[[client.NAME.target]]"),
        section::<RawLun>("[[client.NAME.target.lun]]"),
    ]
}

fn section<T: JsonSchema>(header: &'static str) -> Section {
    let schema: Schema = schema_for!(T);
    let keys = schema.get("properties").and_then(Value::as_object);
    let keys = keys.into_iter().flatten();
    Section {
        header,
        about: words(schema.get("description")),
        keys: keys
            .map(|(name, key)| (name.clone(), words(key.get("description"))))
            .collect(),
    }
}

/// A description in one line; its lines are broken where the source was full.
fn words(description: Option<&Value>) -> String {
    let text = description.and_then(Value::as_str).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_explained() {
        let all = reference();
        assert_eq!(all.len(), 10);
        for section in &all {
            assert!(
                !section.about.is_empty() && !section.keys.is_empty(),
                "{section:?}"
            );
            for (name, about) in &section.keys {
                assert!(about.len() > 10, "{} {name}: {about:?}", section.header);
            }
        }
    }
}
