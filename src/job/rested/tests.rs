//! With a virsh that keeps its state and refuses what libvirt refuses: `tests/stubs/virsh`.

use super::*;
use crate::exec::Exec;
use crate::sys::Roots;

const LONG: Duration = Duration::from_secs(60);

struct Lab {
    dir: tempfile::TempDir,
    exec: Exec,
    roots: Roots,
}

/// The guest's process is `pid`, and began at `began`.
fn lives(roots: &Roots, pid: u32, began: u64) {
    let stat = format!("{pid} (qemu 1) S {}{began} 0\n", "0 ".repeat(18));
    atomic::write(&roots.proc.join(format!("{pid}/stat")), stat.as_bytes()).unwrap();
    let noted = roots.guests.join("one-12.pid");
    atomic::write(&noted, format!("{pid}\n").as_bytes()).unwrap();
}

impl Lab {
    fn new(fails: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let stub = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stubs/virsh/virsh");
        std::os::unix::fs::symlink(stub, dir.path().join("virsh")).unwrap();
        std::fs::create_dir(dir.path().join("virsh.d")).unwrap();
        let exec = Exec::new([dir.path().to_owned(), "/usr/bin".into(), "/bin".into()]);
        let roots = Roots::at(dir.path());
        let lab = Self { dir, exec, roots };
        lab.put("fails", &fails.join("\n"));
        lab.now("running", "booted");
        lives(&lab.roots, 4711, 100);
        lab
    }

    fn put(&self, name: &str, text: &str) {
        let file = self.dir.path().join("virsh.d").join(name);
        atomic::write(&file, format!("{text}\n").as_bytes()).unwrap();
    }

    fn now(&self, state: &str, reason: &str) {
        self.put("state", state);
        self.put("reason", reason);
    }

    fn read(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.dir.path().join("virsh.d").join(name));
        text.unwrap_or_default().trim().to_owned()
    }

    fn said(&self) -> Vec<String> {
        let log = self.read("log");
        let said = log.lines().filter(|verb| *verb != "dominfo");
        said.map(str::to_owned).collect()
    }

    fn guest(&self, patience: Duration) -> Guest<'_> {
        Guest {
            exec: &self.exec,
            roots: &self.roots,
            domain: "one-12",
            patience,
        }
    }

    fn held(&self, patience: Duration) -> Result<Held<'_>> {
        let guest = self.guest(patience);
        // A child that some other test is just about to start has the lock for a moment, until it is that program.
        Held::of(guest, "test", LONG)
    }

    fn at_rest<T>(&self, rest: Rest, work: impl FnOnce() -> Result<T>) -> (Result<T>, Vec<String>) {
        let mut warnings = Vec::new();
        let held = self.held(LONG).unwrap();
        (held.at_rest(rest, &mut warnings, work), warnings)
    }

    /// What somebody who is killed at work leaves: nothing of what comes after it is done.
    fn killed(&self, rest: Rest, before: bool) {
        let held = self.held(Duration::ZERO).unwrap();
        assert_eq!(held.begin(rest).unwrap(), None);
        if !before {
            held.guest.rest(rest).unwrap();
            held.note(rest, true).unwrap();
        }
    }

    fn rouse(&self, patience: Duration) -> (Result<bool>, Vec<String>) {
        let mut warnings = Vec::new();
        let roused = self.held(patience).unwrap().roused(&mut warnings, false);
        (roused, warnings)
    }

    fn is_noted(&self) -> bool {
        self.roots.run.join("guest/one-12.json").exists()
    }
}

fn no() -> Result<()> {
    Err(Error::new(Kind::Failed, "no"))
}

#[test]
fn a_guest_is_thawed_whatever_came_of_the_freezing() {
    for (fails, warned) in [(&[][..], false), (&["domfsfreeze 1"], true)] {
        let lab = Lab::new(fails);
        let (done, warnings) = lab.at_rest(Rest::Freeze, || Ok(lab.is_noted()));
        assert!(done.unwrap() && !lab.is_noted());
        assert_eq!(lab.said(), ["domfsfreeze", "domfsthaw"]);
        assert_eq!(!warnings.is_empty(), warned, "{warnings:?}");
    }
}

