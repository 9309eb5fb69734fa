# shellcheck shell=bash
# `warmblock status` of 1,000 disks. No lab holds so many: records, sysfs and what dmsetup prints are made up below a
# directory, and all of them are well, so that nothing is cut short.

bench_status() {
  local root=$TMP/host disks=1000 times=() began
  status_root "$root" $disks
  [ "$(status_of "$root" | jq '[.disks[] | select(.well)] | length')" = $disks ] || die "not all of the $disks disks are well"
  for _ in {1..31}; do
    began=$(now)
    status_of "$root" >/dev/null
    times+=("$(since "$began")")
  done
  # The fastest of many: what else the machine does can only add to it
  limit "status of 1,000 disks" s "$(printf '%s\n' "${times[@]}" | jq -s min)" 0.2
  note "status of 1,000 disks: the median is $(printf '%s\n' "${times[@]}" | median | xargs printf %.2f) s, the processor time" \
    "$(TIMEFORMAT='%U %S'; { time status_of "$root" >/dev/null; } 2>&1 | awk '{ print $1 + $2 }') s; the figure is the fastest run's."
}

status_of() { "$BIN" --root "$1" --json status; }

status_root() { # ROOT DISKS
  local root=$1 fsid=0f5c7a9e-3b1d-4c55-9d0e-5a6b7c8d9e0f size=21474836480 sectors=41943040 n key dir
  local rest='"mode":"writethrough","size":8589934592,"block":262144,"vg":"ssd","seed":"allocated","link":null,"generation":1,"boot_id":"b"'
  mkdir -p "$root"/{bin,etc/warmblock,run/warmblock,dev/mapper,dev/ssd,var/lib/warmblock/disks,sys/bus/rbd/devices}
  printf '[tools]\npath = ["%s/bin"]\n' "$root" >"$root/etc/warmblock/warmblock.toml"
  # shellcheck disable=SC2016  # expanded when the stub runs
  printf '#!/bin/sh\nexec /bin/cat "%s/dm-$1"\n' "$root" >"$root/bin/dmsetup"
  chmod 755 "$root/bin/dmsetup"
  for ((n = 0; n < $2; n++)); do
    key=0f5c7a9e-1-$(printf '%012x' $((n + 0x10a1b2c3d4)))
    printf '{"version":1,"key":"%s","image":"one/vm-%d","fsid":"%s","intent":"attached","driver":"dm-cache",%s}\n' $key $n $fsid "$rest" \
      >"$root/var/lib/warmblock/disks/$key.json"
    : >"$root/dev/ssd/wb-$key-data"
    : >"$root/dev/ssd/wb-$key-meta"
    dir=$root/sys/bus/rbd/devices/$n
    mkdir "$dir"
    echo one >"$dir/pool"
    echo >"$dir/pool_ns"
    echo 1 >"$dir/pool_id"
    echo vm-$n >"$dir/name"
    echo "${key##*-}" >"$dir/image_id"
    echo $fsid >"$dir/cluster_fsid"
    echo - >"$dir/current_snap"
    echo $size >"$dir/size"
    echo 252 >"$dir/major"
    echo $((n * 16)) >"$dir/minor"
    echo 0x3d >"$dir/features"
    echo client4133 >"$dir/client_id"
    echo 10.213.0.11:0/1234567890 >"$dir/client_addr"
    echo "wb-$key|WARMBLOCK-1-front-$key|253|$((4 * n + 3))|L--w|1|0" >&3
    echo "wb-$key-cache|WARMBLOCK-1-cache-$key|253|$((4 * n + 2))|L--w|1|0" >&3
    echo "wb-$key: 0 $sectors linear 253:$((4 * n + 2)) 0" >&4
    echo "wb-$key-cache: 0 $sectors cache 253:$((4 * n + 1)) 253:$((4 * n)) 252:$((n * 16)) 512 2 metadata2 writethrough smq 2 migration_threshold 4096" >&4
    echo "wb-$key: 0 $sectors linear" >&5
    echo "wb-$key-cache: 0 $sectors cache 8 72/4096 512 3800/32768 1204 17 33 2 0 3800 0 2 metadata2 writethrough 2 migration_threshold 4096 smq 0 rw -" >&5
  done 3>"$root/dm-info" 4>"$root/dm-table" 5>"$root/dm-status"
}
