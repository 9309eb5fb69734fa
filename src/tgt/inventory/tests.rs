//! Inventories as people write them: what is taken, and what is refused with which words.

use std::path::PathBuf;

use super::{Backing, ClientRole, Inventory, NOBODY, Problems};

/// What every good inventory of these tests begins with.
const HEAD: &str = "[site]\niqn = \"iqn.2014-02.my.domain\"\n[gateway.gw1]\n[gateway.gw2]\n";

struct Dir(tempfile::TempDir);

impl Dir {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        crate::sys::atomic::write(&path, text.as_bytes()).unwrap();
        path
    }

    fn examine(&self) -> (Option<Inventory>, Problems) {
        Inventory::examine(&self.0.path().join("tgt.toml")).unwrap()
    }
}

/// An inventory with one client whose body is given; `SECRET` stands for a good secret file.
fn client(body: &str) -> (Option<Inventory>, Problems) {
    let dir = Dir::new();
    let secret = dir.put("secret", "abcdefghijkl\n");
    let other = dir.put("other", "ABCDEFGHIJKL\n");
    let body = body
        .replace("SECRET", secret.to_str().unwrap())
        .replace("OTHER", other.to_str().unwrap());
    dir.put("tgt.toml", &format!("{HEAD}[client.c1]\n{body}"));
    dir.examine()
}

const GOOD: &str =
    "gateway = \"gw1\"\nstandby = [\"gw2\"]\naddresses = [\"10.0.0.12\", \"10.0.0.11\"]\n";

#[test]
fn the_example_is_an_inventory() {
    let dir = Dir::new();
    let secret = dir.put("secret", "abcdefghijkl\n");
    let named = "/etc/warmblock/secrets/esx-cluster-2";
    let text = super::reference::EXAMPLE;
    assert!(text.contains(named));
    dir.put("tgt.toml", &text.replace(named, secret.to_str().unwrap()));
    let (inventory, problems) = dir.examine();
    assert!(problems.0.is_empty(), "{:?}", problems.0);
    assert_eq!(inventory.unwrap().targets().count(), 3);
}

#[test]
fn a_redirect_needs_somewhere_to_lead() {
    let redirect = format!("{GOOD}standby_login = \"redirect\"\n");
    let (_, problems) = client(&redirect);
    assert_eq!(
        problems
            .0
            .iter()
            .filter(|p| p.message.contains("no portals"))
            .count(),
        2
    );
    let portals = HEAD
        .replace(
            "[gateway.gw1]",
            "[gateway.gw1]\nportals = [\"10.0.0.1:3260\"]",
        )
        .replace(
            "[gateway.gw2]",
            "[gateway.gw2]\nportals = [\"10.0.0.2:3260\"]",
        );
    let dir = Dir::new();
    dir.put("tgt.toml", &format!("{portals}[client.c1]\n{redirect}"));
    let inventory = dir.examine().0.unwrap();
    let to = inventory.redirect(&inventory.clients[0]).unwrap();
    assert_eq!(to.to_string(), "10.0.0.1:3260");
    for (portal, refused) in [
        ("0.0.0.0:3260", 1),
        ("[::]:3260", 1),
        ("[::ffff:0.0.0.0]:3260", 1),
        ("[fd00::1]:3260", 0),
    ] {
        let portals = portals.replace("10.0.0.1:3260", portal);
        let count = |text: &str| {
            dir.put("tgt.toml", &format!("{portals}[client.c1]\n{text}"));
            let (_, problems) = dir.examine();
            let found = problems.0.iter();
            found
                .filter(|p| p.message.contains("no address to go to"))
                .count()
        };
        assert_eq!(count(&redirect), refused, "{portal}");
        assert_eq!(count(GOOD), 0, "nobody is sent there");
    }
}

