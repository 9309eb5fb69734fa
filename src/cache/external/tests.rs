//! Drivers that do not behave, as scripts: whatever they do, it is told in an error, in time.

use std::path::PathBuf;
use std::time::Instant;

use super::*;
use crate::cache::{Cleanliness, Driver, SeedAbility, Seen};
use crate::cancel::Cancel;
use crate::host::Host;
use crate::model::Bytes;
use crate::progress::ProgressMode;
use crate::sys::{DevNum, atomic, wait};

const GOOD: &str = r#"{"version":1,"name":"odd","release":"1","about":"x","modes":["writethrough","writeback"],"seed":"never",
"parts":[{"role":"data","permille":1000}],"guarantees":{"writethrough":"all","writeback":"none"}}"#;

struct World {
    root: tempfile::TempDir,
    host: Host,
    key: DiskKey,
}

impl World {
    /// A host with one driver, whose script says GOOD to `capabilities` and otherwise does what `verbs` has.
    fn new(verbs: &str) -> Self {
        Self::with(&format!(
            "case $1 in capabilities) echo '{GOOD}'; exit 0;; esac\n{verbs}"
        ))
    }

    fn with(script: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let drivers = root.path().join("drivers");
        let text = format!("#!/bin/sh\n{script}\n");
        atomic::write_mode(&drivers.join("odd/driver"), text.as_bytes(), 0o755).unwrap();
        let mut config = Config::default();
        config.drivers.path = vec![drivers];
        config.deadline.tool = Duration::from_secs(1);
        let roots = Roots::at(root.path());
        Self {
            host: Host::new(config, roots, ProgressMode::Quiet, Cancel::new()),
            key: "801945f3-3-ab12".parse().unwrap(),
            root,
        }
    }

    fn driver(&self) -> Result<&dyn Driver> {
        self.host.drivers.get(&"odd".parse().unwrap())
    }

    /// Why it cannot be used at all.
    fn refusal(&self) -> String {
        self.driver()
            .map(|driver| driver.name())
            .unwrap_err()
            .chain()
    }

    fn broken(&self) -> String {
        match self.driver().unwrap().probe(&self.host, &self.key).unwrap() {
            Cache::Broken { why } => why,
            other => panic!("{other:?}"),
        }
    }

    fn site(&self) -> Site<'_> {
        let device = |name: &str| Device {
            path: PathBuf::from(name),
            number: DevNum { major: 1, minor: 1 },
            size: Bytes::mib(1).sectors(),
        };
        Site {
            host: &self.host,
            key: &self.key,
            origin: device("/dev/rbd0"),
            parts: vec![(Role::Data, device("/dev/ssd/data"))],
            block: Bytes::kib(256),
            mode: CacheMode::Writethrough,
        }
    }
}

#[test]
fn what_it_tells_is_used_and_asked_once() {
    let world = World::with(&format!(
        "[ $1 = capabilities ] && echo asked >>$0.log && echo '{GOOD}'"
    ));
    for _ in 0..3 {
        let driver = world.driver().unwrap();
        assert_eq!(driver.name().as_str(), "odd");
        assert_eq!(driver.guarantee(CacheMode::Writeback), "none");
        assert_eq!(driver.capabilities().seed, SeedAbility::Never);
        let part = driver.layout(Bytes::mib(5), Bytes::kib(256))[0];
        assert_eq!((part.role, part.size), (Role::Data, Bytes::mib(5)));
    }
    let log = std::fs::read_to_string(world.root.path().join("drivers/odd/driver.log")).unwrap();
    assert_eq!(log, "asked\n");
    let unknown = world
        .host
        .drivers
        .get(&"none-such".parse().unwrap())
        .map(|driver| driver.name());
    assert!(
        unknown
            .unwrap_err()
            .remedy_text()
            .unwrap()
            .contains("dm-cache, bcache")
    );
}

