//! Keys and values of one object, changed together under one of them: a small table that many hosts share.
//!
//! An omap needs a replicated pool; erasure-coded ones have none (`EOPNOTSUPP`).

use std::collections::BTreeMap;

use super::error::{CephError, On, optional};
use super::ffi::{WriteOp, omap_get, omap_list};
use super::pool::Pool;

/// How many entries are asked for at once; the OSDs give 1024 by default (`osd_max_omap_entries_per_request`).
const PAGE: u64 = 1024;

fn label(pool: &Pool, object: &str) -> String {
    format!("object {object} of pool {pool}")
}

/// The value of one key; `None` if there is none, or no such object. Implements `rados_read_op_omap_get_vals_by_keys`.
pub fn get(pool: &Pool, object: &str, key: &str) -> Result<Option<Vec<u8>>, CephError> {
    let found = omap_get(pool.io(), object, key).on(&label(pool, object));
    Ok(optional(found)?.flatten())
}

/// All keys and values; none if there is no such object. Read in pages: a change meanwhile shows in a key that every
/// change alters, before and after. Implements `rados_read_op_omap_get_vals`.
pub fn list(pool: &Pool, object: &str) -> Result<BTreeMap<String, Vec<u8>>, CephError> {
    let mut all = BTreeMap::new();
    let mut after = String::new();
    loop {
        let page = omap_list(pool.io(), object, &after, PAGE).on(&label(pool, object));
        let Some(page) = optional(page)? else {
            return Ok(all);
        };
        let Some((last, _)) = page.last() else {
            return Ok(all);
        };
        after.clone_from(last);
        all.extend(page);
    }
}

/// Sets entries if one of them is still `old` (`None` is none), in one step, and makes the object if it is not there;
/// whether it was. After an error (a timeout, say) it is not known whether the change was made: read before trying again.
///
/// Implements `rados_write_op_create`, `rados_write_op_omap_cmp`, `rados_write_op_omap_set`, `rados_write_op_operate`.
pub fn compare_and_set(
    pool: &Pool,
    object: &str,
    key: &str,
    old: Option<&[u8]>,
    entries: &BTreeMap<String, Vec<u8>>,
) -> Result<bool, CephError> {
    let label = label(pool, object);
    let mut op = WriteOp::creating();
    op.compare(key, old.unwrap_or_default()).on(&label)?;
    for (key, value) in entries {
        op.set(key, value).on(&label)?;
    }
    match op.operate(pool.io(), object).on(&label) {
        Ok(()) => {
            crate::fault::step("omap compared and set");
            Ok(true)
        }
        Err(lost) if lost.is_cancelled() => Ok(false),
        Err(error) => Err(error),
    }
}
