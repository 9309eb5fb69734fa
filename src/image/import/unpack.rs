//! Unpacking a source as it is read.

use std::io::{BufReader, Read};

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use xz2::read::XzDecoder;
use xz2::stream::{CONCATENATED, Stream};

use super::super::format::{HEAD, Packing};
use super::tap::peek;

/// Bytes that are read of the source at once.
const BUFFER: usize = 1 << 20;

/// Most that unpacking may take of the memory: `xz -9` needs 65 MiB, and a file that asks for gigabytes is an attack.
const XZ_MEMORY: u64 = 1 << 30;

/// The unpacked bytes of a source, and how it was packed. Files that were packed in parts are read to the end of the last.
pub(super) fn unpack<'a>(from: impl Read + 'a) -> std::io::Result<(Packing, Box<dyn Read + 'a>)> {
    let (head, from) = peek(from, HEAD)?;
    let packing = Packing::detect(&head);
    let from = BufReader::with_capacity(BUFFER, from);
    Ok((packing, match packing {
        Packing::None => Box::new(from),
        Packing::Gzip => Box::new(MultiGzDecoder::new(from)),
        Packing::Xz => Box::new(XzDecoder::new_stream(from, Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?)),
        // The library's own limit on the window, 128 MiB, stays: it guards the memory as XZ_MEMORY does.
        Packing::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(from)?),
        Packing::Bzip2 => Box::new(MultiBzDecoder::new(from)),
    }))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn unpacked(packed: &[u8]) -> std::io::Result<(Packing, Vec<u8>)> {
        let (packing, mut from) = unpack(packed)?;
        let mut all = Vec::new();
        from.read_to_end(&mut all)?;
        Ok((packing, all))
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn every_packing_is_undone() {
        let bytes = b"0123456789".repeat(100);
        let mut xz = xz2::write::XzEncoder::new(Vec::new(), 1);
        xz.write_all(&bytes).unwrap();
        let mut bz = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bz.write_all(&bytes).unwrap();
        for (packing, packed) in [
            (Packing::None, bytes.clone()),
            (Packing::Gzip, gzip(&bytes)),
            (Packing::Xz, xz.finish().unwrap()),
            (Packing::Zstd, zstd::encode_all(&bytes[..], 1).unwrap()),
            (Packing::Bzip2, bz.finish().unwrap()),
        ] {
            assert_eq!(unpacked(&packed).unwrap(), (packing, bytes.clone()));
        }
        assert_eq!(unpacked(b"").unwrap(), (Packing::None, Vec::new()));
    }

    #[test]
    fn parts_are_read_to_the_last_and_a_cut_one_is_an_error() {
        let mut two = gzip(b"ab");
        two.extend(gzip(b"cd"));
        assert_eq!(unpacked(&two).unwrap().1, b"abcd");
        let whole = gzip(&b"0123456789".repeat(100));
        assert!(unpacked(&whole[..whole.len() - 9]).is_err());
    }
}