#[test]
fn an_ordinary_client() {
    let (inventory, problems) = client(&format!(
        "{GOOD}[[client.c1.target]]\ntitle = \"vmfs01\"\nluns = [\"rbd/a\", \"rbd/b\"]\n"
    ));
    assert!(problems.0.is_empty(), "{:?}", problems.0);
    let inventory = inventory.unwrap();
    let client = &inventory.clients[0];
    assert_eq!(client.acl_addresses(), ["10.0.0.11", "10.0.0.12"]);
    let target = &client.targets[0];
    assert_eq!(target.iqn, "iqn.2014-02.my.domain:c1.vmfs01");
    assert_eq!((target.backing, target.luns.len()), (Backing::Rbd, 2));
    assert_eq!(
        (target.luns[0].lbppbe, target.luns[0].vendor.as_str()),
        (3, "CEPH")
    );
    let role = |host: &str| client.role(Some(&host.parse().unwrap()));
    assert_eq!(
        (role("gw1"), role("gw2"), role("gw3")),
        (
            ClientRole::Active,
            ClientRole::Standby,
            ClientRole::Elsewhere
        )
    );
}

#[test]
fn a_client_known_by_name_gets_an_address_that_is_nobodys() {
    let (inventory, _) = client(
        "gateway = \"gw1\"\ninitiators = [\"iqn.1998-01.com.vmware:esx1\"]\n[[client.c1.target]]\ntitle = \"t\"\nluns = [\"rbd/a\"]\n",
    );
    assert_eq!(inventory.unwrap().clients[0].acl_addresses(), [NOBODY]);
}

#[test]
fn a_cached_disk_and_a_snapshot() {
    let (inventory, problems) = client(&format!(
        "{GOOD}[[client.c1.target]]\ntitle = \"fast\"\n[[client.c1.target.lun]]\nimage = \"rbd/a\"\ncached = true\n\
         [[client.c1.target]]\ntitle = \"iso\"\n[[client.c1.target.lun]]\nimage = \"rbd/b@s\"\nreadonly = true\nnumber = 7\nphysical = 512\n"
    ));
    assert!(!problems.failed(), "{:?}", problems.0);
    let targets = &inventory.unwrap().clients[0].targets;
    assert_eq!(
        (targets[0].backing, targets[1].backing),
        (Backing::Front, Backing::Rbd)
    );
    let iso = &targets[1].luns[0];
    assert_eq!((iso.readonly, iso.number, iso.lbppbe), (true, Some(7), 0));
}

