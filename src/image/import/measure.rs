//! How large a disk is that may become an image, told from as little of it as possible.

use std::io::Read;
use std::time::{Duration, Instant};

use super::super::format::{HEAD, SourceFormat};
use super::tap::{peek, unreadable};
use super::unpack::unpack;
use super::{convert, qcow2};
use crate::image::Packing;
use crate::model::Bytes;
use crate::{Error, Kind, Result};

/// The size of the disk that a source holds. `len` is how long the source is, packed as it comes, if that is known.
/// A packed raw disk has to be read to its end, for nothing else says how long it is.
///
/// # Errors
/// [`Kind::Usage`] for a format that is not read; [`Kind::Timeout`] if it takes longer than `deadline`.
pub fn measure(
    from: impl Read,
    len: Option<u64>,
    keep_packed: bool,
    deadline: Duration,
) -> Result<Bytes> {
    let began = Instant::now();
    let (packing, from): (_, Box<dyn Read + '_>) = if keep_packed {
        (Packing::None, Box::new(from))
    } else {
        unpack(from).map_err(unreadable)?
    };
    let (head, mut from) = peek(from, HEAD).map_err(unreadable)?;
    match SourceFormat::detect(&head)? {
        SourceFormat::Raw => {}
        SourceFormat::Qcow2 => return qcow2::size_in(&head),
        other => return convert::size_in(&head, other),
    }
    if let (Packing::None, Some(len)) = (packing, len) {
        return Ok(Bytes(len));
    }
    let mut buffer = vec![0; 1 << 20];
    let mut size = 0;
    loop {
        match from.read(&mut buffer).map_err(unreadable)? {
            0 => return Ok(Bytes(size)),
            count => size += count as u64,
        }
        if began.elapsed() > deadline {
            return Err(too_late(deadline));
        }
    }
}

/// The error of a source whose size cannot be told in time; [`Kind::Timeout`].
pub fn too_late(deadline: Duration) -> Error {
    let seconds = deadline.as_secs();
    let message = format!("cannot tell in {seconds} s how large the unpacked image is");
    Error::new(Kind::Timeout, message).remedy("say it: SIZE = MB in the image's template")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn size(bytes: &[u8], len: Option<u64>, keep_packed: bool) -> Result<u64> {
        let long = Duration::from_secs(60);
        measure(bytes, len, keep_packed, long).map(|size| size.0)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    }

    #[test]
    fn disks_are_as_large_as_they_will_be() {
        assert_eq!(size(b"abc", Some(3), false).unwrap(), 3);
        // Nothing is read beyond the head if the length is known.
        assert_eq!(size(&[0; 600], Some(1 << 40), false).unwrap(), 1 << 40);
        assert_eq!(size(&[0; 3 << 20], None, false).unwrap(), 3 << 20);
        let packed = gzip(&[0; 5 << 20]);
        let len = Some(packed.len() as u64);
        assert_eq!(size(&packed, len, false).unwrap(), 5 << 20);
        assert_eq!(size(&packed, len, true).unwrap(), packed.len() as u64);
        let mut qcow2 = vec![0; 600];
        qcow2[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
        qcow2[23] = 16;
        qcow2[24 + 4] = 1;
        assert_eq!(size(&gzip(&qcow2), None, false).unwrap(), 1 << 24);
        assert_eq!(size(&qcow2, Some(600), false).unwrap(), 1 << 24);
    }

    #[test]
    fn what_is_not_read_is_refused_before_it_is_registered() {
        let mut vmdk = vec![0; 600];
        vmdk[..4].copy_from_slice(b"KDMV");
        vmdk[13] = 8;
        assert_eq!(size(&vmdk, None, false).unwrap(), 1 << 20);
        vmdk[..9].copy_from_slice(b"vhdxfile\0");
        assert!(
            size(&vmdk, None, false)
                .unwrap_err()
                .chain()
                .contains("VHDX")
        );
        let late = measure(&gzip(&[0; 9 << 20])[..], None, false, Duration::ZERO);
        assert_eq!(late.unwrap_err().kind(), Kind::Timeout);
    }
}
