//! Imports: what comes in is what is there, sparse, and nothing is left of what failed.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use warmblock::exec::{Cmd, Exec};
use warmblock::image::{Feature, ImageJob, Import, Packing, SourceFormat, import_reader};
use warmblock::model::Bytes;
use warmblock::{Kind, Result as Outcome};

use super::{Scratch, Test, do_it, ec_pool, host, noise};

pub const TESTS: &[(&str, Test)] = &[
    ("import: a raw file stays sparse", raw_is_sparse),
    ("import: packed files and streams", packed),
    ("import: qcow2, from a file, packed, and as a stream", qcow2),
    ("import: vmdk, vhd and vdi, by qemu-img", converted),
    ("import: what names other files is refused", refused),
    ("import: the checksum decides", checksums),
    ("import: sizes, names and options", options),
];

pub const MIB: usize = 1 << 20;

pub fn import(scratch: &Scratch, path: &Path) -> Import {
    Import::new(path.to_owned(), scratch.spec.clone())
}

pub fn run(ask: Import) -> Outcome<warmblock::image::ImageReport> {
    do_it(ImageJob::Import(ask))
}

/// A disk of 40 MiB and a bit, with data in three places, one of them across the border of an object.
fn disk() -> Vec<u8> {
    let mut bytes = vec![0; 40 * MIB + 1536];
    bytes[..MIB].copy_from_slice(&noise(1, MIB));
    bytes[8 * MIB - 70_000..8 * MIB + 70_000].copy_from_slice(&noise(2, 140_000));
    let end = bytes.len();
    bytes[end - 100..].copy_from_slice(&noise(3, 100));
    bytes
}

pub fn write(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.join(name);
    File::create(&path).unwrap().write_all(bytes).unwrap();
    path
}

fn qemu_img(args: &[&str]) -> bool {
    let exec = Exec::new(vec!["/usr/bin".into()]);
    exec.run(&Cmd::change("qemu-img").args(args))
        .map_err(|error| eprintln!("SKIP a part: {error}"))
        .is_ok()
}

fn raw_is_sparse() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("disk");
    let file = File::create(&path)?;
    file.set_len(2 << 30)?;
    file.write_all_at(&noise(4, 3 * MIB), 1 << 30)?;
    file.write_all_at(&vec![0; 8 * MIB], 100 << 20)?;
    let scratch = Scratch::new("sparse");
    let report = run(import(&scratch, &path))?;
    let proof = report.import.unwrap();
    assert_eq!(
        (proof.format, proof.packing),
        (SourceFormat::Raw, Packing::None)
    );
    assert_eq!(proof.size, Bytes::gib(2));
    assert_eq!(proof.written, Bytes::mib(3), "zeroes were written");
    assert!(
        proof.read <= Bytes::mib(12),
        "holes were read: {}",
        proof.read
    );
    let image = scratch.open();
    let mut allocated = 0;
    image.diff(&warmblock::ceph::DiffOptions::default(), |extent| {
        allocated += extent.len
    })?;
    assert!(allocated <= 4 << 20, "{allocated} bytes are allocated");
    let mut back = vec![0; 3 * MIB];
    image.read_at(1 << 30, &mut back)?;
    assert!(back == noise(4, 3 * MIB));
    assert!(image.metadata_list()?.is_empty());
    Ok(())
}

fn packed() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let disk = disk();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&disk)?;
    let mut xz = xz2::write::XzEncoder::new(Vec::new(), 0);
    xz.write_all(&disk)?;
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&disk)?;
    for (packing, bytes) in [
        (Packing::None, disk.clone()),
        (Packing::Gzip, gzip.finish()?),
        (Packing::Xz, xz.finish()?),
        (Packing::Zstd, zstd::encode_all(&disk[..], 1)?),
        (Packing::Bzip2, bzip2.finish()?),
    ] {
        let path = write(dir.path(), packing.as_str(), &bytes);
        for stream in [false, true] {
            let scratch = Scratch::new(packing.as_str());
            let ask = import(&scratch, &path);
            let report = if stream {
                import_reader(&host(), &ask, &bytes[..])?
            } else {
                run(ask)?
            };
            let proof = report.import.unwrap();
            assert_eq!((proof.packing, proof.staged), (packing, false));
            assert_eq!(proof.size, Bytes(disk.len() as u64));
            assert!(proof.written < Bytes::mib(2));
            assert!(scratch.bytes() == disk, "{packing}: other bytes came out");
        }
    }
    Ok(())
}

