# shellcheck shell=bash
# `warmblock tgt` with 10,000 targets of 1,000 clients. The identities are made up, so that no Ceph is needed.

bench_tgt() {
  local root=$TMP/tgt times=()
  tgt_root "$root"
  for _ in {1..5}; do
    rm -rf "$root/etc/tgt"
    times+=("$(tgt_seconds "$root" render)")
  done
  [ "$(find "$root/etc/tgt/conf.d" -name '*.conf' | wc -l)" = 1000 ] || die "not all files were rendered"
  limit "tgt render of 10,000 targets" s "$(printf '%s\n' "${times[@]}" | jq -s min)" 1
  times=()
  printf 'include %s/etc/tgt/conf.d/*.conf\n' "$root" >"$root/targets.conf"
  for _ in {1..3}; do times+=("$(tgt_seconds "$root" check)"); done
  limit "tgt check of 10,000 targets" s "$(printf '%s\n' "${times[@]}" | jq -s min)" 5
}

tgt_seconds() { # ROOT render|check
  local began
  began=$(now)
  case $2 in
    render) "$BIN" --root "$1" --json tgt render --offline >/dev/null ;;
    check) "$BIN" --json tgt check "$1/targets.conf" >"$1/checked" || [ $? = 20 ] || die "the rendered files are not clean: $(head -c 600 "$1/checked")" ;;
  esac
  since "$began"
}

tgt_root() { # ROOT
  local root=$1 c
  mkdir -p "$root/etc/warmblock"
  {
    printf '[site]\niqn = "iqn.2014-02.my.domain"\n[registry]\nfile = "%s/registry.json"\n' "$root"
    for ((c = 0; c < 1000; c++)); do
      printf '[client.c%d]\naddresses = ["10.%d.%d.1"]\n' $c $((c / 250)) $((c % 250))
      printf "[[client.c$c.target]]\ntitle = \"t%d\"\nluns = [\"rbd/i$c-%d\"]\n" 0 0 1 1 2 2 3 3 4 4 5 5 6 6 7 7 8 8 9 9
    done
  } >"$root/etc/warmblock/tgt.toml"
  awk 'BEGIN {
    printf "{\"version\":1,\"generation\":1,\"entries\":{"
    for (c = 0; c < 1000; c++) for (t = 0; t < 10; t++) {
      n = c * 10 + t
      key = sprintf("801945f3-c685-4fbf-a968-66d179c4e25c/3/%06x", n)
      printf "%s\"target/iqn.2014-02.my.domain:c%d.t%d\":{\"tid\":%d,\"luns\":{\"%s\":1}},", n ? "," : "", c, t, 1001 + n, key
      printf "\"image/%s\":{\"name\":\"rbd/i%d-%d\",\"scsi_id\":\"6001405%025x\",\"scsi_sn\":\"%016x\"}", key, c, t, n, n
    }
    print "}}"
  }' >"$root/registry.json"
}
