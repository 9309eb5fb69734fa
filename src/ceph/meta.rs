//! One value of an image's metadata: read as it is now, and changed only if it is what we think it is.
//!
//! librbd sets metadata without looking. cls_rbd keeps them as keys `metadata_KEY` with the bare value in the omap of the
//! image's header, the object `rbd_header.ID` of format 2, so one write operation of RADOS can compare and set a value
//! in one step. No client that has the image open is told; librbd reads metadata from the object each time.

use std::time::{Duration, Instant};

use super::error::{CephError, On};
use super::ffi::{PendingRead, WriteOp, omap_get};
use super::pool::Pool;
use crate::model::ImageId;

/// How many reads are in flight at once.
const WINDOW: usize = 256;

fn header(image: &ImageId) -> String {
    format!("rbd_header.{image}")
}

fn omap_key(key: &str) -> String {
    format!("metadata_{key}")
}

fn label(pool: &Pool, image: &ImageId) -> String {
    format!("{pool}/(id {image})")
}

/// The value as the cluster has it now; `None` if there is none, `ENOENT` if there is no such image. Implements
/// `rados_read_op_omap_get_vals_by_keys`.
pub fn get(pool: &Pool, image: &ImageId, key: &str) -> Result<Option<Vec<u8>>, CephError> {
    omap_get(pool.io(), &header(image), &omap_key(key)).on(&label(pool, image))
}

/// Makes the value `new` if it is `old`, in one step; whether it was. `None` is no value, on either side. An empty value
/// cannot be told from none here, so it is refused with `EINVAL`. `ENOENT` if there is no such image.
///
/// After an error (a timeout, say) it is not known whether the change was made: read before trying again.
///
/// Implements `rados_write_op_assert_exists`, `rados_write_op_omap_cmp`, `rados_write_op_omap_set`,
/// `rados_write_op_omap_rm_keys`, `rados_write_op_operate`.
pub fn compare_and_set(
    pool: &Pool,
    image: &ImageId,
    key: &str,
    old: Option<&[u8]>,
    new: Option<&[u8]>,
) -> Result<bool, CephError> {
    let object = label(pool, image);
    if [old, new].contains(&Some(&[])) {
        let why = "an empty metadata value cannot be told from none";
        return Err(CephError::invalid("rados_write_op_operate", object, why));
    }
    let key = omap_key(key);
    let mut op = WriteOp::on_existing();
    op.compare(&key, old.unwrap_or_default()).on(&object)?;
    match new {
        Some(value) => op.set(&key, value),
        None => op.remove(&key),
    }
    .on(&object)?;
    match op.operate(pool.io(), &header(image)).on(&object) {
        Ok(()) => {
            crate::fault::step("rbd metadata compared and set");
            Ok(true)
        }
        Err(lost) if lost.is_cancelled() => Ok(false),
        Err(error) => Err(error),
    }
}

/// The values of one key of many images, in their order, as [`get`] has them; many reads are in flight at once. What has
/// not answered within `deadline` is `ETIMEDOUT`. Implements `rados_aio_read_op_operate`.
pub fn get_many(
    pool: &Pool,
    images: &[ImageId],
    key: &str,
    deadline: Duration,
) -> Vec<Result<Option<Vec<u8>>, CephError>> {
    let key = omap_key(key);
    let until = Instant::now() + deadline;
    let mut answers = Vec::with_capacity(images.len());
    let mut waiting = std::collections::VecDeque::with_capacity(WINDOW);
    for image in images {
        if waiting.len() == WINDOW {
            answers.extend(waiting.pop_front().map(|read| finish(pool, read, until)));
        }
        waiting.push_back((image, PendingRead::start(pool.io(), &header(image), &key)));
    }
    answers.extend(waiting.into_iter().map(|read| finish(pool, read, until)));
    answers
}

type Started<'a> = (&'a ImageId, Result<PendingRead, super::ffi::Failed>);

fn finish(
    pool: &Pool,
    (image, read): Started<'_>,
    until: Instant,
) -> Result<Option<Vec<u8>>, CephError> {
    let value = read.and_then(|read| read.wait(until));
    value.on(&label(pool, image))
}