/// Every refusal: a client's body, and words of the message.
#[test]
fn what_would_go_wrong_silently_is_refused() {
    let target = "[[client.c1.target]]\ntitle = \"t\"\n";
    let lun = "luns = [\"rbd/a\"]\n";
    let full = |body: &str| format!("{body}{target}{lun}");
    let image = |image: &str| format!("{GOOD}{target}luns = [\"{image}\"]\n");
    let keys =
        |keys: &str| format!("{GOOD}{target}[[client.c1.target.lun]]\nimage = \"rbd/a\"\n{keys}\n");
    let chap = |user: &str, file: &str| {
        full(&format!(
            "{GOOD}chap = {{ user = \"{user}\", secret_file = \"{file}\" }}\n"
        ))
    };
    let acl = |list: &str| full(&format!("gateway = \"gw1\"\n{list}\n"));
    let cases = [
        (acl(""), "neither addresses nor initiators"),
        (acl("addresses = [\"ALL\"]"), "open the target to everybody"),
        (acl("addresses = [\"0.0.0.0/0\"]"), "means everybody"),
        (acl("addresses = [\"10.0.0.1/24\"]"), "host bits"),
        (acl("addresses = [\"10.0.0.1/32\"]"), "never matches"),
        (acl("addresses = [\"esx1.my.domain\"]"), "no IP address"),
        (
            acl("addresses = [\"10.0.0.1\", \"10.0.0.1\"]"),
            "given twice",
        ),
        (acl("initiators = [\"ALL\"]"), "capital letters"),
        (
            acl("initiators = [\"iqn.1998-01.com.vmware:ESX1\"]"),
            "capital letters",
        ),
        (
            acl("initiators = [\"iqn.1998-01.com.vmware:e_1\"]"),
            "contains '_'",
        ),
        (
            acl("initiators = [\"eui.1\", \"eui.1\"]"),
            "16 hexadecimal digits",
        ),
        (full("addresses = [\"10.0.0.1\"]\n"), "has no gateway"),
        (
            full("gateway = \"gw3\"\naddresses = [\"10.0.0.1\"]\n"),
            "not in the inventory",
        ),
        (
            full("gateway = \"gw1\"\nstandby = [\"gw1\"]\naddresses = [\"10.0.0.1\"]\n"),
            "twice",
        ),
        (
            full("gateway = [\"gw1\", \"gw2\"]\naddresses = [\"10.0.0.1\"]\n"),
            "two writers",
        ),
        (chap("short", "SECRET"), "8 to 64 characters"),
        (chap("user;rm-rf", "SECRET"), "contains ';'"),
        (chap("esx-cluster", "/nonexistent"), "cannot be read"),
        (
            full(&format!(
                "{GOOD}chap_mutual = {{ user = \"esx-cluster\", secret_file = \"SECRET\" }}\n"
            )),
            "without chap",
        ),
        (
            full(&format!(
                "{GOOD}chap = {{ user = \"esx-cluster\", secret_file = \"SECRET\" }}\nchap_mutual = {{ user = \"tgt-cluster\", secret_file = \"SECRET\" }}\n"
            )),
            "one secret in both directions",
        ),
        (
            full(&format!(
                "{GOOD}chap = {{ user = \"esx-cluster\", secret_file = \"SECRET\" }}\nchap_mutual = {{ user = \"esx-cluster\", secret_file = \"OTHER\" }}\n"
            )),
            "used twice",
        ),
        (image("rbd/ns/a"), "namespace"),
        (image("rbd/a@s"), "readonly is not set"),
        (image("a"), "POOL/IMAGE"),
        (image("rbd/a b"), "contains ' '"),
        (image("rbd/a#1"), "contains '#'"),
        (image("rbd/$HOME"), "contains '$'"),
        (image("rbd/a;id"), "contains ';'"),
        (image("rbd/a,b"), "contains ','"),
        (image("rbd/`id`"), "contains '`'"),
        (keys("number = 0"), "not between 1 and 255"),
        (keys("number = 256"), "not between 1 and 255"),
        (keys("physical = 4194304"), "not taken by ESXi"),
        (keys("scsi_id = \"600\""), "32 hexadecimal digits"),
        (
            keys("scsi_id = \"50014051d6f3c2a94b7e4d1892aa5e07\""),
            "32 hexadecimal digits",
        ),
        (keys("scsi_sn = \"a b\""), "contains ' '"),
        (
            format!("{GOOD}{target}luns = [\"rbd/a\", \"rbd/a\"]\n"),
            "served twice",
        ),
        (format!("{GOOD}{target}"), "has no LUN"),
        (
            format!("{GOOD}{target}{lun}{target}luns = [\"rbd/b\"]\n"),
            "given twice",
        ),
        (
            format!("{GOOD}[[client.c1.target]]\ntitle = \"T\"\n{lun}"),
            "capital letters",
        ),
        (
            format!("{GOOD}[[client.c1.target]]\ntitle = \"a_b\"\n{lun}"),
            "contains '_'",
        ),
        (
            format!("{GOOD}[[client.c1.target]]\n{lun}"),
            "either a title or an iqn",
        ),
        (
            format!("{GOOD}[[client.c1.target]]\niqn = \"foo\"\n{lun}"),
            "does not begin with iqn.",
        ),
        (
            format!("{GOOD}{target}tid = 0\n{lun}"),
            "not between 1 and 65535",
        ),
        (
            format!(
                "{GOOD}{target}lun = [{{ image = \"rbd/a\" }}, {{ image = \"rbd/b\", cached = true }}]\n"
            ),
            "cached and plain",
        ),
        (
            format!(
                "{GOOD}{target}lun = [{{ image = \"rbd/a\", number = 3 }}, {{ image = \"rbd/b\", number = 3 }}]\n"
            ),
            "LUN 3",
        ),
        (
            format!("{GOOD}colour = \"red\"\n"),
            "unknown field `colour`",
        ),
        (
            format!("{}[session]\nFirstBurstLength = 524288\n", full(GOOD)),
            "larger than MaxBurstLength",
        ),
        (
            format!("{}[session]\nMaxRecv = 1\n", full(GOOD)),
            "not known",
        ),
        (
            format!("{}[session]\nHeaderDigest = \"md5\"\n", full(GOOD)),
            "None or CRC32C",
        ),
        (
            format!(
                "{}[ceph]\nid = \"tgt\"\nconf = \"/etc/ceph/b.conf\"\n",
                full(GOOD)
            ),
            "cannot both",
        ),
        (
            format!("{}[lun]\nvendor = \"TOOLONGVENDOR\"\n", full(GOOD)),
            "longer than 8",
        ),
    ];
    for (body, words) in cases {
        let (inventory, problems) = client(&body);
        assert!(inventory.is_none(), "taken: {body}");
        let all: Vec<String> = problems.0.iter().map(ToString::to_string).collect();
        let text = all.join("\n");
        assert!(text.contains(words), "{body}\n{text}");
        assert!(
            problems
                .0
                .iter()
                .all(|found| found.place.is_some() && !found.remedy.is_empty()),
            "{text}"
        );
        assert!(text.contains("tgt.toml:"), "{text}");
    }
}

