//! The part of librbd's C interface that is used, as `rbd/librbd.h` of 16.2 declares it; librados comes from the `ceph`
//! crate. Functions that are newer than 16.2 do not belong here: a library without them could not be linked.

#![allow(non_camel_case_types)]

use std::ffi::{c_char, c_int, c_void};

use ceph::rados::{rados_ioctx_t, rados_t};
use libc::{size_t, ssize_t, time_t, timespec};

pub type rbd_image_t = *mut c_void;
pub type rbd_image_options_t = *mut c_void;
pub type rbd_completion_t = *mut c_void;
pub type rbd_callback_t = extern "C" fn(rbd_completion_t, *mut c_void);
pub type librbd_progress_fn_t = extern "C" fn(u64, u64, *mut c_void) -> c_int;
pub type diff_fn_t = extern "C" fn(u64, size_t, c_int, *mut c_void) -> c_int;

pub const RBD_IMAGE_OPTION_FORMAT: c_int = 0;
pub const RBD_IMAGE_OPTION_FEATURES: c_int = 1;
pub const RBD_IMAGE_OPTION_ORDER: c_int = 2;
pub const RBD_IMAGE_OPTION_STRIPE_UNIT: c_int = 3;
pub const RBD_IMAGE_OPTION_STRIPE_COUNT: c_int = 4;
pub const RBD_IMAGE_OPTION_DATA_POOL: c_int = 10;
pub const RBD_IMAGE_OPTION_CLONE_FORMAT: c_int = 12;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rbd_image_spec_t {
    pub id: *mut c_char,
    pub name: *mut c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rbd_linked_image_spec_t {
    pub pool_id: i64,
    pub pool_name: *mut c_char,
    pub pool_namespace: *mut c_char,
    pub image_id: *mut c_char,
    pub image_name: *mut c_char,
    pub trash: bool,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rbd_snap_spec_t {
    pub id: u64,
    pub namespace_type: c_int,
    pub name: *mut c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rbd_snap_info_t {
    pub id: u64,
    pub size: u64,
    pub name: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rbd_image_info_t {
    pub size: u64,
    pub obj_size: u64,
    pub num_objs: u64,
    pub order: c_int,
    pub block_name_prefix: [c_char; 24],
    pub parent_pool: i64,
    pub parent_name: [c_char; 96],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rbd_trash_image_info_t {
    pub id: *mut c_char,
    pub name: *mut c_char,
    pub source: c_int,
    pub deletion_time: time_t,
    pub deferment_end_time: time_t,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rbd_image_watcher_t {
    pub addr: *mut c_char,
    pub id: i64,
    pub cookie: u64,
}

#[rustfmt::skip]
#[link(name = "rbd")]
unsafe extern "C" {
    // librados.h; the `ceph` crate lacks it.
    pub fn rados_get_min_compatible_client(cluster: rados_t, min_compat_client: *mut i8, require_min_compat_client: *mut i8) -> c_int;

    pub fn rbd_image_options_create(opts: *mut rbd_image_options_t);
    pub fn rbd_image_options_destroy(opts: rbd_image_options_t);
    pub fn rbd_image_options_set_string(opts: rbd_image_options_t, name: c_int, value: *const c_char) -> c_int;
    pub fn rbd_image_options_set_uint64(opts: rbd_image_options_t, name: c_int, value: u64) -> c_int;

    pub fn rbd_list2(io: rados_ioctx_t, images: *mut rbd_image_spec_t, max: *mut size_t) -> c_int;
    pub fn rbd_image_spec_list_cleanup(images: *mut rbd_image_spec_t, count: size_t);
    pub fn rbd_create4(io: rados_ioctx_t, name: *const c_char, size: u64, opts: rbd_image_options_t) -> c_int;
    pub fn rbd_clone3(parent_io: rados_ioctx_t, parent: *const c_char, snap: *const c_char, child_io: rados_ioctx_t, child: *const c_char, opts: rbd_image_options_t) -> c_int;
    pub fn rbd_rename(io: rados_ioctx_t, from: *const c_char, to: *const c_char) -> c_int;
    pub fn rbd_remove_with_progress(io: rados_ioctx_t, name: *const c_char, progress: librbd_progress_fn_t, arg: *mut c_void) -> c_int;

    pub fn rbd_trash_move(io: rados_ioctx_t, name: *const c_char, delay: u64) -> c_int;
    pub fn rbd_trash_list(io: rados_ioctx_t, entries: *mut rbd_trash_image_info_t, count: *mut size_t) -> c_int;
    pub fn rbd_trash_list_cleanup(entries: *mut rbd_trash_image_info_t, count: size_t);
    pub fn rbd_trash_remove_with_progress(io: rados_ioctx_t, id: *const c_char, force: bool, progress: librbd_progress_fn_t, arg: *mut c_void) -> c_int;
    pub fn rbd_trash_restore(io: rados_ioctx_t, id: *const c_char, name: *const c_char) -> c_int;

    pub fn rbd_namespace_create(io: rados_ioctx_t, name: *const c_char) -> c_int;
    pub fn rbd_namespace_remove(io: rados_ioctx_t, name: *const c_char) -> c_int;
    pub fn rbd_namespace_list(io: rados_ioctx_t, names: *mut c_char, size: *mut size_t) -> c_int;

    pub fn rbd_open(io: rados_ioctx_t, name: *const c_char, image: *mut rbd_image_t, snap: *const c_char) -> c_int;
    pub fn rbd_open_by_id(io: rados_ioctx_t, id: *const c_char, image: *mut rbd_image_t, snap: *const c_char) -> c_int;
    pub fn rbd_open_read_only(io: rados_ioctx_t, name: *const c_char, image: *mut rbd_image_t, snap: *const c_char) -> c_int;
    pub fn rbd_open_by_id_read_only(io: rados_ioctx_t, id: *const c_char, image: *mut rbd_image_t, snap: *const c_char) -> c_int;
    pub fn rbd_close(image: rbd_image_t) -> c_int;

    pub fn rbd_stat(image: rbd_image_t, info: *mut rbd_image_info_t, size: size_t) -> c_int;
    pub fn rbd_get_old_format(image: rbd_image_t, old: *mut u8) -> c_int;
    pub fn rbd_get_id(image: rbd_image_t, id: *mut c_char, len: size_t) -> c_int;
    pub fn rbd_get_name(image: rbd_image_t, name: *mut c_char, len: *mut size_t) -> c_int;
    pub fn rbd_get_size(image: rbd_image_t, size: *mut u64) -> c_int;
    pub fn rbd_get_features(image: rbd_image_t, features: *mut u64) -> c_int;
    pub fn rbd_get_flags(image: rbd_image_t, flags: *mut u64) -> c_int;
    pub fn rbd_get_overlap(image: rbd_image_t, overlap: *mut u64) -> c_int;
    pub fn rbd_get_stripe_unit(image: rbd_image_t, unit: *mut u64) -> c_int;
    pub fn rbd_get_stripe_count(image: rbd_image_t, count: *mut u64) -> c_int;
    pub fn rbd_get_data_pool_id(image: rbd_image_t) -> i64;
    pub fn rbd_get_create_timestamp(image: rbd_image_t, at: *mut timespec) -> c_int;
    pub fn rbd_get_parent(image: rbd_image_t, parent: *mut rbd_linked_image_spec_t, snap: *mut rbd_snap_spec_t) -> c_int;
    pub fn rbd_linked_image_spec_cleanup(image: *mut rbd_linked_image_spec_t);
    pub fn rbd_snap_spec_cleanup(snap: *mut rbd_snap_spec_t);

    pub fn rbd_resize2(image: rbd_image_t, size: u64, allow_shrink: bool, progress: librbd_progress_fn_t, arg: *mut c_void) -> c_int;
    pub fn rbd_flatten_with_progress(image: rbd_image_t, progress: librbd_progress_fn_t, arg: *mut c_void) -> c_int;

    pub fn rbd_snap_list(image: rbd_image_t, snaps: *mut rbd_snap_info_t, max: *mut c_int) -> c_int;
    pub fn rbd_snap_list_end(snaps: *mut rbd_snap_info_t);
    pub fn rbd_snap_create(image: rbd_image_t, name: *const c_char) -> c_int;
    pub fn rbd_snap_remove(image: rbd_image_t, name: *const c_char) -> c_int;
    pub fn rbd_snap_rename(image: rbd_image_t, from: *const c_char, to: *const c_char) -> c_int;
    pub fn rbd_snap_rollback_with_progress(image: rbd_image_t, name: *const c_char, progress: librbd_progress_fn_t, arg: *mut c_void) -> c_int;
    pub fn rbd_snap_protect(image: rbd_image_t, name: *const c_char) -> c_int;
    pub fn rbd_snap_unprotect(image: rbd_image_t, name: *const c_char) -> c_int;
    pub fn rbd_snap_is_protected(image: rbd_image_t, name: *const c_char, protected: *mut c_int) -> c_int;
    pub fn rbd_snap_set(image: rbd_image_t, name: *const c_char) -> c_int;
    pub fn rbd_snap_get_namespace_type(image: rbd_image_t, id: u64, namespace_type: *mut c_int) -> c_int;
    pub fn rbd_list_children3(image: rbd_image_t, images: *mut rbd_linked_image_spec_t, max: *mut size_t) -> c_int;
    pub fn rbd_linked_image_spec_list_cleanup(images: *mut rbd_linked_image_spec_t, count: size_t);

    pub fn rbd_watchers_list(image: rbd_image_t, watchers: *mut rbd_image_watcher_t, max: *mut size_t) -> c_int;
    pub fn rbd_watchers_list_cleanup(watchers: *mut rbd_image_watcher_t, count: size_t);

    pub fn rbd_is_exclusive_lock_owner(image: rbd_image_t, owner: *mut c_int) -> c_int;
    pub fn rbd_lock_acquire(image: rbd_image_t, mode: c_int) -> c_int;
    pub fn rbd_lock_release(image: rbd_image_t) -> c_int;
    pub fn rbd_lock_get_owners(image: rbd_image_t, mode: *mut c_int, owners: *mut *mut c_char, max: *mut size_t) -> c_int;
    pub fn rbd_lock_get_owners_cleanup(owners: *mut *mut c_char, count: size_t);
    pub fn rbd_lock_break(image: rbd_image_t, mode: c_int, owner: *const c_char) -> c_int;
    pub fn rbd_list_lockers(image: rbd_image_t, exclusive: *mut c_int, tag: *mut c_char, tag_len: *mut size_t, clients: *mut c_char, clients_len: *mut size_t, cookies: *mut c_char, cookies_len: *mut size_t, addrs: *mut c_char, addrs_len: *mut size_t) -> ssize_t;
    pub fn rbd_lock_exclusive(image: rbd_image_t, cookie: *const c_char) -> c_int;
    pub fn rbd_lock_shared(image: rbd_image_t, cookie: *const c_char, tag: *const c_char) -> c_int;
    pub fn rbd_unlock(image: rbd_image_t, cookie: *const c_char) -> c_int;
    pub fn rbd_break_lock(image: rbd_image_t, client: *const c_char, cookie: *const c_char) -> c_int;

    pub fn rbd_metadata_get(image: rbd_image_t, key: *const c_char, value: *mut c_char, len: *mut size_t) -> c_int;
    pub fn rbd_metadata_set(image: rbd_image_t, key: *const c_char, value: *const c_char) -> c_int;
    pub fn rbd_metadata_remove(image: rbd_image_t, key: *const c_char) -> c_int;
    pub fn rbd_metadata_list(image: rbd_image_t, start: *const c_char, max: u64, keys: *mut c_char, keys_len: *mut size_t, values: *mut c_char, values_len: *mut size_t) -> c_int;

    pub fn rbd_read(image: rbd_image_t, offset: u64, len: size_t, buf: *mut c_char) -> ssize_t;
    pub fn rbd_write(image: rbd_image_t, offset: u64, len: size_t, buf: *const c_char) -> ssize_t;
    pub fn rbd_discard(image: rbd_image_t, offset: u64, len: u64) -> c_int;
    pub fn rbd_write_zeroes(image: rbd_image_t, offset: u64, len: size_t, zero_flags: c_int, op_flags: c_int) -> ssize_t;
    pub fn rbd_flush(image: rbd_image_t) -> c_int;
    pub fn rbd_diff_iterate2(image: rbd_image_t, from_snap: *const c_char, offset: u64, len: u64, include_parent: u8, whole_object: u8, cb: diff_fn_t, arg: *mut c_void) -> c_int;

    pub fn rbd_aio_create_completion(arg: *mut c_void, cb: rbd_callback_t, completion: *mut rbd_completion_t) -> c_int;
    pub fn rbd_aio_get_return_value(completion: rbd_completion_t) -> ssize_t;
    pub fn rbd_aio_release(completion: rbd_completion_t);
    pub fn rbd_aio_read(image: rbd_image_t, offset: u64, len: size_t, buf: *mut c_char, completion: rbd_completion_t) -> c_int;
    pub fn rbd_aio_write(image: rbd_image_t, offset: u64, len: size_t, buf: *const c_char, completion: rbd_completion_t) -> c_int;
    pub fn rbd_aio_write_zeroes(image: rbd_image_t, offset: u64, len: size_t, completion: rbd_completion_t, zero_flags: c_int, op_flags: c_int) -> c_int;
    pub fn rbd_aio_discard(image: rbd_image_t, offset: u64, len: u64, completion: rbd_completion_t) -> c_int;
    pub fn rbd_aio_flush(image: rbd_image_t, completion: rbd_completion_t) -> c_int;
}
