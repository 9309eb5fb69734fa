//! Changes under a session.

use super::*;

#[test]
fn a_session_is_disturbed_by_force_only() {
    let mut model = Model::default();
    let mut applied = Applied::default();
    let active =
        |luns: &[u8], acl: &[&str]| [wanted("a", 1001, ClientRole::Active, luns, acl, None)];
    carry_out(
        &mut model,
        &active(&[1, 2], &["10.0.0.1"]),
        &mut applied,
        false,
    );
    model.target(1001).nexuses.push(session());
    // what is safe: another LUN, another initiator
    carry_out(
        &mut model,
        &active(&[1, 2, 3], &["10.0.0.1", "10.0.0.2"]),
        &mut applied,
        false,
    );
    assert_eq!(
        (model.target(1001).luns.len(), model.target(1001).acl.len()),
        (3, 2)
    );
    // what is not: a LUN that goes, a standby, a target that goes; and each is done by force
    let fewer = active(&[1, 3], &["10.0.0.1"]);
    let held = |model: &Model, views: &[ClientView]| {
        plan(&model.daemon, views, &ours(), &applied, false).targets[0]
            .held
            .clone()
    };
    assert_eq!(
        held(&model, &fewer)[0].0,
        Step::LunDelete {
            tid: 1001,
            number: 2
        }
    );
    assert!(matches!(held(&model, &[])[0].0, Step::TargetDelete { .. }));
    let standby = [wanted(
        "a",
        1001,
        ClientRole::Standby,
        &[],
        &["10.0.0.1"],
        None,
    )];
    assert_eq!(
        held(&model, &standby)[0].0,
        Step::State {
            tid: 1001,
            ready: false
        }
    );
    carry_out(&mut model, &fewer, &mut applied.clone(), false);
    assert_eq!(
        (model.target(1001).luns.len(), model.target(1001).acl.len()),
        (3, 1),
        "the access list follows at once"
    );
    carry_out(&mut model, &fewer, &mut applied, true);
    assert_eq!(model.target(1001).luns.len(), 2);
    carry_out(&mut model, &[], &mut applied, true);
    assert!(model.daemon.targets.is_empty());
}

#[test]
fn an_image_that_was_renamed_stays_open_under_its_session() {
    let mut model = Model::default();
    let mut applied = Applied::default();
    let mut views = [wanted(
        "a",
        1001,
        ClientRole::Active,
        &[1],
        &["10.0.0.1"],
        None,
    )];
    carry_out(&mut model, &views, &mut applied, false);
    model.target(1001).nexuses.push(session());
    views[0].targets[0].luns[0].path = "rbd/renamed".into();
    assert_eq!(carry_out(&mut model, &views, &mut applied, false), 0);
    model.target(1001).nexuses.clear();
    assert!(carry_out(&mut model, &views, &mut applied, false) > 0);
    assert_eq!(model.target(1001).luns[0].path, "rbd/renamed");
}
