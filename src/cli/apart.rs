//! A process that goes on by itself has nothing open of whoever called the one that started it: oned, say, waits until its action's
//! pipes are closed, and a lock is held as long as anybody has its file open.

use std::os::fd::RawFd;

/// Closes everything but the standard streams, before anything else is opened.
pub fn let_go() {
    let Ok(dir) = std::fs::read_dir("/proc/self/fd") else {
        return;
    };
    let names = dir.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let open: Vec<RawFd> = names.filter_map(|name| name.parse().ok()).collect();
    for fd in open.into_iter().filter(|fd| *fd > 2) {
        // The one by which they were listed is closed already.
        let _closed = nix::unistd::close(fd);
    }
}
