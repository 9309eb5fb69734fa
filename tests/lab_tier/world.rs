//! The lab from the machine's side: its commands, Ceph, and the images that tests work on.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::cmd::{self, Out};

/// The scripts that make a lab.
pub const LAB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/lab");

pub const KIB: u64 = 1 << 10;
pub const MIB: u64 = 1 << 20;

/// An image that others are cloned from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Golden {
    pub name: &'static str,
    pub size: u64,
    /// What is in it: offset and length; the rest are holes.
    pub data: &'static [(u64, u64)],
}

/// For most tests.
pub const STANDARD: Golden = Golden {
    name: "standard",
    size: 96 * MIB,
    data: &[
        (0, 8 * MIB),
        (20 * MIB, 6 * MIB),
        (50 * MIB + 64 * KIB, 136 * KIB),
        (90 * MIB, 6 * MIB),
    ],
};

/// For tests that read it very often.
pub const SMALL: Golden = Golden {
    name: "small",
    size: 24 * MIB,
    data: &[(0, 4 * MIB), (12 * MIB, MIB), (20 * MIB, 4 * MIB)],
};

/// A multiple of neither the cache's block nor the RADOS object, with data at its very end.
pub const ODD: Golden = Golden {
    name: "odd",
    size: 13 * MIB + 515 * 512,
    data: &[(0, MIB), (13 * MIB, 515 * 512)],
};

const GOLDEN: [Golden; 3] = [STANDARD, SMALL, ODD];

#[derive(Debug)]
pub struct World {
    /// The lab's directory.
    pub dir: PathBuf,
    next: AtomicU32,
}

impl World {
    /// The lab that this process runs in, with its golden images.
    pub fn enter() -> Result<Self> {
        let id = std::env::var("LAB_ID").context("LAB_ID is not set")?;
        let dir = PathBuf::from("/var/tmp/warmblock-lab").join(id);
        let world = Self {
            dir,
            next: AtomicU32::new(0),
        };
        std::fs::create_dir_all(world.file(""))?;
        for golden in GOLDEN {
            world.make_golden(golden)?;
        }
        Ok(world)
    }

