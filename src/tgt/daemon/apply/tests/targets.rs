//! Targets that are new, and those of others.

use super::*;

#[test]
fn a_new_target_lets_nobody_in_until_it_is_whole() {
    let mut model = Model::default();
    let mut applied = Applied::default();
    let views = [wanted(
        "a",
        1001,
        ClientRole::Active,
        &[1, 2],
        &["10.0.0.1", "iqn.1998-01.com.vmware:esx1"],
        Some("s"),
    )];
    let first = plan(&model.daemon, &views, &ours(), &applied, false);
    let words: Vec<String> = first.targets[0]
        .steps
        .iter()
        .map(ToString::to_string)
        .collect();
    insta::assert_snapshot!(words.join("\n"), @r"
    make the target, tid 1001
    set ImmediateData to Yes
    make LUN 1 of rbd/a1
    LUN 1: id 6-a1, serial a1
    LUN 1: CEPH RBD, lbppbe 3, write cache off
    make LUN 2 of rbd/a2
    LUN 2: id 6-a2, serial a2
    LUN 2: CEPH RBD, lbppbe 3, write cache off
    ask for user-a
    admit 10.0.0.1
    admit iqn.1998-01.com.vmware:esx1
    ");
    assert!(carry_out(&mut model, &views, &mut applied, false) > 10);
    assert_eq!(
        carry_out(&mut model, &views, &mut applied, false),
        0,
        "the second run changes nothing"
    );
}

#[test]
fn a_foreign_target_is_never_touched() {
    let mut model = Model::default();
    let mut applied = Applied::default();
    model.run(&Step::TargetNew {
        tid: 1001,
        iqn: "iqn.2001-01.foreign.org:x".into(),
    });
    let views = [wanted(
        "a",
        1001,
        ClientRole::Active,
        &[1],
        &["10.0.0.1"],
        None,
    )];
    let first = plan(&model.daemon, &views, &ours(), &applied, true);
    assert!(
        first.targets[0]
            .blocked
            .as_ref()
            .unwrap()
            .contains("taken by iqn.2001-01.foreign.org:x")
    );
    assert_eq!(carry_out(&mut model, &views, &mut applied, true), 0);
    assert_eq!(model.daemon.targets.len(), 1);
}
