//! Whether bytes are the beginning of a disk, so that a wrong path is noticed.

/// Where what begins, and with which bytes: boot sectors and partition tables, then file systems, volumes and encryption.
/// Of util-linux' libblkid, and of the kernel's headers of each.
const KNOWN: [(usize, &[u8]); 22] = [
    (510, b"\x55\xaa"),           // MBR, the one that protects a GPT, FAT, NTFS
    (512, b"EFI PART"),           // GPT
    (0, b"EFI PART"),             // GPT of 4 KiB sectors, without its first one
    (4096, b"EFI PART"),          // GPT of 4 KiB sectors
    (0x438, b"\x53\xef"),         // ext2, ext3, ext4
    (0, b"XFSB"),                 // XFS
    (0x10040, b"_BHRfS_M"),       // btrfs
    (0x10034, b"ReIsEr"),         // reiserfs
    (0x8000, b"JFS1"),            // JFS
    (0x400, b"\x10\x20\xf5\xf2"), // F2FS
    (0x8001, b"CD001"),           // ISO 9660
    (0x8001, b"BEA01"),           // UDF
    (0, b"hsqs"),                 // squashfs
    (0x400, b"\xe2\xe1\xf5\xe0"), // EROFS
    (0, b"LUKS\xba\xbe"),         // LUKS
    (0, b"LABELONE"),             // LVM, in any of the first four sectors
    (512, b"LABELONE"),
    (1024, b"LABELONE"),
    (1536, b"LABELONE"),
    (4086, b"SWAPSPACE2"),       // swap
    (4096, b"\xfc\x4e\x2b\xa9"), // md, at its beginning
    (0x400, b"H+"),              // HFS+
];

/// Whether a disk of a guest can begin so. Zeroes can: that is one that nobody has written to.
pub(super) fn is_of_a_disk(head: &[u8]) -> bool {
    let is_there =
        |(at, magic): &(usize, &[u8])| head.get(*at..).is_some_and(|head| head.starts_with(magic));
    KNOWN.iter().any(is_there) || head.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(at: usize, magic: &[u8]) -> Vec<u8> {
        let mut head = vec![b'x'; 128 << 10];
        head[at..at + magic.len()].copy_from_slice(magic);
        head
    }

    #[test]
    fn disks_are_known_by_where_their_magic_is() {
        assert!(is_of_a_disk(&with(510, b"\x55\xaa")));
        assert!(is_of_a_disk(&with(0x438, b"\x53\xef")));
        assert!(is_of_a_disk(&with(0x10040, b"_BHRfS_M")));
        assert!(!is_of_a_disk(&with(0x439, b"\x53\xef")));
        assert!(is_of_a_disk(&[0; 4096]));
        assert!(is_of_a_disk(&[]));
    }

    #[test]
    fn text_is_no_disk() {
        assert!(!is_of_a_disk(b"hv1\n"));
        assert!(!is_of_a_disk(&with(0, b"<!DOCTYPE html>")));
    }
}
