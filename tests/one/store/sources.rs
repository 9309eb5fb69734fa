//! Where an image comes from: a file, a web server, another hypervisor; and what does not come whole.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use warmblock::sys::atomic;

use super::images::{image, of_image};
use super::{Store, document, fails, says};
use crate::cmd;
use crate::tests::same;
use crate::world::{Image, MIB, SMALL, path};

/// A file of the front-end. The size is asked first, and what oned then registers may be larger.
pub(super) fn a_file(st: &Store<'_>) -> Result<Image> {
    let world = st.world;
    let golden = world.file(SMALL.name);
    let file = format!("<PATH>{}</PATH>", path(&golden)?);
    says(st.ds("stat", 9001, &file)?, "24\n")?;
    says(
        st.ds("cp", 9001, &format!("{file}<SIZE>26</SIZE>"))?,
        "one/one-9001 raw\n",
    )?;
    let model = world.file(&world.name("model"));
    std::fs::copy(&golden, &model)?;
    std::fs::File::options()
        .write(true)
        .open(&model)?
        .set_len(26 * MIB)?;
    let first = image(9001, model, 26 * MIB);
    world.check_ceph(&first)?;
    let used = world.allocated_blocks(&first, 4 * MIB, 26 * MIB)?;
    ensure!(
        used <= 4,
        "{used} objects are allocated: holes were written"
    );
    Ok(first)
}

/// A packed one of a web server, with its checksum; and what does not come whole, or is another, which leaves nothing.
pub(super) fn the_web(st: &Store<'_>) -> Result<()> {
    let world = st.world;
    let host = st.case.host();
    let golden = world.file(SMALL.name);
    let raw = std::fs::read(&golden)?;
    let packed = gzip(&raw)?;
    let packed_file = world.file(&world.name("packed"));
    atomic::write(&packed_file, &packed)?;
    let md5 = cmd::run(&["md5sum", path(&packed_file)?], Duration::from_secs(30))?.ok()?;
    let md5: String = md5.text().chars().take(32).collect();
    let url = serve(packed.clone(), packed.len())?;
    let web = format!("<PATH>{url}</PATH><TEMPLATE><MD5>{md5}</MD5></TEMPLATE>");
    says(st.ds("stat", 9002, &web)?, "24\n")?;
    says(st.ds("cp", 9002, &web)?, "one/one-9002 raw\n")?;
    world.check_ceph(&image(9002, golden.clone(), SMALL.size))?;

    let cut = serve(packed[..packed.len() / 2].to_vec(), packed.len())?;
    fails(
        st.ds("cp", 9003, &format!("<PATH>{cut}</PATH>"))?,
        &["cannot read the source"],
    )?;
    let wrong = web.replace(&md5, &"0".repeat(32));
    fails(st.ds("cp", 9003, &wrong)?, &["checksum", host.name])?;
    same("leftovers", of_image(world, 9003)?, Vec::<String>::new())?;
    Ok(())
}

/// Not faster than it may: of this one all but what may come at once, and what is under way at the end, is waited for.
pub(super) fn slowly(st: &Store<'_>) -> Result<()> {
    let world = st.world;
    let golden = world.file(SMALL.name);
    let raw = std::fs::read(&golden)?;
    let slow = document(
        st.case,
        &format!("<PATH>{}</PATH>", serve(raw.clone(), raw.len())?),
        "<LIMIT_TRANSFER_BW>8M</LIMIT_TRANSFER_BW>",
    )?;
    let began = Instant::now();
    says(st.oned.ds("cp", 9008, &slow)?, "one/one-9008 raw\n")?;
    let took = began.elapsed();
    ensure!(
        took >= Duration::from_millis((SMALL.size - 2 * MIB) * 1000 / (8 * MIB)),
        "{took:?} for {} at 8 MiB/s",
        SMALL.size
    );
    world.check_ceph(&image(9008, golden.clone(), SMALL.size))?;
    Ok(())
}

/// What another hypervisor wrote; and one that would have the host's own files read.
pub(super) fn another_hypervisor(st: &Store<'_>) -> Result<()> {
    let world = st.world;
    let golden = world.file(SMALL.name);
    let vmdk = world.file(&world.name("vmdk"));
    let (from, to) = (path(&golden)?, path(&vmdk)?);
    let convert = ["qemu-img", "convert", "-f", "raw", "-O", "vmdk", from, to];
    cmd::run(&convert, Duration::from_secs(120))?.ok()?;
    let foreign = format!("<PATH>{to}</PATH>");
    says(st.ds("stat", 9009, &foreign)?, "24\n")?;
    says(st.ds("cp", 9009, &foreign)?, "one/one-9009 raw\n")?;
    world.check_ceph(&image(9009, golden.clone(), SMALL.size))?;
    let mut hostile = std::fs::read(&vmdk)?;
    hostile[12..20].fill(0);
    hostile[512..542].copy_from_slice(b"RW 8 FLAT \"/etc/shadow\" 0    \n");
    atomic::write(&vmdk, &hostile)?;
    for action in ["stat", "cp"] {
        fails(st.ds(action, 9010, &foreign)?, &["vmdk", "other files"])?;
    }
    same("leftovers", of_image(world, 9010)?, Vec::<String>::new())?;
    Ok(())
}

/// Serves one answer by HTTP, which says that it is `len` bytes long; its URL.
fn serve(bytes: Vec<u8>, len: usize) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/image.gz", listener.local_addr()?);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut asked = [0; 4096];
            let _whatever = stream.read(&mut asked);
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n");
            // A client that goes away is none of a server's business.
            let _gone = stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(&bytes));
        }
    });
    Ok(url)
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes)?;
    Ok(packed.finish()?)
}
