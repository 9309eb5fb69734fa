use super::*;
use crate::Kind;
use crate::one::plan::At;
use crate::one::remote::tests::remote;
use crate::one::voice::Dialect;

/// Notes which host is asked for what. One by the name of `dead` is not there, one by the name of `sick` fails, and one by the
/// name of `held` fails because of a lease.
const HOSTS: &str = r#"while [ "$1" != -- ]; do shift; done
    read -r job; op=${job##*'"op":"'}; echo "$2 ${op%%'"'*}" >>"${0%/*}/asked"
    case $2 in
    dead*) echo "ssh: connect to host $2 port 22: No route to host" >&2; exit 255 ;;
    held*) echo '{"error":{"kind":"lease-held","message":"on kvm9","remedy":"there"}}'; exit 7 ;;
    sick*) echo '{"error":{"kind":"busy","message":"no","remedy":null}}'; exit 6 ;;
    esac
    echo '{}'"#;

fn asks(host: &str, request: Request) -> Task {
    Task {
        at: At::Host(host.parse().unwrap()),
        work: Work::Job(request),
        instead: Vec::new(),
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
        instead: vec![Instead { when, tasks }],
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
    // Other failures are failures.
    for (host, when) in [
        ("held1", When::Unreached),
        ("dead1", When::Held),
        ("sick1", When::Unreached),
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
