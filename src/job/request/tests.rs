//! What goes to other hosts, to the letter: a host of another release has to read it.

use std::collections::BTreeSet;

use super::*;

/// Every request with what it needs, and those that have more to say with all of it.
const SAMPLES: &str = r#"
{"op":"hello"}
{"op":"attach","image":"one/a"}
{"op":"attach","image":"one/a","driver":"bcache","mode":"writeback","size":"8G","seed":"allocated","rate":"1M","on_full":"fail","link":"/d/1/disk.0","break_lease":true,"dead_host":"kvm1","discard_dirty":true,"fence":true,"fence_late":true,"seed_later":true,"keep":true,"guest":"kvm2","shared":"read-only"}
{"op":"detach","image":"one/a"}
{"op":"detach","image":"one/a","discard_dirty":true,"link":"/d/1/disk.0","free":true,"linked":true}
{"op":"seed-later","image":"one/a"}
{"op":"seed","image":"one/a"}
{"op":"seed","image":"one/a","what":"none","rate":"1M","verify":true}
{"op":"flush","image":"one/a"}
{"op":"bypass","image":"one/a"}
{"op":"insert","image":"one/a"}
{"op":"insert","image":"one/a","seed":"first:1G","rate":"1M","seed_later":true,"patient":true,"back":true}
{"op":"take-size","image":"one/a"}
{"op":"hand-over","image":"one/a","to":"kvm2"}
{"op":"mode","image":"one/a","mode":"writethrough"}
{"op":"recover"}
{"op":"recover","wait":60}
{"op":"make-dir","path":"/d/100/12"}
{"op":"make-dir","path":"/d/100/12","with_checkpoint":true}
{"op":"look-dir","path":"/d/100"}
{"op":"look-cluster"}
{"op":"remove-dir","path":"/d/100/12"}
{"op":"remove-dir","path":"/d/100/12","own":true}
{"op":"backup-room","path":"/d/100/12","disks":[{"disk":0,"increment":0,"image":"one/a","snap":"s"}]}
{"op":"backup-room","path":"/d/100/12","base":"/b","disks":[]}
{"op":"backup","path":"/d/100/12","document":"<VM/>","disks":[{"disk":0,"increment":0,"image":"one/a","snap":"s"}]}
{"op":"backup","path":"/d/100/12","base":"/b","document":"<VM/>","disks":[{"disk":0,"increment":1,"image":"one/a","snap":"t","since":"s","access":{"user":"libvirt"}}]}
{"op":"end-backup","path":"/d/100/12"}
{"op":"end-backup","path":"/d/100/12","base":"/b"}
{"op":"put-file","path":"/d/100/12/disk.1","content":"QQ=="}
{"op":"put-file","path":"/d/100/12/disk.1","content":"","chunked":true}
{"op":"quiet","image":"one/a","steps":[{"request":{"op":"hello"}}]}
{"op":"quiet","image":"one/a","domain":"one-12","rest":"suspend","steps":[]}
{"op":"rouse","domain":"one-12"}
{"op":"steps","steps":[{"request":{"op":"hello"}}]}
{"op":"steps","steps":[{"request":{"op":"hello"},"content_with":["not-found"],"access":{"user":"libvirt","conf":"/etc/ceph/a.conf","keyfile":"/etc/ceph/a.key"}}],"every":true}
{"op":"image","verb":"import","source":"-","image":"one/a"}
{"op":"image","verb":"import","source":"-","image":"one/a","format":"qcow2","size":"1G","checksum":"md5:900150983cd24fb0d6963f7d28e17f72","rate":"1M","data_pool":"ec","object_size":"4M","features":["layering"],"staging_dir":"/t","keep_packed":true,"chunked":true,"made_for":"it","replacement":{"id":"ID","images":[{"image":"one/a"}]}}
{"op":"image","verb":"create","image":"one/a","size":"1G"}
{"op":"image","verb":"create","image":"one/a","size":"1G","filesystem":"ext4","data_pool":"ec","staging_dir":"/t"}
{"op":"image","verb":"clone","parent":"one/a","child":"one/b"}
{"op":"image","verb":"clone","parent":"one/a@s","child":"one/b","size":"2G","clone_format":"v2","fresh":true,"data_pool":"ec"}
{"op":"image","verb":"once","image":"one/b","made_for":"VM 12","make":{"verb":"create","image":"one/b","size":"1G"}}
{"op":"image","verb":"once","image":"one/b","made_for":"VM 12","left_by":["kvm1"],"make":{"verb":"create","image":"one/b","size":"1G"}}
{"op":"image","verb":"once","image":"one/b","made_for":"VM 12 of 1","same":["VM 12"],"of":["VM 12 of 1, "],"make":{"verb":"create","image":"one/b","size":"1G"}}
{"op":"image","verb":"remove","image":"one/b","of":["VM 12 of 1, "]}
{"op":"image","verb":"create","image":"one/a","size":"1G","made_for":"it"}
{"op":"image","verb":"clone","parent":"one/a","child":"one/b","made_for":"it"}
{"op":"image","verb":"list","pool":"one"}
{"op":"image","verb":"list","pool":"one","namespace":"t","all_namespaces":true,"allocated":true}
{"op":"image","verb":"allocated","pool":"one","like":"one-*-*-*","seconds":20}
{"op":"image","verb":"allocated","pool":"one","namespace":"t","like":"one-*-*-*","seconds":20}
{"op":"image","verb":"info","image":"one/a"}
{"op":"image","verb":"remove","image":"one/a"}
{"op":"image","verb":"remove","image":"one/a","snapshots":true,"missing_ok":true,"left_by":["kvm1"],"discard_dirty":true}
{"op":"image","verb":"replace","image":"one/a","step":"exchange","of":{"id":"ID","images":[{"image":"one/a","access":{"user":"libvirt"}}]}}
{"op":"image","verb":"replace","image":"one/a","step":"clear","of":{"id":"ID","images":[{"image":"one/a"}]},"made_for":"it"}
{"op":"image","verb":"discard","image":"one/a"}
{"op":"image","verb":"put-right","image":"one/a"}
{"op":"image","verb":"resize","image":"one/a","size":"2G"}
{"op":"image","verb":"resize","image":"one/a","size":"2G","shrink":true}
{"op":"image","verb":"resize","image":"one/a","size":"2G","taken_over":true}
{"op":"image","verb":"flatten","image":"one/a"}
{"op":"image","verb":"rename","image":"one/a","to":"b"}
{"op":"image","verb":"snap-create","image":"one/a","snap":"s"}
{"op":"image","verb":"snap-retake","image":"one/a","snap":"s"}
{"op":"image","verb":"snap-remove","image":"one/a","snap":"s"}
{"op":"image","verb":"forget-backups","image":"one/a"}
{"op":"image","verb":"forget-backups","image":"one/a","keep":3}
{"op":"image","verb":"snap-protect","image":"one/a","snap":"s"}
{"op":"image","verb":"snap-unprotect","image":"one/a","snap":"s"}
{"op":"image","verb":"snap-revert","image":"one/a","snap":"s"}
{"op":"image","verb":"snap-flatten","image":"one/a","snap":"s"}
{"op":"image","verb":"snap-flatten","image":"one/a","snap":"s","others":["t"]}
{"op":"image","verb":"snap-list","image":"one/a"}
{"op":"image","verb":"digest","image":"one/a","algorithm":"md5"}
{"op":"image","verb":"usage","pool":"one"}
{"op":"image","verb":"usage","pool":"one","data_pool":"ec"}
"#;

