//! The initiator: logins as this machine, and a load that notices every error and every pause.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use warmblock::iscsi::{Account, IscsiError, Login, Session, login};

use crate::world::{Image, noise};

pub const INIT: &str = "iqn.2024-01.lab.test:init";
const DEADLINE: Duration = Duration::from_secs(40);

pub fn account(user: &str, secret: &str) -> Account {
    Account {
        user: user.to_owned(),
        secret: secret.to_owned(),
    }
}

/// A login with or without secrets.
pub fn try_login(
    portal: SocketAddr,
    target: &str,
    initiator: &str,
    chap: Option<&Account>,
    mutual: Option<&Account>,
) -> Result<Session, IscsiError> {
    login(&Login {
        portal,
        target,
        initiator,
        chap,
        mutual,
        deadline: DEADLINE,
    })
}

pub fn session(portal: SocketAddr, target: &str) -> Result<Session> {
    try_login(portal, target, INIT, None, None)
        .with_context(|| format!("login to {target} at {portal}"))
}

/// Writes `noise(seed)` through the LUN and notes it in the model.
pub fn write(
    session: &mut Session,
    lun: u8,
    image: &Image,
    seed: u64,
    offset: u64,
    len: u64,
) -> Result<()> {
    for (at, piece) in noise(seed, len).chunks(65536).enumerate() {
        session.write(lun, offset / 512 + at as u64 * 128, piece, 512)?;
    }
    image.expect(seed, offset, len)
}

/// The whole LUN must hold what the model holds.
pub fn check(session: &mut Session, lun: u8, image: &Image) -> Result<()> {
    check_range(session, lun, image, 0, image.size)
}

/// A part of the LUN, in bytes.
pub fn check_range(
    session: &mut Session,
    lun: u8,
    image: &Image,
    offset: u64,
    len: u64,
) -> Result<()> {
    let mut model = vec![0; usize::try_from(len)?];
    File::open(&image.model)?.read_exact_at(&mut model, offset)?;
    for (at, piece) in model.chunks(65536).enumerate() {
        let blocks = u32::try_from(piece.len() / 512)?;
        let block = offset / 512 + at as u64 * 128;
        let found = session.read(lun, block, blocks, 512)?;
        ensure!(
            found == piece,
            "{}: other bytes at block {block}",
            image.spec
        );
    }
    Ok(())
}

/// What an initiator knows a LUN by: pages 80, 83 and B0, byte for byte, and the standard page.
pub fn identity(session: &mut Session, lun: u8) -> Result<Vec<Vec<u8>>> {
    [None, Some(0x80), Some(0x83), Some(0xb0)]
        .into_iter()
        .map(|page| Ok(session.inquiry(lun, page)?))
        .collect()
}

/// Reads and writes that go on until they are stopped.
pub struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Told>>,
}

/// What the load met.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    pub operations: u64,
    pub longest: Duration,
}

impl Load {
    /// Writes 4 KiB and reads them back, over the LUN's first 4 MiB.
    pub fn start(mut session: Session, lun: u8) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut told = Told {
                operations: 0,
                longest: Duration::ZERO,
            };
            while !asked.load(Ordering::Relaxed) {
                let began = Instant::now();
                let block = told.operations % 1024 * 8;
                let data = noise(told.operations + 1, 4096);
                session.write(lun, block, &data, 512)?;
                ensure!(
                    session.read(lun, block, 8, 512)? == data,
                    "another block than was written at {block}"
                );
                told.operations += 1;
                told.longest = told.longest.max(began.elapsed());
            }
            Ok(told)
        });
        Self { stop, thread }
    }

    pub fn end(self) -> Result<Told> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
