# shellcheck shell=bash
# How long I/O waits at a bypass and at an insert, under load. fio logs every read's latency; the longest one in each window
# of time is what a guest would notice. Beside it a bare `dmsetup suspend; dmsetup resume` of the front: in user-mode Linux
# starting a process takes 30 ms, so most of the pause is dmsetup's own start between the two.

bench_swap() {
  local quiet bare bypass insert seeding limit=50
  attach_seeded
  swap_under_load "$FRONT" $DISK 3 >"$TMP/marks"
  on_host 'cat /lab/swap_lat.1.log; rm -f /lab/swap_*' </dev/null | tr -d , >"$TMP/latencies"
  quiet=$(longest quiet) bare=$(longest bare) bypass=$(longest bypass) insert=$(longest insert) seeding=$(longest seeding)
  # Where undisturbed I/O already waits that long, the machine is too busy to tell: no verdict
  [ "$(jq -n "$quiet > $limit")" = false ] || limit=null
  limit "longest pause at bypass, beyond I/O in flight (ref: bare suspend)" ms "$(beyond "$bypass")" $limit "$(beyond "$bare")"
  limit "longest pause at insert, beyond I/O in flight (ref: bare suspend)" ms "$(beyond "$insert")" $limit "$(beyond "$bare")"
  note "$(printf 'longest I/O, median of the rounds: %.0f ms undisturbed, %.0f ms at a bare suspend and resume, %.0f ms at bypass, %.0f ms' \
    "$quiet" "$bare" "$bypass" "$insert") at insert --seed none, $(printf %.0f "$seeding") ms at insert with a seed, which competes for" \
    "the one processor and the network.$([ $limit != null ] || echo ' Undisturbed I/O waited as long: the machine was too busy for a verdict.')"
  detach
}
beyond() { jq -n "[$1 - $quiet, 0] | max"; }

# swap_under_load FRONT DISK ROUNDS: lines of a window's name, its beginning and its end, in milliseconds
swap_under_load() {
  on_host bash -s "$@" <<'HOST'
    set -euo pipefail
    front=$1 disk=$2
    fio --name=load --filename="$front" --readonly --direct=1 --ioengine=libaio --rw=randread --bs=4k --iodepth=8 --rate_iops=1000 \
      --time_based --runtime=600 --write_lat_log=/lab/swap --log_unix_epoch=1 --output=/dev/null &
    window() { # NAME CMD...: and a little after it, for what is still waiting
      local from=${EPOCHREALTIME/[.,]/}
      "${@:2}" >/dev/null
      sleep 0.5
      local to=${EPOCHREALTIME/[.,]/}
      echo "$1 ${from%???} ${to%???}"
    }
    bare() { dmsetup suspend --nolockfs "$front" && dmsetup resume "$front"; }
    sleep 2
    for ((round = 0; round < $3; round++)); do
      window quiet sleep 2
      window bare bare
      window bypass warmblock --quiet bypass "$disk"
      window quiet sleep 2
      window insert warmblock --quiet insert "$disk" --seed none
      window bypass warmblock --quiet bypass "$disk"
      window seeding warmblock --quiet insert "$disk" --seed allocated
    done
    kill -INT %1
    wait %1 || true
HOST
}

# longest NAME: the longest latency in each window of that name, in ms; the median of them
longest() {
  awk -v what="$1" '
    NR == FNR { if ($1 == what) { from[++n] = $2; to[n] = $3 } next }
    { for (i = 1; i <= n; i++) if ($1 >= from[i] && $1 <= to[i] && $2 > max[i]) max[i] = $2 }
    END { for (i = 1; i <= n; i++) printf "%.1f\n", max[i] / 1e6 }' "$TMP/marks" "$TMP/latencies" | median
}
