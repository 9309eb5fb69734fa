//! Protocol data units: 48 bytes of header, then data padded to four bytes (RFC 7143 11.2).

use std::io::{Read, Write};
use std::net::TcpStream;

use super::IscsiError;

/// No answer to what is asked here is nearly as long.
const LIMIT: usize = 4 << 20;

/// One unit.
#[derive(Debug, Clone)]
pub(super) struct Pdu {
    pub(super) header: [u8; 48],
    pub(super) data: Vec<u8>,
}

impl Pdu {
    /// A unit of an opcode, with its flags and its task's number.
    pub(super) fn new(opcode: u8, flags: u8, itt: u32) -> Self {
        let mut header = [0; 48];
        header[0] = opcode;
        header[1] = flags;
        header[16..20].copy_from_slice(&itt.to_be_bytes());
        Self {
            header,
            data: Vec::new(),
        }
    }

    pub(super) const fn opcode(&self) -> u8 {
        self.header[0] & 0x3f
    }

    pub(super) const fn flags(&self) -> u8 {
        self.header[1]
    }

    pub(super) fn put(&mut self, at: usize, bytes: &[u8]) {
        self.header[at..at + bytes.len()].copy_from_slice(bytes);
    }

    pub(super) fn u32(&self, at: usize) -> u32 {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&self.header[at..at + 4]);
        u32::from_be_bytes(bytes)
    }

    pub(super) fn send(&self, to: &mut TcpStream) -> Result<(), IscsiError> {
        let mut bytes = self.header.to_vec();
        let len = u32::try_from(self.data.len())
            .map_err(|_| IscsiError::Protocol("too much data for one unit".into()))?;
        bytes[5..8].copy_from_slice(&len.to_be_bytes()[1..]);
        bytes.extend_from_slice(&self.data);
        bytes.resize(48 + self.data.len().next_multiple_of(4), 0);
        to.write_all(&bytes).map_err(|source| IscsiError::Io {
            what: "sending",
            source,
        })
    }

    pub(super) fn receive(from: &mut TcpStream) -> Result<Self, IscsiError> {
        let mut take = |into: &mut [u8]| {
            from.read_exact(into).map_err(|source| IscsiError::Io {
                what: "waiting for an answer",
                source,
            })
        };
        let mut header = [0; 48];
        take(&mut header)?;
        let extra = usize::from(header[4]) * 4;
        let len = u32::from_be_bytes([0, header[5], header[6], header[7]]) as usize;
        if len > LIMIT {
            return Err(IscsiError::Protocol(format!("a unit of {len} bytes")));
        }
        let mut data = vec![0; extra + len.next_multiple_of(4)];
        take(&mut data)?;
        data.drain(..extra);
        data.truncate(len);
        Ok(Self { header, data })
    }
}
