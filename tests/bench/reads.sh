# shellcheck shell=bash
# Seeded data through the front, and the same reads from the bare slice. The machine is shared and noisy, so the two take
# turns, and medians are compared. The cache device below the front is read as well: it shows which layer costs what.

bench_reads() {
  local before
  attach_seeded
  before=$(rbd_read_bytes)
  reads_compared "4 KiB random reads, depth 32: front / bare slice" 0.95 --rw=randread --bs=4k --iodepth=32
  reads_compared "1 MiB sequential reads, depth 4: front / bare slice" 0.95 --rw=read --bs=1M --iodepth=4
  limit "read from Ceph meanwhile" bytes $(($(rbd_read_bytes) - before)) 0
  detach
}

reads_compared() { # NAME TARGET FIO-OPTIONS...
  local name=$1 target=$2 front=$FRONT cache=$FRONT-cache slice=$SLICE round device f c s
  shift 2
  rm -f "$TMP"/reads.*
  fio_read "$slice" --size=$DATA "$@" >/dev/null    # the SSD's file is in the machine's memory from here on
  for round in {1..5}; do
    for device in front cache slice; do
      fio_read "${!device}" --size=$DATA --time_based --runtime=1 "$@" | mb_s >>"$TMP/reads.$device"
    done
  done
  f=$(median <"$TMP/reads.front") c=$(median <"$TMP/reads.cache") s=$(median <"$TMP/reads.slice")
  more "$name" MB/s "$f" "$s" "$target"
  note "$(printf "%s: of the bare slice's speed the cache device keeps %.0f %%, the front on top of it %.0f %%." "${name%%: *}" \
    "$(jq -n "100 * $c / $s")" "$(jq -n "100 * $f / $s")")"
}
