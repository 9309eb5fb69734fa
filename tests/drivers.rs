//! The cache driver `opencas` on stubs of casadm, dmsetup and udevadm, which keep their state and refuse what the real ones do;
//! see tests/stubs/opencas. Needs jq, as the driver does.

#![expect(clippy::unwrap_used, reason = "a failing helper fails the test")]

use std::path::Path;

use assert_cmd::Command;
use serde_json::{Value, json};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

struct World {
    dir: tempfile::TempDir,
}

/// A disk's name, and the files that stand for its devices.
struct Disk<'a> {
    world: &'a World,
    key: &'static str,
    site: Value,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for part in ["dev", "devices", "run/udev"] {
            std::fs::create_dir_all(dir.path().join(part)).unwrap();
        }
        std::fs::File::create(dir.path().join("run/udev/control")).unwrap();
        for file in ["rules", "module"] {
            std::fs::File::create(dir.path().join(file)).unwrap();
        }
        Self { dir }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, program: &Path, args: &[&str], input: &str) -> std::process::Output {
        let stubs = Path::new(ROOT).join("tests/stubs/opencas");
        Command::new(program)
            .args(args)
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", stubs.display()))
            .env("WARMBLOCK_ROOT", self.dir.path())
            .write_stdin(input)
            .output()
            .unwrap()
    }

    /// The tool itself, as an operator calls it.
    fn casadm(&self, args: &[&str]) -> String {
        let stub = Path::new(ROOT).join("tests/stubs/opencas/casadm");
        let output = self.run(&stub, args, "");
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// A fact of a cache of the stub.
    fn set(&self, fact: &str, value: u64) {
        warmblock::sys::atomic::write(
            &self.path("cas/1").join(fact),
            format!("{value}\n").as_bytes(),
        )
        .unwrap();
    }

    /// A block device of so many MiB, with a number.
    fn device(&self, name: &str, number: &str, mib: u64) -> Value {
        let file = self.path("dev").join(name);
        std::fs::File::create(&file)
            .unwrap()
            .set_len(mib << 20)
            .unwrap();
        std::os::unix::fs::symlink(&file, self.path("devices").join(number)).unwrap();
        json!({"path": format!("/dev/{name}"), "number": number, "size": mib << 20})
    }

    fn disk(&self, key: &'static str, number: u32) -> Disk<'_> {
        let origin = self.device(&format!("rbd{number}"), &format!("250:{number}"), 64);
        let data = self.device(&format!("slice{number}"), &format!("253:{number}"), 48);
        Disk {
            world: self,
            key,
            site: json!({"origin": origin, "parts": {"data": data}, "block": 262_144}),
        }
    }
}

impl Disk<'_> {
    fn name(&self, role: &str) -> String {
        format!("wb-{}-{role}", self.key)
    }

    fn request(&self, verb: &str, run: Option<&str>, mode: Option<&str>) -> Value {
        let names = |role: &str| json!({"name": self.name(role), "uuid": format!("WARMBLOCK-1-{role}-{}", self.key)});
        let mut request = json!({
            "version": 1, "seconds": 10, "disk": {"key": self.key, "cache": names("cache"), "origin": names("origin")},
        });
        if !["status", "close"].contains(&verb) {
            request["site"] = self.site.clone();
        }
        for (key, value) in [("run", run), ("mode", mode)] {
            if let Some(value) = value {
                request[key] = value.into();
            }
        }
        request
    }

    /// Exit code and answer.
    fn ask(&self, verb: &str, run: Option<&str>, mode: Option<&str>) -> (i32, Value) {
        let driver = Path::new(ROOT).join("drivers/opencas/driver");
        let output = self
            .world
            .run(&driver, &[verb], &self.request(verb, run, mode).to_string());
        let answer = serde_json::from_slice(&output.stdout);
        (
            output.status.code().unwrap(),
            answer.unwrap_or_else(|error| panic!("{verb}: {error}: {output:?}")),
        )
    }

    fn ok(&self, verb: &str, run: Option<&str>, mode: Option<&str>) -> Value {
        let (code, answer) = self.ask(verb, run, mode);
        assert_eq!(code, 0, "{verb} {run:?} {mode:?}: {answer}");
        answer
    }

    fn open(&self, mode: &str) -> Value {
        self.ok("open", Some("serve"), Some(mode))
    }

    fn state(&self) -> Value {
        self.ok("status", None, None)["state"].clone()
    }

    /// The kind and the words of a refusal.
    fn refused(&self, verb: &str, run: Option<&str>, mode: Option<&str>) -> (String, String) {
        let (code, answer) = self.ask(verb, run, mode);
        assert_eq!(code, 1, "{verb}: {answer}");
        let error = &answer["error"];
        (
            error["kind"].as_str().unwrap().to_owned(),
            error.to_string(),
        )
    }
}

