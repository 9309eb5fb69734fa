use super::*;
use crate::doctor::State;
use crate::one::DatastoreId;
use crate::one::install::install;
use crate::sys::atomic;
use crate::{Error, Kind};

const ONED_CONF: &str = "TM_MAD = [ EXECUTABLE = \"one_tm\", ARGUMENTS = \"-t 15 -d dummy,ceph\" ]\n\
    DATASTORE_MAD = [ EXECUTABLE = \"one_datastore\", ARGUMENTS = \"-t 15 -d dummy,ceph -s dummy,ceph\" ]\n";

fn told(findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let remedy = finding
            .remedy
            .as_ref()
            .map_or(String::new(), |remedy| format!(" -> {remedy}"));
        format!(
            "{:?} {}: {}{remedy}",
            finding.state, finding.name, finding.found
        )
    };
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn before_and_after_an_installation() {
    let dir = tempfile::tempdir().unwrap();
    let tree = Tree::at(dir.path());
    for dir in [tree.remotes.join("tm"), tree.etc.join("vmm_exec")] {
        std::fs::create_dir_all(dir).unwrap();
    }
    atomic::write(&tree.remotes.join("VERSION"), b"6.10.0").unwrap();
    atomic::write(&tree.oned_conf(), ONED_CONF.as_bytes()).unwrap();
    atomic::write(&tree.execrc(), b"LIVE_DISK_SNAPSHOTS=\"kvm-ceph\"\n").unwrap();
    // Nobody answers there.
    let around = Surroundings {
        endpoint: Some("http://127.0.0.1:9/RPC2".into()),
        var: dir.path().to_owned(),
        ..Surroundings::default()
    };
    let before = examine(&tree, &around);
    assert!(!before.healthy());
    assert!(
        before
            .findings
            .iter()
            .all(|one| (one.state == State::Ok) == one.remedy.is_none())
    );
    let told_before = told(&before.findings);
    for words in [
        "scripts",
        "does not list warmblock",
        "no TM_MAD_CONF",
        "LIVE_DISK_SNAPSHOTS",
        "credentials",
    ] {
        assert!(told_before.contains(words), "{words}: {told_before}");
    }
    install(&tree, false).unwrap();
    let after = examine(&tree, &around);
    let bad: Vec<Finding> = after
        .findings
        .into_iter()
        .filter(|one| one.state != State::Ok)
        .collect();
    assert_eq!(bad.len(), 1, "{}", told(&bad));
    assert_eq!(bad[0].name, "oned");
}

#[test]
fn datastores_that_would_not_work() {
    let pool = "<DATASTORE_POOL>
        <DATASTORE><ID>1</ID><NAME>default</NAME><DS_MAD>fs</DS_MAD><TM_MAD>ssh</TM_MAD><TYPE>0</TYPE><TEMPLATE/></DATASTORE>
        <DATASTORE><ID>101</ID><NAME>good</NAME><DS_MAD>warmblock</DS_MAD><TM_MAD>warmblock</TM_MAD><TYPE>0</TYPE>
          <TEMPLATE><DISK_TYPE>BLOCK</DISK_TYPE><POOL_NAME>one</POOL_NAME><BRIDGE_LIST>c1 c2</BRIDGE_LIST></TEMPLATE></DATASTORE>
        <DATASTORE><ID>102</ID><NAME>bad</NAME><DS_MAD>warmblock</DS_MAD><TM_MAD>ceph</TM_MAD><TYPE>0</TYPE>
          <TEMPLATE><DISK_TYPE>RBD</DISK_TYPE><WARMBLOCK_MODE>fast</WARMBLOCK_MODE><LIMIT_TRANSFER_BW>1.5M</LIMIT_TRANSFER_BW>
          <EC_POOL_NAME>a/b</EC_POOL_NAME><SHARED>no</SHARED><CLONE_TARGET>self</CLONE_TARGET></TEMPLATE></DATASTORE>
        <DATASTORE><ID>103</ID><NAME>sys</NAME><DS_MAD>-</DS_MAD><TM_MAD>warmblock</TM_MAD><TYPE>1</TYPE>
          <CLUSTERS><ID>0</ID><ID>5</ID></CLUSTERS>
          <TEMPLATE><DISK_TYPE>BLOCK</DISK_TYPE><CONTEXT_DISK_TYPE>BLOCK</CONTEXT_DISK_TYPE><BRIDGE_LIST>c2 -x</BRIDGE_LIST></TEMPLATE></DATASTORE>
        </DATASTORE_POOL>";
    let stores = pools::datastores(pool);
    insta::assert_snapshot!(told(&stores.findings));
    assert_eq!(
        stores.dirs,
        [std::path::Path::new("/var/lib/one/datastores/103")]
    );
    let bridges: Vec<&str> = stores.bridges.iter().map(|node| node.as_str()).collect();
    assert_eq!(bridges, ["c1", "c2", "c2"]);
    let none = pools::datastores("<DATASTORE_POOL/>").findings;
    assert_eq!(none[0].state, State::Warn);
    assert!(told(&pools::datastores("<X/>").findings).contains("DATASTORE_POOL"));
}