#[test]
fn a_guest_that_does_not_go_on_at_once_is_asked_again() {
    for (rest, fails) in [
        (Rest::Freeze, ["domfsthaw 1", "domfsthaw 2"]),
        (Rest::Suspend, ["resume 1", "resume 2"]),
    ] {
        let lab = Lab::new(&fails);
        let (failed, warnings) = lab.at_rest(rest, no);
        assert_eq!(failed.unwrap_err().chain(), "no");
        assert_eq!(
            (lab.read("state").as_str(), lab.read("frozen").as_str()),
            ("running", "")
        );
        assert!(warnings.is_empty() && !lab.is_noted(), "{warnings:?}");
    }
}

/// A guest that somebody else has suspended, or may have, is not set going.
#[test]
fn a_guest_is_resumed_if_it_was_suspended_for_this() {
    const ALL: &[&str] = &["domstate", "suspend", "resume"];
    for (before, fails, during, expected) in [
        ("running", &[][..], "paused", ALL),
        ("paused", &[], "paused", &ALL[..1]),
        ("running", &["suspend 1"], "running", &ALL[..2]),
        ("running", &["domstate 1"], "running", &ALL[..1]),
        ("running", &["dominfo"], "running", &ALL[..1]),
    ] {
        let lab = Lab::new(fails);
        lab.now(before, "user");
        let (seen, warnings) = lab.at_rest(Rest::Suspend, || Ok(lab.read("state")));
        assert_eq!(seen.unwrap(), during);
        assert_eq!(lab.said(), expected);
        assert_eq!(
            (lab.read("state").as_str(), lab.is_noted()),
            (before, false),
            "{fails:?}"
        );
        let nothing_to_say = fails.is_empty() && before == "running";
        assert_eq!(warnings.is_empty(), nothing_to_say, "{warnings:?}");
    }
}

/// What one that was killed left goes on, before anything else is done with it; what came of it since is left alone.
#[test]
fn what_was_left_at_rest_goes_on() {
    type Since = fn(&Lab);
    let cases: [(Rest, bool, Since, bool, &str); 11] = [
        (Rest::Suspend, false, |_| {}, true, "running"),
        (Rest::Freeze, false, |_| {}, true, "running"),
        (Rest::Suspend, true, |_| {}, false, "running"),
        (Rest::Freeze, true, |_| {}, true, "running"),
        // An operator was faster.
        (
            Rest::Suspend,
            false,
            |lab| lab.now("running", "unpaused"),
            false,
            "running",
        ),
        // It was started anew, and is paused for somebody; its process may have any number, but began later.
        (
            Rest::Suspend,
            false,
            |lab| lives(&lab.roots, 4712, 101),
            false,
            "paused",
        ),
        (
            Rest::Suspend,
            false,
            |lab| lives(&lab.roots, 4711, 101),
            false,
            "paused",
        ),
        // It ended, whatever libvirt still has of it.
        (
            Rest::Suspend,
            false,
            |lab| drop(atomic::remove(&lab.roots.proc.join("4711/stat"))),
            false,
            "paused",
        ),
        (
            Rest::Suspend,
            false,
            |lab| lab.now("paused", "I/O error"),
            false,
            "paused",
        ),
        (
            Rest::Suspend,
            false,
            |lab| lab.now("gone", ""),
            false,
            "gone",
        ),
        (
            Rest::Freeze,
            false,
            |lab| lab.now("gone", ""),
            false,
            "gone",
        ),
    ];
    for (at, (rest, before, since, roused, state)) in cases.into_iter().enumerate() {
        let lab = Lab::new(&[]);
        lab.killed(rest, before);
        assert!(lab.is_noted());
        since(&lab);
        assert_eq!(lab.rouse(Duration::ZERO).0.unwrap(), roused, "case {at}");
        assert_eq!(lab.read("state"), state, "case {at}");
        assert!(!lab.is_noted() && (state == "gone" || lab.read("frozen").is_empty()));
        assert!(
            !lab.rouse(Duration::ZERO).0.unwrap(),
            "there is no note any more"
        );
    }
    // Whoever brings it to rest next does so first.
    let lab = Lab::new(&[]);
    lab.killed(Rest::Suspend, false);
    let (done, warnings) = lab.at_rest(Rest::Suspend, || Ok(lab.read("state")));
    assert_eq!(
        (done.unwrap().as_str(), lab.read("state").as_str()),
        ("paused", "running")
    );
    assert!(warnings.is_empty() && !lab.is_noted(), "{warnings:?}");
}

