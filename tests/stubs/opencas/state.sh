# shellcheck shell=sh
# What the stubs for Open-CAS share: the world is WARMBLOCK_ROOT. A block device is a file; one of device-mapper is a hard link
# to the file below it, so that it has the same bytes under another name. Open-CAS metadata are the letters CAS at the start of
# a device; what else a superblock would hold is in saved/INODE.
# shellcheck disable=SC2034 # used by the stubs
WORLD=${WARMBLOCK_ROOT:?}
die() { echo "$*" >&2; exit 1; }
inode() { stat -L -c %i "$1"; }
size() { stat -L -c %s "$1"; }
