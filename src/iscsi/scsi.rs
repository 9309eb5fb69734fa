//! The SCSI commands that tell who a LUN is and whether it works (SPC-4, SBC-3).
//!
//! Never a read of no blocks: that ends a tgtd that serves an RBD image (facts 0.12).

use std::fmt;

use super::session::Transfer;
use super::{IscsiError, Session};
use crate::model::Bytes;

/// Why a command did not end well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sense {
    /// The SCSI status: 2 is CHECK CONDITION, 0x18 a reservation conflict.
    pub status: u8,
    /// The sense key: 2 not ready, 3 medium error, 5 illegal request, 6 unit attention, 7 data protect.
    pub key: u8,
    /// Additional sense code.
    pub asc: u8,
    /// And its qualifier.
    pub ascq: u8,
}

impl Sense {
    /// From sense data of either format (SPC-4 4.5).
    pub(super) fn read(status: u8, data: &[u8]) -> Self {
        let at = |index: usize| data.get(index).copied().unwrap_or(0);
        let (key, asc, ascq) = match at(0) & 0x7f {
            0x72 | 0x73 => (at(1), at(2), at(3)),
            _ => (at(2), at(12), at(13)),
        };
        Self {
            status,
            key: key & 0xf,
            asc,
            ascq,
        }
    }
}

impl fmt::Display for Sense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match (self.status, self.key) {
            (0x18, _) => "reservation conflict",
            (_, 2) => "not ready",
            (_, 3) => "medium error",
            (_, 4) => "hardware error",
            (_, 5) => "illegal request",
            (_, 6) => "unit attention",
            (_, 7) => "data protect",
            _ => "failed",
        };
        write!(
            f,
            "{word} (status {:02x}, sense {:x}/{:02x}/{:02x})",
            self.status, self.key, self.asc, self.ascq
        )
    }
}

/// What READ CAPACITY(16) tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// The size.
    pub size: Bytes,
    /// Bytes of a logical block.
    pub block: u32,
    /// Logical blocks per physical one, as an exponent.
    pub lbppbe: u8,
    /// Whether it says that blocks can be given back.
    pub thin: bool,
}

/// One name of a LUN, of page 83.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Designator {
    /// 1 T10, 2 EUI-64, 3 NAA.
    pub kind: u8,
    /// Text as it is, bytes as hexadecimal digits.
    pub text: String,
}

impl Session {
    /// INQUIRY: the standard page, or one of the vital product data.
    pub fn inquiry(&mut self, lun: u8, page: Option<u8>) -> Result<Vec<u8>, IscsiError> {
        let cdb = [0x12, u8::from(page.is_some()), page.unwrap_or(0), 0, 255, 0];
        self.command("INQUIRY", lun, &cdb, Transfer::In(255))
    }

    /// Vendor and product, without the blanks that fill them up.
    pub fn vendor_product(&mut self, lun: u8) -> Result<(String, String), IscsiError> {
        let page = self.inquiry(lun, None)?;
        Ok((text(&page, 8..16), text(&page, 16..32)))
    }

    /// Page 80: the serial.
    pub fn serial(&mut self, lun: u8) -> Result<String, IscsiError> {
        let page = self.inquiry(lun, Some(0x80))?;
        Ok(text(&page, 4..page.len()))
    }

    /// Page 83: what the LUN is known by.
    pub fn designators(&mut self, lun: u8) -> Result<Vec<Designator>, IscsiError> {
        let page = self.inquiry(lun, Some(0x83))?;
        Ok(designators(page.get(4..).unwrap_or_default()))
    }

