//! Reading the configuration: the main file, then `conf.d/*.toml` beside it in the order of their names; a later file
//! overrides single keys of an earlier one.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::Config;
use crate::model::Bytes;
use crate::{Error, Kind, Result};

impl Config {
    /// Reads `file` and its drop-ins. A file that is not there counts as empty unless `must_exist`.
    ///
    /// Errors are of [`Kind::Config`] and name the file, and the line where there is one.
    pub fn load(file: &Path, must_exist: bool) -> Result<Self> {
        let mut whole = Table::new();
        for part in std::iter::once(file.to_owned()).chain(drop_ins(file)?) {
            let text = match fs::read_to_string(&part) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => {
                    continue;
                }
                Err(error) => return Err(bad(&part, "cannot read", error)),
            };
            // Parsed alone first, so that an unknown key is reported with its own file and line.
            toml::from_str::<Self>(&text).map_err(|error| bad(&part, "cannot use", error))?;
            let table: Table = text
                .parse()
                .map_err(|error| bad(&part, "cannot use", error))?;
            merge(&mut whole, table);
        }
        let config: Self = Value::Table(whole)
            .try_into()
            .map_err(|error| bad(file, "cannot use", error))?;
        config.check().map_err(|why| bad(file, "cannot use", why))?;
        Ok(config)
    }

    /// What types alone do not say.
    fn check(&self) -> Result<(), String> {
        let block = self.cache.block.0;
        if !(32 << 10..=1 << 30).contains(&block) || !block.is_multiple_of(32 << 10) {
            return Err(format!(
                "cache.block {} is not a multiple of 32 KiB up to 1 GiB",
                self.cache.block
            ));
        }
        if self.slice.min > self.slice.max {
            return Err("slice.min is larger than slice.max".into());
        }
        if self.slice.shared < Bytes::mib(64) {
            let shared = self.slice.shared;
            return Err(format!("slice.shared {shared} is less than 64 MiB"));
        }
        let chunk = self.seed.chunk.0;
        if !(4096..=64 << 20).contains(&chunk) || !chunk.is_multiple_of(4096) {
            return Err(format!(
                "seed.chunk {} is not a multiple of 4 KiB up to 64 MiB",
                self.seed.chunk
            ));
        }
        if !(1..=256).contains(&self.seed.depth) {
            return Err(format!(
                "seed.depth {} is not between 1 and 256",
                self.seed.depth
            ));
        }
        Ok(())
    }
}

/// The drop-ins of a configuration file, sorted by name; none where there is no `conf.d`.
fn drop_ins(file: &Path) -> Result<Vec<PathBuf>> {
    let dir = file.with_file_name("conf.d");
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(bad(&dir, "cannot read", error)),
    };
    let mut files = entries
        .map(|entry| {
            entry
                .map(|entry| entry.path())
                .map_err(|error| bad(&dir, "cannot read", error))
        })
        .collect::<Result<Vec<_>>>()?;
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    });
    files.sort();
    Ok(files)
}

/// Lays `over` onto `base`, table by table, so that a drop-in may set one key of a section.
fn merge(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(base)), Value::Table(over)) => merge(base, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

fn bad(file: &Path, what: &str, why: impl std::fmt::Display) -> Error {
    let why = why.to_string();
    Error::new(
        Kind::Config,
        format!("{what} {}: {}", file.display(), why.trim_end()),
    )
    .remedy("correct the file; `warmblock --config /dev/null config show` prints every key with its default")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Bytes, OnFull};

    /// Writes the main file and drop-ins into a fresh directory and loads them.
    fn load(files: &[(&str, &str)]) -> Result<Config> {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("conf.d")).unwrap();
        for (name, text) in files {
            use std::io::Write as _;
            fs::File::create(dir.path().join(name))
                .unwrap()
                .write_all(text.as_bytes())
                .unwrap();
        }
        Config::load(&dir.path().join("warmblock.toml"), true)
    }

    #[test]
    fn an_empty_file_gives_the_defaults_which_read_back() {
        let config = load(&[("warmblock.toml", "")]).unwrap();
        assert_eq!(config, Config::default());
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
    }

    #[test]
    fn a_drop_in_overrides_single_keys() {
        let config = load(&[
            (
                "warmblock.toml",
                "[slice]\nvg = \"ssd\"\non_full = \"fail\"\n",
            ),
            ("conf.d/20-b.toml", "[slice]\nmin = \"1G\"\n"),
            (
                "conf.d/10-a.toml",
                "[slice]\non_full = \"bypass\"\nmin = \"2G\"\n",
            ),
            ("conf.d/ignored.txt", "nonsense"),
        ])
        .unwrap();
        assert_eq!(config.slice.vg.unwrap().as_str(), "ssd");
        assert_eq!(config.slice.on_full, OnFull::Bypass);
        assert_eq!(config.slice.min, Bytes::gib(1));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_place() {
        let cases = [
            ("[slize]\nvg = \"ssd\"\n", "unknown field `slize`"),
            ("[slice]\nvg = \"-x\"\n", "not allowed by LVM"),
            ("[cache]\nblock = \"100K\"\n", "multiple of 32 KiB"),
            ("[cache]\nmode = \"fast\"\n", "unknown variant `fast`"),
            ("[ceph]\nconnect_deadline = \"0s\"\n", "cannot be zero"),
            (
                "[slice]\nmin = \"2G\"\nmax = \"1G\"\n",
                "larger than slice.max",
            ),
            ("[seed]\nwhat = \"first:\"\n", "unit such as"),
        ];
        for (text, wanted) in cases {
            let error = load(&[("warmblock.toml", text)]).unwrap_err();
            assert_eq!(error.kind(), Kind::Config);
            let line = error.chain();
            assert!(
                line.contains(wanted) && line.contains("warmblock.toml"),
                "{line}"
            );
        }
    }
}
