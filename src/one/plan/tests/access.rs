//! Whatever is done to a disk is done by the access of its own datastore: no step may be left out, in no action.

use super::*;
use crate::job::Steps;
use crate::model::Access;

/// The VM, each of its disks with a user of its own.
fn vm() -> String {
    let vm = VM.replace(
        "<DISK_ID>0</DISK_ID>",
        "<DISK_ID>0</DISK_ID><CEPH_USER>of0</CEPH_USER>",
    );
    vm.replace(
        "<DISK_ID>1</DISK_ID>",
        "<DISK_ID>1</DISK_ID><CEPH_USER>of1</CEPH_USER><CEPH_CONF>/etc/ceph/b.conf</CEPH_CONF>\
         <CEPH_KEY>/etc/ceph/b.key</CEPH_KEY>",
    )
}

fn datastore() -> String {
    DATASTORE.replace("<POOL_NAME>", "<CEPH_USER>sys</CEPH_USER><POOL_NAME>")
}

/// Whose image a text speaks of first: by user.
fn owner(text: &str) -> Option<&'static str> {
    let names = [
        ("one/one-42", "of0"),
        ("one/one-43", "of1"),
        ("sys/one-sys-12-2", "sys"),
    ];
    let at = names.map(|(name, user)| (text.find(name), user));
    at.into_iter()
        .filter(|(at, _)| at.is_some())
        .min()
        .map(|(_, user)| user)
}

/// Sees to it that every step is by its image's access, and counts those that have one.
fn check(steps: &[StepAsk], outer: Option<&Access>, line: &str) -> usize {
    let mut seen = 0;
    for step in steps {
        // What is within a step is done by its access, unless it has one of its own.
        let access = step.access.as_ref().or(outer);
        let json = serde_json::to_value(&step.request).unwrap();
        seen += match &step.request {
            Request::Steps(Steps { steps, .. }) => {
                seen += check(steps, access, line);
                continue;
            }
            Request::Quiet(quiet) => check(&quiet.steps, access, line),
            Request::Backup(backup) => {
                for disk in &backup.disks {
                    let user = disk.access.as_ref().and_then(|access| access.user.clone());
                    let user = user.map(String::from);
                    assert_eq!(user.as_deref(), owner(&disk.image.to_string()), "{line}");
                }
                continue;
            }
            _ => 0,
        };
        let user = access.and_then(|access| access.user.clone());
        let wanted = owner(&json["image"].to_string())
            .or_else(|| owner(&json["parent"].to_string()))
            .or_else(|| owner(&json["make"].to_string()));
        assert_eq!(user.map(String::from).as_deref(), wanted, "{line}: {json}");
        seen += usize::from(wanted.is_some());
    }
    seen
}

fn check_tasks(tasks: &[Task], line: &str) -> usize {
    let of_task = |task: &Task| {
        let own = match &task.work {
            Work::Job(request) => check(&[StepAsk::new(request.as_ref().clone())], None, line),
            Work::Fetch { .. } => 0,
        };
        let instead = task.instead.iter();
        let instead =
            instead.map(|other| check_tasks(&other.first, line) + check_tasks(&other.tasks, line));
        own + instead.sum::<usize>()
    };
    tasks.iter().map(of_task).sum()
}

#[test]
fn every_step_is_by_the_access_of_its_disk() {
    for line in [
        "clone fe:one/one-42 kvm1:DIR/disk.0 12 101",
        "ln fe:one/one-43 kvm1:DIR/disk.1 12 101",
        "mkimage 1024 raw kvm1:DIR/disk.2 12 100",
        "mkswap 512 kvm1:DIR/disk.2 12 100",
        "context /var/lib/one/vms/12/context.sh kvm1:DIR/disk.4 12 100",
        "mvds kvm1:DIR/disk.1 one/one-43 12 101",
        "delete kvm1:DIR/disk.0 12 101",
        "delete kvm1:DIR/disk.1 12 101",
        "delete kvm1:DIR/disk.2 12 100",
        "delete fe:DIR/disk.0 12 101",
        "mv kvm1:DIR/disk.0 kvm2:DIR/disk.0 12 101",
        "mv kvm1:DIR/disk.2 kvm2:DIR/disk.2 12 100",
        "premigrate kvm1 kvm2 DIR 12 100",
        "postmigrate kvm1 kvm2 DIR 12 100",
        "failmigrate kvm1 kvm2 DIR 12 100",
        "snap_create_live kvm1:DIR/disk.0 0 12 101",
        "snap_revert kvm1:DIR/disk.1 0 12 101",
        "snap_delete kvm1:DIR/disk.0 0 12 101",
        "resize kvm1:DIR/disk.1 30720 12 101",
        "cpds kvm1:DIR/disk.0 one/one-42-copy -1 12 101",
        "cpds kvm1:DIR/disk.0 one/one-42-copy 3 12 101",
    ] {
        let planned = planned_with(&vm(), &datastore(), line).unwrap();
        let seen = check_tasks(&planned.tasks, line);
        assert!(seen > 0, "{line}: {planned:?}");
        check_tasks(&planned.undo, line);
    }
}

