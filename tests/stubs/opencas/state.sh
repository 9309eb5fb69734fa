# shellcheck shell=sh
# What the stubs for Open-CAS share: the world is WARMBLOCK_ROOT. A block device is a file; one of device-mapper is a hard link
# to the file below it, so that it has the same bytes under another name. Without WARMBLOCK_ROOT, in a lab host, the devices are
# real ones, and casadm alone is a stub: a cache serves by a linear device on its core. Open-CAS metadata are the letters
# CAS at the start of a device; what else a superblock would hold is in saved/DEVICE.
# shellcheck disable=SC2034 # used by the stubs
WORLD=${WARMBLOCK_ROOT:-}
# shellcheck disable=SC2034
STATE=${WORLD:-/run/opencas-stub}
die() { echo "$*" >&2; exit 1; }
identity() { if [ -b "$1" ]; then dmsetup table "$1" | tr ' ' _; else stat -L -c %i "$1"; fi; }
size() { if [ -b "$1" ]; then blockdev --getsize64 "$1"; else stat -L -c %s "$1"; fi; }
