use super::*;
use crate::model::{CacheMode, LeaseHolder, Moving, Sharer, Sharing};

fn me() -> Me {
    Me {
        host: "hv1".parse().unwrap(),
        boot_id: "b1".into(),
    }
}

fn held(host: &str, boot_id: &str, dirty: bool) -> Lease {
    let holder = LeaseHolder {
        host: host.parse().unwrap(),
        boot_id: boot_id.into(),
        since: 0,
        driver: "dm-cache".parse().unwrap(),
        mode: CacheMode::Writeback,
        dirty,
        cache_id: dirty.then(|| "lv-uuid".into()),
        moving: None,
        client: None,
    };
    Lease {
        version: 1,
        image: Some(id()),
        generation: 4,
        holder: Some(holder),
        shared: Vec::new(),
    }
}

fn id() -> ImageId {
    "ab12".parse().unwrap()
}

fn image() -> ImageSpec {
    "one/a".parse().unwrap()
}

#[test]
fn a_free_lease_is_taken_and_our_own_is_kept() {
    let force = Force::default();
    assert_eq!(
        claim(&image(), &Lease::default(), &me(), &force).unwrap(),
        Claim::Take
    );
    assert_eq!(
        claim(&image(), &held("hv1", "b1", true), &me(), &force).unwrap(),
        Claim::Held
    );
    assert_eq!(
        claim(&image(), &held("hv1", "b0", false), &me(), &force).unwrap(),
        Claim::Take
    );
    let reopen = Claim::Reopen {
        cache_id: "lv-uuid".into(),
    };
    assert_eq!(
        claim(&image(), &held("hv1", "b0", true), &me(), &force).unwrap(),
        reopen
    );
}

#[test]
fn another_hosts_lease_is_refused_by_name_and_broken_only_when_told() {
    let refuse = |lease: &Lease, break_lease, discard_dirty| {
        claim(
            &image(),
            lease,
            &me(),
            &Force {
                break_lease,
                discard_dirty,
                ..Force::default()
            },
        )
        .unwrap_err()
    };
    let clean = refuse(&held("hv2", "x", false), false, true);
    assert_eq!(clean.kind(), Kind::LeaseHeld);
    assert!(
        clean.chain().contains("hv2") && clean.remedy_text().unwrap().contains("--break-lease")
    );
    for (break_lease, discard) in [(false, false), (true, false), (false, true)] {
        let dirty = refuse(&held("hv2", "x", true), break_lease, discard);
        assert_eq!(dirty.kind(), Kind::Dirty);
        assert!(dirty.remedy_text().unwrap().contains("hv2"));
    }
    let force = Force {
        break_lease: true,
        discard_dirty: true,
        ..Force::default()
    };
    assert_eq!(
        claim(&image(), &held("hv2", "x", true), &me(), &force).unwrap(),
        Claim::Take
    );
    assert_eq!(
        claim(&image(), &held("hv2", "x", false), &me(), &force).unwrap(),
        Claim::Take
    );
}

/// OpenNebula says which host is dead; a lease that is another's by now belongs to somebody who lives.
#[test]
fn only_the_lease_of_the_host_that_is_dead_is_broken() {
    let claimed = |lease: &Lease, dead: &str| {
        let force = Force {
            break_lease: true,
            fence: true,
            dead_host: dead.parse().ok(),
            ..Force::default()
        };
        claim(&image(), lease, &me(), &force).map_err(|error| error.kind())
    };
    let mut lease = held("hv2", "x", false);
    assert_eq!(claimed(&lease, "hv2"), Ok(Claim::Take));
    assert_eq!(claimed(&lease, "hv2.example.org"), Ok(Claim::Take));
    assert_eq!(claimed(&lease, "hv3"), Err(Kind::LeaseHeld));
    let dirty = held("hv2", "x", true);
    assert_eq!(claimed(&dirty, "hv2"), Err(Kind::Dirty));
    // The host that it was on its way to when it died may have the guest.
    lease.holder.as_mut().unwrap().moving = moving("kvm3", Some("hv3"));
    assert_eq!(claimed(&lease, "hv2"), Err(Kind::Busy));
    lease.holder.as_mut().unwrap().moving = moving("kvm1", Some("hv1"));
    assert_eq!(claimed(&lease, "hv2"), Ok(Claim::Take));
}

