//! tgt-admin's files: golden, and read by the real tgt-admin, which must make of them what the inventory says.

#![expect(clippy::unwrap_used, reason = "a failing helper fails the test")]

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Instant;

use warmblock::model::HostName;
use warmblock::tgt::inventory::{ClientRole, Inventory};
use warmblock::tgt::registry::{FileStore, Identities, ImageKey, identify};
use warmblock::tgt::render::{ClientView, Templates, rendered, view};

struct Site {
    dir: tempfile::TempDir,
    inventory: Inventory,
    identities: Identities,
}

fn put(path: &Path, text: &str) {
    warmblock::sys::atomic::write(path, text.as_bytes()).unwrap();
}

/// An inventory with made-up image ids.
fn site(text: &str) -> Site {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    put(&dir.path().join("secret"), "abcDEF123456\n");
    put(&dir.path().join("other"), "ABCdef-12/@_\n");
    let text = text
        .replace("REGISTRY", &at("registry.json"))
        .replace("SECRET", &at("secret"))
        .replace("OTHER", &at("other"));
    put(&dir.path().join("tgt.toml"), &text);
    let inventory = Inventory::load(&dir.path().join("tgt.toml")).unwrap();
    let images = inventory.targets().flat_map(|(_, target)| &target.luns);
    let keys: HashMap<_, ImageKey> = images
        .map(|lun| {
            let snap = lun
                .image
                .snap
                .as_ref()
                .map_or(String::new(), |snap| format!("@{snap}"));
            let id: String = lun
                .image
                .image
                .image
                .as_str()
                .bytes()
                .map(|b| format!("{b:02x}"))
                .collect();
            let key = format!("801945f3-c685-4fbf-a968-66d179c4e25c/3/{id}{snap}");
            (lun.image.clone(), key.parse().unwrap())
        })
        .collect();
    let store = FileStore::new(dir.path().join("registry.json"));
    let identities = identify(&inventory, &store, Some(&keys), true).unwrap();
    Site {
        dir,
        inventory,
        identities,
    }
}

fn golden_site() -> Site {
    site(include_str!("tgt_render/site.toml"))
}

fn gateway(name: &str) -> HostName {
    name.parse().unwrap()
}

#[test]
fn files_are_as_recorded() {
    let site = golden_site();
    let templates = Templates::built_in().unwrap();
    for name in ["gw1", "gw2"] {
        let files = rendered(
            &site.inventory,
            Some(&gateway(name)),
            &site.identities,
            &templates,
        )
        .unwrap();
        let again = rendered(
            &site.inventory,
            Some(&gateway(name)),
            &site.identities,
            &templates,
        )
        .unwrap();
        assert_eq!(files, again);
        for (client, text) in files {
            insta::assert_snapshot!(format!("{name}-{client}"), text);
        }
    }
}

/// A command line of tgtadm as `--pretend` prints it, split as a shell would.
fn words(line: &str) -> Vec<String> {
    shlex::split(line).unwrap()
}

