//! Disks in formats that other hypervisors write: VMDK, VHD and VDI. qemu-img makes raw ones of them, in a file without a name.
//!
//! The file comes from strangers, and qemu-img follows whatever it names: a VMDK whose capacity is zero has a descriptor with paths of
//! other files, of this host's; one that has a parent is half a disk. So what names other files is refused here, by the header, and
//! qemu-img is told which format it is and that there is no backing file. The file is our own copy, which nobody can exchange meanwhile.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use super::super::format::SourceFormat;
use super::staging;
use super::tap::unreadable;
use crate::exec::{Cmd, ExecError};
use crate::host::Host;
use crate::model::Bytes;
use crate::{Context, Error, Kind, Result};

/// How long qemu-img may go without getting any further; it tells each tenth of a percent.
const STALL: Duration = Duration::from_secs(3600);

/// Where QEMU looks for a VMDK's descriptor, and how long it may be there (block/vmdk.c: 0x200, 20 sectors).
const DESCRIPTOR: std::ops::Range<usize> = 0x200..0x200 + 20 * 512;

/// How much of a source is looked at.
const HEADER: usize = DESCRIPTOR.end;

/// A raw disk, of the same content as the staged one.
///
/// # Errors
/// [`Kind::Usage`] for what names other files; [`Kind::Missing`] without qemu-img; [`Kind::Mismatch`] if what comes of it is not as
/// large as the source says.
pub(super) fn raw(
    from: &File,
    format: SourceFormat,
    staging_dir: Option<&Path>,
    host: &Host,
) -> Result<File> {
    let mut head = vec![0; HEADER];
    let len = from.read_at(&mut head, 0).map_err(unreadable)?;
    head.truncate(len);
    let size = size_in(&head, format)?;
    let to = staging::file(staging_dir, host)?;
    // Ours, and open as long as it runs: its own numbers for them would be others.
    let here = |file: &File| format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
    let mut source = serde_json::json!({
        "driver": driver(format),
        "file": { "driver": "file", "filename": here(from), "locking": "off" },
    });
    match format {
        SourceFormat::Vmdk => source["backing"] = serde_json::Value::Null,
        // Which of the two sizes in its footer counts is guessed otherwise, by the program that made it.
        SourceFormat::Vhd => source["force_size_calc"] = "current_size".into(),
        _ => {}
    }
    let convert = Cmd::change("qemu-img")
        .args(["convert", "-p", "-t", "writeback", "-O", "raw"])
        .args([format!("json:{source}"), here(&to)])
        .deadline(STALL)
        .while_it_speaks()
        .until(&host.cancel);
    let done = host
        .exec
        .run(&convert)
        .map_err(|error| without(error, format));
    done.context(|| format!("cannot convert the {format} source"))?;
    let made = Bytes(to.metadata().map_err(unreadable)?.len());
    if made != size {
        return Err(Error::new(
            Kind::Mismatch,
            format!("the {format} source says that its disk has {size}, and qemu-img finds {made}"),
        )
        .remedy(convert_it()));
    }
    Ok(to)
}

/// The disk's size, told from the first bytes of a file, if it is whole by itself as far as they say.
pub(super) fn size_in(head: &[u8], format: SourceFormat) -> Result<Bytes> {
    check(head, format)?;
    let size = match format {
        SourceFormat::Vmdk => little(head, 12).and_then(|sectors| sectors.checked_mul(512)),
        SourceFormat::Vhd => head.get(48..56).map(|bytes| {
            let number = |number, byte: &u8| number << 8 | u64::from(*byte);
            bytes.iter().fold(0, number)
        }),
        _ => little(head, 0x170),
    };
    let size = size.filter(|size| *size > 0 && size % 512 == 0);
    size.map(Bytes)
        .ok_or_else(|| refused(format, "that does not say how large it is"))
}

/// QEMU's name for it.
const fn driver(format: SourceFormat) -> &'static str {
    match format {
        SourceFormat::Vhd => "vpc",
        other => other.as_str(),
    }
}

/// Refuses what is not whole by itself.
fn check(head: &[u8], format: SourceFormat) -> Result<()> {
    const PARENT: &str = "with a parent: half of its disk is in another file";
    // The format may be somebody's word: QEMU reads what is text as a VMDK's descriptor, which names other files.
    if SourceFormat::detect(head).ok() != Some(format) {
        return Err(refused(format, "by name only: it does not begin like one"));
    }
    match format {
        SourceFormat::Vmdk => {
            if little(head, 12).is_none_or(|sectors| sectors == 0) {
                return Err(refused(
                    format,
                    "whose data are in other files, which would be this host's",
                ));
            }
            let descriptor = head.get(DESCRIPTOR.start..).unwrap_or_default();
            let descriptor = String::from_utf8_lossy(descriptor).to_ascii_lowercase();
            let parent = descriptor
                .lines()
                .filter_map(|line| line.trim().strip_prefix("parentcid"));
            let mut parent = parent.map(|rest| rest.trim_matches([' ', '=', '\0']));
            if descriptor.contains("parentfilenamehint") || !parent.all(|cid| cid == "ffffffff") {
                return Err(refused(format, PARENT));
            }
        }
        // Microsoft, VHD specification: 4 is a differencing disk.
        SourceFormat::Vhd if head.get(60..64) == Some([0, 0, 0, 4].as_slice()) => {
            return Err(refused(format, PARENT));
        }
        // VirtualBox, VDICore.h: 1 grows, 2 is of full size; the others have a parent.
        SourceFormat::Vdi if !matches!(head.get(0x4c..0x50), Some([1 | 2, 0, 0, 0])) => {
            return Err(refused(format, PARENT));
        }
        _ => {}
    }
    Ok(())
}

