//! An action that ends before its end: somebody asks it to stop, or there is a mistake in this program. The user is told in one line
//! all the same; what was begun on a host ends there by itself, and whoever comes next waits for it.

use std::any::Any;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::process::exit;
use std::sync::{Mutex, PoisonError};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::one::VmId;
use crate::one::voice::{Dialect, Voice};
use crate::{Error, Kind, Result};

/// The exit code of every action that failed.
const FAILURE: i32 = 1;

/// Where the last panic was: only its hook is told.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

/// Ends this process with one line once it is asked to stop, whatever it waits for just then. There is nothing to take back: each step
/// of an action leaves what the next one goes on with, and a stream that breaks off leaves nothing.
///
/// # Errors
/// The kernel refuses a handler or a thread.
pub(super) fn when_asked(dialect: Dialect, vm: Option<VmId>) -> Result<()> {
    let cannot =
        |error: io::Error| Error::new(Kind::Internal, "cannot listen for signals").because(error);
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(cannot)?;
    let listen = move || {
        if let Some(signal) = signals.forever().next() {
            stopped(&mut Voice::new(dialect, vm, io::stderr()), signal);
            exit(FAILURE);
        }
    };
    let thread = thread::Builder::new().name("signals".into());
    thread.spawn(listen).map(drop).map_err(cannot)
}

fn stopped(voice: &mut Voice<impl Write>, signal: i32) {
    let error = Error::new(
        Kind::Cancelled,
        format!("stopped on request (signal {signal})"),
    );
    voice.fail(&error.remedy(
        "what was begun on a host goes on there, and the next action of the same disk waits for that: repeat this one, or delete \
         what it was to make",
    ));
}

/// From now on a panic's own words go into the log, as oned reads that.
pub(super) fn hear_panics() {
    panic::set_hook(Box::new(|info| {
        let place = place(info);
        tracing::error!("panicked at {place}");
        *PLACE.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
    }));
}

fn place(info: &PanicHookInfo<'_>) -> String {
    info.location()
        .map_or_else(String::new, |at| format!("{}:{}", at.file(), at.line()))
}

/// Does it; whether it came through. A panic is told the user as an error is.
pub(super) fn or_told(voice: &mut Voice<impl Write>, act: impl FnOnce() -> bool) -> bool {
    // Nothing is used afterwards that it may have left half done.
    match panic::catch_unwind(AssertUnwindSafe(act)) {
        Ok(done) => done,
        Err(said) => {
            let place = PLACE.lock().unwrap_or_else(PoisonError::into_inner).take();
            voice.fail(&mistake(said.as_ref(), place.as_deref()));
            false
        }
    }
}

fn mistake(said: &(dyn Any + Send), place: Option<&str>) -> Error {
    let words = said.downcast_ref::<String>().map(String::as_str);
    let words = words.or_else(|| said.downcast_ref::<&str>().copied());
    let message = format!(
        "warmblock {} has a mistake: {} ({})",
        env!("CARGO_PKG_VERSION"),
        words.unwrap_or("it does not say which"),
        place.unwrap_or("somewhere")
    );
    Error::new(Kind::Internal, message).remedy(
        "please report this line with what the VM's log and /var/log/one/oned.log have of the call; it may be repeated, since \
         each step leaves what the next one goes on with",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(dialect: Dialect, speak: impl FnOnce(&mut Voice<&mut Vec<u8>>)) -> String {
        let mut out = Vec::new();
        speak(&mut Voice::new(dialect, Some(VmId(12)), &mut out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_mistake_is_one_line_of_this_program() {
        let panicked = |voice: &mut Voice<&mut Vec<u8>>| {
            let number = 7;
            assert!(!or_told(voice, || panic!("no\nnumber {number}")));
        };
        for dialect in [Dialect::Levels, Dialect::Bare] {
            let line = said(dialect, panicked);
            assert_eq!(line.lines().count(), 1, "{line}");
            assert!(
                line.contains("no number 7") && line.contains("report"),
                "{line}"
            );
        }
        let framed = said(Dialect::Framed, panicked);
        assert_eq!(framed.lines().count(), 3, "{framed}");
        let line = said(Dialect::Levels, |voice| {
            assert!(!or_told(voice, || panic!("static")));
            assert!(or_told(voice, || true));
        });
        assert!(
            line.contains("static") && line.lines().count() == 1,
            "{line}"
        );
    }

    #[test]
    fn a_request_to_stop_is_one_line() {
        let line = said(Dialect::Levels, |voice| stopped(voice, SIGTERM));
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(line.starts_with("stopped on request"), "{line}");
    }
}
