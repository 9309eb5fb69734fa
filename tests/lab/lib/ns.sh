# shellcheck shell=bash
# The lab's own network name space: a bridge without uplink, the hosts' taps, addresses that never answer.

ns_there() { [ "$(stat -f -c %T "$NETNS" 2>/dev/null)" = nsfs ]; }
in_ns() { [ /proc/self/ns/net -ef "$NETNS" ]; }
need_ns() { in_ns || die "internal: not inside $LAB_NS"; }

# Run the rest of this command inside the name space: ns_enter "$@" with the arguments of ../lab
ns_enter() {
  in_ns && return 0
  ns_there || die "no lab '$LAB_ID' is up; start it with: $LAB_SELF up"
  PATH=$CALLER_PATH exec nsenter --net="$NETNS" "$LAB_SELF" "$@"
}

ns_up() {
  if ! ns_there; then
    rm -f "$NETNS"    # a plain file: what a reboot leaves
    ip netns add "$LAB_NS"
  fi
  nsenter --net="$NETNS" ip -batch - <<B
link set lo up
B
  nsenter --net="$NETNS" ip link show dev "$LAB_BR" >/dev/null 2>&1 && return 0
  {
    echo "link add $LAB_BR address 02:1a:b0:00:00:ff type bridge stp_state 0 forward_delay 0"
    echo "addr add $LAB_GW/24 dev $LAB_BR"
    echo "link set $LAB_BR up"
    ns_holes "$LAB_BR"
  } | nsenter --net="$NETNS" ip -batch -
}

# A permanent neighbour that is nobody's: packets leave and nothing comes back, not even "no route to host".
ns_holes() {
  local a
  for a in "${LAB_HOLES[@]}"; do echo "neigh replace $a lladdr 02:1a:b0:de:ad:00 dev $1 nud permanent"; done
}

ns_tap_up() { # TAP
  need_ns
  ip link show dev "$1" >/dev/null 2>&1 || ip tuntap add dev "$1" mode tap
  ip link set "$1" master "$LAB_BR" up
}
ns_tap_down() { need_ns; ip link del "$1" 2>/dev/null || true; }

# What the host receives. (What it sends is shaped inside it: only its kernel has netem.)
ns_tap_rate() { # TAP [RATE]
  need_ns
  if [ -n "${2:-}" ]; then
    tc qdisc replace dev "$1" root tbf rate "$2" burst 256kb latency 200ms || die "'$2' is no rate; say e.g. 400mbit"
  else
    tc qdisc del dev "$1" root 2>/dev/null || true
  fi
}

# Whatever still runs in the name space was started by us or through `lab exec`: end it, but not our own callers.
ns_sweep() {
  local p mine=" $$ " up=$$ left
  while [ "$up" -gt 1 ]; do
    up=$(awk '/^PPid/{print $2}' "/proc/$up/status" 2>/dev/null) || break
    mine+="$up "
  done
  for p in $(ip netns pids "$LAB_NS"); do
    [[ $mine == *" $p "* ]] || ! alive "$p" || kill -KILL "$p" 2>/dev/null || true
  done
  left=1
  for _ in {1..200}; do
    left=
    for p in $(ip netns pids "$LAB_NS"); do [[ $mine == *" $p "* ]] || ! alive "$p" || left+="$p "; done
    [ -n "$left" ] || return 0
    sleep 0.05
  done
  die "these processes do not die: $left"
}

ns_down() {
  ns_there || { rm -f "$NETNS"; return 0; }
  ns_sweep
  ip netns del "$LAB_NS"
}