#[test]
fn capabilities_that_do_not_fit_are_refused() {
    let with = |from: &str, to: &str| {
        let text = GOOD.replace(from, to);
        assert_ne!(text, GOOD, "{from}");
        World::with(&format!("cat <<'END'\n{text}\nEND")).refusal()
    };
    for (from, to, wanted) in [
        (r#""version":1"#, r#""version":2"#, "speaks version 2"),
        (r#""name":"odd""#, r#""name":"even""#, "calls itself even"),
        (r#""release":"1""#, r#""release":1"#, "invalid type"),
        (
            r#""about":"x""#,
            r#""about":"x","more":1"#,
            "unknown field `more`",
        ),
        (r#"["writethrough","writeback"]"#, "[]", "no mode"),
        (
            r#"["writethrough","writeback"]"#,
            r#"["none"]"#,
            "none is not a mode",
        ),
        (
            r#""writeback":"none""#,
            r#""writearound":"none""#,
            "does not say what writeback",
        ),
        (r#""role":"data""#, r#""role":"meta""#, "not one data"),
        (
            r#""role":"data""#,
            r#""role":"front""#,
            "neither data nor meta",
        ),
        (
            r#""seed":"never""#,
            r#""seed":"never","tools":["a;b"]"#,
            "no name of a tool",
        ),
        (
            r#""seed":"never""#,
            r#""seed":"read","reads":false"#,
            "caches no reads",
        ),
    ] {
        let said = with(from, to);
        assert!(said.contains(wanted), "{to}: {said}");
    }
}

#[test]
fn one_that_is_out_of_its_mind_is_survived() {
    let cases = [
        ("exit 0", "EOF"),
        ("exit 3", "exit code 3"),
        ("exit 1", "EOF"),
        ("kill -9 $$", "SIGKILL"),
        ("echo nonsense", "expected ident"),
        ("echo '{\"version\":1,\"state\":\"up\"'", "EOF"),
        (
            "echo '{\"version\":1,\"state\":\"asleep\"}'",
            "unknown variant `asleep`",
        ),
        ("echo '{\"version\":7}'", "speaks version 7"),
        ("head -c 5000000 /dev/zero", "more than 1 MiB"),
        ("printf '\\377\\376'", "expected value"),
        (
            "echo '{\"version\":1,\"state\":\"up\",\"run\":\"drain\",\"device\":\"/dev/null\"}'",
            "no counters",
        ),
        (
            "echo '{\"version\":1,\"state\":\"up\",\"run\":\"drain\",\"stats\":{\"dirty\":0}}'",
            "has no device",
        ),
        (
            "echo '{\"version\":1,\"state\":\"up\",\"run\":\"drain\",\"device\":\"/etc/passwd\",\"stats\":{\"dirty\":0}}'",
            "is no block device",
        ),
        (
            "echo '{\"version\":1,\"state\":\"up\",\"device\":\"/dev/x\",\"stats\":{\"dirty\":0}}'",
            "does not say what it does",
        ),
        (
            "echo '{\"version\":1,\"state\":\"up\",\"run\":\"drain\",\"stats\":{\"dirty\":-1}}'",
            "negative",
        ),
        (
            "echo '{\"version\":1,\"error\":{\"kind\":\"busy\",\"message\":\"no\"}}'; exit 1",
            "status: no",
        ),
        (
            "echo '{\"version\":1,\"error\":{\"kind\":\"sad\",\"message\":\"no\"}}'; exit 1",
            "unknown variant `sad`",
        ),
    ];
    for (script, wanted) in cases {
        let why = World::new(script).broken();
        assert!(why.contains(wanted), "{script}: {why}");
    }
}

#[test]
fn one_that_hangs_is_ended_with_its_children_and_not_asked_again() {
    let world = World::new("sleep 60 & echo $! >>$0.pid; wait");
    let driver = world.driver().unwrap();
    let began = Instant::now();
    assert!(world.broken().contains("no end after"));
    let took = began.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
    let pids = world.root.path().join("drivers/odd/driver.pid");
    let pid = std::fs::read_to_string(&pids).unwrap();
    let stat = || std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    // A signal is sent at once; dying takes the kernel a moment.
    let died = wait::poll(Duration::from_secs(10), || {
        let stat = stat();
        (stat.is_empty() || stat.contains(") Z")).then_some(())
    });
    assert!(died.is_some(), "{}", stat());
    assert!(matches!(
        driver.read(&world.host, &world.key, &Seen::new(None)),
        Cache::Broken { .. }
    ));
    assert_eq!(std::fs::read_to_string(&pids).unwrap(), pid);
    assert!(matches!(
        driver.cleanliness(&world.host, &world.key).unwrap(),
        Cleanliness::Unknown { .. }
    ));
}

#[test]
fn one_that_cannot_be_asked_has_no_broken_cache() {
    let asked = |verbs: &str| {
        let world = World::new(verbs);
        let asked = world.driver().unwrap().asked(&world.host, &world.key);
        assert!(!world.broken().is_empty(), "{verbs}");
        asked
    };
    let told = asked(r#"echo '{"version":1,"state":"broken","why":"worn out"}'"#);
    assert!(matches!(told, Ok(Cache::Broken { why }) if why == "worn out"));
    assert!(asked("exit 3").is_err());
    assert_eq!(asked("sleep 60").unwrap_err().kind(), Kind::Timeout);
    let world = World::new("sleep 60");
    world.broken();
    let again = world.driver().unwrap().asked(&world.host, &world.key);
    assert_eq!(again.unwrap_err().kind(), Kind::Timeout);
}

#[test]
fn its_own_words_are_kept_within_bounds() {
    let script = r#"printf '{"version":1,"error":{"kind":"no-space","message":"a\\nb\\u001b[31m%s","remedy":"sit down"}}' $(head -c 4000 /dev/zero | tr '\0' x); exit 1"#;
    let world = World::new(script);
    let error = world
        .driver()
        .unwrap()
        .close(&world.host, &world.key)
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.remedy_text()),
        (Kind::NoSpace, Some("sit down"))
    );
    let said = error.chain();
    assert!(
        said.len() < 1200 && said.contains("a b [31mx") && !said.contains('\u{1b}'),
        "{said}"
    );
}

#[test]
fn what_it_claims_to_have_done_is_looked_at() {
    let up = r#"echo '{"version":1,"state":"up","run":"serve","mode":"writeback","device":"/dev/null","stats":{"dirty":0}}'"#;
    let world = World::new(up);
    let (driver, site) = (world.driver().unwrap(), world.site());
    let refused = |result: Result<()>| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), Kind::Mismatch, "{}", error.chain());
        error.chain()
    };
    let other = driver.switch(&site, Running::Serving(CacheMode::Writethrough));
    assert!(refused(other).contains("instead of"));
    let taking = driver.drain(&site, Duration::from_secs(1)).map(drop);
    assert!(
        refused(taking).contains("instead of Draining"),
        "write-back may become dirty again"
    );
    assert!(
        refused(driver.close(&world.host, &world.key).map(drop)).contains("still has a device")
    );
    assert!(refused(driver.wipe(&site)).contains("in use"));
    let left = World::new(
        r#"echo '{"version":1,"state":"up","run":"drain","device":"/dev/null","stats":{"dirty":4096}}'"#,
    );
    let error = left
        .driver()
        .unwrap()
        .drain(&left.site(), Duration::from_secs(1))
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout);
    assert!(error.chain().contains("4 KiB"), "{}", error.chain());
}

