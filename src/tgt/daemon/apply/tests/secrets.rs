//! Secrets that change.

use super::*;
use crate::tgt::inventory::Secret;

#[test]
fn a_changed_secret_is_put_in_force_behind_a_guard() {
    let mut model = Model::default();
    let mut applied = Applied::default();
    let with = |secret: &str| {
        [wanted(
            "a",
            1001,
            ClientRole::Active,
            &[1],
            &["10.0.0.1"],
            Some(secret),
        )]
    };
    carry_out(&mut model, &with("one"), &mut applied, false);
    model.target(1001).nexuses.push(session());
    carry_out(&mut model, &with("two"), &mut applied, false);
    assert_eq!(model.secrets["user-a"], "two");
    assert_eq!(
        (
            model.daemon.accounts.len(),
            model.target(1001).accounts.len()
        ),
        (1, 1),
        "the guard is gone"
    );
    // after a restart of the daemon nothing is known, so it is set again, and only once
    let mut applied = Applied::default();
    assert!(carry_out(&mut model, &with("two"), &mut applied, false) > 0);
    assert_eq!(carry_out(&mut model, &with("two"), &mut applied, false), 0);
    // a guard that a killed run left goes
    model.run(&Step::AccountNew {
        user: "wb-guard-123".into(),
        secret: Secret::new("x".into()),
    });
    carry_out(&mut model, &with("two"), &mut applied, false);
    assert_eq!(model.daemon.accounts, ["user-a"]);
}