#[test]
fn each_mode_is_opened_and_closed_twice() {
    let world = World::new();
    let disk = world.disk("801945f3-3-ab12", 0);
    for (mode, policy) in [
        ("writethrough", "wt"),
        ("writearound", "wa"),
        ("writeback", "wb"),
    ] {
        assert_eq!(disk.state(), "absent");
        assert_eq!(disk.ok("format", None, None)["state"], "absent");
        let up = disk.open(mode);
        assert_eq!(up, disk.open(mode), "a second time");
        let device = world.path("dev/cas1-1");
        assert_eq!(
            (up["device"].as_str().unwrap(), &up["mode"]),
            (device.to_str().unwrap(), &Value::from(mode))
        );
        assert_eq!(
            (&up["stats"]["dirty"], &up["stats"]["capacity"]),
            (&0.into(), &(9000_u64 * 4096).into())
        );
        assert_eq!(
            (&up["stats"]["read_hits"], &up["stats"]["read_misses"]),
            (&30.into(), &20.into())
        );
        assert!(
            world
                .casadm(&["-L", "-o", "csv"])
                .contains(&format!(",Running,{policy},-"))
        );
        for _ in 0..2 {
            assert_eq!(disk.ok("close", None, None)["state"], "absent");
        }
        assert!(
            !world.path("written_back").exists(),
            "a close wrote to the image"
        );
    }
    // The slice still has its metadata: the tool is not forced, and says so.
    let (kind, said) = disk.refused("open", Some("serve"), Some("writeback"));
    assert!(
        kind == "failed" && said.contains("Old metadata found"),
        "{said}"
    );
    disk.ok("close", None, None);
    disk.ok("format", None, None);
    disk.open("writeback");
}

#[test]
fn a_disk_is_told_from_others_whose_names_are_alike() {
    let world = World::new();
    let (short, long) = (
        world.disk("801945f3-3-ab1", 0),
        world.disk("801945f3-3-ab12", 1),
    );
    let foreign = world.device("stranger", "8:16", 64);
    assert_eq!(foreign["size"], 64 << 20);
    let links = world.path("dev/disk/by-id");
    std::fs::create_dir_all(&links).unwrap();
    std::os::unix::fs::symlink(
        world.path("dev/stranger"),
        links.join("dm-name-wb-801945f3-3-ab12-cache-old"),
    )
    .unwrap();
    world.casadm(&[
        "-S",
        "-d",
        "/dev/disk/by-id/dm-name-wb-801945f3-3-ab12-cache-old",
        "-c",
        "wb",
    ]);
    assert_eq!(short.state(), "absent");
    let up = long.open("writethrough");
    assert!(up["device"].as_str().unwrap().ends_with("/dev/cas2-1"));
    assert_eq!(short.state(), "absent");
    assert!(
        short.open("writearound")["device"]
            .as_str()
            .unwrap()
            .ends_with("/dev/cas3-1")
    );
    long.ok("close", None, None);
    assert_eq!(short.state(), "up");
    short.ok("close", None, None);
    let left = world.casadm(&["-L", "-o", "csv"]);
    assert_eq!(
        left.lines().count(),
        2,
        "the stranger's cache stays: {left}"
    );
}

#[test]
fn dirty_data_are_flushed_and_stay_so() {
    let world = World::new();
    let disk = world.disk("801945f3-3-ab12", 0);
    disk.open("writeback");
    world.set("occupancy", 500);
    world.set("dirty", 25);
    let stats = &disk.ok("status", None, None)["stats"];
    assert_eq!(
        (&stats["dirty"], &stats["resident"]),
        (&(25 * 4096).into(), &(500 * 4096).into())
    );
    let (kind, _) = disk.refused("mode", Some("serve"), Some("writethrough"));
    assert_eq!(kind, "dirty", "write-back is left by a flush only");
    let (kind, _) = disk.refused("format", None, None);
    assert_eq!(kind, "busy");
    let flushed = disk.ok("flush", None, None);
    assert_eq!(
        (&flushed["run"], &flushed["stats"]["dirty"]),
        (&"drain".into(), &0.into())
    );
    assert!(world.casadm(&["-L", "-o", "csv"]).contains(",Running,pt,-"));
    for mode in ["writethrough", "writeback", "writearound"] {
        if mode == "writearound" {
            disk.ok("flush", None, None);
        }
        assert_eq!(disk.ok("mode", Some("serve"), Some(mode))["mode"], mode);
    }
}