#[test]
fn what_was_given_up_is_refused_until_it_is_rolled_back() {
    let mut lease = held("hv1", "b0", true);
    lease.holder.as_mut().unwrap().cache_id = None;
    assert!(lease.is_given_up() && !held("hv1", "b0", true).is_given_up());
    let refused = claim(&image(), &lease, &me(), &Force::default()).unwrap_err();
    assert_eq!(refused.kind(), Kind::Dirty);
    assert!(refused.remedy_text().unwrap().contains("--discard-dirty"));
    let force = Force {
        discard_dirty: true,
        ..Force::default()
    };
    assert_eq!(claim(&image(), &lease, &me(), &force).unwrap(), Claim::Take);
}

#[test]
fn a_lease_that_is_not_understood_counts_as_dirty() {
    for raw in [
        &b"{"[..],
        b"{\"version\":2,\"generation\":1,\"holder\":null}",
        b"null",
        b"{\"x\":1}",
    ] {
        assert_eq!(
            parse(&image(), &id(), Some(raw)).unwrap_err().kind(),
            Kind::Dirty
        );
    }
    assert_eq!(parse(&image(), &id(), Some(b"")).unwrap(), Lease::default());
}

#[test]
fn a_lease_that_a_clone_has_from_its_parent_says_nothing() {
    let lease = held("hv1", "b1", true);
    let raw = serde_json::to_vec(&lease).unwrap();
    assert_eq!(parse(&image(), &id(), Some(&raw)).unwrap(), lease);
    let clone = "cd34".parse().unwrap();
    assert_eq!(
        parse(&image(), &clone, Some(&raw)).unwrap(),
        Lease::default()
    );
}

fn moving(to: &str, guest: Option<&str>) -> Option<Moving> {
    Some(Moving {
        to: to.parse().unwrap(),
        guest: guest.map(|guest| guest.parse().unwrap()),
        client: None,
    })
}

#[test]
fn only_the_host_that_it_is_handed_to_comes_in() {
    let name: HostName = "kvm1".parse().unwrap();
    let may = |lease: &Lease, as_name: &str| {
        may_come_in(&image(), lease, &me(), &as_name.parse().unwrap()).map_err(|error| error.kind())
    };
    let mut lease = held("hv2", "x", false);
    assert_eq!(may(&lease, "kvm1"), Err(Kind::LeaseHeld), "not handed over");
    lease.holder.as_mut().unwrap().moving = moving("kvm1", None);
    assert_eq!(may(&lease, "kvm1"), Ok(()));
    assert_eq!(may(&lease, "kvm3"), Err(Kind::LeaseHeld), "to another host");
    lease.holder.as_mut().unwrap().moving = moving("kvm1", Some("hv1"));
    assert_eq!(may(&lease, "kvm1"), Ok(()), "in already");
    lease.holder.as_mut().unwrap().moving = moving("kvm1", Some("hv3"));
    assert_eq!(
        may(&lease, "kvm1"),
        Err(Kind::LeaseHeld),
        "another one is in"
    );
    let mut dirty = held("hv2", "x", true);
    dirty.holder.as_mut().unwrap().moving = moving("kvm1", None);
    assert_eq!(may(&dirty, "kvm1"), Err(Kind::LeaseHeld), "dirty");
    let mut own = held("hv1", "b1", false);
    own.holder.as_mut().unwrap().moving = moving("kvm1", None);
    assert_eq!(may(&own, name.as_str()), Err(Kind::LeaseHeld), "its own");
    assert_eq!(
        may(&Lease::default(), "kvm1"),
        Err(Kind::LeaseHeld),
        "nobody's"
    );
}

