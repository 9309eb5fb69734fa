//! How long operations of librbd tell how far they are.

use std::ops::ControlFlow;

use crate::pulse;

/// How far an operation is, in units of its own (mostly objects).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Units done.
    pub done: u64,
    /// Units in all.
    pub total: u64,
}

/// Who is told. librbd calls from its own threads, one call at a time. `Break` stops the operation where librbd can
/// stop it; it then fails with `ECANCELED`, and may be repeated.
pub type OnProgress<'a> = &'a mut (dyn FnMut(Progress) -> ControlFlow<()> + Send);

/// For who does not want to know: `image.flatten(&mut ignore)`.
pub const fn ignore(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// The closure as the wrappers take it.
pub(super) fn plain(told: OnProgress<'_>) -> impl FnMut(u64, u64) -> ControlFlow<()> + Send + '_ {
    move |done, total| {
        pulse::beat();
        told(Progress { done, total })
    }
}
