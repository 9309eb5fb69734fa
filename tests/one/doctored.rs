//! `one doctor` on a front-end with its hosts: all is well after `one install`, and each thing that is not is named with its host.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use warmblock::sys::atomic;

use super::oned::Oned;
use crate::case::Case;
use crate::cmd::Out;
use crate::host::Host;
use crate::tests::same;
use crate::world::{World, path};

const ONED_CONF: &str = "PORT = 2633\nTM_MAD = [ EXECUTABLE = \"one_tm\", ARGUMENTS = \"-t 15 -d dummy,ceph\" ]\n\
    DATASTORE_MAD = [\n    EXECUTABLE = \"one_datastore\",\n    ARGUMENTS = \"-t 15 -d dummy,ceph -s dummy,ceph\" ]\n";

/// A front-end of which oned's settings and pools are known.
struct Front {
    oned: Oned,
    program: String,
}

pub fn doctored(case: &Case) -> Result<()> {
    let front = Front::new(&case.world)?;
    let (hv1, hv2) = (case.host(), case.other());
    // Where the system datastore's directories are to be.
    for host in [hv1, hv2] {
        host.sh("install -d -o nobody /var/lib/one/datastores")?;
    }
    let (_, before) = front.examined()?;
    told(&before, "oned.conf", "fail", "warmblock")?;
    front.run(&["one", "install", "--json"])?.ok()?;
    let (code, well) = front.examined()?;
    same("all is well", code, 0)?;
    for host in [hv1, hv2] {
        told(&well, &format!("host {}", host.name), "ok", "")?;
    }
    told(&well, "datastore 101 (images)", "ok", "pool one")?;
    silent(&front, hv2)?;
    elsewhere(&front, hv1, hv2)?;
    cannot_make_directories(&front, hv2)?;
    for host in [hv1, hv2] {
        host.sh("rm -rf /var/lib/one/datastores")?;
        host.check_empty()?;
    }
    Ok(())
}

impl Front {
    fn new(world: &World) -> Result<Self> {
        let oned = Oned::start(world)?;
        let tree = warmblock::one::Tree::at(oned.var().parent().context("no location")?);
        std::fs::create_dir_all(tree.etc.join("vmm_exec"))?;
        atomic::write(&tree.remotes.join("VERSION"), b"6.10.0\n")?;
        atomic::write(&tree.oned_conf(), ONED_CONF.as_bytes())?;
        atomic::write(&tree.execrc(), b"LIVE_DISK_SNAPSHOTS=\"kvm-ceph\"\n")?;
        let ours = "<TM_MAD>warmblock</TM_MAD>";
        let words = "<DISK_TYPE>BLOCK</DISK_TYPE><POOL_NAME>one</POOL_NAME><BRIDGE_LIST>hv1 hv2</BRIDGE_LIST>";
        oned.pool(
            "one.datastorepool.info",
            &format!(
                "<DATASTORE_POOL><DATASTORE><ID>101</ID><NAME>images</NAME><DS_MAD>warmblock</DS_MAD>{ours}<TYPE>0</TYPE>\
                 <TEMPLATE>{words}</TEMPLATE></DATASTORE><DATASTORE><ID>102</ID><NAME>system</NAME><DS_MAD>-</DS_MAD>{ours}\
                 <TYPE>1</TYPE><TEMPLATE>{words}</TEMPLATE></DATASTORE></DATASTORE_POOL>"
            ),
        );
        oned.pool("one.imagepool.info", "<IMAGE_POOL/>");
        let host = |id: u32| {
            format!(
                "<HOST><ID>{id}</ID><NAME>hv{id}</NAME><VM_MAD>kvm</VM_MAD><STATE>2</STATE></HOST>"
            )
        };
        let hosts = format!("<HOST_POOL>{}{}</HOST_POOL>", host(1), host(2));
        oned.pool("one.hostpool.info", &hosts);
        let program = path(&world.file("warmblock"))?.to_owned();
        Ok(Self { oned, program })
    }

    fn run(&self, words: &[&str]) -> Result<Out> {
        self.oned
            .run(&[&[self.program.as_str()], words].concat(), "")
    }

    /// The exit code, and what was found.
    fn examined(&self) -> Result<(i32, Vec<Value>)> {
        let out = self.run(&["one", "doctor", "--json"])?;
        let found = out.json()?["findings"].as_array().cloned();
        Ok((
            out.code,
            found.with_context(|| format!("no findings: {out}"))?,
        ))
    }

    /// What is found while something is wrong.
    fn ill(&self) -> Result<Vec<Value>> {
        let (code, found) = self.examined()?;
        ensure!(code != 0, "all should not be well: {found:?}");
        Ok(found)
    }
}

/// That something is in a state, for this reason; and what to do if it is not well.
fn told(findings: &[Value], name: &str, state: &str, words: &str) -> Result<()> {
    let is = |one: &&Value| {
        one["name"] == name
            && one["state"] == state
            && one["found"]
                .as_str()
                .is_some_and(|found| found.contains(words))
    };
    let found = findings.iter().find(is);
    let found = found
        .with_context(|| format!("no {name:?} that is {state} with {words:?}: {findings:#?}"))?;
    ensure!(found["remedy"].is_null() == (state == "ok"), "{found}");
    Ok(())
}

fn silent(front: &Front, host: &Host) -> Result<()> {
    front.oned.silent(host.name, true)?;
    let found = front.ill()?;
    front.oned.silent(host.name, false)?;
    told(&found, "host hv2", "fail", "No route to host")?;
    told(&found, "host hv1", "ok", "")
}

/// The settings of a host name another cluster, which nobody reaches, or the other host.
fn elsewhere(front: &Front, first: &Host, host: &Host) -> Result<()> {
    host.configure("[ceph]\nconf = \"/etc/ceph/none.conf\"\n")?;
    let found = front.ill()?;
    told(&found, "cluster of datastore 101 (images)", "fail", "hv2")?;
    host.configure(&format!("host = \"{}\"\n", first.name))?;
    let found = front.ill()?;
    told(&found, "host hv2", "fail", "calls itself hv1")?;
    host.configure("")
}

fn cannot_make_directories(front: &Front, host: &Host) -> Result<()> {
    host.sh("rmdir /var/lib/one/datastores; echo >/var/lib/one/datastores")?;
    let found = front.ill()?;
    let about = |one: &Value| {
        one["state"] != "ok"
            && one["name"]
                .as_str()
                .is_some_and(|name| name.contains("hv2"))
    };
    ensure!(found.iter().any(about), "{found:#?}");
    host.sh("rm /var/lib/one/datastores")?;
    Ok(())
}