#[test]
fn it_is_filled_by_reading() {
    let world = World::new();
    let disk = world.disk("801945f3-3-ab12", 0);
    assert_eq!(disk.ok("open", Some("fill"), None)["run"], "fill");
    assert_eq!(
        std::fs::read_to_string(world.path("cas/1/cutoff")).unwrap(),
        "never\n"
    );
    let served = disk.ok("mode", Some("serve"), Some("writeback"));
    assert_eq!(
        (&served["run"], &served["mode"]),
        (&"serve".into(), &"writeback".into())
    );
    assert_eq!(
        std::fs::read_to_string(world.path("cas/1/cutoff")).unwrap(),
        "full\n"
    );
}

#[test]
fn dirty_data_outlive_a_close_and_come_home() {
    let world = World::new();
    let disk = world.disk("801945f3-3-ab12", 0);
    disk.open("writeback");
    world.set("occupancy", 25);
    world.set("dirty", 25);
    disk.ok("close", None, None);
    assert!(
        !world.path("written_back").exists(),
        "a close wrote to the image"
    );
    let again = disk.ok("open", Some("drain"), None);
    assert_eq!(
        (&again["run"], &again["stats"]["dirty"]),
        (&"drain".into(), &(25 * 4096).into())
    );
    assert_eq!(disk.ok("flush", None, None)["stats"]["dirty"], 0);
    assert_eq!(disk.ok("close", None, None)["state"], "absent");
}

#[test]
fn what_an_interrupted_open_left_is_seen_and_taken_away() {
    let world = World::new();
    let disk = world.disk("801945f3-3-ab12", 0);
    disk.open("writethrough");
    // As if it had been killed before the core was added; then before the cache was started.
    std::fs::File::create(world.path("cas/1/core")).unwrap();
    assert_eq!(disk.state(), "broken");
    // Nobody knows what it holds: it is not taken for what the image lacks.
    let (kind, _) = disk.refused("open", Some("drain"), None);
    assert_eq!(kind, "exists");
    disk.open("writethrough");
    assert_eq!(disk.state(), "up");
    world.casadm(&["-T", "-i", "1", "-n"]);
    assert_eq!(disk.state(), "broken");
    assert_eq!(disk.ok("close", None, None)["state"], "absent");
    assert!(
        std::fs::read_dir(world.path("dm"))
            .unwrap()
            .next()
            .is_none()
    );
}

#[test]
fn what_the_host_lacks_is_told() {
    let world = World::new();
    std::fs::remove_file(world.path("rules")).unwrap();
    let disk = world.disk("801945f3-3-ab12", 0);
    let (kind, said) = disk.refused("open", Some("serve"), Some("writethrough"));
    assert!(
        kind == "missing" && said.contains("58-warmblock-opencas.rules"),
        "{said}"
    );
    disk.ok("close", None, None);
    // Its own tool refuses a slice that is too small.
    let mut small = world.disk("801945f3-3-ab13", 1);
    std::fs::File::create(world.path("rules")).unwrap();
    small.site["parts"]["data"] = world.device("tiny", "253:9", 39);
    let (_, said) = small.refused("open", Some("serve"), Some("writethrough"));
    assert!(said.contains("Minimum cache size is 40MiB"), "{said}");
}

#[test]
fn capabilities_fit_and_odd_requests_do_not() {
    let world = World::new();
    let driver = Path::new(ROOT).join("drivers/opencas/driver");
    let output = world.run(&driver, &["capabilities"], r#"{"version":1,"seconds":5}"#);
    let told: warmblock::cache::external::protocol::CapabilitiesAnswer =
        serde_json::from_slice(&output.stdout).unwrap();
    told.check().unwrap();
    assert!(
        told.parts[0]
            .part(
                warmblock::model::Bytes::mib(4),
                warmblock::model::Bytes::kib(256)
            )
            .size
            .0
            >= 40 << 20
    );
    let disk = world.disk("801945f3-3-ab12", 0);
    let good = disk.request("open", Some("serve"), Some("writethrough"));
    let mut odd = good.clone();
    odd["disk"]["key"] = "../../etc".into();
    for (verb, input) in [
        ("open", String::new()),
        ("open", "[]".into()),
        ("open", odd.to_string()),
        ("explode", good.to_string()),
    ] {
        let output = world.run(&driver, &[verb], &input);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (output.status.code(), &answer["error"]["kind"]),
            (Some(1), &"usage".into()),
            "{input}"
        );
    }
    assert_eq!(disk.state(), "absent");
}