/// A holder that went down while another host was in does not take its disk up again: the guest may run there.
#[test]
fn a_holder_that_comes_back_finds_the_guest() {
    let mut lease = held("hv1", "b0", false);
    let claimed = |lease: &Lease| claim(&image(), lease, &me(), &Force::default());
    lease.holder.as_mut().unwrap().moving = moving("kvm2", None);
    assert_eq!(claimed(&lease).unwrap(), Claim::Take);
    lease.holder.as_mut().unwrap().moving = moving("kvm2", Some("hv2"));
    let refused = claimed(&lease).unwrap_err();
    assert_eq!(refused.kind(), Kind::Busy);
    assert!(refused.chain().contains("hv2") && refused.remedy_text().unwrap().contains("detach"));
    assert!(refused.remedy_text().unwrap().contains("--break-lease"));
    let force = Force {
        break_lease: true,
        ..Force::default()
    };
    let claimed = claim(&image(), &lease, &me(), &force);
    assert_eq!(claimed.unwrap(), Claim::Take);
}

#[test]
fn the_clients_that_a_lease_notes_are_those_of_others() {
    let clients = |lease: &Lease| lease.clients(&me().host).into_iter().collect::<Vec<_>>();
    let mut lease = held("hv2", "x", false);
    assert!(clients(&lease).is_empty());
    let holder = lease.holder.as_mut().unwrap();
    holder.client = Some("10.0.0.2:0/7".into());
    holder.moving = moving("kvm1", Some("hv1"));
    holder.moving.as_mut().unwrap().client = Some("10.0.0.1:0/8".into());
    assert_eq!(clients(&lease), ["10.0.0.2:0/7"], "its own as a guest");
    let other: HostName = "hv3".parse().unwrap();
    assert_eq!(lease.clients(&other).len(), 2);
    lease.holder.as_mut().unwrap().host = me().host;
    assert!(clients(&lease).is_empty());
}

/// What releases wrote that knew nothing of clients.
#[test]
fn an_older_lease_is_read() {
    let older = br#"{"version":1,"image":"ab12","generation":4,"holder":{"host":"hv2","boot_id":"b","since":7,
        "driver":"dm-cache","mode":"writethrough","dirty":false,"cache_id":null,"moving":{"to":"kvm1","guest":"hv1"}}}"#;
    let lease = parse(&image(), &id(), Some(older)).unwrap();
    let holder = lease.holder.as_ref().unwrap();
    assert_eq!((holder.client.as_ref(), holder.since), (None, 7));
    assert!(lease.clients(&"hv3".parse().unwrap()).is_empty());
    assert!(!serde_json::to_string(&lease).unwrap().contains("client"));
}

fn sharer(host: &str) -> Sharer {
    Sharer {
        host: host.parse().unwrap(),
        boot_id: "b".into(),
        since: 0,
        access: Sharing::ReadWrite,
        client: None,
    }
}

fn shared(hosts: &[&str]) -> Lease {
    Lease {
        shared: hosts.iter().map(|host| sharer(host)).collect(),
        ..Lease::default()
    }
}

fn dead(host: &str) -> Force {
    Force {
        break_lease: true,
        dead_host: Some(host.parse().unwrap()),
        fence: true,
        ..Force::default()
    }
}

/// What is read may be in somebody's cache, so nobody may write it at the same time, and the other way round.
#[test]
fn readers_and_writers_exclude_each_other() {
    let may = |lease: &Lease, access, force: &Force| {
        may_share(&image(), lease, &me(), access, force).map_err(|e| e.kind())
    };
    let (written, force) = (shared(&["hv2"]), Force::default());
    let mut read = written.clone();
    read.shared[0].access = Sharing::ReadOnly;
    use Sharing::{ReadOnly, ReadWrite};
    assert_eq!(may(&written, ReadWrite, &force), Ok(()));
    assert_eq!(may(&read, ReadOnly, &force), Ok(()));
    assert_eq!(may(&written, ReadOnly, &force), Err(Kind::LeaseHeld));
    assert_eq!(may(&read, ReadWrite, &force), Err(Kind::LeaseHeld));
    assert_eq!(may(&read, ReadWrite, &dead("hv2")), Ok(()));
    assert_eq!(may(&read, ReadWrite, &dead("hv3")), Err(Kind::LeaseHeld));
    // Its own entry, of an earlier use, is no other's.
    read.shared[0].host = me().host;
    assert_eq!(may(&read, ReadWrite, &force), Ok(()));
}