#[test]
fn hosts_that_would_not_work() {
    let pool = "<HOST_POOL><HOST><ID>0</ID><NAME>kvm1</NAME><VM_MAD>kvm</VM_MAD></HOST>
        <HOST><ID>1</ID><NAME>vc</NAME><VM_MAD>vcenter</VM_MAD></HOST>
        <HOST><ID>2</ID><NAME>kvm2</NAME><VM_MAD>kvm</VM_MAD><STATE>8</STATE></HOST></HOST_POOL>";
    let (hosts, passed_over) = pools::hosts(pool, &pools::Stores::default()).unwrap();
    assert_eq!(hosts.len(), 1);
    assert_eq!(
        told(&[passed_over.unwrap()]),
        "Ok hosts passed over: not asked: kvm2 is OFFLINE"
    );
    let no_sudo =
        Error::new(Kind::Missing, "sudo does not let oneadmin run warmblock").remedy("sudoers");
    let findings: Vec<Finding> = [
        Ok(env!("CARGO_PKG_VERSION").to_owned()),
        Ok("0.0.1".to_owned()),
        Err(Error::new(Kind::Usage, "unknown variant `hello`")),
        Err(no_sudo),
    ]
    .into_iter()
    .map(|said| hosts::judged(&hosts[0], said))
    .collect();
    let states: Vec<State> = findings.iter().map(|finding| finding.state).collect();
    assert_eq!(states, [State::Ok, State::Warn, State::Fail, State::Fail]);
    assert!(
        findings
            .iter()
            .skip(1)
            .all(|finding| finding.remedy.is_some())
    );
}

/// One name that no ssh takes keeps nobody from looking at the others.
#[test]
fn a_host_with_an_impossible_name() {
    let pool = "<HOST_POOL><HOST><ID>0</ID><NAME>-oProxyCommand=x</NAME><VM_MAD>kvm</VM_MAD></HOST>
        <HOST><ID>1</ID><NAME>kvm1</NAME><VM_MAD>kvm</VM_MAD></HOST></HOST_POOL>";
    let (hosts, passed_over) = pools::hosts(pool, &pools::Stores::default()).unwrap();
    let asked: Vec<&str> = hosts.iter().map(|node| node.as_str()).collect();
    assert_eq!(asked, ["kvm1"]);
    let passed_over = passed_over.unwrap();
    assert_eq!(passed_over.state, State::Warn);
    assert!(passed_over.found.contains("-oProxyCommand=x"));
}

