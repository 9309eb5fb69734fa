//! What one device is and what its table says, asked of the kernel in one call instead of two processes.
//!
//! Only `DM_TABLE_STATUS` with `DM_STATUS_TABLE_FLAG`: it waits for no I/O and for no target, so it needs no deadline
//! (dm-ioctl.c: `table_status`). The *status* of a cache does wait for its metadata, and an SSD may hang; that stays with
//! dmsetup(8), which can be left behind. Layout and numbers are those of `linux/dm-ioctl.h`, interface 4.

#![allow(unsafe_code)]

use std::fs::File;
use std::io::{self, ErrorKind};
use std::mem::size_of;
use std::os::fd::AsRawFd;
use std::path::Path;

use super::info::Info;
use crate::model::DmName;
use crate::sys::DevNum;

const READONLY: u32 = 1 << 0;
const SUSPENDED: u32 = 1 << 1;
const STATUS_TABLE: u32 = 1 << 4;
const ACTIVE_PRESENT: u32 = 1 << 5;
const INACTIVE_PRESENT: u32 = 1 << 6;
const BUFFER_FULL: u32 = 1 << 8;
const NOFLUSH: u32 = 1 << 11;
const QUERY_INACTIVE: u32 = 1 << 12;

/// `struct dm_ioctl`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Header {
    version: [u32; 3],
    data_size: u32,
    data_start: u32,
    target_count: u32,
    open_count: i32,
    flags: u32,
    event: u32,
    padding: u32,
    dev: u64,
    name: [u8; 128],
    uuid: [u8; 129],
    data: [u8; 7],
}

/// `struct dm_target_spec`, before each segment's parameters.
#[repr(C)]
#[derive(Clone, Copy)]
struct Spec {
    start: u64,
    len: u64,
    status: i32,
    /// Where the next one begins, counted from the first.
    next: u32,
    kind: [u8; 16],
}

nix::ioctl_readwrite!(table_status, 0xfd, 12, Header);

/// Which of a device's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// The one in force.
    Live,
    /// The one that the next resume takes.
    Inactive,
}

/// Asks what a device is, and for a table of it as dmsetup(8) prints it; `None` if there is none of that name, or no
/// device-mapper.
pub(super) fn ask(control: &Path, name: &DmName, slot: Slot) -> io::Result<Option<(Info, String)>> {
    let control = match File::options().read(true).write(true).open(control) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut room = 16 * 1024;
    loop {
        let Some(reply) = call(&control, name, slot, room)? else {
            return Ok(None);
        };
        if reply.header.flags & BUFFER_FULL == 0 {
            return reply.answer(name).map(Some);
        }
        room *= 4;
    }
}

/// The header and what follows it, in one buffer that the kernel writes to.
struct Reply {
    header: Header,
    bytes: Vec<u8>,
}

fn call(control: &File, name: &DmName, slot: Slot, room: usize) -> io::Result<Option<Reply>> {
    // Eight bytes each, so that the header is aligned.
    let mut buffer = vec![0_u64; room / size_of::<u64>()];
    let header = question(name, slot, room)?;
    let at = buffer.as_mut_ptr().cast::<Header>();
    // SAFETY: the buffer is longer than a header, aligned for one, and ours alone.
    unsafe { at.write(header) };
    // SAFETY: `data_size` tells the kernel how long the buffer is, header included; it writes no further.
    match unsafe { table_status(control.as_raw_fd(), at) } {
        Err(nix::Error::ENXIO) => return Ok(None),
        asked => asked?,
    };
    // SAFETY: as for writing; every bit pattern is a header.
    let header = unsafe { at.read() };
    let bytes = buffer.iter().flat_map(|word| word.to_ne_bytes()).collect();
    Ok(Some(Reply { header, bytes }))
}

fn question(name: &DmName, slot: Slot, room: usize) -> io::Result<Header> {
    let mut header = Header {
        version: [4, 0, 0],
        data_size: u32::try_from(room).map_err(io::Error::other)?,
        data_start: u32::try_from(size_of::<Header>()).map_err(io::Error::other)?,
        target_count: 0,
        open_count: 0,
        flags: STATUS_TABLE | NOFLUSH,
        event: 0,
        padding: 0,
        dev: 0,
        name: [0; 128],
        uuid: [0; 129],
        data: [0; 7],
    };
    if slot == Slot::Inactive {
        header.flags |= QUERY_INACTIVE;
    }
    let text = name.to_string();
    let Some(place) = header
        .name
        .get_mut(..text.len())
        .filter(|_| text.len() < 128)
    else {
        return Err(io::Error::other(format!(
            "{text} is too long for a device's name"
        )));
    };
    place.copy_from_slice(text.as_bytes());
    Ok(header)
}