/// Each is converted in files that have no name, so nothing is left in the staging directory.
fn converted() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let disk = disk();
    let raw = write(dir.path(), "raw", &disk);
    let staging = dir.path().join("staging");
    std::fs::create_dir(&staging)?;
    let mut parent = PathBuf::new();
    for (format, name, options) in [
        (SourceFormat::Vmdk, "vmdk", "subformat=monolithicSparse"),
        (SourceFormat::Vmdk, "vmdk", "subformat=streamOptimized"),
        (SourceFormat::Vhd, "vpc", "subformat=dynamic"),
        (SourceFormat::Vdi, "vdi", "static=off"),
        (SourceFormat::Vdi, "vdi", "static=on"),
    ] {
        let path = dir.path().join(options);
        let (from, to) = (raw.to_str().unwrap(), path.to_str().unwrap());
        let args = ["convert", "-f", "raw", "-O", name, "-o", options, from, to];
        if !qemu_img(&args) {
            return Ok(());
        }
        for stream in [false, true] {
            let scratch = Scratch::new(name);
            let ask = Import {
                staging_dir: Some(staging.clone()),
                ..import(&scratch, &path)
            };
            let report = match stream {
                true => import_reader(&host(), &ask, &*std::fs::read(&path)?)?,
                false => run(ask)?,
            };
            let proof = report.import.unwrap();
            assert_eq!((proof.format, proof.staged), (format, true), "{options}");
            assert!(
                proof.written < Bytes::mib(2),
                "{options}: {}",
                proof.written
            );
            // A VHD's size is one that cylinders and heads can say.
            let bytes = scratch.bytes();
            let (same, more) = bytes.split_at(disk.len());
            assert!(
                same == disk && more.iter().all(|byte| *byte == 0),
                "{options}"
            );
            assert_eq!(std::fs::read_dir(&staging)?.count(), 0);
        }
        if format == SourceFormat::Vmdk {
            parent = path;
        }
    }
    // Half of a disk; and one whose data are said to be in a file of the host's.
    let child = dir.path().join("child");
    let (backing, to) = (parent.to_str().unwrap(), child.to_str().unwrap());
    assert!(qemu_img(&[
        "create", "-f", "vmdk", "-F", "vmdk", "-b", backing, to
    ]));
    let mut extents = std::fs::read(&parent)?;
    let secret = format!("RW 2048 FLAT \"{}\" 0\n", raw.display());
    extents[12..20].fill(0);
    extents[512..512 + secret.len()].copy_from_slice(secret.as_bytes());
    let extents = write(dir.path(), "extents", &extents);
    for (path, words) in [(child, "with a parent"), (extents, "in other files")] {
        let scratch = Scratch::new("refused");
        let refused = run(import(&scratch, &path)).unwrap_err();
        assert_eq!(refused.kind(), Kind::Usage);
        assert!(refused.chain().contains(words), "{}", refused.chain());
        assert!(!scratch.exists());
    }
    Ok(())
}

fn qcow2() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let mut disk = disk();
    disk.extend(noise(5, 100_000));
    disk.resize(48 * MIB, 0);
    let raw = write(dir.path(), "raw", &disk);
    let names = [
        "plain.qcow2",
        "packed.qcow2",
        "v2.qcow2",
        "big.qcow2",
        "small.qcow2",
    ];
    let options: [&[&str]; 5] = [
        &[],
        &["-c"],
        &["-o", "compat=0.10"],
        &["-o", "cluster_size=2M"],
        &["-o", "cluster_size=4k"],
    ];
    for (name, options) in names.into_iter().zip(options) {
        let path = dir.path().join(name);
        let mut args = vec!["convert", "-f", "raw", "-O", "qcow2"];
        args.extend(options);
        args.extend([raw.to_str().unwrap(), path.to_str().unwrap()]);
        if !qemu_img(&args) {
            return Ok(());
        }
        let scratch = Scratch::new("qcow2");
        let proof = run(import(&scratch, &path))?.import.unwrap();
        assert_eq!((proof.format, proof.staged), (SourceFormat::Qcow2, false));
        assert!(
            proof.written < Bytes::mib(2),
            "{name}: {} written",
            proof.written
        );
        assert!(scratch.bytes() == disk, "{name}: other bytes came out");
    }
    let bytes = std::fs::read(dir.path().join("packed.qcow2"))?;
    let packed = zstd::encode_all(&bytes[..], 1)?;
    for (bytes, packing) in [(bytes, Packing::None), (packed, Packing::Zstd)] {
        let scratch = Scratch::new("qcow2");
        let ask = Import {
            staging_dir: Some(dir.path().into()),
            ..import(&scratch, Path::new("-"))
        };
        let proof = import_reader(&host(), &ask, &bytes[..])?.import.unwrap();
        assert_eq!(
            (proof.format, proof.packing, proof.staged),
            (SourceFormat::Qcow2, packing, true)
        );
        assert!(scratch.bytes() == disk);
    }
    Ok(())
}