#[test]
fn a_backup_reaches_each_disk_in_its_own_way() {
    let words = ["kvm1:DIR", "0:1:2", "one-12", "3", "12", "100"];
    let args: Vec<String> = words.iter().map(|word| in_place(word)).collect();
    let Call::Transfer(TmCall::Prebackup { call, live }) =
        Call::parse(Family::Transfer, "prebackup", &args).unwrap()
    else {
        unreachable!()
    };
    let vm = Vm::parse(&vm()).unwrap();
    let ask = || Datastore::parse(&datastore());
    let known = Known {
        vm: &vm,
        datastore: &Asked::by(&ask),
        front_end: &"fe".parse().unwrap(),
        context: None,
    };
    let plan = Plan::backup(&known, &call, live, "<VM/>").unwrap();
    assert!(check_tasks(&plan.tasks, "prebackup") >= 9, "{plan:?}");
    assert!(check_tasks(&plan.undo, "prebackup") >= 6);
}

/// Words that cannot be used keep nobody from what is done with the VM's other disks, nor from taking the disk itself down, as the
/// host knows it.
#[test]
fn bad_words_of_a_disk_are_that_disks_alone() {
    let vm = |disk: u32| {
        let id = format!("<DISK_ID>{disk}</DISK_ID>");
        VM.replace(
            &id,
            &format!("{id}<CEPH_USER>of</CEPH_USER><CEPH_KEY>k</CEPH_KEY>"),
        )
    };
    let of_another = vm(0);
    for line in [
        "ln fe:one/one-43 kvm1:DIR/disk.1 12 101",
        "mkswap 512 kvm1:DIR/disk.2 12 100",
        "delete kvm1:DIR/disk.1 12 101",
        "delete kvm1:DIR/disk.2 12 100",
        "snap_create kvm1:DIR/disk.1 0 12 101",
        "failmigrate kvm1 kvm2 DIR 12 100",
    ] {
        assert!(planned_with(&of_another, DATASTORE, line).is_ok(), "{line}");
    }
    let its_own = vm(1);
    for line in [
        "delete kvm1:DIR/disk.1 12 101",
        "mvds kvm1:DIR/disk.1 one/one-43 12 101",
    ] {
        let planned = plan_of(&its_own, line);
        assert!(
            planned.contains("detach") && !planned.contains("\"of\""),
            "{planned}"
        );
    }
    for (vm, line) in [
        (&its_own, "ln fe:one/one-43 kvm1:DIR/disk.1 12 101"),
        (
            &its_own,
            "context /var/lib/one/vms/12/context.sh kvm1:DIR/disk.4 12 100",
        ),
        (&its_own, "mv kvm1:DIR/disk.1 kvm2:DIR/disk.1 12 101"),
        (&its_own, "premigrate kvm1 kvm2 DIR 12 100"),
        (&its_own, "snap_create kvm1:DIR/disk.1 0 12 101"),
        (&its_own, "resize kvm1:DIR/disk.1 30720 12 101"),
        (&of_another, "clone fe:one/one-42 kvm1:DIR/disk.0 12 101"),
        (&of_another, "delete kvm1:DIR/disk.0 12 101"),
    ] {
        let error = planned_with(vm, DATASTORE, line).unwrap_err();
        assert!(error.chain().contains("CEPH_KEY"), "{line}: {error}");
    }
}
