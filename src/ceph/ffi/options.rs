//! Options of an image that is made or cloned.

use std::ffi::c_int;

use super::{Raw, check, cstring, sys};

/// Which option.
#[derive(Debug, Clone, Copy)]
pub enum OptionName {
    Format,
    Features,
    Order,
    StripeUnit,
    StripeCount,
    DataPool,
    CloneFormat,
}

impl OptionName {
    const fn number(self) -> c_int {
        match self {
            Self::Format => sys::RBD_IMAGE_OPTION_FORMAT,
            Self::Features => sys::RBD_IMAGE_OPTION_FEATURES,
            Self::Order => sys::RBD_IMAGE_OPTION_ORDER,
            Self::StripeUnit => sys::RBD_IMAGE_OPTION_STRIPE_UNIT,
            Self::StripeCount => sys::RBD_IMAGE_OPTION_STRIPE_COUNT,
            Self::DataPool => sys::RBD_IMAGE_OPTION_DATA_POOL,
            Self::CloneFormat => sys::RBD_IMAGE_OPTION_CLONE_FORMAT,
        }
    }
}

/// An `rbd_image_options_t`.
pub struct ImageOptions(sys::rbd_image_options_t);

impl ImageOptions {
    /// `rbd_image_options_create`: no option set.
    pub fn new() -> Self {
        let mut raw = std::ptr::null_mut();
        // SAFETY: the place is ours to be written.
        unsafe { sys::rbd_image_options_create(&raw mut raw) }
        Self(raw)
    }

    pub(super) const fn raw(&self) -> sys::rbd_image_options_t {
        self.0
    }

    /// `rbd_image_options_set_uint64`.
    pub fn set(&mut self, option: OptionName, value: u64) -> Raw<()> {
        // SAFETY: the options are alive and ours alone.
        let returned = unsafe { sys::rbd_image_options_set_uint64(self.0, option.number(), value) };
        check("rbd_image_options_set_uint64", returned).map(drop)
    }

    /// `rbd_image_options_set_string`.
    pub fn set_text(&mut self, option: OptionName, value: &str) -> Raw<()> {
        const CALL: &str = "rbd_image_options_set_string";
        let value = cstring(CALL, value)?;
        // SAFETY: the options are alive and ours alone; the value ends with NUL and is copied.
        let returned =
            unsafe { sys::rbd_image_options_set_string(self.0, option.number(), value.as_ptr()) };
        check(CALL, returned).map(drop)
    }
}

impl Drop for ImageOptions {
    fn drop(&mut self) {
        // SAFETY: made by rbd_image_options_create, destroyed once.
        unsafe { sys::rbd_image_options_destroy(self.0) }
    }
}
