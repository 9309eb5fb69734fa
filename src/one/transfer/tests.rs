use super::*;
use crate::Kind;
use crate::one::plan::At;
use crate::one::remote::tests::remote;
use crate::one::voice::Dialect;

mod asks;

/// Notes which host is asked for what. One by the name of `dead` is not there, one by the name of `sick` fails, and one by the
/// name of `held` fails because of a lease; `shy` ones when they are asked twice, `shut` ones do not let us in, and the directory of a
/// `nfs` one is the one that the others have.
const HOSTS: &str = r#"while [ "$1" != -- ]; do shift; done
    read -r job; op=${job##*'"op":"'}; echo "$2 ${op%%'"'*}" >>"${0%/*}/asked"
    case $2 in
    dead*) echo "ssh: connect to host $2 port 22: No route to host" >&2; exit 255 ;;
    held*) echo '{"error":{"kind":"lease-held","message":"on kvm9","remedy":"there"}}'; exit 7 ;;
    shut*) echo "oneadmin@$2: Permission denied (publickey)." >&2; exit 255 ;;
    nfs*) echo '{"shared":true}'; exit ;;
    shy*) [ "$(grep -c "^$2 " "${0%/*}/asked")" -gt 2 ] || { echo '{"error":{"kind":"busy","message":"no","remedy":null}}'; exit 6; } ;;
    sick*) echo '{"error":{"kind":"busy","message":"no","remedy":null}}'; exit 6 ;;
    esac
    echo '{}'"#;

fn asks(host: &str, request: Request) -> Task {
    Task {
        at: At::Host(host.parse().unwrap()),
        work: Work::Job(Box::new(request)),
        instead: Vec::new(),
        stubborn: false,
    }
}

fn hello(host: &str) -> Task {
    asks(host, Request::Hello)
}

/// What comes of a plan, and who was asked for what.
fn played(plan: &Plan) -> (Result<()>, String) {
    let (dir, remote) = remote(HOSTS);
    let mut voice = Voice::new(Dialect::Levels, None, Vec::new());
    let done = done(&remote, plan, &mut voice, || Ok(()));
    let asked = std::fs::read_to_string(dir.path().join("asked")).unwrap_or_default();
    (done, asked.replace('\n', "; "))
}

#[test]
fn the_first_failure_ends_a_plan_and_nothing_ends_its_undoing() {
    let plan = Plan {
        tasks: vec![hello("kvm1"), hello("sick1"), hello("kvm2")],
        undo: vec![hello("dead1"), hello("sick2"), hello("kvm3")],
        ..Plan::default()
    };
    let (done, asked) = played(&plan);
    let error = done.unwrap_err();
    assert_eq!(error.kind(), Kind::Busy);
    assert_eq!(error.cleanup_errors().len(), 1);
    assert_eq!(
        asked,
        "kvm1 hello; sick1 hello; dead1 hello; sick2 hello; kvm3 hello; "
    );
}

/// The source of a migration goes on also if its target is dead.
#[test]
fn every_task_is_tried_where_it_must_be() {
    let plan = Plan {
        tasks: vec![hello("dead1"), hello("kvm1")],
        every: true,
        ..Plan::default()
    };
    let (done, asked) = played(&plan);
    assert!(done.unwrap_err().chain().contains("No route"));
    assert_eq!(asked, "dead1 hello; kvm1 hello; ");
}

#[test]
fn what_may_fail_is_done_otherwise() {
    let otherwise = |host: &str, when, tasks| Task {
        instead: vec![Instead {
            when,
            first: Vec::new(),
            tasks,
        }],
        ..hello(host)
    };
    let played = |task| {
        played(&Plan {
            tasks: vec![task, hello("kvm9")],
            ..Plan::default()
        })
    };
    let (done, asked) = played(otherwise("dead1", When::Unreached, vec![hello("c1")]));
    assert!(
        done.is_ok() && asked == "dead1 hello; c1 hello; kvm9 hello; ",
        "{asked}"
    );
    let (done, asked) = played(otherwise("dead1", When::Unreached, Vec::new()));
    assert!(
        done.is_ok() && asked == "dead1 hello; kvm9 hello; ",
        "{asked}"
    );
    let (done, asked) = played(otherwise("held1", When::Held, vec![hello("kvm2")]));
    assert!(
        done.is_ok() && asked == "held1 hello; kvm2 hello; kvm9 hello; ",
        "{asked}"
    );
    for host in ["dead1", "held1", "sick1", "shut1"] {
        let (done, asked) = played(otherwise(host, When::Failed, Vec::new()));
        let expected = format!("{host} hello; kvm9 hello; ");
        assert!(done.is_ok() && asked == expected, "{asked}");
    }
    // Other failures are failures.
    for (host, when) in [
        ("held1", When::Unreached),
        ("dead1", When::Held),
        ("sick1", When::Unreached),
        ("shut1", When::Unreached),
    ] {
        let (done, asked) = played(otherwise(host, when, vec![hello("kvm2")]));
        assert!(
            done.is_err() && asked == format!("{host} hello; "),
            "{asked}"
        );
    }
    // And so is what fails then; it says what to do.
    let (done, _) = played(otherwise("dead1", When::Unreached, vec![hello("held2")]));
    let error = done.unwrap_err();
    assert_eq!(
        (error.kind(), error.remedy_text()),
        (Kind::LeaseHeld, Some("there"))
    );
    assert!(error.chain().contains("No route") && error.chain().contains("on kvm9"));
}

/// What stands in the way is let go elsewhere, as far as the hosts there can be asked; then the same is done once more.
#[test]
fn what_is_in_the_way_is_let_go_first() {
    let freed = |host: &str, first: &[&str], then: &str| {
        let task = Task {
            instead: vec![Instead {
                when: When::Held,
                first: first.iter().map(|host| hello(host)).collect(),
                tasks: vec![hello(then)],
            }],
            ..hello(host)
        };
        played(&Plan {
            tasks: vec![task],
            ..Plan::default()
        })
    };
    for host in ["held1", "sick1"] {
        let (done, asked) = freed(host, &["sick2", "kvm2"], "kvm1");
        assert!(done.is_ok(), "{asked}");
        assert_eq!(
            asked,
            format!("{host} hello; sick2 hello; kvm2 hello; kvm1 hello; ")
        );
    }
    let (done, asked) = freed("held1", &["sick2", "kvm2"], "held1");
    let error = done.unwrap_err();
    assert_eq!(asked, "held1 hello; sick2 hello; kvm2 hello; held1 hello; ");
    assert_eq!(error.kind(), Kind::LeaseHeld);
    assert_eq!(
        error.chain().matches("on kvm9").count(),
        1,
        "{}",
        error.chain()
    );
    assert!(error.cleanup_errors()[0].chain().contains("sick2"));
    let (done, asked) = freed("kvm1", &["kvm2"], "kvm1");
    assert!(done.is_ok() && asked == "kvm1 hello; ", "{asked}");
}

#[test]
fn what_nobody_repeats_is_tried_some_times() {
    let played = |host: &str, instead| {
        let task = Task {
            stubborn: true,
            instead,
            ..hello(host)
        };
        played(&Plan {
            tasks: vec![task, hello("kvm9")],
            every: true,
            ..Plan::default()
        })
    };
    let (done, asked) = played("shy1", Vec::new());
    assert!(done.is_ok(), "{asked}");
    assert_eq!(asked, "shy1 hello; shy1 hello; shy1 hello; kvm9 hello; ");
    let (done, asked) = played("sick1", Vec::new());
    assert!(done.is_err(), "{asked}");
    assert_eq!(asked, "sick1 hello; sick1 hello; sick1 hello; kvm9 hello; ");
    // What is to be expected is not waited for.
    let instead = Instead {
        when: When::Unreached,
        first: Vec::new(),
        tasks: vec![hello("kvm2")],
    };
    let (done, asked) = played("dead1", vec![instead]);
    assert!(done.is_ok(), "{asked}");
    assert_eq!(asked, "dead1 hello; kvm2 hello; kvm9 hello; ");
}

/// A directory that both places have stays as it is: nothing is packed, and nothing removed.
#[test]
fn a_directory_that_both_have_is_not_brought() {
    let fetch = |from: &str, to: &str| Task {
        work: Work::Fetch {
            from: At::Host(from.parse().unwrap()),
            path: "/ds/100/12".into(),
            to: "/ds/100/12".into(),
            gone: true,
        },
        ..hello(to)
    };
    for (from, to, expected) in [
        ("kvm1", "nfs2", "kvm1 make-dir; nfs2 make-dir; "),
        ("nfs1", "kvm2", "nfs1 make-dir; "),
    ] {
        let (done, asked) = played(&Plan {
            tasks: vec![fetch(from, to)],
            ..Plan::default()
        });
        assert!(done.is_ok() && asked == expected, "{asked}");
    }
}

/// After a migration nobody calls again, so the message says where the VM is and what is to be done.
#[test]
fn disks_that_are_not_settled() {
    use crate::one::call::{Call, Family};
    let told = |action: &str| {
        let args = ["kvm1", "kvm2", "/d/100/12", "12", "100"].map(str::to_owned);
        let Call::Transfer(call) = Call::parse(Family::Transfer, action, &args).unwrap() else {
            unreachable!()
        };
        let vm = Vm::parse("<VM><ID>12</ID><TEMPLATE/></VM>").unwrap();
        not_settled(&call, &vm, Error::new(Kind::Busy, "why"))
    };
    let error = told("postmigrate");
    assert!(error.chain().starts_with("VM 12 runs on kvm2") && error.chain().ends_with("why"));
    let remedy = error.remedy_text().unwrap();
    assert!(
        remedy.contains("on kvm1") && remedy.contains("on kvm2"),
        "{remedy}"
    );
    assert_eq!(told("failmigrate").chain(), "why");
}