#[test]
fn the_request_is_what_the_schema_says() {
    let world = World::new("cat >$0.request; echo '{\"version\":1,\"state\":\"absent\"}'");
    let _refused = world
        .driver()
        .unwrap()
        .open(&world.site(), Running::Serving(CacheMode::Writeback));
    // The close that cleans up after the refused open has overwritten it.
    let text = std::fs::read(world.root.path().join("drivers/odd/driver.request")).unwrap();
    let request: Request = serde_json::from_slice(&text).unwrap();
    assert_eq!(
        (request.disk, request.site),
        (Some(External::names(&world.key)), None)
    );
    let open =
        External::request_to_open(&world.site(), CacheMode::Writeback, Duration::from_secs(9));
    insta::assert_json_snapshot!(open, @r#"
    {
      "version": 1,
      "seconds": 9,
      "disk": {
        "key": "801945f3-3-ab12",
        "cache": {
          "name": "wb-801945f3-3-ab12-cache",
          "uuid": "WARMBLOCK-1-cache-801945f3-3-ab12"
        },
        "origin": {
          "name": "wb-801945f3-3-ab12-origin",
          "uuid": "WARMBLOCK-1-origin-801945f3-3-ab12"
        }
      },
      "site": {
        "origin": {
          "path": "/dev/rbd0",
          "number": "1:1",
          "size": 1048576
        },
        "parts": {
          "data": {
            "path": "/dev/ssd/data",
            "number": "1:1",
            "size": 1048576
          }
        },
        "block": 262144
      },
      "run": "serve",
      "mode": "writeback"
    }
    "#);
}

/// A write-back that takes its time ends when the operator says so, and is not told as a driver that does not answer.
#[test]
fn a_flush_can_be_cancelled() {
    let world = World::new("case $1 in flush) sleep 600;; *) exit 3;; esac");
    let began = Instant::now();
    let patience = Duration::from_secs(600);
    let drained = std::thread::scope(|scope| {
        let drain = scope.spawn(|| world.driver().unwrap().drain(&world.site(), patience));
        world.host.cancel.cancel();
        drain.join().unwrap()
    });
    assert_eq!(drained.unwrap_err().kind(), Kind::Cancelled);
    assert!(began.elapsed() < patience / 2);
}