/// A number of eight bytes, the lowest first.
fn little(head: &[u8], at: usize) -> Option<u64> {
    let bytes = head.get(at..at + 8)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

fn refused(format: SourceFormat, why: &str) -> Error {
    Error::new(Kind::Usage, format!("the source is a {format} image {why}")).remedy(convert_it())
}

const fn convert_it() -> &'static str {
    "convert it where it was made: `qemu-img convert -O qcow2 SOURCE NEW`"
}

fn without(error: ExecError, format: SourceFormat) -> Error {
    match error {
        missing @ ExecError::Missing { .. } => Error::new(
            Kind::Missing,
            format!("there is no qemu-img on this host, which reads {format}"),
        )
        .because(Error::from(missing))
        .remedy(format!(
            "install qemu-utils (Debian) or qemu-img (RHEL) on each host that imports, which for OpenNebula are those of BRIDGE_LIST; \
             or {}",
            convert_it()
        )),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sparse VMDK of 1 MiB with this descriptor.
    fn vmdk(descriptor: &str) -> Vec<u8> {
        let mut head = vec![0; HEADER];
        head[..4].copy_from_slice(b"KDMV");
        head[12..20].copy_from_slice(&2048_u64.to_le_bytes());
        head[DESCRIPTOR.start..][..descriptor.len()].copy_from_slice(descriptor.as_bytes());
        head
    }

    #[test]
    fn what_names_other_files_is_refused() {
        let whole = "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType=\"monolithicSparse\"\n";
        check(&vmdk(whole), SourceFormat::Vmdk).unwrap();
        check(&vmdk(""), SourceFormat::Vmdk).unwrap();
        // Its descriptor may name any file: RW 2048 FLAT "/etc/shadow" 0
        let mut extents = vmdk("RW 2048 FLAT \"/etc/shadow\" 0\n");
        extents[12..20].fill(0);
        let half = whole.replace("ffffffff", "12345678");
        let hint = format!("{whole}parentFileNameHint=\"/etc/shadow\"\n");
        let text = "# Disk DescriptorFile\nRW 2048 FLAT \"/etc/shadow\" 0\n";
        for (head, words) in [
            (text.into(), "by name only"),
            (extents, "in other files"),
            (vmdk(&half), "parent"),
            (vmdk(&hint), "parent"),
            (b"KDMV".to_vec(), "in other files"),
        ] {
            let error = check(&head, SourceFormat::Vmdk).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.to_string().contains(words), "{error}");
            assert!(error.remedy_text().is_some());
        }
        let mut vhd = vec![0; HEADER];
        vhd[..8].copy_from_slice(b"conectix");
        vhd[63] = 3;
        check(&vhd, SourceFormat::Vhd).unwrap();
        vhd[63] = 4;
        assert!(check(&vhd, SourceFormat::Vhd).is_err());
        let mut vdi = vec![0; HEADER];
        vdi[0x40..0x44].copy_from_slice(b"\x7f\x10\xda\xbe");
        vdi[0x4c] = 1;
        check(&vdi, SourceFormat::Vdi).unwrap();
        vdi[0x4c] = 4;
        assert!(check(&vdi, SourceFormat::Vdi).is_err());
    }

    #[test]
    fn sizes_stand_in_the_header() {
        assert_eq!(
            size_in(&vmdk(""), SourceFormat::Vmdk).unwrap(),
            Bytes::mib(1)
        );
        let mut head = vec![0; HEADER];
        head[..8].copy_from_slice(b"conectix");
        head[48..56].copy_from_slice(&(3_u64 << 20).to_be_bytes());
        assert_eq!(size_in(&head, SourceFormat::Vhd).unwrap(), Bytes::mib(3));
        head.fill(0);
        head[0x40..0x44].copy_from_slice(b"\x7f\x10\xda\xbe");
        head[0x4c] = 1;
        head[0x170..0x178].copy_from_slice(&(5_u64 << 20).to_le_bytes());
        assert_eq!(size_in(&head, SourceFormat::Vdi).unwrap(), Bytes::mib(5));
        for format in [SourceFormat::Vmdk, SourceFormat::Vhd, SourceFormat::Vdi] {
            assert!(size_in(&[0; 512], format).is_err() && size_in(b"", format).is_err());
        }
    }

    #[test]
    fn a_host_without_qemu_img_says_what_to_install() {
        let error = ExecError::Missing {
            tool: "qemu-img".into(),
            searched: Vec::new(),
            package: None,
        };
        let error = without(error, SourceFormat::Vdi);
        assert_eq!(error.kind(), Kind::Missing);
        assert!(error.remedy_text().unwrap().contains("qemu-utils"));
    }
}
