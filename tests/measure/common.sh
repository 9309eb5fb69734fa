# shellcheck shell=bash
# What `make demo` and `make bench` share: a lab with one host that has warmblock, a clock, counters, and fio.
# Sourced; what sources it sets ROOT (the repository) and LAB_ID.

BIN=${BIN:-$ROOT/target/release/warmblock}    # another one may be tried
HOST=hv1
BLOCK=262144    # warmblock's default cache block

export LAB_QUIET=1

say() { printf '%s\n' "$*" >&2; }
die() { say "${0##*/}: $*"; exit 1; }
lab() { "$ROOT/tests/lab/lab" "$@"; }
on_host() { lab host ssh $HOST "$@"; }
# On the machine inside the lab's network, as on the node that keeps the datastore
images() { lab exec "$BIN" --quiet image "$@" </dev/null >/dev/null; }
on_disk() { on_host warmblock --quiet "$@" </dev/null; }

now() { echo "${EPOCHREALTIME/,/.}"; }
since() { jq -n "$(now) - $1"; }

# lab_ready [HOST OPTIONS]: a fresh Ceph, one host with an SSD volume group and warmblock
lab_ready() {
  [ -x "$BIN" ] || die "there is no $BIN: run make build"
  lab down
  lab up
  lab host up $HOST --vg ssd "$@"
  lab host put $HOST "$BIN"
  printf '[slice]\nvg = "ssd"\n' | on_host 'cat >/etc/warmblock/warmblock.toml'
}

# -- counters -----------------------------------------------------------------------------------------

# Bytes that the host's kernel has read from its RBD devices
rbd_read_bytes() { on_host 'cat /sys/block/rbd*/stat' | awk '{ sectors += $3 } END { print sectors * 512 }'; }
# Bytes that the OSDs have handed out, to anybody
osd_read_bytes() { lab ceph ops | jq .op_r_out_bytes; }

# -- fio, always direct -------------------------------------------------------------------------------

# fio_read DEVICE OPTIONS..., fio_write: {"bytes","ios","seconds"}
fio_read() { fio_run read "$@" --readonly; }
fio_write() { fio_run write "$@"; }
fio_run() { # read|write DEVICE OPTIONS...
  local what=$1 device=$2
  shift 2
  on_host fio --name=$what --filename="$device" --direct=1 --ioengine=libaio --rw=$what --output-format=json "$@" </dev/null |
    jq -c ".jobs[0].$what | {bytes: .io_bytes, ios: .total_ios, seconds: (.runtime / 1000)}"
}
mb_s() { jq '.bytes / .seconds / 1e6'; }
iops() { jq '.ios / .seconds'; }

# used_blocks POOL/IMAGE: where the blocks lie that hold data, a clone's parent included; these are what a seed brings
used_blocks() {
  lab exec rbd diff --format json "$1" </dev/null |
    jq -r --argjson block $BLOCK '.[] | range(.offset / $block | floor; (.offset + .length) / $block | ceil) * $block' |
    sort -nu
}

# Two lists of reads for fio (its iolog, version 2) from the offsets on stdin: the whole in pieces of up to 1 MiB, and
# COUNT reads of 4 KiB here and there. The same reads each time.
iolog_sequential() {
  awk -v block=$BLOCK '
    function put() { if (len) print "disk read", from, len }
    len && $1 == from + len && len < 1048576 { len += block; next }
    { put(); from = $1; len = block }
    END { put() }' | iolog
}
iolog_random() { # COUNT
  awk -v block=$BLOCK -v count="$1" '
    { at[n++] = $1 }
    END { srand(7); while (count--) print "disk read", at[int(rand() * n)] + 4096 * int(rand() * block / 4096), 4096 }' | iolog
}
iolog() {
  printf 'fio version 2 iolog\ndisk add\ndisk open\n'
  cat
  printf 'disk close\n'
}
# replay LOG DEVICE OPTIONS...: the reads of a list that lies in the host
replay() {
  local log=$1 device=$2
  shift 2
  fio_read "$device" --read_iolog="$log" --replay_redirect="$device" "$@"
}