fn refused() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let base = write(dir.path(), "base", &vec![0; MIB]);
    let top = dir.path().join("top.qcow2");
    let top = top.to_str().unwrap();
    let scratch = Scratch::new("refused");
    if qemu_img(&[
        "create",
        "-f",
        "qcow2",
        "-F",
        "raw",
        "-b",
        base.to_str().unwrap(),
        top,
    ]) {
        let error = run(import(&scratch, Path::new(top))).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.chain().contains("backing file"), "{}", error.chain());
    }
    let outside = dir.path().join("outside.qcow2");
    let option = format!("data_file={}", dir.path().join("data").display());
    if qemu_img(&[
        "create",
        "-f",
        "qcow2",
        "-o",
        &option,
        outside.to_str().unwrap(),
        "1M",
    ]) {
        let error = run(import(&scratch, &outside)).unwrap_err();
        assert!(error.chain().contains("another file"), "{}", error.chain());
    }
    let vmdk = write(dir.path(), "vmdk", b"KDMV\x01\0\0\0");
    assert_eq!(
        run(import(&scratch, &vmdk)).unwrap_err().kind(),
        Kind::Usage
    );
    assert_eq!(
        run(import(&scratch, Path::new("/no/such/file")))
            .unwrap_err()
            .kind(),
        Kind::NotFound
    );
    assert_eq!(
        run(import(&scratch, dir.path())).unwrap_err().kind(),
        Kind::Usage
    );
    assert!(!scratch.exists());
    let raw = Import {
        format: Some(SourceFormat::Raw),
        ..import(&scratch, &vmdk)
    };
    assert_eq!(run(raw)?.facts.unwrap().size, Bytes(512));
    Ok(())
}

fn checksums() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let disk = disk();
    let packed = zstd::encode_all(&disk[..], 1)?;
    let qcow2 = dir.path().join("qcow2");
    let raw = write(dir.path(), "raw", &disk);
    let sparse = dir.path().join("sparse");
    File::create(&sparse)?.set_len(5 << 20)?;
    let zst = write(dir.path(), "zst", &packed);
    let mut paths = vec![raw.clone(), zst, sparse];
    if qemu_img(&[
        "convert",
        "-O",
        "qcow2",
        "-f",
        "raw",
        raw.to_str().unwrap(),
        qcow2.to_str().unwrap(),
    ]) {
        paths.push(qcow2);
    }
    for path in paths {
        let exec = Exec::new(vec!["/usr/bin".into()]);
        for tool in ["md5", "sha256", "sha512"] {
            let printed = exec.run(&Cmd::query(&format!("{tool}sum")).arg(&path))?;
            let hex = printed.text()?.split(' ').next().unwrap().to_owned();
            let scratch = Scratch::new("sum");
            let ask = Import {
                checksum: Some(format!("{tool}:{hex}").parse()?),
                ..import(&scratch, &path)
            };
            assert_eq!(
                run(ask)?.import.unwrap().checksum,
                Some(format!("{tool}:{hex}"))
            );
        }
        let scratch = Scratch::new("sum");
        let wrong = format!("md5:{}", "0".repeat(32)).parse()?;
        let error = run(Import {
            checksum: Some(wrong),
            ..import(&scratch, &path)
        })
        .unwrap_err();
        assert_eq!(error.kind(), Kind::Mismatch, "{error:?}");
        assert!(error.cleanup_errors().is_empty());
        assert!(!scratch.exists() && !scratch.pool.image_exists(&scratch.pending())?);
    }
    Ok(())
}

fn options() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let disk = disk();
    let path = write(dir.path(), "raw", &disk);
    let scratch = Scratch::in_namespace("options");
    let small = Import {
        size: Some(Bytes::mib(1)),
        ..import(&scratch, &path)
    };
    assert_eq!(run(small.clone()).unwrap_err().kind(), Kind::Usage);
    let error = import_reader(&host(), &small, &disk[..]).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage, "{error:?}");
    assert!(!scratch.exists());
    let ask = Import {
        size: Some(Bytes::mib(100)),
        data_pool: Some(ec_pool()),
        object_size: Some(Bytes::mib(1)),
        features: Some(vec![Feature::Layering, Feature::ExclusiveLock]),
        ..import(&scratch, &path)
    };
    let planned = warmblock::image::run(&host(), &ImageJob::Import(ask.clone()), true)?;
    assert!(planned.dry_run && !scratch.exists());
    let facts = run(ask.clone())?.facts.unwrap();
    assert_eq!(
        (facts.size, facts.object_size),
        (Bytes::mib(100), Bytes::mib(1))
    );
    assert_eq!(facts.data_pool, Some(ec_pool()));
    assert_eq!(
        facts.features,
        [Feature::Layering, Feature::ExclusiveLock, Feature::DataPool]
    );
    assert!(scratch.bytes()[..disk.len()] == disk);
    let again = run(ask).unwrap_err();
    assert_eq!(again.kind(), Kind::Exists);
    let mut nowhere = import(&scratch, &path);
    nowhere.image.namespace = Some("no-such".parse()?);
    assert_eq!(run(nowhere).unwrap_err().kind(), Kind::NotFound);
    let mut nowhere = import(&scratch, &path);
    nowhere.image.pool = "no-such".parse()?;
    assert_eq!(run(nowhere).unwrap_err().kind(), Kind::NotFound);
    Ok(())
}
