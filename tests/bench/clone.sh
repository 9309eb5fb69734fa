# shellcheck shell=bash
# `image clone` against the rbd commands that it replaces, on the machine beside Ceph: a process each, every one with a
# connection of its own.

bench_clone() {
  local i began fresh_ours=() fresh_rbd=() again_ours=() again_rbd=()
  images import --quiet - one/parent --size 64M </dev/null 2>/dev/null || rbd_ create -s 64M one/parent
  rbd_ cp --no-progress one/parent one/p >/dev/null 2>&1 || true
  for i in {1..15}; do
    rbd_ create -s 64M "one/a$i"
    rbd_ create -s 64M "one/b$i"
    fresh_ours+=("$(timed images clone "one/a$i" "one/a$i-clone")")
    fresh_rbd+=("$(timed rbd_clone "one/b$i" "one/b$i-clone" fresh)")
    again_ours+=("$(timed images clone one/a1 "one/a1-again$i")")
    again_rbd+=("$(timed rbd_clone one/b1 "one/b1-again$i")")
  done
}