/// All of its bridges and hosts must reach the same cluster; datastores may be on several.
#[test]
fn a_datastore_is_on_one_cluster() {
    let pool = "<DATASTORE_POOL>
        <DATASTORE><ID>101</ID><NAME>main</NAME><DS_MAD>warmblock</DS_MAD><TM_MAD>warmblock</TM_MAD><TYPE>0</TYPE>
          <TEMPLATE><BRIDGE_LIST>c1</BRIDGE_LIST></TEMPLATE></DATASTORE>
        <DATASTORE><ID>102</ID><NAME>other</NAME><DS_MAD>warmblock</DS_MAD><TM_MAD>warmblock</TM_MAD><TYPE>0</TYPE>
          <TEMPLATE><BRIDGE_LIST>c2</BRIDGE_LIST><CEPH_CONF>/etc/ceph/b.conf</CEPH_CONF></TEMPLATE></DATASTORE>
        <DATASTORE><ID>103</ID><NAME>wrong</NAME><DS_MAD>warmblock</DS_MAD><TM_MAD>warmblock</TM_MAD><TYPE>0</TYPE>
          <TEMPLATE><CEPH_CONF>b.conf</CEPH_CONF></TEMPLATE></DATASTORE></DATASTORE_POOL>";
    let stores = pools::datastores(pool).reached;
    let ids: Vec<u32> = stores.iter().map(|store| store.id.0).collect();
    assert_eq!(ids, [101, 102], "what cannot be used is not asked");
    let all: Vec<&clusters::Store> = stores.iter().collect();
    let request = serde_json::to_value(clusters::request(&all)).unwrap();
    assert_eq!(request["steps"][1]["access"]["conf"], "/etc/ceph/b.conf");

    let node = |name: &str| name.parse::<crate::one::call::Node>().unwrap();
    let done = |fsid: &str| serde_json::json!({"done": {"answer": "cluster", "fsid": fsid}});
    let lost = serde_json::json!({"content": "no such key"});
    let judged = |kvm1: [serde_json::Value; 2]| {
        let c1 = Ok(serde_json::json!({"steps": [done("aaaa")]}));
        let c2 = Ok(serde_json::json!({"steps": [done("bbbb")]}));
        let kvm1 = Ok(serde_json::json!({"steps": kvm1}));
        let seen = [
            clusters::seen(&node("c1"), &all[..1], &c1),
            clusters::seen(&node("c2"), &all[1..], &c2),
            clusters::seen(&node("kvm1"), &all, &kvm1),
        ];
        clusters::judged(&stores, &seen.concat())
    };
    let well = judged([done("aaaa"), done("bbbb")]);
    assert!(
        well.iter().all(|one| one.state == State::Ok),
        "{}",
        told(&well)
    );
    let bad = judged([done("bbbb"), lost]);
    assert!(bad.iter().all(|one| one.state == State::Fail));
    let words = told(&bad);
    for word in [
        "aaaa at c1; bbbb at kvm1",
        "kvm1 (no such key)",
        "CEPH_CONF",
    ] {
        assert!(words.contains(word), "{words}");
    }
}

/// It is the older side that is to be updated.
#[test]
fn a_host_of_another_release() {
    let remedy = |release: &str| {
        let judged = hosts::judged(&"kvm1".parse().unwrap(), Ok(release.to_owned()));
        judged.remedy.unwrap()
    };
    let ours = env!("CARGO_PKG_VERSION");
    assert_eq!(remedy("0.0.1"), format!("install {ours} there"));
    assert_eq!(remedy("99.10.0"), "install 99.10.0 here, on the front-end");
}

/// A host that gets no VM with a disk of ours needs nothing of ours.
#[test]
fn hosts_that_get_no_such_vms_are_not_asked() {
    let stores = "<DATASTORE_POOL>
        <DATASTORE><ID>1</ID><TM_MAD>ceph</TM_MAD><TYPE>1</TYPE><CLUSTERS><ID>7</ID></CLUSTERS></DATASTORE>
        <DATASTORE><ID>103</ID><TM_MAD>warmblock</TM_MAD><TYPE>1</TYPE><CLUSTERS><ID>0</ID><ID>5</ID></CLUSTERS></DATASTORE>
        </DATASTORE_POOL>";
    let host = |id: u32, cluster: u32, state: u32| {
        format!(
            "<HOST><ID>{id}</ID><NAME>kvm{id}</NAME><VM_MAD>kvm</VM_MAD><STATE>{state}</STATE><CLUSTER_ID>{cluster}</CLUSTER_ID></HOST>"
        )
    };
    let hosts = [
        host(0, 0, 2),
        host(1, 7, 2),
        host(2, 5, 3),
        host(3, 0, 4),
        host(4, 5, 8),
    ]
    .concat();
    let stores = pools::datastores(stores);
    let (asked, passed_over) =
        pools::hosts(&format!("<HOST_POOL>{hosts}</HOST_POOL>"), &stores).unwrap();
    let asked: Vec<&str> = asked.iter().map(|node| node.as_str()).collect();
    assert_eq!(asked, ["kvm0", "kvm2"]);
    let found = passed_over.unwrap().found;
    assert_eq!(
        found,
        "not asked: kvm1 is in a cluster without a datastore of this driver, kvm3 is DISABLED, kvm4 is OFFLINE"
    );
}

