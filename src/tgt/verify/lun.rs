//! One LUN, over a session: who it says it is, how large, how it caches, and whether a read gives what is in the image.

use super::Check;
use super::truth::{PIECE, Truth};
use crate::Result;
use crate::iscsi::{Capacity, IscsiError, Session};
use crate::model::Bytes;
use crate::tgt::render::LunView;

/// A guest may write between the two reads that are compared; it does not write the same piece every time.
const TRIES: usize = 5;
const T10: u8 = 1;
const NAA: u8 = 3;

/// Everything about one LUN.
pub(super) fn checks(session: &mut Session, lun: &LunView, truth: Result<Truth>) -> Vec<Check> {
    let number = Some(lun.number);
    let mut checks = identity(session, lun);
    checks.push(told(number, "page B0", limits(session, lun.number)));
    checks.push(told(number, "write cache", cache(session, lun.number)));
    let capacity = match session.capacity(lun.number) {
        Ok(capacity) => capacity,
        Err(error) => {
            checks.push(Check::failed(number, "capacity", error.to_string()));
            return checks;
        }
    };
    checks.push(Check::same(
        number,
        "sectors",
        format!("{} bytes, exponent {}", capacity.block, capacity.lbppbe),
        &format!("512 bytes, exponent {}", lun.lbppbe),
    ));
    checks.push(if capacity.thin {
        Check::failed(
            number,
            "thin provisioning",
            "on, and tgtd answers every UNMAP of an image with an error (facts 2.5)",
        )
    } else {
        Check::passed(number, "thin provisioning", "off")
    });
    match truth {
        Ok(mut truth) => checks.extend(against(session, lun.number, capacity, &mut truth)),
        Err(error) => {
            checks.push(Check::skipped(number, "capacity", error.chain()));
            checks.push(read_only(session, lun.number, capacity));
        }
    }
    checks
}

fn told(lun: Option<u8>, what: &'static str, answer: Result<Check, IscsiError>) -> Check {
    answer.unwrap_or_else(|error| Check::failed(lun, what, error.to_string()))
}

fn identity(session: &mut Session, lun: &LunView) -> Vec<Check> {
    let number = Some(lun.number);
    let mut ask = || -> Result<Vec<Check>, IscsiError> {
        let (vendor, product) = session.vendor_product(lun.number)?;
        let serial = session.serial(lun.number)?;
        let names = session.designators(lun.number)?;
        let text = |kind: u8, digits: Option<usize>| {
            let mut of_kind = names.iter().filter(|name| name.kind == kind);
            of_kind
                .find(|name| digits.is_none_or(|digits| name.text.len() == digits))
                .map_or("nothing", |name| name.text.as_str())
                .to_owned()
        };
        Ok(vec![
            Check::same(
                number,
                "vendor and product",
                format!("{vendor} {product}"),
                &format!("{} {}", lun.vendor, lun.product),
            ),
            Check::same(number, "page 80", serial, &lun.scsi_sn),
            Check::same(number, "page 83, T10", text(T10, None), &lun.scsi_id),
            Check::same(number, "page 83, NAA", text(NAA, Some(32)), &lun.scsi_id),
        ])
    };
    match ask() {
        Ok(checks) => checks,
        Err(error) => vec![Check::failed(number, "identity", error.to_string())],
    }
}

/// Page B0, block limits (SBC-3 6.5.3). tgtd makes it for disks only: a LUN that lacks it is none.
fn limits(session: &mut Session, lun: u8) -> Result<Check, IscsiError> {
    let page = session.inquiry(lun, Some(0xb0))?;
    let number = Some(lun);
    if page.get(1) != Some(&0xb0) || page.len() < 16 {
        return Ok(Check::failed(number, "page B0", "is not there"));
    }
    let at = |from: usize| {
        let bytes = page.get(from..from + 4).and_then(|b| b.try_into().ok());
        bytes.map_or(0, u32::from_be_bytes)
    };
    Ok(Check::passed(
        number,
        "page B0",
        format!(
            "at most {} blocks a transfer (0: no limit), best {}",
            at(8),
            at(12)
        ),
    ))
}

fn cache(session: &mut Session, lun: u8) -> Result<Check, IscsiError> {
    Ok(if session.write_cache(lun)? {
        Check::failed(
            Some(lun),
            "write cache",
            "on: what was acknowledged can be lost with the gateway",
        )
    } else {
        Check::passed(Some(lun), "write cache", "off")
    })
}

/// Size and data against what is behind the LUN.
fn against(session: &mut Session, lun: u8, capacity: Capacity, truth: &mut Truth) -> Vec<Check> {
    let number = Some(lun);
    let size = match truth.size() {
        Ok(size) => size,
        Err(error) => return vec![Check::failed(number, "capacity", error.chain())],
    };
    // whole blocks only: a rest at the end cannot be reached
    let whole = Bytes(size.0 / u64::from(capacity.block.max(1)) * u64::from(capacity.block));
    let mut checks = vec![if capacity.size == whole {
        Check::passed(number, "capacity", format!("{} bytes", size.0))
    } else {
        Check::failed(
            number,
            "capacity",
            format!(
                "{} bytes, and the image has {}: `warmblock tgt resize` shows the new size",
                capacity.size.0, size.0
            ),
        )
    }];
    let last = capacity.size.0.min(whole.0).saturating_sub(PIECE as u64) / PIECE as u64;
    for (what, piece) in [("read, first", 0), ("read, last", last)] {
        checks.push(read(session, lun, capacity, truth, what, piece));
    }
    checks
}

fn read(
    session: &mut Session,
    lun: u8,
    capacity: Capacity,
    truth: &Truth,
    what: &'static str,
    piece: u64,
) -> Check {
    let number = Some(lun);
    let per_piece = u32::try_from(PIECE).unwrap_or(0) / capacity.block.max(1);
    let block = piece * u64::from(per_piece);
    for _ in 0..TRIES {
        let found = match session.read(lun, block, per_piece, capacity.block) {
            Ok(found) => found,
            Err(error) if error.is_medium_error() => {
                return Check::failed(
                    number,
                    what,
                    format!(
                        "{error}: tgtd's client was thrown out by Ceph; --heal opens the image anew"
                    ),
                );
            }
            Err(error) => return Check::failed(number, what, error.to_string()),
        };
        match truth.read(piece * PIECE as u64) {
            Ok(wanted) if wanted == found => {
                return Check::passed(number, what, format!("{PIECE} bytes as in the image"));
            }
            Ok(_) => {}
            Err(error) => return Check::skipped(number, what, error.chain()),
        }
    }
    Check::failed(number, what, "gives other bytes than the image")
}

/// A read that nothing can be compared with.
fn read_only(session: &mut Session, lun: u8, capacity: Capacity) -> Check {
    match session.read(lun, 0, 1, capacity.block) {
        Ok(_) => Check::passed(
            Some(lun),
            "read, first",
            "works; there is nothing to compare it with",
        ),
        Err(error) => Check::failed(Some(lun), "read, first", error.to_string()),
    }
}
