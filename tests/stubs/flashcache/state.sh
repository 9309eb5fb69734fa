# shellcheck shell=sh
# What the stubs of flashcache share: the world is the directory above them. A block device is a file of its size below it; a
# superblock is the first line of an SSD's file; a cache is a directory caches/NAME with one file for each of its figures.
WORLD=$(dirname "$(dirname "$(readlink -f "$0")")")
CACHES=$WORLD/caches
die() { echo "$*" >&2; exit 1; }
size() { stat -L -c %s "$1" || die "Failed to open $1"; }
superblock() { head -c 16 "$1" | tr -d '\0'; }
# over the first 16 bytes: STATE, filled up with zeroes
set_superblock() { printf '%-16s' "$2" | tr ' ' '\0' | dd of="$1" bs=16 count=1 conv=notrunc status=none; }
figure() { cat "$CACHES/$1/$2" 2>/dev/null || echo 0; }
# the files below /proc of a cache: NAME SSD DISK MODE
make_proc() {
  id=$(basename "$2")+$(basename "$3")
  mkdir -p "$WORLD/proc/flashcache/$id" "$WORLD/proc/sys/dev/flashcache/$id"
  echo 'disk_read_errors=0 disk_write_errors=0 ssd_read_errors=0 ssd_write_errors=0 memory_alloc_errors=0' >"$WORLD/proc/flashcache/$id/flashcache_errors"
  echo 1 >"$WORLD/proc/sys/dev/flashcache/$id/cache_all"
  echo 0 >"$WORLD/proc/sys/dev/flashcache/$id/skip_seq_thresh_kb"
  if [ "$4" = WRITE_BACK ]; then
    for knob in do_sync fast_remove; do echo 0 >"$WORLD/proc/sys/dev/flashcache/$id/$knob"; done
  fi
}
# NAME SSD DISK MODE DIRTY: the device, without a UUID
make_cache() {
  mkdir -p "$CACHES"
  mkdir "$CACHES/$1" 2>/dev/null || die "device-mapper: create ioctl on $1 failed: Device or resource busy"
  echo "$2" >"$CACHES/$1/ssd"; echo "$3" >"$CACHES/$1/disk"; echo "$4" >"$CACHES/$1/mode"; echo "$5" >"$CACHES/$1/dirty"
  echo $(($(size "$3") / 512)) >"$CACHES/$1/sectors"
  echo $(($(size "$2") / 4096 / 512 * 512)) >"$CACHES/$1/total"
  make_proc "$@"
  mkdir -p "$WORLD/dev/mapper" && : >"$WORLD/dev/mapper/$1"
}