/// What the real tgt-admin would do with a file; its control port is one that nobody listens on.
fn pretend(file: &Path) -> Vec<Vec<String>> {
    let output = assert_cmd::Command::new("/usr/sbin/tgt-admin")
        .args(["-C", "4711", "-p", "-e", "-c"])
        .arg(file)
        .env("TGT_IPC_SOCKET", file.with_file_name("nobody"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("tgtadm"));
    lines
        .map(|line| words(line.split(" || ").next().unwrap()))
        .collect()
}

/// What a client should become, as commands without their order.
fn wanted(view: &ClientView) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    let mut add = |line: String| all.push(words(&line));
    for target in &view.targets {
        let tid = target.tid;
        let t = "tgtadm -C 4711 --lld iscsi";
        add(format!(
            "{t} --op new --mode target --tid {tid} -T {}",
            target.iqn
        ));
        for parameter in &view.session {
            add(format!(
                "{t} --op update --mode target --tid {tid} --name={} --value={}",
                parameter.name, parameter.value
            ));
        }
        for lun in &target.luns {
            let l = format!("--mode logicalunit --tid {tid} --lun {}", lun.number);
            let options = if target.bsopts.is_empty() {
                String::new()
            } else {
                format!(" --bsopts {}", target.bsopts)
            };
            add(format!(
                "{t} --op new {l} -b {} --bstype {}{options} --blocksize 512",
                lun.path, target.bs_type
            ));
            add(format!(
                "{t} --op update {l} --params mode_page=8:0:18:0x10:0:0xff:0xff:0:0:0xff:0xff:0xff:0xff:0x80:0x14:0:0:0:0:0:0"
            ));
            let mut params = vec![
                format!("scsi_id={}", lun.scsi_id),
                format!("scsi_sn={}", lun.scsi_sn),
                format!("vendor_id={}", lun.vendor),
                format!("product_id={}", lun.product),
                format!("lbppbe={}", lun.lbppbe),
            ];
            if lun.readonly {
                params.push("readonly=1".into());
            }
            for param in params {
                add(format!("{t} --op update {l} --params {param}"));
            }
        }
        for (chap, outgoing) in [(&view.chap, ""), (&view.chap_mutual, " --outgoing")] {
            if let Some(chap) = chap {
                add(format!(
                    "{t} --mode account --op new --user={} --password={}",
                    chap.user, chap.secret
                ));
                add(format!(
                    "{t} --mode account --op bind --tid={tid} --user={}{outgoing}",
                    chap.user
                ));
            }
        }
        for address in &view.addresses {
            add(format!(
                "{t} --op bind --mode target --tid {tid} -I {address}"
            ));
        }
        for name in &view.initiators {
            add(format!("{t} --op bind --mode target --tid {tid} -Q {name}"));
        }
        if view.role == ClientRole::Standby {
            add(format!(
                "{t} --op update --mode target --tid {tid} -n state -v offline"
            ));
        }
    }
    all
}