/// A guest that does not go on is told of until it does, but for one that may never have been frozen.
#[test]
fn what_does_not_go_on_stays_noted() {
    for (rest, before, fails, kept) in [
        (Rest::Suspend, false, "resume", true),
        (Rest::Freeze, false, "domfsthaw", true),
        (Rest::Freeze, true, "domfsthaw", false),
        (Rest::Freeze, true, "dominfo", true),
    ] {
        let lab = Lab::new(&[]);
        lab.killed(rest, before);
        lab.put("fails", fails);
        let (roused, warnings) = lab.rouse(Duration::ZERO);
        assert_eq!(
            (roused.is_err(), lab.is_noted()),
            (kept, kept),
            "{fails}: {roused:?}"
        );
        assert_eq!(warnings.is_empty(), kept, "{warnings:?}");
    }
}

/// It is at rest for somebody who works.
#[test]
fn nobody_else_lets_a_guest_go_on() {
    let lab = Lab::new(&[]);
    let _works = lab.held(Duration::ZERO).unwrap();
    let guest = lab.guest(Duration::ZERO);
    let other = Held::of(guest, "test", Duration::ZERO);
    assert_eq!(other.unwrap_err().kind(), Kind::Busy);
}

/// A container of LXC's, with tools that keep its state: `tests/stubs/lxc`.
fn container(dir: &Path, state: &str, fails: &str) -> Exec {
    let stub = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stubs/lxc/lxc");
    for tool in ["lxc-info", "lxc-freeze", "lxc-unfreeze"] {
        std::os::unix::fs::symlink(stub, dir.join(tool)).unwrap();
    }
    let known = dir.join("lxc.d");
    std::fs::create_dir(&known).unwrap();
    for (name, text) in [("state", state), ("pid", "4711"), ("fails", fails)] {
        atomic::write(&known.join(name), format!("{text}\n").as_bytes()).unwrap();
    }
    lives(&Roots::at(dir), 4711, 100);
    Exec::new([dir.to_owned(), "/usr/bin".into(), "/bin".into()])
}

/// It is stopped while the work is done, and goes on but for one that somebody else has stopped; what was left stopped goes on.
#[test]
fn a_container_is_stopped_meanwhile() {
    for (before, fails, during, after, warned) in [
        ("RUNNING", "", "FROZEN", "RUNNING", ""),
        ("FROZEN", "", "FROZEN", "FROZEN", "lxc-unfreeze -n one-12"),
        (
            "RUNNING",
            "lxc-freeze",
            "RUNNING",
            "RUNNING",
            "different moments",
        ),
        ("STOPPED", "", "STOPPED", "STOPPED", "does not run"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let exec = container(dir.path(), before, fails);
        let roots = Roots::at(dir.path());
        let state = || std::fs::read_to_string(dir.path().join("lxc.d/state")).unwrap();
        let guest = Guest {
            exec: &exec,
            roots: &roots,
            domain: "one-12",
            patience: LONG,
        };
        let held = Held::of(guest, "test", LONG).unwrap();
        let mut warnings = Vec::new();
        let seen = held.at_rest(Rest::Container, &mut warnings, || Ok(state()));
        assert_eq!(seen.unwrap().trim(), during);
        assert_eq!(state().trim(), after);
        assert_eq!(warnings.is_empty(), warned.is_empty(), "{warnings:?}");
        assert!(warnings.concat().contains(warned), "{warnings:?}");
        assert!(!roots.run.join("guest/one-12.json").exists());
    }
    let dir = tempfile::tempdir().unwrap();
    let exec = container(dir.path(), "RUNNING", "");
    let roots = Roots::at(dir.path());
    let guest = Guest {
        exec: &exec,
        roots: &roots,
        domain: "one-12",
        patience: LONG,
    };
    let held = Held::of(guest, "test", LONG).unwrap();
    assert_eq!(held.begin(Rest::Container).unwrap(), None);
    held.guest.rest(Rest::Container).unwrap();
    let mut warnings = Vec::new();
    assert!(held.roused(&mut warnings, false).unwrap());
    let state = std::fs::read_to_string(dir.path().join("lxc.d/state")).unwrap();
    assert_eq!((state.trim(), warnings.len()), ("RUNNING", 0));
}

#[test]
fn a_domain_may_be_called_anything() {
    assert_eq!(file_name("one-12"), "one-12");
    assert_eq!(file_name("../a b"), "%2e%2e%2fa%20b");
}
