//! oned and its drivers speak in lines (contract, 1.3): what each release writes, what it is answered, and how many act at once. And an
//! oned that does not answer as it should: whoever is told of it is told what to do.

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::behaviour::RELEASES;
use super::oned::Fault;
use super::vm::Vm;
use super::wire::{Class, Mad, SLOTS};
use crate::case::Case;
use crate::cmd::eventually;
use crate::tests::same;
use crate::world::{SMALL, path};

/// Both drivers, of each release.
pub fn spoken(case: &Case) -> Result<()> {
    let vm = Vm::new(case, 63)?;
    for release in RELEASES {
        vm.oned.release(release)?;
        transfers(&vm, release).with_context(|| format!("one_tm of {release}"))?;
        images(case, &vm, release).with_context(|| format!("one_datastore of {release}"))?;
    }
    by_turns(&vm)?;
    a_pipe_that_is_held(&vm)
}

/// The first line that fails ends a transfer, and says why; what is no script is told as such.
fn transfers(vm: &Vm<'_>, release: &str) -> Result<()> {
    let mut mad = Mad::start(&vm.oned.place, Class::Transfer, release)?;
    let nowhere = format!(
        "MVDS warmblock {}:/{}/disk.1 {} 63 101",
        vm.fe,
        path(&vm.dir)?,
        vm.own.spec
    );
    let heard = mad.ask(
        &vm.oned
            .transfer_line(63, &format!("# it ends\n\n{nowhere}\n"))?,
    )?;
    ensure!(heard.success && heard.info.is_empty(), "{heard:?}");
    let marker = vm.oned.var().join("marker");
    vm.oned.put_script(
        "tm/other/mark",
        &format!("#!/bin/sh\ntouch {}\n", path(&marker)?),
    )?;
    let wrong = format!(
        "CLONE.ssh warmblock {}:one/none hv1:{}/disk.9 63 101",
        vm.fe,
        path(&vm.dir)?
    );
    let heard = mad.ask(
        &vm.oned
            .transfer_line(63, &format!("{wrong}\nMARK other\n"))?,
    )?;
    ensure!(
        !heard.success && heard.info.starts_with("cannot plan what VM 63 needs"),
        "{heard:?}"
    );
    let failed = heard
        .log
        .iter()
        .find(|(_, line)| line.contains("failed (exit code: "));
    let (to, _) = failed.with_context(|| format!("no command in {heard:?}"))?;
    same("whose log", *to, 63)?;
    ensure!(
        !marker.exists(),
        "a line behind the one that failed was run"
    );
    let heard = mad.ask(&vm.oned.transfer_line(63, "CLONE nobody a b 63 101")?)?;
    ensure!(
        !heard.success && heard.info.starts_with("Driver path "),
        "{heard:?}"
    );
    Ok(())
}

