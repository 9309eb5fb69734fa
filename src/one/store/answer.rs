//! What oned reads on standard output.

use std::fmt::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::image::Usage;
use crate::model::{Access, Bytes, ImageSpec};
use crate::one::call::Node;
use crate::one::{DiskId, Megabytes, VmId};
use crate::{Error, Kind, Result};

/// What is told when a bridge is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing.
    Nothing,
    /// One line.
    Line(String),
    /// How full the pool is, in three lines.
    Usage,
    /// Where a marketplace can fetch the image from.
    Export {
        /// The image.
        image: ImageSpec,
        /// Its size.
        size: Megabytes,
        /// How the bridge reads it.
        access: Option<Access>,
    },
}

impl Answer {
    /// The text, made of what `node` said.
    pub(super) fn text(&self, node: &Node, said: &Value) -> Result<String> {
        match self {
            Self::Nothing => Ok(String::new()),
            Self::Line(line) => Ok(format!("{line}\n")),
            Self::Usage => {
                let usage = serde_json::from_value(first(said)["usage"].clone());
                let usage: Usage = usage.map_err(|error| odd(node).because(error))?;
                Ok(capacity(usage))
            }
            Self::Export { .. } => {
                let digest = first(said)["digest"].as_str();
                let md5 = digest.and_then(|digest| digest.strip_prefix("md5:"));
                self.export(node, md5.ok_or_else(|| odd(node))?)
            }
        }
    }

    /// One line of XML. The source is in the words of OpenNebula's own downloader.
    fn export(&self, node: &Node, md5: &str) -> Result<String> {
        let Self::Export {
            image,
            size,
            access,
        } = self
        else {
            return Err(Error::new(Kind::Internal, "no export"));
        };
        let access = access.as_ref();
        let user = access.and_then(|access| access.user.as_ref().map(|user| user.as_str()));
        let conf = access.and_then(|access| access.conf.as_ref().map(|conf| conf.as_str()));
        let mut query = String::new();
        for (name, value) in [("CEPH_USER", user), ("CEPH_CONF", conf)] {
            if let Some(value) = value {
                let sign = if query.is_empty() { '?' } else { '&' };
                let _infallible = write!(query, "{sign}{name}={value}");
            }
        }
        let source = escape(&format!("rbd://{node}/{image}{query}"));
        Ok(format!(
            "<IMPORT_INFO><IMPORT_SOURCE>{source}</IMPORT_SOURCE><MD5>{md5}</MD5><SIZE>{size}</SIZE><FORMAT>raw</FORMAT>\
             <DISPOSE>NO</DISPOSE></IMPORT_INFO>\n"
        ))
    }
}

/// Whether the first step made an image, which was not there before.
pub(super) fn has_made(said: &Value) -> bool {
    first(said)["change"] == "made"
}

/// The report of the first step.
fn first(said: &Value) -> &Value {
    &said["steps"][0]["done"]
}

fn odd(node: &Node) -> Error {
    Error::new(
        Kind::Failed,
        format!("what warmblock on {node} answers is not understood"),
    )
    .remedy(format!("install this release of warmblock on {node}"))
}

/// A pool that is full has 0 free and more than 0 in total, or the scheduler would take it for one that is not measured.
fn capacity(usage: Usage) -> String {
    let (used, free) = (Megabytes::of(usage.used), Megabytes(usage.free.0 >> 20));
    let total = Megabytes(used.0 + free.0);
    format!("USED_MB={used}\nTOTAL_MB={total}\nFREE_MB={free}\n")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// `monitor_ds`, on a host: what the files of VMs take in a datastore's directory, in the words of the host's probe. Disks of
/// ours are links to devices, whose use of the pool `monitor` tells.
///
/// # Errors
/// [`Kind::Failed`] if the directory cannot be read; one that is not there has no VMs.
pub fn disks_below(dir: &Path) -> Result<String> {
    let mut text = String::new();
    for (vm, path) in numbered::<VmId>(dir, "")? {
        let mut disks = String::new();
        for (disk, path) in numbered::<DiskId>(&path, "disk.")? {
            // Of what a link leads to, or of nothing if it leads nowhere.
            let Some(size) = std::fs::metadata(path)
                .ok()
                .filter(std::fs::Metadata::is_file)
            else {
                continue;
            };
            use std::os::unix::fs::MetadataExt as _;
            let size = Megabytes::of(Bytes(size.blocks() * 512));
            let _infallible = write!(disks, "\nDISK_SIZE = [ ID={disk}, SIZE={size}]");
        }
        if !disks.is_empty() {
            let disks = STANDARD.encode(disks + "\n");
            let _infallible = writeln!(text, "VM = [ ID = {vm}, MONITOR = \"{disks}\"]");
        }
    }
    Ok(text)
}

/// What a directory has by the name of a number, after a prefix, in their order.
fn numbered<T>(dir: &Path, prefix: &str) -> Result<Vec<(T, std::path::PathBuf)>>
where
    T: std::str::FromStr + Ord,
{
    let failed = |error: std::io::Error| {
        Error::new(Kind::Failed, format!("cannot read {}", dir.display())).because(error)
    };
    let entries = match std::fs::read_dir(dir) {
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Vec::new());
        }
        entries => entries.map_err(failed)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(prefix));
        found.extend(
            number
                .and_then(|number| number.parse().ok())
                .map(|number| (number, entry.path())),
        );
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::atomic;

    #[test]
    fn a_pools_use_in_three_lines() {
        let said: Value = serde_json::json!({"answer": "steps", "steps": [{"done": {"answer": "image",
            "usage": {"used": "1048577B", "free": "10M"}}}]});
        let node = "c1".parse().unwrap();
        let text = Answer::Usage.text(&node, &said);
        assert_eq!(text.unwrap(), "USED_MB=2\nTOTAL_MB=12\nFREE_MB=10\n");
        assert!(Answer::Usage.text(&node, &Value::Null).is_err());
    }

    #[test]
    fn an_export_is_one_line_of_xml() {
        let answer = Answer::Export {
            image: "one/one-7".parse().unwrap(),
            size: Megabytes(24),
            access: serde_json::from_str(r#"{"user":"libvirt","conf":"/etc/ceph/a<b.conf"}"#)
                .unwrap(),
        };
        let said: Value = serde_json::json!({"steps": [{"done": {"digest": "md5:abc"}}]});
        let text = answer.text(&"c1".parse().unwrap(), &said).unwrap();
        insta::assert_snapshot!(text, @r"<IMPORT_INFO><IMPORT_SOURCE>rbd://c1/one/one-7?CEPH_USER=libvirt&amp;CEPH_CONF=/etc/ceph/a&lt;b.conf</IMPORT_SOURCE><MD5>abc</MD5><SIZE>24</SIZE><FORMAT>raw</FORMAT><DISPOSE>NO</DISPOSE></IMPORT_INFO>");
    }

    #[test]
    fn files_of_vms_are_measured_and_devices_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let vm = dir.path().join("12");
        std::fs::create_dir(&vm).unwrap();
        atomic::write(&vm.join("disk.2"), &[1; 4096]).unwrap();
        std::os::unix::fs::symlink("/dev/null", vm.join("disk.0")).unwrap();
        atomic::write(&vm.join("vm.xml"), b"x").unwrap();
        let text = disks_below(dir.path()).unwrap();
        let inner = STANDARD.encode("\nDISK_SIZE = [ ID=2, SIZE=1]\n");
        assert_eq!(text, format!("VM = [ ID = 12, MONITOR = \"{inner}\"]\n"));
        assert_eq!(disks_below(Path::new("/no/such")).unwrap(), "");
    }
}