#[test]
fn all_errors_come_at_once_with_their_files_and_lines() {
    let dir = Dir::new();
    dir.put("tgt.toml", HEAD);
    dir.put("tgt.d/10-a.toml", "[client.a]\ngateway = \"gw1\"\naddresses = [\"all\"]\n[[client.a.target]]\ntitle = \"t\"\nluns = [\"rbd/x\"]\n");
    dir.put("tgt.d/20-b.toml", "[client.b]\ngateway = \"gw2\"\naddresses = [\"10.0.0.1\"]\n[[client.b.target]]\ntitle = \"t\"\nluns = [\n  \"rbd/y\",\n  \"rbd/x\",\n]\n");
    dir.put("tgt.d/b.toml~", "nonsense");
    let (_, problems) = dir.examine();
    let error = problems.check().unwrap_err();
    let text = error.to_string();
    assert!(text.contains("the inventory has 2 errors"), "{text}");
    for words in [
        "10-a.toml:3: address \"all\"",
        "20-b.toml:8: rbd/x is served twice, by the gateways gw1 and gw2, which would be two writers",
        "10-a.toml:6",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert_eq!(error.kind(), crate::Kind::Config);
}

#[test]
fn a_section_belongs_into_one_file() {
    let dir = Dir::new();
    dir.put("tgt.toml", HEAD);
    dir.put("tgt.d/a.toml", "[site]\niqn = \"iqn.2015-02.my.domain\"\n");
    let (_, problems) = dir.examine();
    assert!(
        problems.0[0]
            .to_string()
            .contains("a.toml:1: section [site] is given twice; first at"),
        "{:?}",
        problems.0
    );
}

#[test]
fn a_syntax_error_has_its_line() {
    let dir = Dir::new();
    dir.put("tgt.toml", "[site]\niqn = \n");
    let (_, problems) = dir.examine();
    assert!(
        problems.0[0].to_string().contains("tgt.toml:2:"),
        "{:?}",
        problems.0
    );
}

#[test]
fn what_can_be_meant_is_a_warning() {
    let (inventory, problems) = client(&format!(
        "{GOOD}initiators = [\"iqn.1998-01.com.vmware:esx1\"]\n"
    ));
    assert!(inventory.is_some());
    let text: Vec<String> = problems.0.iter().map(ToString::to_string).collect();
    assert!(
        text[0].contains("admits whoever matches either") && text[1].contains("has no targets"),
        "{text:?}"
    );
}
