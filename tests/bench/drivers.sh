# shellcheck shell=bash
# The drivers side by side, each in write-back, since that is where they differ: how fast they are seeded, what they keep
# of the bare slice's speed, how long a write takes, and how long it takes to bring home what was written.

DIRTY=64M

bench_drivers() {
  local driver read latency direct
  drivers_attach none --driver none
  read=$(fio_read "$FRONT" --size=$DATA --bs=1M --iodepth=16 | mb_s)
  latency=$(write_latency)
  direct=$(fio_write "$FRONT" --size=$DIRTY --bs=1M --iodepth=4 | jq .seconds)
  detach
  on_host 'mkdir -p /etc/warmblock/conf.d; printf "[slice]\nshared = \"1G\"\n" >/etc/warmblock/conf.d/shared.toml' </dev/null
  for driver in dm-cache bcache bcache-shared dm-writecache local; do
    drivers_attach $driver --driver $driver --mode writeback
    drivers_one $driver
    detach
  done
  note "Flushing is compared with writing the same $DIRTY to the RBD, 1 MiB at a time, four in flight."
}

drivers_attach() { # NAME OPTIONS...: -> FRONT SLICE
  local size=(--size $DATA)
  [ "$1" != bcache-shared ] || size=()
  on_disk --json attach $DISK "${size[@]}" "${@:2}" >"$TMP/attached"
  FRONT=$(jq -r .front "$TMP/attached")
  SLICE=/dev/ssd/${FRONT##*/}-data
  [ "$1" != bcache-shared ] || SLICE=/dev/ssd/wb-shared
}

# 4 KiB writes, one at a time: microseconds each
write_latency() {
  fio_write "$FRONT" --rw=randwrite --size=$DIRTY --bs=4k --iodepth=1 --time_based --runtime=3 |
    jq '.seconds / .ios * 1e6'
}

drivers_one() { # DRIVER; uses the caller's read, latency, direct
  local driver=$1 round f s
  if [ "$(jq '.seed != null' "$TMP/attached")" = true ]; then
    more "$driver: seeding / reading the same from the RBD" MB/s "$(jq '.seed.bytes / .seed.seconds / 1e6' "$TMP/attached")" "$read"
  fi
  rm -f "$TMP"/drivers.*
  for round in 1 2 3; do
    for device in FRONT SLICE; do
      fio_read "${!device}" --size=$DATA --rw=randread --bs=4k --iodepth=32 --time_based --runtime=2 | mb_s >>"$TMP/drivers.$device"
    done
  done
  f=$(median <"$TMP/drivers.FRONT") s=$(median <"$TMP/drivers.SLICE")
  more "$driver: 4 KiB random reads, depth 32 / bare slice" MB/s "$f" "$s"
  less "$driver: 4 KiB write, one at a time / RBD" us "$(write_latency)" "$latency"
  on_disk flush $DISK >/dev/null
  fio_write "$FRONT" --size=$DIRTY --bs=1M --iodepth=4 >/dev/null
  less "$driver: flushing up to $DIRTY / writing it to the RBD" s "$(on_disk --json flush $DISK | jq .flush.seconds)" "$direct"
}
