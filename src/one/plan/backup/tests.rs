use super::*;
use crate::one::call::{Call, Family, TmCall};
use crate::one::document::{Datastore, Vm};
use crate::one::plan::Asked;
use crate::one::plan::Work;

fn vm(config: &str) -> String {
    format!(
        "<VM><ID>12</ID><LCM_STATE>69</LCM_STATE><TEMPLATE>\
         <DISK><DISK_ID>0</DISK_ID><IMAGE_ID>42</IMAGE_ID><TM_MAD>warmblock</TM_MAD><SOURCE>one/one-42</SOURCE><CLONE>YES</CLONE></DISK>\
         <DISK><DISK_ID>1</DISK_ID><IMAGE_ID>43</IMAGE_ID><TM_MAD>warmblock</TM_MAD><SOURCE>one/one-43</SOURCE><CLONE>NO</CLONE></DISK>\
         <DISK><DISK_ID>3</DISK_ID><IMAGE_ID>44</IMAGE_ID><TM_MAD>ceph</TM_MAD><SOURCE>one/one-44</SOURCE><CLONE>NO</CLONE></DISK>\
         </TEMPLATE><BACKUPS><BACKUP_CONFIG>{config}</BACKUP_CONFIG></BACKUPS><HISTORY_RECORDS><HISTORY><HOSTNAME>kvm1</HOSTNAME>\
         <DS_ID>100</DS_ID><TM_MAD>warmblock</TM_MAD></HISTORY></HISTORY_RECORDS></VM>"
    )
}

/// The plan of a call, a line per step; a line with `undo` for what is done if it fails.
fn plan(action: &str, disks: &str, document: &str) -> String {
    let words = [
        "kvm1:/var/lib/one//datastores/100/12",
        disks,
        "uuid",
        "-",
        "12",
        "100",
    ];
    let words = words.map(str::to_owned);
    let call = Call::parse(Family::Transfer, action, &words).unwrap();
    let vm = Vm::parse(document).unwrap();
    let ask = || Datastore::parse("<DATASTORE><ID>100</ID><TEMPLATE/></DATASTORE>");
    let known = Known {
        vm: &vm,
        datastore: &Asked::by(&ask),
        front_end: &"fe".parse().unwrap(),
        context: None,
    };
    let mut call = call;
    if let Call::Transfer(TmCall::Prebackup { call, .. } | TmCall::Postbackup { call, .. }) =
        &mut call
    {
        call.base = document
            .contains("<ELSEWHERE/>")
            .then(|| "/srv/backups".into());
    }
    let plan = match &call {
        Call::Transfer(TmCall::Prebackup { live, call }) => Plan::backup(&known, call, *live, "X"),
        Call::Transfer(TmCall::Postbackup { live, call }) => Plan::end_backup(&known, call, *live),
        _ => unreachable!(),
    };
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => return error.chain(),
    };
    let lines = |tasks: &[crate::one::plan::Task]| {
        let steps = tasks.iter().flat_map(|task| match &task.work {
            Work::Job(request) => match request.as_ref() {
                Request::Steps(all) => all.steps.clone(),
                _ => unreachable!(),
            },
            Work::Fetch { .. } => unreachable!(),
        });
        let line = |step: StepAsk| {
            let json = serde_json::to_string(&step.request).unwrap();
            json.replace("\"domain\":null,", "")
                .replace(",\"content_with\":[]", "")
        };
        steps.map(line).collect::<Vec<_>>().join("\n")
    };
    format!("{}\nundo\n{}", lines(&plan.tasks), lines(&plan.undo))
}

#[test]
fn a_full_backup() {
    let document = vm("<MODE>FULL</MODE><FS_FREEZE>AGENT</FS_FREEZE>");
    insta::assert_snapshot!(plan("prebackup_live", "0:1", &document));
    insta::assert_snapshot!(plan("postbackup_live", "0:1", &document));
    assert!(!plan("prebackup", "0", &document).contains("uuid"));
    // How a guest comes to rest, while all disks are taken.
    for (word, rest) in [
        ("NONE", None),
        ("AGENT", Some("")),
        ("TRY", Some("")),
        ("SUSPEND", Some("\"rest\":\"suspend\",")),
    ] {
        let planned = plan("prebackup_live", "0:1", &document.replace("AGENT", word));
        let wanted = rest.map(|rest| {
            format!("\"domain\":\"uuid\",{rest}\"steps\":[{{\"request\":{{\"op\":\"image\"")
        });
        let found = wanted
            .as_ref()
            .map(|wanted| planned.matches(wanted.as_str()).count());
        assert_eq!(found, rest.map(|_| 1), "{word}: {planned}");
        assert_eq!(planned.contains("\"uuid\","), rest.is_some(), "{word}");
        assert!(planned.contains("\"op\":\"rouse\",\"domain\":\"uuid\"}"));
    }
}

#[test]
fn increments_follow_each_other() {
    let config = |last| {
        vm(&format!(
            "<MODE>INCREMENT</MODE><LAST_INCREMENT_ID>{last}</LAST_INCREMENT_ID>"
        ))
    };
    insta::assert_snapshot!(plan("prebackup", "0", &config(-1)));
    insta::assert_snapshot!(plan("prebackup", "0", &config(4)));
    // The last snapshot stays: whether the backup came through is known only at the next one.
    assert!(!plan("postbackup", "0", &config(4)).contains("snap-remove"));
    let failed = config(4).replace("</VM>", "<BACKUP_RESULT>FAILURE</BACKUP_RESULT></VM>");
    let ended = plan("postbackup", "0", &failed);
    assert!(
        ended.contains("one_backup_5") && !ended.contains("one_backup_4"),
        "{ended}"
    );
}

/// What brings the files to a backup datastore looks for them where BACKUP_BASE_PATH says.
#[test]
fn a_backup_is_made_where_it_is_looked_for() {
    let document = vm("<MODE>FULL</MODE><ELSEWHERE/>");
    let base = "\"base\":\"/srv/backups\"";
    for action in ["prebackup", "postbackup"] {
        let planned = plan(action, "0", &document);
        assert_eq!(
            planned.matches(base).count(),
            planned.matches("\"op\":\"backup").count()
                + planned.matches("\"op\":\"end-backup").count(),
            "{planned}"
        );
        assert!(planned.contains(base), "{planned}");
    }
}

#[test]
fn half_a_vm_is_no_backup() {
    let said = plan("prebackup", "0:3", &vm("<MODE>FULL</MODE>"));
    assert!(
        said.contains("disk 3 of VM 12 is of another driver"),
        "{said}"
    );
}
