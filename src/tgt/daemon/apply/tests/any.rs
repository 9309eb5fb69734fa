//! Any inventory after any other.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn views() -> impl Strategy<Value = Vec<ClientView>> {
    let role = prop_oneof![
        Just(ClientRole::Active),
        Just(ClientRole::Active),
        Just(ClientRole::Standby),
        Just(ClientRole::Elsewhere)
    ];
    let acl = prop::sample::subsequence(
        vec!["10.0.0.1", "10.0.0.2", "iqn.1998-01.com.vmware:esx1"],
        1..=3,
    );
    let luns = prop::sample::subsequence(vec![1_u8, 2, 3], 1..=3);
    let chap = prop::option::of(prop_oneof![Just("one"), Just("two")]);
    let client = (role, acl, luns, chap, any::<bool>());
    prop::collection::vec(client, 3).prop_map(|clients| {
        let named = clients
            .into_iter()
            .zip([("a", 1001), ("b", 1002), ("c", 1003)]);
        let there = named.filter(|((.., there), _)| *there);
        there
            .map(|((role, acl, luns, chap, _), (name, tid))| {
                wanted(name, tid, role, &luns, &acl, chap)
            })
            .collect()
    })
}

proptest! {
    /// From any state, also one that was left in the middle: it is reached, at once or by force, and nothing is left to do.
    #[test]
    fn any_inventory_follows_any_other(
        first in views(), second in views(), cut in 0_usize..40,
        connected in prop::collection::vec(any::<bool>(), 3), known in any::<bool>(),
    ) {
        let mut model = Model::default();
        let mut applied = Applied::default();
        model.run(&Step::TargetNew { tid: 7, iqn: "iqn.2001-01.foreign.org:x".into() });
        // the first run is killed after some steps, before it could remember anything
        let killed = plan(&model.daemon, &first, &ours(), &applied, false);
        let steps: Vec<Step> = killed.accounts.steps().unwrap().into_iter().chain(killed.targets.into_iter().flat_map(|t| t.steps)).collect();
        for step in steps.iter().take(cut) {
            model.run(step);
        }
        if known {
            carry_out(&mut model, &first, &mut applied, false);
        }
        for (target, connected) in model.daemon.targets.iter_mut().filter(|t| t.tid > 1000 && !t.acl.is_empty()).zip(connected) {
            if connected {
                target.nexuses.push(session());
            }
        }
        let sessions = |model: &Model| model.daemon.targets.iter().map(|t| t.nexuses.len()).sum::<usize>();
        let before = sessions(&model);
        carry_out(&mut model, &second, &mut applied, false);
        prop_assert_eq!(sessions(&model), before, "nobody was disturbed");
        let again = carry_out(&mut model, &second, &mut applied, false);
        prop_assert_eq!(again, 0);
        carry_out(&mut model, &second, &mut applied, true);
        prop_assert_eq!(carry_out(&mut model, &second, &mut applied, true), 0);
        let left = plan(&model.daemon, &second, &ours(), &applied, false);
        prop_assert!(left.targets.iter().all(|target| target.steps.is_empty() && target.held.is_empty()), "{:?}", left);
        prop_assert!(model.daemon.targets.iter().any(|target| target.tid == 7));
        for view in &second {
            let has = model.daemon.targets.iter().find(|target| target.iqn == view.targets[0].iqn);
            match view.role {
                ClientRole::Elsewhere => prop_assert!(has.is_none()),
                role => {
                    let has = has.unwrap();
                    prop_assert_eq!(has.ready, role == ClientRole::Active);
                    prop_assert_eq!(has.luns.len(), view.targets[0].luns.len());
                    prop_assert_eq!(has.accounts.is_empty(), view.chap.is_none());
                    prop_assert_eq!(has.acl.iter().collect::<BTreeSet<_>>(), view.addresses.iter().chain(&view.initiators).collect::<BTreeSet<_>>());
                }
            }
        }
    }
}
