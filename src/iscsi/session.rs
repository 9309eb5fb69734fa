//! A session: one command after the other (RFC 7143 11.3, 11.4, 11.7, 11.8).

use std::io;
use std::net::{SocketAddr, TcpStream};

use super::pdu::Pdu;
use super::{IscsiError, Sense};

const COMMAND: u8 = 0x01;
const DATA_OUT: u8 = 0x05;
const LOGOUT: u8 = 0x06;
const NOP_OUT: u8 = 0x00;
const NOP_IN: u8 = 0x20;
const RESPONSE: u8 = 0x21;
const DATA_IN: u8 = 0x25;
const LOGOUT_RESPONSE: u8 = 0x26;
const R2T: u8 = 0x31;
const ASYNC: u8 = 0x32;
const FINAL: u8 = 0x80;
const READ: u8 = 0x40;
const WRITE: u8 = 0x20;
const SIMPLE: u8 = 1;
/// What every target takes in one unit unless it says otherwise.
const SEGMENT: usize = 8192;
const NO_TASK: u32 = 0xffff_ffff;
/// After a login each LUN may have several things to tell before it works.
const ATTENTIONS: usize = 8;
const UNIT_ATTENTION: u8 = 6;

/// Which way data go, and how many.
#[derive(Debug, Clone, Copy)]
pub(super) enum Transfer<'a> {
    None,
    In(u32),
    Out(&'a [u8]),
}

/// A logged-in connection; it ends when it is dropped.
#[derive(Debug)]
pub struct Session {
    stream: TcpStream,
    cmd_sn: u32,
    exp_stat_sn: u32,
    itt: u32,
}

impl Session {
    pub(super) const fn new(stream: TcpStream, exp_stat_sn: u32) -> Self {
        Self {
            stream,
            cmd_sn: 1,
            exp_stat_sn,
            itt: 1,
        }
    }

    /// The address that the target sees.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }

    /// Says goodbye, so that the target forgets the session at once.
    pub fn logout(mut self) -> Result<(), IscsiError> {
        let mut ask = Pdu::new(LOGOUT | 0x40, FINAL, self.next_task());
        ask.put(24, &self.cmd_sn.to_be_bytes());
        ask.put(28, &self.exp_stat_sn.to_be_bytes());
        ask.send(&mut self.stream)?;
        while self.receive()?.opcode() != LOGOUT_RESPONSE {}
        Ok(())
    }

    fn next_task(&mut self) -> u32 {
        self.itt = self.itt.wrapping_add(1);
        self.itt
    }

    /// A command, again while the LUN only has something to tell first.
    pub(super) fn command(
        &mut self,
        name: &'static str,
        lun: u8,
        cdb: &[u8],
        transfer: Transfer<'_>,
    ) -> Result<Vec<u8>, IscsiError> {
        let mut left = ATTENTIONS;
        loop {
            match self.once(name, lun, cdb, transfer) {
                Err(IscsiError::Check { sense, .. }) if sense.key == UNIT_ATTENTION && left > 0 => {
                    left -= 1;
                }
                done => return done,
            }
        }
    }

    fn once(
        &mut self,
        command: &'static str,
        lun: u8,
        cdb: &[u8],
        transfer: Transfer<'_>,
    ) -> Result<Vec<u8>, IscsiError> {
        let itt = self.next_task();
        let (flags, len) = match transfer {
            Transfer::None => (0, 0),
            Transfer::In(len) => (READ, len),
            Transfer::Out(data) => (WRITE, u32::try_from(data.len()).unwrap_or(u32::MAX)),
        };
        let mut ask = Pdu::new(COMMAND, FINAL | flags | SIMPLE, itt);
        ask.put(9, &[lun]);
        ask.put(20, &len.to_be_bytes());
        ask.put(24, &self.cmd_sn.to_be_bytes());
        ask.put(28, &self.exp_stat_sn.to_be_bytes());
        ask.put(32, cdb);
        self.cmd_sn = self.cmd_sn.wrapping_add(1);
        ask.send(&mut self.stream)?;
        let mut data = Vec::new();
        loop {
            let answer = self.receive()?;
            match answer.opcode() {
                DATA_IN => {
                    data.extend_from_slice(&answer.data);
                    // the status may come with the last data
                    if answer.flags() & 1 != 0 {
                        return ended(command, answer.header[3], &[], data);
                    }
                }
                RESPONSE => return ended(command, answer.header[3], &answer.data, data),
                R2T => match transfer {
                    Transfer::Out(bytes) => self.send_data(&answer, bytes, lun)?,
                    _ => {
                        return Err(IscsiError::Protocol(
                            "data are asked for, and there are none".into(),
                        ));
                    }
                },
                other => {
                    return Err(IscsiError::Protocol(format!(
                        "opcode {other:#x} while {command} was under way"
                    )));
                }
            }
        }
    }

    fn send_data(&mut self, asked: &Pdu, bytes: &[u8], lun: u8) -> Result<(), IscsiError> {
        let (from, len) = (asked.u32(40) as usize, asked.u32(44) as usize);
        let wanted = from
            .checked_add(len)
            .and_then(|to| bytes.get(from..to))
            .ok_or_else(|| IscsiError::Protocol("more data are asked for than there are".into()))?;
        let count = wanted.len().div_ceil(SEGMENT);
        for (number, part) in wanted.chunks(SEGMENT).enumerate() {
            let last = if number + 1 == count { FINAL } else { 0 };
            let mut data = Pdu::new(DATA_OUT, last, asked.u32(16));
            data.put(9, &[lun]);
            data.put(20, &asked.header[20..24]);
            data.put(28, &self.exp_stat_sn.to_be_bytes());
            let at = u32::try_from(number).unwrap_or(u32::MAX);
            data.put(36, &at.to_be_bytes());
            let offset = u32::try_from(from + number * SEGMENT).unwrap_or(u32::MAX);
            data.put(40, &offset.to_be_bytes());
            data.data = part.to_vec();
            data.send(&mut self.stream)?;
        }
        Ok(())
    }

    /// The next unit that matters; the target's own questions whether we are there are answered on the way.
    fn receive(&mut self) -> Result<Pdu, IscsiError> {
        loop {
            let pdu = Pdu::receive(&mut self.stream)?;
            match pdu.opcode() {
                NOP_IN if pdu.u32(20) != NO_TASK => {
                    let mut here = Pdu::new(NOP_OUT | 0x40, FINAL, NO_TASK);
                    here.put(8, &pdu.header[8..16]);
                    here.put(20, &pdu.header[20..24]);
                    here.put(24, &self.cmd_sn.to_be_bytes());
                    here.put(28, &self.exp_stat_sn.to_be_bytes());
                    here.send(&mut self.stream)?;
                }
                NOP_IN | ASYNC => {}
                R2T => return Ok(pdu),
                DATA_IN if pdu.flags() & 1 == 0 => return Ok(pdu),
                _ => {
                    self.exp_stat_sn = pdu.u32(24).wrapping_add(1);
                    return Ok(pdu);
                }
            }
        }
    }
}

/// How a command ended: its data, or its sense.
fn ended(
    command: &'static str,
    status: u8,
    sense: &[u8],
    data: Vec<u8>,
) -> Result<Vec<u8>, IscsiError> {
    match status {
        0 => Ok(data),
        // the sense follows its own length
        status => Err(IscsiError::Check {
            command,
            sense: Sense::read(status, sense.get(2..).unwrap_or_default()),
        }),
    }
}
