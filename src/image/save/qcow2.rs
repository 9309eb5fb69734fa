//! A qcow2 file, written once from the front to the end (docs/interop/qcow2.txt of QEMU has the layout): header, data
//! clusters in the order in which they come, and then the tables that say where each belongs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes of a cluster, QEMU's default.
pub(super) const CLUSTER: u64 = 1 << 16;
/// The same, as a length.
const CLUSTER_LEN: usize = 1 << 16;
/// Entries of a table in one cluster.
const ENTRIES: u64 = CLUSTER / 8;
/// The same, as a length.
const ENTRIES_LEN: usize = CLUSTER_LEN / 8;
/// Clusters that one cluster of reference counts (of two bytes) is about.
const COUNTS: u64 = CLUSTER / 2;
/// In an entry: the cluster has one reference.
const COPIED: u64 = 1 << 63;
/// In an entry: the cluster reads as zeroes, whatever is beneath.
const ZERO: u64 = 1;

/// A file in the making. Until it is finished it is no qcow2.
#[derive(Debug)]
pub(super) struct Qcow2Writer<'a> {
    file: &'a File,
    size: u64,
    /// The next free cluster of the file.
    next: u64,
    /// The tables of the second level, by their number.
    tables: BTreeMap<u64, Vec<u64>>,
    /// Whether something lies beneath, so that zeroes have to be told.
    is_increment: bool,
}

impl<'a> Qcow2Writer<'a> {
    /// Into an empty file.
    pub(super) const fn new(file: &'a File, size: u64, is_increment: bool) -> Self {
        Self {
            file,
            size,
            next: 1,
            tables: BTreeMap::new(),
            is_increment,
        }
    }

    /// Puts data at an offset, which is a cluster's. Only the end of the disk may end within a cluster.
    pub(super) fn put(&mut self, offset: u64, data: &[u8]) -> io::Result<()> {
        for (number, part) in (offset / CLUSTER..).zip(data.chunks(CLUSTER_LEN)) {
            let entry = if part.iter().any(|byte| *byte != 0) {
                let at = self.next * CLUSTER;
                self.file.write_all_at(part, at)?;
                self.next += 1;
                at | COPIED
            } else if self.is_increment {
                ZERO
            } else {
                continue;
            };
            let table = self
                .tables
                .entry(number / ENTRIES)
                .or_insert_with(|| vec![0; ENTRIES_LEN]);
            if let Some(place) = table.get_mut((number % ENTRIES) as usize) {
                *place = entry;
            }
        }
        Ok(())
    }

