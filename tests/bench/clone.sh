# shellcheck shell=bash
# `image clone` against the rbd commands that it replaces, on the machine beside Ceph. Each rbd command is a process that
# connects anew; ours is one. With a parent that has no snapshot yet, and with one that has.

bench_clone() {
  clone_calls_built
  clones 15 >"$TMP/clones"
  less "image clone, a call in a process that runs / rbd snap ls, clone, info" s "$(clone_time ours-call)" "$(clone_time rbd)" 3
  less "image clone, fresh parent / rbd snap create, protect, clone, info" s "$(clone_time ours-fresh)" "$(clone_time rbd-fresh)" 3
  less "image clone, snapshot there / rbd snap ls, clone, info" s "$(clone_time ours)" "$(clone_time rbd)" 3
  note "image clone: of our time $(clone_time ours-start) s are the start of a process (--version), of each rbd command's" \
    "$(clone_time rbd-start) s. The work in Ceph is the same on both sides, some 100 operations for a fresh parent; what is" \
    "saved is starting and connecting."
}
clone_time() { awk -v what="$1" '$1 == what { print $2 }' "$TMP/clones" | median; }

# -> CALLS: the program that clones by calls (clone_calls.rs)
clone_calls_built() {
  CALLS=$ROOT/$(cd "$ROOT" && cargo bench --bench clone_calls --no-run 2>&1 | sed -n 's/.*Executable.*(\(.*\)).*/\1/p')
  [ -x "$CALLS" ] || die "clone_calls was not built"
}

# clones ROUNDS: lines of what and its seconds. All inside the lab: entering it would cost more than a clone
clones() {
  lab exec bash -s "$BIN" "$1" "$CALLS" <<'LAB'
    set -euo pipefail
    wb=$1
    timed() { # NAME CMD...
      local t=${EPOCHREALTIME/[.,]/}
      "${@:2}" >/dev/null
      t=$((${EPOCHREALTIME/[.,]/} - t))
      printf '%s %d.%06d\n' "$1" $((t / 1000000)) $((t % 1000000))
    }
    clone() { rbd snap ls "$1" && rbd clone "$1@snap" "$2" && rbd info "$2"; }
    clone_fresh() { rbd snap create --no-progress "$1@snap" && rbd snap protect "$1@snap" && rbd clone "$1@snap" "$2" && rbd info "$2"; }
    for ((i = 0; i < $2; i++)); do
      rbd create -s 64M "one/ours$i"
      rbd create -s 64M "one/rbd$i"
      timed ours-fresh "$wb" --quiet image clone "one/ours$i" "one/ours$i-clone"
      timed rbd-fresh clone_fresh "one/rbd$i" "one/rbd$i-clone"
      timed ours "$wb" --quiet image clone one/ours0 "one/ours0-clone$i"
      timed rbd clone one/rbd0 "one/rbd0-clone$i"
      timed ours-start "$wb" --version
      timed rbd-start rbd --version
    done
    for ((i = 0; i < $2; i++)); do
      "$3" "$CEPH_CONF" one ours0 "ours0-call$i"
    done
LAB
}
