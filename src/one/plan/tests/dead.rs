//! Moves from a host that may be dead: by the VM's state, by what oned knows of the host, and by whether ssh gets there.

use super::*;

/// What becomes of a move, task by task, if the source is reached or not.
fn course(tasks: &[Task], reached: bool) -> Vec<String> {
    let mut course = Vec::new();
    for task in tasks {
        let from_source = matches!(&task.work, Work::Fetch { from, .. } if is_source(from));
        if is_source(&task.at) || from_source {
            course.push("source".to_owned());
            if reached {
                continue;
            }
            let otherwise = task.instead.iter();
            match otherwise
                .clone()
                .find(|other| other.when == When::Unreached)
            {
                Some(otherwise) => course.extend(self::course(&otherwise.tasks, reached)),
                None => {
                    course.push("failure".to_owned());
                    break;
                }
            }
            continue;
        }
        let Work::Job(request) = &task.work else {
            unreachable!()
        };
        let json = serde_json::to_string(request).unwrap();
        let words = [
            ("\"with_checkpoint\":true", "checkpoint"),
            ("\"fence\":true", "barred"),
            ("\"fence_late\":true", "barred once forgotten"),
            ("\"op\":\"attach\"", "attached"),
        ];
        let found = words.iter().filter(|(word, _)| json.contains(word));
        course.extend(found.map(|(_, meaning)| (*meaning).to_owned()));
    }
    course
}

fn is_source(at: &At) -> bool {
    matches!(at, At::Host(node) if ["silent", "missed"].contains(&node.as_str()))
}

/// Who is heard of by oned is never barred before Ceph has forgotten him, and of a VM that was off not at all; who is reached never.
#[test]
fn who_is_barred() {
    const DISK: [(&[u32], &str, bool, &[&str]); 11] = [
        (&[8, 38], "silent", true, &["source", "attached"]),
        (&[8, 38], "missed", false, &["source", "failure"]),
        (&[43, 44, 45, 46], "silent", true, &["source", "attached"]),
        (&[43, 44, 45, 46], "silent", false, &["source", "failure"]),
        (&[43, 44, 45, 46], "missed", true, &["source", "attached"]),
        (
            &[43, 44],
            "missed",
            false,
            &["source", "barred", "attached", "attached"],
        ),
        (
            &[45, 46],
            "missed",
            false,
            &["source", "checkpoint", "barred", "attached", "attached"],
        ),
        (&[60, 61], "silent", true, &["source", "attached"]),
        (
            &[60, 61],
            "silent",
            false,
            &["source", "barred once forgotten", "attached", "attached"],
        ),
        (&[60, 61], "missed", true, &["barred", "attached"]),
        (&[60, 61], "missed", false, &["barred", "attached"]),
    ];
    for (states, host, reached, expected) in DISK {
        for state in states {
            for disk in 0..3 {
                let line = format!("mv {host}:DIR/disk.{disk} kvm2:DIR/disk.{disk} 12 101");
                let plan = planned_with(&stayed(*state, &[host, "kvm2"]), DATASTORE, &line);
                let course = course(&plan.unwrap().tasks, reached);
                assert_eq!(course, expected, "{state}, {host}, reached: {reached}");
            }
        }
    }
}

/// The memory of one that was suspended is asked for before anything is taken; of any other, the directory is made anew.
#[test]
fn what_becomes_of_the_directory() {
    for (states, host, reached, expected) in [
        (&[43, 44, 45, 46][..], "missed", true, &["source"][..]),
        (&[43, 44, 45, 46], "silent", false, &["source", "failure"]),
        (&[43, 44], "missed", false, &["source"]),
        (&[45, 46], "missed", false, &["source", "checkpoint"]),
        (&[60, 61], "missed", false, &[]),
    ] {
        for state in states {
            let line = format!("mv {host}:DIR kvm2:DIR 12 100");
            let plan = planned_with(&stayed(*state, &[host, "kvm2"]), DATASTORE, &line);
            let course = course(&plan.unwrap().tasks, reached);
            assert_eq!(course, expected, "{state}, {host}, reached: {reached}");
        }
    }
}

/// Nobody is taken for dead of whom oned was not asked.
#[test]
fn a_host_without_a_number_may_live() {
    for state in [43, 60] {
        let vm = Vm::parse(&stayed(state, &["kvm1", "kvm2"])).unwrap();
        assert!(vm.left_at().is_some_and(|stay| vm.history[stay].may_live));
    }
}
