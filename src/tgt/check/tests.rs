//! Findings have a place, a severity and a mended line; secrets stay out of them; a good file has none.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{CheckReport, Rule, Severity, check, check_inventory};
use crate::tgt::conf::tests::Table;

const MAIN: &str = "/etc/tgt/targets.conf";

fn checked(text: &str) -> CheckReport {
    let table = Table(BTreeMap::from([(
        PathBuf::from(MAIN),
        text.as_bytes().to_vec(),
    )]));
    check(&table, &[], true)
}

const GOOD: &str = "\
# client=my-client
<target iqn.2014-02.my.domain:my-client.vmfs01>
    driver iscsi
    controller_tid 1017
    bs-type rbd
    bsopts id=tgt
    <backing-store rbd/my-client-vmfs01>
        lun 1
        block-size 512
        scsi_id 60014051d6f3c2a94b7e4d1892aa5e07
        scsi_sn 1d6f3c2a94b7e4d1
        vendor_id CEPH
        product_id RBD
        lbppbe 3
        write-cache off
    </backing-store>
    MaxRecvDataSegmentLength 262144
    initiator-address 10.0.0.11
    initiator-address 10.0.0.12
</target>
";

#[test]
fn a_good_file_has_no_findings() {
    let report = checked(GOOD);
    assert_eq!(report.checked[0].findings, []);
    assert_eq!(report.exit_code(), 0);
    assert_eq!((report.checked[0].targets, report.checked[0].luns), (1, 1));
}

#[test]
fn a_misspelt_address_is_a_danger_with_its_line_mended() {
    let report = checked(&GOOD.replace("initiator-address", "initator-address"));
    assert_eq!(report.exit_code(), 21);
    let findings = &report.checked[0].findings;
    let open = findings
        .iter()
        .find(|finding| finding.rule == Rule::OpenToAll)
        .unwrap();
    assert_eq!((open.severity, open.line), (Severity::Danger, Some(2)));
    let misspelt = findings
        .iter()
        .find(|finding| finding.rule == Rule::Misspelt)
        .unwrap();
    assert_eq!(misspelt.line, Some(18));
    assert_eq!(
        misspelt.mended.as_deref(),
        Some("initiator-address 10.0.0.11")
    );
    assert_eq!(
        misspelt.target.as_deref(),
        Some("iqn.2014-02.my.domain:my-client.vmfs01")
    );
}

#[test]
fn secrets_are_in_the_commands_only() {
    let users = "    incominguser bob top#secret99\n    outgoinguser eve hushhush;x y\n</target>";
    let mut report = checked(&GOOD.replace("</target>", users));
    let commands = report.checked[0].commands.take().unwrap();
    assert!(
        commands
            .iter()
            .any(|line| line.contains("--password=hushhush;x"))
    );
    assert!(report.count(Severity::Danger) >= 2, "{report:?}");
    let json = serde_json::to_string(&report).unwrap();
    assert!(
        !json.contains("secret99") && !json.contains("hushhush"),
        "{json}"
    );
}

#[test]
fn an_inventory_with_two_writers_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tgt.toml");
    let client = |name: &str, gateway: &str| {
        format!(
            "[client.{name}]\ngateway = {gateway}\naddresses = [\"10.0.0.1\"]\n\
             [[client.{name}.target]]\ntitle = \"t\"\nluns = [\"rbd/x\"]\n"
        )
    };
    let head = "[site]\niqn = \"iqn.2014-02.my.domain\"\n[gateway.gw1]\n[gateway.gw2]\n";
    let check = |clients: &[String]| {
        let text = format!("{head}{}", clients.concat());
        crate::sys::atomic::write(&file, text.as_bytes()).unwrap();
        let checked = vec![check_inventory(&file).unwrap()];
        CheckReport {
            checked,
            ..CheckReport::default()
        }
    };
    let report = check(&[client("a", "\"gw1\"")]);
    assert_eq!((report.exit_code(), report.checked[0].luns), (0, 1));
    // two clients with one image, and one client with two gateways
    for clients in [
        &[client("a", "\"gw1\""), client("b", "\"gw2\"")][..],
        &[client("a", "[\"gw1\", \"gw2\"]")],
    ] {
        let report = check(clients);
        let findings = &report.checked[0].findings;
        assert_eq!(report.exit_code(), 21, "{findings:?}");
        assert!(
            findings
                .iter()
                .any(|found| found.rule == Rule::Inventory && found.line.is_some())
        );
        assert!(!report.checked[0].complete);
    }
}