    /// A file of the tests in the lab's directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.join("tests").join(name)
    }

    fn make_golden(&self, golden: Golden) -> Result<()> {
        let raw = self.file(golden.name);
        let file = File::create(&raw)?;
        file.set_len(golden.size)?;
        for (offset, len) in golden.data {
            file.write_all_at(&noise(*offset + 1, *len), *offset)?;
        }
        let name = format!("one/{}", golden.name);
        self.rbd(&["import", "--no-progress", path(&raw)?, &name])?;
        self.rbd(&["snap", "create", "--no-progress", &format!("{name}@s")])?;
        self.rbd(&["snap", "protect", &format!("{name}@s")])?;
        Ok(())
    }

    /// One of the lab's commands.
    pub fn lab(&self, args: &[&str]) -> Result<Out> {
        cmd::run(&[&[LAB], args].concat(), Duration::from_secs(180))
    }

    /// The `rbd` tool on the machine; it must succeed.
    pub fn rbd(&self, args: &[&str]) -> Result<Out> {
        self.try_rbd(args)?.ok()
    }

    /// The `rbd` tool on the machine.
    pub fn try_rbd(&self, args: &[&str]) -> Result<Out> {
        cmd::run(&[&["rbd"], args].concat(), Duration::from_secs(60))
    }

    /// A name that no other test has.
    pub fn name(&self, what: &str) -> String {
        format!("{what}-{}", self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// A fresh clone.
    pub fn clone_of(&self, golden: Golden) -> Result<Image> {
        self.clone_as(golden, &format!("one/{}", self.name(golden.name)))
    }

    /// A fresh clone under a name.
    pub fn clone_as(&self, golden: Golden, spec: &str) -> Result<Image> {
        self.rbd(&["clone", &format!("one/{}@s", golden.name), spec])?;
        let model = self.file(&self.name("model"));
        std::fs::copy(self.file(golden.name), &model)?;
        Ok(Image {
            spec: spec.to_owned(),
            model,
            size: golden.size,
        })
    }

    /// A fresh image of zeros.
    pub fn blank(&self, size: u64) -> Result<Image> {
        let spec = format!("one/{}", self.name("blank"));
        self.rbd(&["create", "--size", &format!("{size}B"), &spec])?;
        let model = self.file(&self.name("model"));
        File::create(&model)?.set_len(size)?;
        Ok(Image { spec, model, size })
    }

    /// The image with a model of its own, which stays as it is now.
    pub fn kept(&self, image: &Image) -> Result<Image> {
        let model = self.file(&self.name("model"));
        std::fs::copy(&image.model, &model)?;
        Ok(Image {
            model,
            ..image.clone()
        })
    }

    /// Writes into an image from the machine, as another client; waits for the lock of one that has died.
    pub fn write_elsewhere(&self, image: &Image, seed: u64, offset: u64, len: u64) -> Result<()> {
        const SCRIPT: &str = "import rados, rbd, sys
with rados.Rados(conffile='') as cluster, cluster.open_ioctx('one') as pool:
    with rbd.Image(pool, sys.argv[1]) as image:
        image.write(open(sys.argv[2], 'rb').read(), int(sys.argv[3]))
        image.flush()";
        let file = self.file(&self.name("noise"));
        File::create(&file)?.write_all_at(&noise(seed, len), 0)?;
        let name = image.spec.trim_start_matches("one/");
        let argv = [
            "/usr/bin/python3",
            "-c",
            SCRIPT,
            name,
            path(&file)?,
            &offset.to_string(),
        ];
        cmd::run(&argv, Duration::from_secs(60))?.ok()?;
        image.expect(seed, offset, len)
    }

    /// The lease of an image; `Null` where none was ever taken.
    pub fn lease(&self, image: &Image) -> Result<Value> {
        let out = self.try_rbd(&["image-meta", "get", &image.spec, "warmblock.lease"])?;
        if out.code == 2 {
            return Ok(Value::Null);
        }
        out.ok()?.json()
    }

    /// Who watches an image: the addresses.
    pub fn watchers(&self, image: &Image) -> Result<Vec<String>> {
        let status = self
            .rbd(&["status", "--format", "json", &image.spec])?
            .json()?;
        let list = status["watchers"].as_array().cloned().unwrap_or_default();
        Ok(list
            .iter()
            .filter_map(|watcher| watcher["address"].as_str())
            .map(str::to_owned)
            .collect())
    }

    /// The names of an image's snapshots.
    pub fn snapshots(&self, image: &Image) -> Result<Vec<String>> {
        let list = self
            .rbd(&["snap", "ls", "--format", "json", &image.spec])?
            .json()?;
        let list = list.as_array().cloned().unwrap_or_default();
        Ok(list
            .iter()
            .filter_map(|snap| snap["name"].as_str())
            .map(str::to_owned)
            .collect())
    }

    /// How many whole blocks of `block` bytes lie in allocated objects below `end`, by what Ceph itself tells. (A short
    /// block at the image's end is never cached.)
    pub fn allocated_blocks(&self, image: &Image, block: u64, end: u64) -> Result<u64> {
        let diff = self
            .rbd(&["diff", "--whole-object", "--format", "json", &image.spec])?
            .json()?;
        let mut blocks = std::collections::BTreeSet::new();
        for extent in diff.as_array().into_iter().flatten() {
            let number = |key: &str| extent[key].as_u64().context("rbd diff");
            let (offset, len) = (number("offset")?, number("length")?);
            let stop = (offset + len).min(end).min(image.size / block * block);
            if extent["exists"] == "true" && offset < stop {
                blocks.extend(offset / block..stop.div_ceil(block));
            }
        }
        Ok(blocks.len() as u64)
    }

    /// The image in Ceph must be what the model is, byte for byte.
    pub fn check_ceph(&self, image: &Image) -> Result<()> {
        let line = r#"rbd export --no-progress -- "$1" - | cmp - "$2""#;
        let out = cmd::run(
            &[
                "bash",
                "-o",
                "pipefail",
                "-c",
                line,
                "-",
                &image.spec,
                path(&image.model)?,
            ],
            Duration::from_secs(60),
        )?;
        ensure!(
            out.code == 0,
            "{} in Ceph is not what was written: {out}",
            image.spec
        );
        Ok(())
    }
}

/// An image, and a file that holds what must be in it.
#[derive(Debug, Clone)]
pub struct Image {
    pub spec: String,
    pub model: PathBuf,
    pub size: u64,
}

impl Image {
    /// From now on, `noise(seed)` is at `offset`.
    pub fn expect(&self, seed: u64, offset: u64, len: u64) -> Result<()> {
        let model = File::options().write(true).open(&self.model)?;
        Ok(model.write_all_at(&noise(seed, len), offset)?)
    }

    /// What reading all of it must hash to.
    pub fn sha256(&self) -> Result<String> {
        let out = cmd::run(&["sha256sum", path(&self.model)?], Duration::from_secs(30))?.ok()?;
        Ok(out.text().chars().take(64).collect())
    }
}

/// Bytes that look random, always the same for a seed, never zero for long.
pub fn noise(seed: u64, len: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words
        .take(usize::try_from(len.div_ceil(8)).unwrap_or(0))
        .flatten()
        .take(usize::try_from(len).unwrap_or(0))
        .collect()
}

/// A path as text.
pub fn path(path: &Path) -> Result<&str> {
    path.to_str()
        .with_context(|| format!("{} is not text", path.display()))
}