    /// READ CAPACITY(16).
    pub fn capacity(&mut self, lun: u8) -> Result<Capacity, IscsiError> {
        let mut cdb = [0; 16];
        cdb[..2].copy_from_slice(&[0x9e, 0x10]);
        cdb[13] = 32;
        let data = self.command("READ CAPACITY", lun, &cdb, Transfer::In(32))?;
        let short = || IscsiError::Protocol("a capacity of less than 32 bytes".into());
        let (last, rest) = data.split_first_chunk::<8>().ok_or_else(short)?;
        let (block, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let [_, exponent, thin, ..] = *rest else {
            return Err(short());
        };
        let block = u32::from_be_bytes(*block);
        let blocks = u64::from_be_bytes(*last).saturating_add(1);
        Ok(Capacity {
            size: Bytes(blocks.saturating_mul(u64::from(block))),
            block,
            lbppbe: exponent & 0xf,
            thin: thin & 0x80 != 0,
        })
    }

    /// Whether the write cache is on: mode page 8, WCE.
    pub fn write_cache(&mut self, lun: u8) -> Result<bool, IscsiError> {
        let cdb = [0x1a, 0x08, 0x08, 0, 255, 0];
        let data = self.command("MODE SENSE", lun, &cdb, Transfer::In(255))?;
        let flags = data
            .get(6)
            .filter(|_| data.get(4).is_some_and(|page| page & 0x3f == 8));
        flags
            .map(|flags| flags & 4 != 0)
            .ok_or_else(|| IscsiError::Protocol("no mode page 8".into()))
    }

    /// The numbers of the LUNs that are there, of those below 256.
    pub fn luns(&mut self) -> Result<Vec<u8>, IscsiError> {
        let mut cdb = [0; 12];
        cdb[0] = 0xa0;
        cdb[6..10].copy_from_slice(&8192_u32.to_be_bytes());
        let data = self.command("REPORT LUNS", 0, &cdb, Transfer::In(8192))?;
        let entries = data.get(8..).unwrap_or_default().chunks_exact(8);
        let mut luns: Vec<u8> = entries
            .filter(|entry| entry[0] & 0xc0 == 0)
            .map(|entry| entry[1])
            .collect();
        luns.sort_unstable();
        Ok(luns)
    }

    /// TEST UNIT READY.
    pub fn ready(&mut self, lun: u8) -> Result<(), IscsiError> {
        self.command("TEST UNIT READY", lun, &[0; 6], Transfer::None)
            .map(drop)
    }

    /// Reads blocks, one at least.
    pub fn read(
        &mut self,
        lun: u8,
        block: u64,
        count: u32,
        block_size: u32,
    ) -> Result<Vec<u8>, IscsiError> {
        let count = count.max(1);
        let cdb = transfer_cdb(0x88, block, count);
        let len = count.saturating_mul(block_size);
        self.command("READ", lun, &cdb, Transfer::In(len))
    }

    /// Writes whole blocks, one at least.
    pub fn write(
        &mut self,
        lun: u8,
        block: u64,
        data: &[u8],
        block_size: u32,
    ) -> Result<(), IscsiError> {
        let count = u32::try_from(data.len()).unwrap_or(0) / block_size.max(1);
        if count == 0 {
            return Ok(());
        }
        let cdb = transfer_cdb(0x8a, block, count);
        self.command("WRITE", lun, &cdb, Transfer::Out(data))
            .map(drop)
    }
}

fn transfer_cdb(opcode: u8, block: u64, count: u32) -> [u8; 16] {
    let mut cdb = [0; 16];
    cdb[0] = opcode;
    cdb[2..10].copy_from_slice(&block.to_be_bytes());
    cdb[10..14].copy_from_slice(&count.to_be_bytes());
    cdb
}

fn text(page: &[u8], range: std::ops::Range<usize>) -> String {
    let bytes = page.get(range).unwrap_or_default();
    let text = String::from_utf8_lossy(bytes);
    text.trim_matches(['\0', ' ']).to_owned()
}

fn designators(mut page: &[u8]) -> Vec<Designator> {
    let mut all = Vec::new();
    while let [code, kind, _, len, rest @ ..] = page {
        let (value, after) = rest.split_at(rest.len().min(usize::from(*len)));
        let text = match code & 0xf {
            2 | 3 => text(value, 0..value.len()),
            _ => value.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        all.push(Designator {
            kind: kind & 0xf,
            text,
        });
        page = after;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sense_of_both_formats() {
        let mut fixed = [0_u8; 18];
        (fixed[0], fixed[2], fixed[12]) = (0x70, 3, 0x11);
        let sense = Sense::read(2, &fixed);
        assert_eq!((sense.key, sense.asc, sense.ascq), (3, 0x11, 0));
        let sense = Sense::read(2, &[0x72, 6, 0x29, 1]);
        assert_eq!((sense.key, sense.asc, sense.ascq), (6, 0x29, 1));
        assert_eq!(
            Sense::read(0x18, &[]).to_string(),
            "reservation conflict (status 18, sense 0/00/00)"
        );
    }

    #[test]
    fn designators_of_tgtd() {
        let page = [
            &[2_u8, 1, 0, 4][..],
            b"abc\0",
            &[1, 3, 0, 8, 0x30, 0, 0, 0, 4, 0, 0, 1],
            &[1, 3, 0, 2, 0x60, 0x01],
        ]
        .concat();
        let texts: Vec<_> = designators(&page)
            .into_iter()
            .map(|one| (one.kind, one.text))
            .collect();
        assert_eq!(
            texts,
            [
                (1, "abc".to_owned()),
                (3, "3000000004000001".into()),
                (3, "6001".into())
            ]
        );
        assert!(designators(&[1, 3, 0, 200, 1]).len() == 1 && designators(&[1, 2]).is_empty());
    }
}