fn samples() -> Vec<Request> {
    let id = "0123456789abcdef0123456789abcdef";
    let lines = SAMPLES.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let read = serde_json::from_str(&line.replace("ID", id));
            read.unwrap_or_else(|error| panic!("{line}: {error}"))
        })
        .collect()
}

fn written(request: &Request) -> String {
    serde_json::to_string(request).unwrap()
}

/// A change of a line is one that a host of another release may not read: a field that is new must be left out where it asks for
/// nothing; where one goes or means something else, [`Job::VERSION`] rises.
#[test]
fn requests_as_they_go_to_other_hosts() {
    let lines: Vec<String> = samples().iter().map(written).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn requests_read_back() {
    for request in samples() {
        let text = written(&request);
        assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request);
        assert!(!text.contains("null") && !text.contains("false"), "{text}");
    }
}

/// The words by which a schema tells its variants apart.
fn words(schema: &schemars::Schema, tag: &str) -> BTreeSet<String> {
    let schema = serde_json::to_value(schema).unwrap();
    let variants = schema["oneOf"].as_array().unwrap().iter();
    let words = variants.map(|one| one["properties"][tag]["const"].as_str().unwrap().to_owned());
    words.collect()
}

#[test]
fn no_request_is_without_a_sample() {
    let all: Vec<serde_json::Value> = samples()
        .iter()
        .map(|request| serde_json::to_value(request).unwrap())
        .collect();
    for (tag, schema) in [
        ("op", schemars::schema_for!(Request)),
        ("verb", schemars::schema_for!(ImageJob)),
    ] {
        let seen = all.iter().filter_map(|one| one[tag].as_str());
        let seen: BTreeSet<String> = seen.map(str::to_owned).collect();
        assert_eq!(seen, words(&schema, tag));
    }
}