#[test]
fn images_that_vms_would_not_open_by_their_links() {
    let image = |id: u32, datastore: u32, kind: u32, disk_type: u32| {
        format!(
            "<IMAGE><ID>{id}</ID><NAME>i{id}</NAME><TYPE>{kind}</TYPE><DISK_TYPE>{disk_type}</DISK_TYPE><DATASTORE_ID>{datastore}</DATASTORE_ID></IMAGE>"
        )
    };
    let judged = |images: &[String]| {
        let pool = format!("<IMAGE_POOL>{}</IMAGE_POOL>", images.concat());
        let found = pools::images(&pool, &[DatastoreId(101)].into()).unwrap();
        found.map(|finding| (finding.state, finding.found))
    };
    // Blocks, a CDROM, another driver's, a backup.
    let well = [
        image(1, 101, 0, 2),
        image(2, 101, 1, 1),
        image(3, 1, 0, 3),
        image(4, 101, 6, 0),
    ];
    assert_eq!(judged(&well), None);
    let (state, found) = judged(&[
        image(5, 101, 0, 3),
        image(6, 101, 2, 0),
        image(7, 101, 1, 4),
    ])
    .unwrap();
    assert_eq!(state, State::Fail);
    assert!(
        found.ends_with("5 (i5) is RBD, 6 (i6) is FILE, 7 (i7) is RBD_CDROM"),
        "{found}"
    );
}

/// Leases know a host by the name that it has for itself, and oned's name for it must lead there.
#[test]
fn names_that_do_not_lead_to_their_hosts() {
    let name = |node: &str, name: &str| {
        let found = hosts::judged_name(&node.parse().unwrap(), &name.parse().unwrap());
        found.map(|finding| (finding.state, finding.remedy.unwrap()))
    };
    assert_eq!(name("kvm1.example.org", "kvm1"), None);
    assert_eq!(name("kvm1", "kvm1.example.org"), None);
    for (node, own) in [
        ("10.0.0.5", "kvm1"),
        ("kvm1", "localhost"),
        ("kvm1.a", "kvm1.b"),
    ] {
        let (state, remedy) = name(node, own).unwrap();
        assert_eq!(state, State::Fail);
        assert!(remedy.contains(&format!("host = \"{node}\"")), "{remedy}");
    }
    let named = |names: &[(&str, &str)]| {
        let pair = |(node, name): &(&str, &str)| (node.parse().unwrap(), name.parse().unwrap());
        told(&hosts::twins(&names.iter().map(pair).collect::<Vec<_>>()))
    };
    assert_eq!(named(&[("a", "a"), ("b", "b")]), "");
    let found = named(&[("a", "node"), ("b", "b"), ("c", "node")]);
    assert!(
        found.starts_with("Fail host c: it calls itself node, as a does"),
        "{found}"
    );
}

/// An NFS server that takes root for nobody.
#[test]
fn directories_that_root_may_not_use() {
    let node = "kvm1".parse().unwrap();
    let dir = std::path::Path::new("/var/lib/one/datastores/103");
    let squashed = Error::new(Kind::Missing, "root may not write in it").remedy("no_root_squash");
    let bad = hosts::judged_dir(&node, dir, Err(squashed));
    assert_eq!(
        (bad.state, bad.remedy.as_deref()),
        (State::Fail, Some("no_root_squash"))
    );
    assert!(told(&[bad]).contains("host kvm1, /var/lib/one/datastores/103: root may not"));
    let good = hosts::judged_dir(&node, dir, Ok(serde_json::Value::Null));
    assert_eq!(good.state, State::Ok);
}
