//! New images: empty ones and clones.

use serde::{Deserialize, Serialize};

use super::error::{CephError, On};
use super::ffi::{ImageOptions, OptionName};
use super::pool::Pool;
use super::progress::ignore;
use crate::fault;
use crate::model::{Bytes, ImageName, PoolName, SnapName};

/// An empty image; what is `None` is as the cluster's configuration has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateOptions {
    /// Its size.
    pub size: Bytes,
    /// The size of its objects: a power of two from 4 KiB to 32 MiB.
    pub object_size: Option<Bytes>,
    /// Its features, bits as in [`features`](super::features).
    pub features: Option<u64>,
    /// The pool for its data, such as an erasure-coded one.
    pub data_pool: Option<PoolName>,
    /// How much goes into one object before the next one's turn; together with `stripe_count`.
    pub stripe_unit: Option<Bytes>,
    /// How many objects take turns.
    pub stripe_count: Option<u64>,
}

/// How a clone is tied to its parent.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum CloneFormat {
    /// As the cluster allows: 2 if `min_compat_client` is mimic or later.
    #[default]
    Auto,
    /// The snapshot must be protected, and stay so.
    V1,
    /// The snapshot need not be protected, and may be removed by name while it has clones.
    V2,
}

/// A clone; what is `None` is as the parent or the cluster's configuration has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CloneOptions {
    /// How it is tied to its parent.
    pub clone_format: CloneFormat,
    /// The pool for its data. It is not inherited from the parent.
    pub data_pool: Option<PoolName>,
    /// Its features.
    pub features: Option<u64>,
    /// The size of its objects.
    pub object_size: Option<Bytes>,
    /// Its size, at least the parent's: it is grown after it was made.
    pub size: Option<Bytes>,
}

/// What is cloned: a snapshot of an image.
#[derive(Debug, Clone, Copy)]
pub struct ParentSnap<'a> {
    /// The parent's pool.
    pub pool: &'a Pool,
    /// The parent.
    pub image: &'a ImageName,
    /// Its snapshot.
    pub snap: &'a SnapName,
}

const CREATE: &str = "rbd_create4";
const CLONE: &str = "rbd_clone3";

/// Options that both have.
fn options(
    call: &'static str,
    object: &str,
    object_size: Option<Bytes>,
    features: Option<u64>,
    data_pool: Option<&PoolName>,
) -> Result<ImageOptions, CephError> {
    let mut options = ImageOptions::new();
    if let Some(size) = object_size {
        let order = order(size).ok_or_else(|| {
            let why = format!("the object size {size} is no power of two from 4 KiB to 32 MiB");
            CephError::invalid(call, object, &why)
        })?;
        options.set(OptionName::Order, order).on(&object)?;
    }
    if let Some(features) = features {
        options.set(OptionName::Features, features).on(&object)?;
    }
    if let Some(pool) = data_pool {
        let set = options.set_text(OptionName::DataPool, pool.as_str());
        set.on(&object)?;
    }
    Ok(options)
}

/// The power of two that an object size is, in librbd's bounds.
fn order(size: Bytes) -> Option<u64> {
    let order = u64::from(size.0.trailing_zeros());
    (size.0.is_power_of_two() && (12..=25).contains(&order)).then_some(order)
}

impl Pool {
    /// Makes an empty image of format 2; `EEXIST` if there is one. Implements `rbd_create4`.
    pub fn create(&self, name: &ImageName, wanted: &CreateOptions) -> Result<(), CephError> {
        let object = self.spec(name).to_string();
        let mut options = options(
            CREATE,
            &object,
            wanted.object_size,
            wanted.features,
            wanted.data_pool.as_ref(),
        )?;
        options.set(OptionName::Format, 2).on(&object)?;
        if let Some(unit) = wanted.stripe_unit {
            options.set(OptionName::StripeUnit, unit.0).on(&object)?;
        }
        if let Some(count) = wanted.stripe_count {
            options.set(OptionName::StripeCount, count).on(&object)?;
        }
        let made = self
            .io()
            .create_image(name.as_str(), wanted.size.0, &options);
        made.on(&object)?;
        fault::step("rbd create");
        Ok(())
    }

    /// Makes a clone in this pool; `EEXIST` if there is an image of its name, `EINVAL` if clone format 1 is wanted of a
    /// snapshot that is not protected. If it is to be larger than its parent it is grown afterwards, and stays, not grown,
    /// if that fails. Implements `rbd_clone3`, `rbd_resize2`.
    pub fn clone_image(
        &self,
        child: &ImageName,
        parent: ParentSnap<'_>,
        wanted: &CloneOptions,
    ) -> Result<(), CephError> {
        let from = format!("{}@{}", parent.pool.spec(parent.image), parent.snap);
        let object = format!("{from} to {}", self.spec(child));
        let grown = match wanted.size {
            Some(size) => grown_size(parent, size)?,
            None => None,
        };
        let mut options = options(
            CLONE,
            &object,
            wanted.object_size,
            wanted.features,
            wanted.data_pool.as_ref(),
        )?;
        let format = match wanted.clone_format {
            CloneFormat::Auto => None,
            CloneFormat::V1 => Some(1),
            CloneFormat::V2 => Some(2),
        };
        if let Some(format) = format {
            options.set(OptionName::CloneFormat, format).on(&object)?;
        }
        let parent_names = (
            parent.pool.io().as_ref(),
            parent.image.as_str(),
            parent.snap.as_str(),
        );
        let made = self
            .io()
            .clone_image(child.as_str(), parent_names, &options);
        made.on(&object)?;
        fault::step("rbd clone");
        match grown {
            Some(size) => self.open(child)?.resize(size, false, &mut ignore),
            None => Ok(()),
        }
    }
}

/// The size that a clone must be grown to, if it must; a smaller one than the parent's is refused before it is made.
fn grown_size(parent: ParentSnap<'_>, size: Bytes) -> Result<Option<Bytes>, CephError> {
    let image = parent
        .pool
        .open_read_only(parent.image, Some(parent.snap))?;
    let has = image.size()?;
    if size < has {
        let why = format!("a clone of {size} cannot hold a parent of {has}");
        return Err(CephError::invalid(CLONE, image.to_string(), &why));
    }
    Ok((size > has).then_some(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_sizes_are_powers_of_two_in_bounds() {
        assert_eq!(order(Bytes::mib(4)), Some(22));
        assert_eq!(order(Bytes::kib(4)), Some(12));
        assert_eq!(order(Bytes::mib(32)), Some(25));
        for bad in [Bytes(0), Bytes::kib(2), Bytes::mib(64), Bytes::mib(3)] {
            assert_eq!(order(bad), None, "{bad}");
        }
    }
}
