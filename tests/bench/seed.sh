# shellcheck shell=bash
# Seeding against the slower of its two halves: reading the same data from RADOS at depth, and writing them to the SSD.
# Beside it what people do without warmblock: dd through the RBD device.

bench_seed() {
  attach_seeded
  on_host "lvcreate -qq -y -W n -n scratch -L $DATA ssd" </dev/null    # the slice is in use
  seed_compared "network unlimited" 5
  lab host net $HOST --rate 400mbit --delay 1ms
  seed_compared "400 Mbit/s, 1 ms" 3
  lab host net $HOST --none
  on_host 'lvremove -qq -y ssd/scratch' </dev/null
  detach
}

seed_compared() { # NETWORK ROUNDS
  local round began read write seed dd slower
  local depth=(--size=$DATA --bs=4M --iodepth=16)
  rm -f "$TMP"/seed.*
  for ((round = 0; round < $2; round++)); do
    fio_read "$RBD" "${depth[@]}" | mb_s >>"$TMP/seed.read"
    fio_write /dev/ssd/scratch "${depth[@]}" | mb_s >>"$TMP/seed.write"
    began=$(now)
    on_disk --json seed $DISK allocated | jq '.seed | .bytes / .seconds / 1e6' >>"$TMP/seed.ours"
    since "$began" >>"$TMP/seed.whole"
    on_host "echo 1 >/proc/sys/vm/drop_caches; dd if=$RBD of=/dev/null bs=1M 2>&1" </dev/null |
      awk '/copied/ { print $1 / $(NF - 3) / 1e6 }' >>"$TMP/seed.dd"
  done
  read=$(median <"$TMP/seed.read") write=$(median <"$TMP/seed.write") seed=$(median <"$TMP/seed.ours") dd=$(median <"$TMP/seed.dd")
  slower=$(jq -n "[$read, $write] | min")
  more "seeding, $1 / slower of RADOS read and SSD write" MB/s "$seed" "$slower" 0.9
  more "seeding, $1 / dd bs=1M from /dev/rbd" MB/s "$seed" "$dd"
  note "$(printf 'seeding, %s: read alone %.0f MB/s, write alone %.0f MB/s; halves that take turns on the one processor would give %.0f MB/s.' \
    "$1" "$read" "$write" "$(jq -n "1 / (1 / $read + 1 / $write)")")" \
    "The copy is a process of its own, and starting one here (warmblock --version) takes $(printf %.2f "$(process_start)") s of it." \
    "The whole command, which takes the cache out and puts it in anew, took $(median <"$TMP/seed.whole" | xargs printf %.1f) s."
}
process_start() {
  for _ in 1 2 3; do
    # shellcheck disable=SC2016
    on_host 'a=${EPOCHREALTIME/./}; warmblock --version >/dev/null; echo "$((${EPOCHREALTIME/./} - a))e-6"' </dev/null
  done | median
}