    /// Writes the tables and the header, and makes all safe.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let tables = self.size.div_ceil(CLUSTER * ENTRIES).max(1);
        let mut first = vec![0; usize::try_from(tables).map_err(io::Error::other)?];
        for (number, table) in std::mem::take(&mut self.tables) {
            let at = self.append(&table)?;
            if let Some(place) = usize::try_from(number)
                .ok()
                .and_then(|number| first.get_mut(number))
            {
                *place = at | COPIED;
            }
        }
        let first_at = self.append(&first)?;
        let (counts_at, counts) = self.reference_counts()?;
        self.file.set_len(self.next * CLUSTER)?;
        self.file
            .write_all_at(&self.header(tables, first_at, counts_at, counts), 0)?;
        self.file.sync_all()
    }

    /// Appends a table in whole clusters; where it is.
    fn append(&mut self, table: &[u64]) -> io::Result<u64> {
        let at = self.next * CLUSTER;
        let bytes: Vec<u8> = table.iter().flat_map(|entry| entry.to_be_bytes()).collect();
        self.file.write_all_at(&bytes, at)?;
        self.next += (bytes.len() as u64).div_ceil(CLUSTER);
        Ok(at)
    }

    /// One reference for every cluster, those of the counts included; where the table of the counts is, and its clusters.
    fn reference_counts(&mut self) -> io::Result<(u64, u64)> {
        let (mut blocks, mut table) = (0, 0);
        let all = loop {
            let all = self.next + blocks + table;
            let needed = all.div_ceil(COUNTS);
            let needed_table = needed.div_ceil(ENTRIES);
            if (needed, needed_table) == (blocks, table) {
                break all;
            }
            (blocks, table) = (needed, needed_table);
        };
        let mut places = Vec::new();
        for block in 0..blocks {
            let count = (all - block * COUNTS).min(COUNTS);
            let bytes = [0, 1].repeat(usize::try_from(count).map_err(io::Error::other)?);
            let at = self.next * CLUSTER;
            self.file.write_all_at(&bytes, at)?;
            self.next += 1;
            places.push(at);
        }
        Ok((self.append(&places)?, table))
    }

    /// Version 3, without a backing file: whoever restores knows what lies beneath an increment.
    fn header(&self, tables: u64, first_at: u64, counts_at: u64, counts: u64) -> Vec<u8> {
        let mut header = b"QFI\xfb".to_vec();
        let short = |header: &mut Vec<u8>, number: u64| {
            header.extend(&number.to_be_bytes()[4..]);
        };
        short(&mut header, 3);
        header.extend(0_u64.to_be_bytes());
        short(&mut header, 0);
        short(&mut header, u64::from(CLUSTER.trailing_zeros()));
        header.extend(self.size.to_be_bytes());
        short(&mut header, 0);
        short(&mut header, tables);
        header.extend(first_at.to_be_bytes());
        header.extend(counts_at.to_be_bytes());
        short(&mut header, counts);
        short(&mut header, 0);
        header.extend([0; 8 + 3 * 8]);
        short(&mut header, 4);
        short(&mut header, 104);
        header.extend([0; 8]);
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(size: u64, is_increment: bool, puts: &[(u64, Vec<u8>)]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = Qcow2Writer::new(file.as_file(), size, is_increment);
        for (offset, data) in puts {
            writer.put(*offset, data).unwrap();
        }
        writer.finish().unwrap();
        file
    }

    /// The disk as the library reads it that imports use.
    fn read(file: &tempfile::NamedTempFile, size: usize) -> Vec<u8> {
        use imago::file::File as Storage;
        use imago::{DenyImplicitOpenGate, FormatAccess, FormatDriverBuilder, StorageOpenOptions};
        let storage = Storage::from_open_file(file.reopen().unwrap(), StorageOpenOptions::new());
        let disk = imago::qcow2::Qcow2::<Storage>::builder(storage.unwrap())
            .backing(None)
            .open(DenyImplicitOpenGate::default());
        let disk = FormatAccess::new(disk.unwrap());
        assert_eq!(disk.size(), size as u64);
        let mut bytes = vec![7; size];
        disk.read(bytes.as_mut_slice(), 0).unwrap();
        bytes
    }

    #[test]
    fn what_is_written_is_read() {
        let size = 5 * CLUSTER_LEN + 512;
        let mut disk = vec![0; size];
        disk[CLUSTER_LEN * 3 + 9] = 1;
        disk[size - 1] = 2;
        let tail = disk[CLUSTER_LEN * 5..].to_vec();
        let middle = disk[CLUSTER_LEN * 2..CLUSTER_LEN * 4].to_vec();
        let puts = [(5 * CLUSTER, tail), (2 * CLUSTER, middle)];
        let file = written(size as u64, false, &puts);
        assert_eq!(read(&file, size), disk);
        // Zeroes take no room: header, two of data, and four tables.
        assert_eq!(file.as_file().metadata().unwrap().len(), 7 * CLUSTER);
        assert_eq!(
            read(&written(CLUSTER, false, &[]), CLUSTER_LEN),
            vec![0; CLUSTER_LEN]
        );
    }

    #[test]
    fn an_increment_tells_zeroes() {
        let file = written(2 * CLUSTER, true, &[(0, vec![0; CLUSTER_LEN])]);
        let mut table = [0; 16];
        file.as_file().read_exact_at(&mut table, CLUSTER).unwrap();
        assert_eq!(table, [[0, 0, 0, 0, 0, 0, 0, 1], [0; 8]].concat()[..]);
    }

    #[test]
    fn qemu_finds_no_fault() {
        let exec = crate::exec::Exec::default();
        if exec.find("qemu-img").is_err() {
            println!("skipped: there is no qemu-img");
            return;
        }
        let data = vec![3; 40 * CLUSTER_LEN];
        let file = written(1 << 40, true, &[(0, data.clone()), (1 << 39, data)]);
        let cmd = crate::exec::Cmd::query("qemu-img").args(["check", "-f", "qcow2"]);
        let said = exec.run(&cmd.arg(file.path())).unwrap();
        assert!(said.text().unwrap().contains("No errors"));
    }
}