/// A document as each release hands it over; what it is answered is one line.
fn images(case: &Case, vm: &Vm<'_>, release: &str) -> Result<()> {
    let mut mad = Mad::start(&vm.oned.place, Class::Datastore, release)?;
    let world = &*case.world;
    let mut ask = |action: &str, id: u32, image: &str, driver: &str| {
        let document = format!(
            "<DS_DRIVER_ACTION_DATA><IMAGE><ID>{id}</ID>{image}</IMAGE><DATASTORE><ID>101</ID>{driver}<TEMPLATE>\
             <POOL_NAME>one</POOL_NAME><BRIDGE_LIST>{}</BRIDGE_LIST><SAFE_DIRS>/</SAFE_DIRS></TEMPLATE></DATASTORE>\
             </DS_DRIVER_ACTION_DATA>",
            case.host().name
        );
        mad.ask(&format!("{action} {id} {}", STANDARD.encode(document)))
    };
    const OURS: &str = "<DS_MAD>warmblock</DS_MAD><TM_MAD>warmblock</TM_MAD>";
    let file = format!(
        "<PATH>{}</PATH><SIZE>24</SIZE>",
        path(&world.file(SMALL.name))?
    );
    let source = "<SOURCE>one/one-9041</SOURCE><SIZE>24</SIZE>";
    let save_as = "<SIZE>8</SIZE><FORMAT>save_as</FORMAT>";
    for (action, id, image, said) in [
        ("STAT", 9041, file.as_str(), "24"),
        ("CP", 9041, &file, "one/one-9041 raw"),
        (
            "CLONE",
            9042,
            "<PATH>one/one-9041</PATH><SIZE>24</SIZE>",
            "one/one-9042 raw",
        ),
        ("MKFS", 9043, save_as, "one/one-9043"),
        ("RM", 9042, &source.replace("9041", "9042"), ""),
        ("RM", 9041, source, ""),
    ] {
        // Of those that work in Ceph, one release of each way to get the document is enough.
        let works = !matches!(action, "STAT" | "MKFS");
        if works && !["6.4.0", "7.4.0"].contains(&release) {
            continue;
        }
        let heard = ask(action, id, image, OURS)?;
        ensure!(heard.success && heard.info == said, "{action}: {heard:?}");
    }
    let heard = ask("STAT", 9044, "<PATH>/etc/../no/such</PATH>", OURS)?;
    ensure!(
        !heard.success && heard.info.contains("no such file"),
        "{heard:?}"
    );
    // A system datastore is asked of the transfer-manager driver. Whether anybody counts in this lab is another test's doing.
    let system = "<DS_MAD>-</DS_MAD><TM_MAD>warmblock</TM_MAD>";
    if release == "7.4.0" {
        let heard = ask("MONITOR", 100, "", system)?;
        let counts = STANDARD.decode(&heard.info).unwrap_or_default();
        let told = match heard.success {
            true => counts.starts_with(b"USED_MB="),
            false => heard.info.contains("mgr"),
        };
        ensure!(told, "{heard:?}");
    }
    let left = world.rbd(&["ls", "one"])?;
    ensure!(!left.stdout.contains("one-904"), "{left}");
    Ok(())
}

/// As many act at once as a driver has places; who comes later comes in when one is done.
fn by_turns(vm: &Vm<'_>) -> Result<()> {
    let var = vm.oned.var();
    let (begun, go) = (var.join("begun"), var.join("go"));
    std::fs::create_dir_all(&begun)?;
    let script = format!(
        "#!/bin/sh\ntouch {}/$1\nuntil [ -e {} ]; do sleep 0.05; done\n",
        path(&begun)?,
        path(&go)?
    );
    vm.oned.put_script("tm/slow/wait", &script)?;
    let mut mad = Mad::start(&vm.oned.place, Class::Transfer, "7.4.0")?;
    let last = u32::try_from(SLOTS)?;
    for id in 0..=last {
        let line = vm.oned.transfer_line(id, &format!("WAIT slow {id}"))?;
        mad.write(&line)?;
    }
    let acting = || -> Result<usize> { Ok(std::fs::read_dir(&begun)?.count()) };
    eventually("a place for each", 60, || Ok(acting()? == SLOTS))?;
    ensure!(!begun.join(last.to_string()).exists(), "one too many acts");
    warmblock::sys::atomic::write(&go, b"")?;
    for _ in 0..=last {
        let line = mad.read()?;
        ensure!(line.starts_with("TRANSFER SUCCESS "), "{line}");
    }
    same("who acted", acting()?, SLOTS + 1)
}

/// A script whose child keeps its output loses what it said: this is what no action of ours may do (contract, 1.3).
fn a_pipe_that_is_held(vm: &Vm<'_>) -> Result<()> {
    let pid = vm.oned.var().join("holder.pid");
    let script = format!(
        "#!/bin/sh\nsetsid sleep 600 &\necho $! >{}\necho 'one/held raw'\n",
        path(&pid)?
    );
    vm.oned.put_script("datastore/held/cp", &script)?;
    let document = STANDARD.encode("<DATASTORE><DS_MAD>held</DS_MAD></DATASTORE>");
    let heard =
        Mad::start(&vm.oned.place, Class::Datastore, "7.4.0")?.ask(&format!("CP 1 {document}"));
    let holder = nix::unistd::Pid::from_raw(std::fs::read_to_string(&pid)?.trim().parse()?);
    nix::sys::signal::kill(holder, nix::sys::signal::Signal::SIGKILL)?;
    let heard = heard?;
    ensure!(heard.success && heard.info.is_empty(), "{heard:?}");
    Ok(())
}

