use super::*;

const GEOMETRY: Geometry = Geometry {
    block: Sectors(512),
    blocks: 4096,
};

fn mapping(cache_block: u64, origin_block: u64) -> Mapping {
    Mapping {
        cache_block,
        origin_block,
        dirty: false,
    }
}

#[test]
fn argv_and_sizes() {
    let cmd = restore_cmd(Path::new("/dev/ssd/meta"), Format::V2).to_string();
    assert_eq!(
        cmd,
        "cache_restore --quiet --metadata-version 2 -i /dev/stdin -o /dev/ssd/meta"
    );
    assert!(!cmd.contains("omit"));
    assert_eq!(GEOMETRY.metadata_size(), Bytes::mib(12));
    assert_eq!(
        Geometry {
            blocks: 1 << 20,
            ..GEOMETRY
        }
        .metadata_size(),
        Bytes::mib(48)
    );
    assert_eq!(version_in("0.9.0\n").as_deref(), Some("0.9.0"));
    assert_eq!(
        version_in("cache_restore 1.0.6\n").as_deref(),
        Some("1.0.6")
    );
    assert_eq!(version_in("unknown"), None);
}

/// Recorded: cache_dump 0.9.0.
#[test]
fn dumps_are_read_and_damaged_ones_refused() {
    let text = r#"<superblock uuid="" block_size="128" nr_cache_blocks="2048" policy="cleaner" hint_width="4">
  <mappings>
    <mapping cache_block="0" origin_block="5" dirty="false"/>
    <mapping cache_block="1" origin_block="9" dirty="true"/>
  </mappings>
  <hints>
    <hint cache_block="0" data="AAAAAA=="/>
  </hints>
</superblock>
"#;
    let dump = xml::parse(text).unwrap();
    assert_eq!(
        dump.geometry,
        Geometry {
            block: Sectors(128),
            blocks: 2048
        }
    );
    assert_eq!(dump.policy, "cleaner");
    assert_eq!(
        dump.mappings,
        [
            mapping(0, 5),
            Mapping {
                dirty: true,
                ..mapping(1, 9)
            }
        ]
    );
    let truncated = &text[..250];
    for damaged in [
        "",
        "superblock is corrupt",
        truncated,
        &text.replace("origin_block=\"9\"", ""),
        &text.replace("\"9\"", "\"x\""),
        &text.replace("true", "maybe"),
        &text.replace("nr_cache_blocks", "blocks"),
    ] {
        assert!(xml::parse(damaged).is_err(), "{damaged:?} was taken");
    }
}

#[test]
fn what_is_no_superblock_is_none() {
    assert_eq!(superblock::parse(&[0; 4096]), None);
    assert_eq!(superblock::parse(&[]), None);
}

/// With the real tools on a plain file, where they are installed; without, the reason is printed.
#[test]
fn what_is_restored_is_sound_clean_and_dumped_again() {
    let exec = Exec::default();
    if exec.find("cache_restore").is_err() {
        eprintln!("skipped: no thin-provisioning-tools here");
        return;
    }
    let file = tempfile::NamedTempFile::new_in("/var/tmp").unwrap();
    file.as_file().set_len(GEOMETRY.metadata_size().0).unwrap();
    let device = file.path();
    assert_eq!(read_superblock(device).unwrap(), None);
    assert!(
        matches!(check(&exec, device).unwrap(), Health::Damaged(why) if why.contains("superblock"))
    );
    assert!(dump(&exec, device).is_err());

    let wanted: Vec<Mapping> = (0..4000).map(|n| mapping(n, n * 7 + 3)).collect();
    for format in [Format::V1, Format::V2] {
        restore(&exec, device, GEOMETRY, wanted.iter().copied(), format).unwrap();
        assert_eq!(check(&exec, device).unwrap(), Health::Sound);
        let found = dump(&exec, device).unwrap();
        assert_eq!((found.geometry, &found.mappings), (GEOMETRY, &wanted));
        let expected = Superblock {
            clean_shutdown: true,
            needs_check: false,
            format,
        };
        assert_eq!(read_superblock(device).unwrap(), Some(expected));
    }
    let missing = check(&exec, Path::new("/nonexistent")).unwrap_err();
    assert_eq!(missing.kind(), crate::Kind::NotFound);
}