/// One notion of whom to bar, whoever has the image: its holder, its guest, or one of several.
#[test]
fn every_host_of_a_lease_notes_its_client() {
    let mut lease = shared(&["hv1", "hv2"]);
    lease.shared[1].client = Some("10.0.0.2:0/7".into());
    *lease.client_of(&me().host).unwrap() = Some("10.0.0.1:0/8".into());
    let clients = |but: &str| lease.clients(&but.parse().unwrap());
    assert_eq!(clients("hv1"), ["10.0.0.2:0/7".to_owned()].into());
    assert_eq!(clients("hv2"), ["10.0.0.1:0/8".to_owned()].into());
    assert_eq!(clients("hv3").len(), 2);
    assert!(lease.client_of(&"hv3".parse().unwrap()).is_none());
    let mut lease = held("hv2", "x", false);
    lease.holder.as_mut().unwrap().moving = moving("kvm1", Some("hv1"));
    *lease.client_of(&me().host).unwrap() = Some("a".into());
    *lease.client_of(&"hv2".parse().unwrap()).unwrap() = Some("b".into());
    let holder = lease.holder.unwrap();
    assert_eq!(holder.client.as_deref(), Some("b"));
    assert_eq!(holder.moving.unwrap().client.as_deref(), Some("a"));
}

#[test]
fn what_several_have_at_once_nobody_holds_alone() {
    let claimed =
        |lease: &Lease, force: &Force| claim(&image(), lease, &me(), force).map_err(|e| e.kind());
    let force = Force::default();
    for hosts in [&["hv2"][..], &["hv1"], &["hv1", "hv2"]] {
        assert_eq!(claimed(&shared(hosts), &force), Err(Kind::LeaseHeld));
    }
    // Only those that are dead are passed over.
    assert_eq!(claimed(&shared(&["hv2"]), &dead("hv2")), Ok(Claim::Take));
    for hosts in [&["hv2", "hv3"][..], &["hv3"]] {
        assert_eq!(claimed(&shared(hosts), &dead("hv2")), Err(Kind::LeaseHeld));
    }
    let said = claim(&image(), &shared(&["hv2"]), &me(), &force).unwrap_err();
    assert!(said.chain().contains("hv2") && said.remedy_text().is_some());
}

#[test]
fn what_one_holds_several_do_not_have() {
    let may = |lease: &Lease, force: &Force| {
        may_share(&image(), lease, &me(), Sharing::ReadWrite, force).map_err(|e| e.kind())
    };
    let force = Force::default();
    assert_eq!(may(&Lease::default(), &force), Ok(()));
    assert_eq!(may(&shared(&["hv1", "hv2"]), &force), Ok(()));
    assert_eq!(may(&held("hv2", "b", false), &force), Err(Kind::LeaseHeld));
    assert_eq!(may(&held("hv1", "b1", false), &force), Err(Kind::LeaseHeld));
    assert_eq!(may(&held("hv2", "b", false), &dead("hv2")), Ok(()));
    assert_eq!(
        may(&held("hv2", "b", false), &dead("hv3")),
        Err(Kind::LeaseHeld)
    );
    let unbarred = Force {
        fence: false,
        ..dead("hv2")
    };
    assert_eq!(
        may(&held("hv2", "b", false), &unbarred),
        Err(Kind::LeaseHeld)
    );
    // Data that only a dead host's cache has are not given up by the way.
    assert_eq!(may(&held("hv2", "b", true), &dead("hv2")), Err(Kind::Dirty));
}

/// A release that knows nothing of sharing refuses such a lease; one that nobody shares is written as ever.
#[test]
fn a_lease_without_sharers_has_no_word_of_them() {
    let text = |lease: &Lease| serde_json::to_string(lease).unwrap();
    assert!(!text(&held("hv1", "b1", false)).contains("shared"));
    assert!(text(&shared(&["hv2"])).contains(r#""access":"read-write""#));
}
