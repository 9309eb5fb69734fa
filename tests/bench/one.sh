# shellcheck shell=bash
# What OpenNebula's driver actions cost, on two hosts (one_calls.rs), beside what was counted of the stock ceph driver's scripts:
# the processes that it starts on the front-end, how many of them are Ruby, its connections, its runs of rbd, and its seconds with
# an ssh and an rbd that take none. "own" are the front-end's seconds outside ssh; "trip" is what an ssh takes that does nothing.

bench_one() {
  local action own
  one_calls_built
  lab ceph mgr
  lab host up hv2 --vg ssd
  lab host put hv2 "$BIN"
  printf '[slice]\nvg = "ssd"\n' | lab host ssh hv2 'cat >/etc/warmblock/warmblock.toml'
  lab exec "$ONE_CALLS" "$BIN" "${ONE_ROUNDS:-5}" </dev/null >"$ROOT/target/bench-one.json"
  lab host down hv2
  for action in "tm clone (first)" "tm delete disk" "tm snap_create" "tm snap_delete" "tm snap_revert" "tm resize"; do
    own=$(one_of "$action" .own)
    limit "one $action: the front-end's own time" s "$own" 0.15
    limit "one $action: processes of the front-end, ssh included" n "$(one_of "$action" .here)" 2 "$(one_stock "$action" 1)"
  done
  one_table
}

# -> ONE_CALLS: the program that plays oned (one_calls.rs)
one_calls_built() {
  ONE_CALLS=$ROOT/$(cd "$ROOT" && cargo bench --bench one_calls --no-run 2>&1 | sed -n 's/.*Executable.*(\(.*\)).*/\1/p')
  [ -x "$ONE_CALLS" ] || die "one_calls was not built"
}

one_of() { jq --arg action "$1" "select(.action == \$action) | $2" "$ROOT/target/bench-one.json"; } # ACTION FIELD
one_stock() { awk -F'|' -v action="$1" -v field=$(($2 + 1)) '$1 == action { print $field }' <<<"$ONE_STOCK"; } # ACTION FIELD

one_table() {
  printf '\n%-22s %7s %7s %7s %7s %5s %4s %6s   %s\n' action wall own trip hosts procs ssh 'on hosts' 'stock: procs ruby ssh rbd wall'
  jq -r '[.action, .wall, .own, .trip, .host, .here, .ssh, .there] | @tsv' "$ROOT/target/bench-one.json" |
    awk -F'\t' -v stock="$ONE_STOCK" '
      BEGIN { n = split(stock, lines, "\n"); for (i = 1; i <= n; i++) { split(lines[i], f, "|"); of[f[1]] = lines[i] } }
      { split(of[$1], f, "|")
        printf "%-22s %7.3f %7.3f %7.3f %7.3f %5d %4d %8d   %12s %4s %3s %3s %5s\n", $1, $2, $3, $4, $5, $6, $7, $8, f[2], f[3], f[4], f[5], f[6] }'
  echo
}

# action|processes|ruby|ssh|rbd|wall; counted once, on an idle machine of two processors
ONE_STOCK='ds stat|82|1|0|0|0.4
ds cp|59|2|2|1|0.62
ds mkfs|16|2|1|1|0.47
ds clone|14|2|1|1|0.46
ds snap_delete|16|2|1|4|0.48
ds snap_revert|16|2|1|6|0.50
ds snap_flatten|16|2|1|17|0.53
ds export|18|2|1|1|0.46
ds rm|16|2|1|4|0.47
ds monitor|23|3|1|0|0.56
tm clone (first)|38|4|2|7|0.86
tm clone (exists)|38|4|2|1|0.76
tm ln|22|2|1|4|0.39
tm mkimage|35|4|2|1|0.75
tm mkswap|37|4|2|1|0.74
tm context|37|0|2|0|0.07
tm snap_create|22|2|1|3|0.41
tm snap_create_live|24|2|1|3|0.42
tm snap_delete|22|2|1|4-7|0.43
tm snap_revert|25|4|1|6|0.77
tm resize|26|4|1|1|0.77
tm cpds|25|4|1|1|0.76
tm premigrate|14|1|3|0|-
tm failmigrate|1|0|0|0|0.01
tm postmigrate|10|1|1|0|0.13
tm mv disk, away|33|0|0|0|0.03
tm mv disk, back|33|0|0|0|0.03
tm mv disk, across|33|0|0|0|0.03
tm mv directory|-|2|6|0|-
tm monitor|28|3|2|11|1.0
tm delete disk|28|4|1|8|0.78
tm mvds|1|0|0|0|0.01
tm delete directory|22|2|2|1|0.38'