impl Reply {
    fn answer(&self, name: &DmName) -> io::Result<(Info, String)> {
        let header = &self.header;
        let has = |flag| header.flags & flag != 0;
        let table = self.table().ok_or_else(|| {
            io::Error::new(ErrorKind::InvalidData, "the kernel's answer is cut short")
        })?;
        let info = Info {
            name: name.clone(),
            uuid: text(&header.uuid),
            num: DevNum {
                major: nix::sys::stat::major(header.dev)
                    .try_into()
                    .map_err(io::Error::other)?,
                minor: nix::sys::stat::minor(header.dev)
                    .try_into()
                    .map_err(io::Error::other)?,
            },
            live: has(ACTIVE_PRESENT),
            inactive: has(INACTIVE_PRESENT),
            suspended: has(SUSPENDED),
            read_only: has(READONLY),
            open_count: u32::try_from(header.open_count).unwrap_or(0),
            event: header.event,
        };
        Ok((info, table))
    }

    /// The segments as lines `START LEN TARGET PARAMETERS`; `None` if they do not lie within the buffer.
    fn table(&self) -> Option<String> {
        let data = self
            .bytes
            .get(usize::try_from(self.header.data_start).ok()?..)?;
        let mut lines = String::new();
        let mut at = 0;
        for _ in 0..self.header.target_count {
            let rest = data.get(at..)?;
            let (spec, parameters) = (spec(rest)?, rest.get(size_of::<Spec>()..)?);
            lines += &format!(
                "{} {} {} {}\n",
                spec.start,
                spec.len,
                text(&spec.kind),
                text(parameters)
            );
            at = usize::try_from(spec.next).ok()?;
        }
        Some(lines)
    }
}

/// A segment's head, read field by field: nothing says that it is aligned.
fn spec(bytes: &[u8]) -> Option<Spec> {
    let word = |at: usize| Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let half = |at: usize| Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    Some(Spec {
        start: word(0)?,
        len: word(8)?,
        status: half(16)?.cast_signed(),
        next: half(20)?,
        kind: bytes.get(24..40)?.try_into().ok()?,
    })
}

/// The text before the first NUL.
fn text(bytes: &[u8]) -> String {
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two segments as the kernel lays them out: each padded to eight bytes, `next` counted from the first.
    fn reply(cut: usize) -> Reply {
        let name = "wb-801945f3-3-ab12".parse().unwrap();
        let mut header = question(&name, Slot::Live, 512).unwrap();
        header.target_count = 2;
        let mut bytes = vec![0; size_of::<Header>()];
        for (start, len, next, kind, parameters) in [
            (0_u64, 16_u64, 56_u32, "linear", "98:0 2048"),
            (16, 8, 112, "error", ""),
        ] {
            bytes.extend(start.to_ne_bytes());
            bytes.extend(len.to_ne_bytes());
            bytes.extend(0_i32.to_ne_bytes());
            bytes.extend(next.to_ne_bytes());
            bytes.extend(format!("{kind:\0<16}{parameters:\0<16}").bytes());
        }
        bytes.truncate(bytes.len() - cut);
        Reply { header, bytes }
    }

    #[test]
    fn the_layout_is_the_kernels() {
        assert_eq!((size_of::<Header>(), size_of::<Spec>()), (312, 40));
        let name = "wb-801945f3-3-ab12".parse().unwrap();
        let asked = question(&name, Slot::Inactive, 512).unwrap();
        assert_eq!(text(&asked.name), "wb-801945f3-3-ab12");
        assert_eq!(asked.flags, STATUS_TABLE | NOFLUSH | QUERY_INACTIVE);
    }

    #[test]
    fn segments_become_lines() {
        let lines = reply(0).table().unwrap();
        assert_eq!(lines, "0 16 linear 98:0 2048\n16 8 error \n");
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        assert_eq!(reply(40).table(), None);
        assert_eq!(reply(60).table(), None);
    }
}