/// The same whatever words come in whatever order; `--name=x` and `--name x` are one.
fn canonical(commands: Vec<Vec<String>>) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = commands
        .into_iter()
        .map(|words| {
            let mut words: Vec<String> = words
                .iter()
                .flat_map(|word| match word.split_once('=') {
                    Some((option, value)) if option.starts_with("--") => {
                        vec![option.to_owned(), value.to_owned()]
                    }
                    _ => vec![word.clone()],
                })
                .map(|word| match word.as_str() {
                    "--value" => "-v".into(),
                    "--name" => "-n".into(),
                    "--targetname" => "-T".into(),
                    _ => word,
                })
                .collect();
            words.sort();
            words
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

#[test]
fn the_real_tgt_admin_makes_of_them_what_the_inventory_says() {
    if !Path::new("/usr/sbin/tgt-admin").exists() {
        eprintln!("skipped: the package tgt is not installed");
        return;
    }
    let site = golden_site();
    let templates = Templates::built_in().unwrap();
    let mut compared = 0;
    for name in ["gw1", "gw2"] {
        let host = gateway(name);
        let files = rendered(&site.inventory, Some(&host), &site.identities, &templates).unwrap();
        for client in &site.inventory.clients {
            let Some(text) = files.get(&client.name) else {
                continue;
            };
            let file = site.dir.path().join(format!("{}.conf", client.name));
            put(&file, text);
            let mut view = view(&site.inventory, client, Some(&host), &site.identities).unwrap();
            for target in view
                .targets
                .iter_mut()
                .filter(|target| target.bs_type == "rdwr")
            {
                // the front is not attached on this machine: its LUN is skipped, which is what a reboot does too
                target.luns.retain(|lun| Path::new(&lun.path).exists());
            }
            let commands = canonical(pretend(&file));
            assert_eq!(commands, canonical(wanted(&view)), "{name} {}", client.name);
            compared += commands.len();
        }
    }
    assert!(compared > 60, "{compared}");
    println!("{compared} commands of tgt-admin are those of the inventory");
}

/// What is rendered has nothing in it that `tgt check` warns of.
#[test]
fn what_is_rendered_is_clean() {
    use warmblock::tgt::check::{Severity, check};
    use warmblock::tgt::conf::Disk;
    let site = golden_site();
    let templates = Templates::built_in().unwrap();
    for name in ["gw1", "gw2"] {
        let files = rendered(
            &site.inventory,
            Some(&gateway(name)),
            &site.identities,
            &templates,
        )
        .unwrap();
        let dir = site.dir.path().join(name);
        for (client, text) in &files {
            let file = dir.join(format!("{client}.conf"));
            warmblock::sys::atomic::write_mode(&file, text.as_bytes(), 0o600).unwrap();
        }
        put(
            &site.dir.path().join(format!("{name}.conf")),
            &format!("include {}/*.conf\n", dir.display()),
        );
        let report = check(
            &Disk,
            &[site.dir.path().join(format!("{name}.conf"))],
            false,
        );
        let bad: Vec<_> = report.checked[0]
            .findings
            .iter()
            .filter(|finding| finding.severity != Severity::Note)
            // a front that is not attached on this machine is passed over, and that is told rightly
            .filter(|finding| !finding.message.contains("/dev/mapper/wb-"))
            .collect();
        assert!(bad.is_empty(), "{name}: {bad:#?}");
        assert!(report.checked[0].targets > 0);
    }
}

#[test]
fn an_own_template_takes_its_place_and_its_mistakes_are_told() {
    let site = golden_site();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("client.conf");
    put(
        &file,
        "{% for target in targets %}\n{{ target.name }}\n{% endfor %}\n",
    );
    let templates = Templates::load(dir.path()).unwrap();
    let error = rendered(
        &site.inventory,
        Some(&gateway("gw1")),
        &site.identities,
        &templates,
    )
    .unwrap_err();
    let text = error.chain();
    assert!(
        text.contains("client.conf, line 2 cannot be used") && text.contains("undefined"),
        "{text}"
    );
    put(&file, "<target {{ targets[0].iqn }}>\n</target>\n");
    let templates = Templates::load(dir.path()).unwrap();
    let files: BTreeMap<String, String> = rendered(
        &site.inventory,
        Some(&gateway("gw1")),
        &site.identities,
        &templates,
    )
    .unwrap();
    assert_eq!(
        files["by-address"],
        "# warmblock: client by-address\n<target iqn.2014-02.my.domain:by-address.vmfs01>\n</target>\n"
    );
}

/// 10,000 targets; in a release build this takes less than a second, which the benchmark asserts.
#[test]
fn ten_thousand_targets() {
    let mut text =
        String::from("[site]\niqn = \"iqn.2014-02.my.domain\"\n[registry]\nfile = \"REGISTRY\"\n");
    for client in 0..1000 {
        text.push_str(&format!(
            "[client.c{client}]\naddresses = [\"10.{}.{}.1\", \"10.{}.{}.2\"]\n",
            client / 250,
            client % 250,
            client / 250,
            client % 250
        ));
        for target in 0..10 {
            text.push_str(&format!("[[client.c{client}.target]]\ntitle = \"t{target}\"\nluns = [\"rbd/i{client}-{target}\"]\n"));
        }
    }
    let begun = Instant::now();
    let site = site(&text);
    let loaded = begun.elapsed();
    let begun = Instant::now();
    let templates = Templates::built_in().unwrap();
    let files = rendered(&site.inventory, None, &site.identities, &templates).unwrap();
    let took = begun.elapsed();
    assert_eq!(files.len(), 1000);
    println!("10,000 targets: loaded and registered in {loaded:?}, rendered in {took:?}");
    if !cfg!(debug_assertions) {
        assert!(took.as_secs_f64() < 1.0, "{took:?}");
    }
}

/// The drop-in beside a unit like the distribution's, read by systemd's own parser.
#[test]
fn systemd_takes_the_drop_in() {
    const ANALYZE: &str = "/usr/bin/systemd-analyze";
    if !Path::new(ANALYZE).exists() {
        println!("skipped: there is no {ANALYZE}");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let unit = dir.path().join("tgt.service");
    put(
        &unit,
        "[Unit]\nDescription=targets\n[Service]\nType=notify\nExecStart=/bin/true\nExecStartPost=/bin/true\nExecReload=/bin/false\n",
    );
    let complaints = |text: &str| {
        // what is started must be there
        let text = text.replace("/usr/bin/warmblock", "/bin/true");
        put(&dir.path().join("tgt.service.d/warmblock.conf"), &text);
        let mut verify = assert_cmd::Command::new(ANALYZE);
        let output = verify.args(["verify", "--man=no"]).arg(&unit).output();
        String::from_utf8(output.unwrap().stderr).unwrap()
    };
    let ours = include_str!("../tgt-templates/tgt.service.conf");
    let about_ours = |text: &str| complaints(text).contains("warmblock.conf");
    assert!(!about_ours(ours), "{}", complaints(ours));
    assert!(about_ours(&format!("{ours}ExecBefore=/bin/true\n")));
}