/// What oned says instead of a document, and what the user has to read then.
const FAULTS: &[(Fault, &[&str])] = &[
    (
        Fault::Refuses(
            0x0100,
            "[one.vm.info] User couldn't be authenticated, aborting call.",
        ),
        &["one_auth"],
    ),
    (
        Fault::Refuses(0x0200, "[one.vm.info] Not authorized to perform USE VM."),
        &["oneadmin's credentials"],
    ),
    (
        Fault::Refuses(0x0400, "[one.vm.info] Error getting virtual machine [63]."),
        &["ONE_XMLRPC", "another OpenNebula"],
    ),
    (
        Fault::Refuses(0x1000, "[one.vm.info] Wrong parameter."),
        &["oned.log"],
    ),
    (
        Fault::Refuses(0x2000, "[one.vm.info] Internal error."),
        &["oned.log"],
    ),
    (
        Fault::Page("500 Internal Server Error", ""),
        &["500", "oned.log"],
    ),
    (
        Fault::Page("502 Bad Gateway", "<html><body>proxy</body></html>"),
        &["502", "proxy"],
    ),
    (
        Fault::Page("200 OK", "<html><body><p>Log in<br></body></html>"),
        &["is no XML-RPC", "ONE_XMLRPC"],
    ),
    (Fault::Cut, &["does not answer", "ONE_XMLRPC"]),
];

/// An oned that is ill, in every way: each release shows one line that says what to do, and nothing was done.
pub fn ill(case: &Case) -> Result<()> {
    let mut vm = Vm::new(case, 64)?;
    let before = vm.oned.connections().len();
    let line = format!("DELETE warmblock hv1:/{}/disk.0 64 101", path(&vm.dir)?);
    for (nr, (fault, words)) in FAULTS.iter().enumerate() {
        vm.oned.answers(Some(*fault));
        told(&vm, RELEASES[nr % RELEASES.len()], &line, words)
            .with_context(|| format!("{fault:?}"))?;
    }
    vm.oned.answers(None);
    // Nobody listens at a port that was somebody's a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    vm.oned.place.endpoint = format!("http://{port}/RPC2");
    told(
        &vm,
        "7.4.0",
        &line,
        &["does not answer", "is it running", "ONE_XMLRPC"],
    )?;
    same("hosts that were asked", vm.oned.connections().len(), before)
}

fn told(vm: &Vm<'_>, release: &str, line: &str, words: &[&str]) -> Result<()> {
    let heard = vm.oned.transfer(release, 64, line)?;
    ensure!(!heard.success && !heard.info.starts_with('-'), "{heard:?}");
    for word in words {
        ensure!(heard.info.contains(word), "{word:?} is not in {heard:?}");
    }
    let secret = format!("{heard:?}").contains("oneadmin:secret");
    ensure!(!secret, "the credentials are in it: {heard:?}");
    Ok(())
}

/// What the user is shown of a failure, in each way in which releases of oned read it.
pub fn releases(case: &Case) -> Result<()> {
    let vm = Vm::new(case, 35)?;
    for release in ["4.4.0", "5.12.0", "6.4.0", "6.10.0", "7.4.0"] {
        let heard = vm.transfer_in(release, "CLONE warmblock FE:one/none hv1:DIR/disk.7 IDS")?;
        ensure!(
            !heard.success && heard.info.starts_with("cannot plan what VM 35 needs"),
            "{release}: {heard:?}"
        );
        ensure!(
            !heard.info.contains('\n') && !heard.info.contains("secret"),
            "{release}: {heard:?}"
        );
        let ends = format!(
            "# a comment\n\nMVDS warmblock FE:DIR/disk.1 {} IDS",
            vm.own.spec
        );
        let heard = vm.transfer_in(release, &ends)?;
        ensure!(
            heard.success && heard.info.is_empty(),
            "{release}: {heard:?}"
        );
    }
    Ok(())
}
