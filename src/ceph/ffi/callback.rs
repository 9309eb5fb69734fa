//! Closures as C callbacks. librbd calls them from threads of its own while the call that took them has not returned.

use std::any::Any;
use std::ffi::{c_int, c_void};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};

use super::sys;

/// What a progress closure looks like: how much of how much is done; `Break` asks librbd to stop.
pub type ProgressFn<'a> = &'a mut (dyn FnMut(u64, u64) -> ControlFlow<()> + Send);
/// What a diff closure looks like: offset, length, whether there are data; `Break` ends it.
pub type DiffFn<'a> = &'a mut (dyn FnMut(u64, u64, bool) -> ControlFlow<()> + Send);

/// A closure with the panic that ended it, if one did. The lock makes calls from several threads one after the other.
struct Guarded<F>(Mutex<(F, Option<Box<dyn Any + Send>>)>);

impl<F> Guarded<F> {
    fn new(closure: F) -> Self {
        Self(Mutex::new((closure, None)))
    }

    /// Runs the closure; after a panic it is not called again, and librbd is told to stop.
    fn run(&self, call: impl FnOnce(&mut F) -> ControlFlow<()>) -> c_int {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.1.is_some() {
            return -libc::ECANCELED;
        }
        match catch_unwind(AssertUnwindSafe(|| call(&mut inner.0))) {
            Ok(ControlFlow::Continue(())) => 0,
            Ok(ControlFlow::Break(())) => -libc::ECANCELED,
            Err(panic) => {
                inner.1 = Some(panic);
                -libc::ECANCELED
            }
        }
    }

    /// Carries a panic of the closure on to the caller, now that C is out of the way.
    fn finish(self) {
        let inner = self.0.into_inner();
        if let Some(panic) = inner.unwrap_or_else(PoisonError::into_inner).1 {
            resume_unwind(panic);
        }
    }
}

extern "C" fn progress_trampoline(done: u64, total: u64, arg: *mut c_void) -> c_int {
    // SAFETY: `arg` is the Guarded of with_progress, which outlives the C call that calls us.
    let guarded = unsafe { &*arg.cast::<Guarded<ProgressFn<'_>>>() };
    guarded.run(|closure| closure(done, total))
}

/// Calls C with a progress callback that runs `closure`.
pub fn with_progress(
    closure: ProgressFn<'_>,
    call: impl FnOnce(sys::librbd_progress_fn_t, *mut c_void) -> c_int,
) -> c_int {
    let guarded = Guarded::new(closure);
    let arg = (&raw const guarded).cast_mut().cast::<c_void>();
    let returned = call(progress_trampoline, arg);
    guarded.finish();
    returned
}

extern "C" fn diff_trampoline(offset: u64, len: usize, exists: c_int, arg: *mut c_void) -> c_int {
    // SAFETY: `arg` is the Guarded of with_diff, which outlives the C call that calls us.
    let guarded = unsafe { &*arg.cast::<Guarded<DiffFn<'_>>>() };
    guarded.run(|closure| closure(offset, len as u64, exists != 0))
}

/// Calls C with a diff callback that runs `closure`.
pub fn with_diff(
    closure: DiffFn<'_>,
    call: impl FnOnce(sys::diff_fn_t, *mut c_void) -> c_int,
) -> c_int {
    let guarded = Guarded::new(closure);
    let arg = (&raw const guarded).cast_mut().cast::<c_void>();
    let returned = call(diff_trampoline, arg);
    guarded.finish();
    returned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_stops_the_call_and_reaches_the_caller() {
        let mut calls = 0;
        let mut closure = |_: u64, _: u64| -> ControlFlow<()> {
            calls += 1;
            panic!("as asked");
        };
        let caught = catch_unwind(AssertUnwindSafe(|| {
            with_progress(&mut closure, |callback, arg| {
                assert_eq!(callback(1, 2, arg), -libc::ECANCELED);
                callback(2, 2, arg)
            })
        }));
        assert_eq!(
            caught.unwrap_err().downcast_ref::<&str>(),
            Some(&"as asked")
        );
        assert_eq!(calls, 1);
    }

    #[test]
    fn break_is_a_cancel() {
        let mut closure = |done: u64, total: u64| {
            if done < total {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        let returned = with_progress(&mut closure, |callback, arg| {
            assert_eq!(callback(1, 2, arg), 0);
            callback(2, 2, arg)
        });
        assert_eq!(returned, -libc::ECANCELED);
    }
}
