//! The words of error messages: what a C function does, and what an errno means.

/// What an errno means, as the C library has it and, where Ceph means something else by it, as Ceph has it.
pub(super) fn strerror(errno: i32) -> String {
    match errno {
        libc::ESHUTDOWN => "this client is blocklisted".to_owned(),
        libc::ENOTEMPTY => "it is not empty: it has snapshots".to_owned(),
        libc::ECANCELED => "stopped, or changed by somebody else meanwhile".to_owned(),
        errno => {
            let text = std::io::Error::from_raw_os_error(errno).to_string();
            let cut = text.find(" (os error");
            text[..cut.unwrap_or(text.len())].to_lowercase()
        }
    }
}

/// What a function does, as it stands behind "cannot".
pub(super) fn verb(call: &str) -> &'static str {
    let known = VERBS.iter().find(|(calls, _)| calls.contains(&call));
    known.map_or("look up", |(_, verb)| verb)
}

const VERBS: &[(&[&str], &str)] = &[
    (
        &["rados_create2", "rados_conf_set", "rados_conf_get"],
        "configure",
    ),
    (&["rados_conf_read_file"], "read the configuration of"),
    (&["rados_connect"], "connect to"),
    (
        &["rados_wait_for_latest_osdmap"],
        "get the newest OSD map of",
    ),
    (&["rados_cluster_fsid"], "ask for the fsid of"),
    (&["rados_pool_list"], "list the pools of"),
    (
        &["rados_ioctx_create", "rados_pool_reverse_lookup"],
        "open pool",
    ),
    (&["rados_mon_command"], "ask the monitors for"),
    (&["rados_read", "rados_stat"], "look up image"),
    (
        &[
            "rados_write_op_operate",
            "rbd_metadata_set",
            "rbd_metadata_remove",
        ],
        "change the metadata of",
    ),
    (
        &[
            "rados_read_op_operate",
            "rados_aio_read_op_operate",
            "rados_aio_wait_for_complete",
            "rados_omap_get_next",
            "rados_read_op_omap_get_vals_by_keys",
            "rbd_metadata_get",
            "rbd_metadata_list",
        ],
        "read the metadata of",
    ),
    (&["rbd_list2"], "list the images of"),
    (
        &[
            "rbd_create4",
            "rbd_image_options_set_uint64",
            "rbd_image_options_set_string",
        ],
        "create image",
    ),
    (&["rbd_clone3"], "clone"),
    (&["rbd_rename"], "rename image"),
    (&["rbd_remove_with_progress"], "remove image"),
    (&["rbd_trash_move"], "move to the trash image"),
    (&["rbd_trash_list"], "list the trash of"),
    (
        &["rbd_trash_remove_with_progress"],
        "remove from the trash image",
    ),
    (&["rbd_trash_restore"], "restore from the trash image"),
    (&["rbd_namespace_list"], "list the namespaces of"),
    (&["rbd_namespace_create"], "create namespace"),
    (&["rbd_namespace_remove"], "remove namespace"),
    (&["rbd_open", "rbd_open_by_id"], "open image"),
    (
        &["rbd_open_read_only", "rbd_open_by_id_read_only"],
        "open (read-only) image",
    ),
    (&["rbd_close"], "close image"),
    (&["rbd_resize2"], "resize image"),
    (&["rbd_flatten_with_progress"], "flatten image"),
    (&["rbd_snap_create"], "create snapshot"),
    (&["rbd_snap_remove"], "remove snapshot"),
    (&["rbd_snap_rename"], "rename snapshot"),
    (&["rbd_snap_protect"], "protect snapshot"),
    (&["rbd_snap_unprotect"], "unprotect snapshot"),
    (
        &["rbd_snap_rollback_with_progress"],
        "roll back to snapshot",
    ),
    (
        &["rbd_snap_set", "rbd_snap_is_protected"],
        "look at snapshot",
    ),
    (&["rbd_snap_list"], "list the snapshots of"),
    (&["rbd_list_children3"], "list the clones of"),
    (&["rbd_watchers_list"], "list the watchers of"),
    (
        &["rbd_lock_acquire", "rbd_lock_exclusive", "rbd_lock_shared"],
        "lock",
    ),
    (&["rbd_lock_release", "rbd_unlock"], "unlock"),
    (&["rbd_lock_break", "rbd_break_lock"], "break the lock of"),
    (
        &["rbd_lock_get_owners", "rbd_list_lockers"],
        "list the locks of",
    ),
    (&["rbd_read", "rbd_aio_read"], "read from"),
    (
        &[
            "rbd_write",
            "rbd_aio_write",
            "rbd_write_zeroes",
            "rbd_aio_write_zeroes",
        ],
        "write to",
    ),
    (&["rbd_discard", "rbd_aio_discard"], "discard from"),
    (&["rbd_flush", "rbd_aio_flush"], "flush"),
    (
        &["rbd_aio_wait_for_complete"],
        "wait for reads and writes of",
    ),
    (&["rbd_diff_iterate2"], "list the extents of"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_one_verb() {
        let mut calls: Vec<&str> = VERBS
            .iter()
            .flat_map(|(calls, _)| *calls)
            .copied()
            .collect();
        let all = calls.len();
        calls.sort_unstable();
        calls.dedup();
        assert_eq!(calls.len(), all);
        assert_eq!(verb("rbd_clone3"), "clone");
    }

    #[test]
    fn an_errno_is_words() {
        assert_eq!(strerror(libc::EACCES), "permission denied");
        assert_eq!(strerror(libc::ESHUTDOWN), "this client is blocklisted");
    }
}
