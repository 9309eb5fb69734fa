# shellcheck shell=bash
# Settings and small helpers of the lab. Sourced first by ../lab. Those written
# NAME=${NAME:-...} may be set in the environment.
# shellcheck disable=SC2034  # the other parts use them

LAB_ID=${LAB_ID:-0}                                   # several labs live side by side, each in its own name space
LAB_DIR=${LAB_DIR:-/var/tmp/warmblock-lab/$LAB_ID}    # keep it short: unix sockets live below it (107 bytes)
LAB_CACHE=${LAB_CACHE:-/var/cache/warmblock-lab}      # what is made once per machine: kernel, disk image
LAB_NS=wblab-$LAB_ID                                  # network name space; nothing of the lab is outside it
LAB_BR=labbr                                          # bridge without uplink, inside LAB_NS
LAB_NET=10.213.0                                      # /24, only reachable inside LAB_NS
LAB_GW=$LAB_NET.1                                     # the machine's side: Ceph and tgtd listen here
LAB_HOLES=("$LAB_NET.253" "$LAB_NET.254")             # swallow every packet and never answer
LAB_WATCH_TIMEOUT=${LAB_WATCH_TIMEOUT:-10}            # seconds until a dead client's lock may be taken; 30 in the field
LAB_KERNEL=${LAB_KERNEL:-}                             # debian12: not the newer one, see kernel.sh
LAB_OSD_SIZE=${LAB_OSD_SIZE:-3G}                      # upper limit per OSD, used only as data come in
CEPH_DIR=$LAB_DIR/ceph
LAB_HOSTS=$LAB_DIR/h

NETNS=/run/netns/$LAB_NS
CALLER_PATH=$PATH
# `#!/usr/bin/env python3` tools must find the distribution's python, which has the rados and rbd bindings.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
PY=/usr/bin/python3
MARKER=.warmblock-lab

say() { printf '%s\n' "$*" >&2; }
die() { say "lab: $*"; exit 1; }
usage() { say "lab: $*"; say "See: $LAB_SELF --help"; exit 2; }

now_ms() { local t=${EPOCHREALTIME/[.,]/}; echo "${t%???}"; }
T0=$(now_ms)
step() { [ -n "${LAB_QUIET:-}" ] || say "$(printf '%6d ms  %s' $(($(now_ms) - T0)) "$*")"; }

check_settings() {
  [[ $LAB_ID =~ ^[a-z0-9-]{1,10}$ ]] || die "LAB_ID must be 1-10 of a-z, 0-9 and '-', not '$LAB_ID'"
  [[ $LAB_DIR == /* && $LAB_DIR != / ]] || die "LAB_DIR must be an absolute path, not '$LAB_DIR'"
  [ ${#LAB_DIR} -le 60 ] || die "LAB_DIR is too long for unix sockets below it (60 at most): $LAB_DIR"
  case $LAB_DIR in /run/* | /dev/*) die "LAB_DIR must not be below /run or /dev: a host mounts its own there" ;; esac
  [ "$EUID" = 0 ] || die "needs root (name spaces, taps)"
}

# A zombie still answers kill -0, so look at the state instead.
alive() {
  local s
  [ -n "${1:-}" ] || return 1
  { read -r s <"/proc/$1/stat"; } 2>/dev/null || return 1
  s=${s##*) }
  [[ ${s%% *} != [ZX] ]]
}

# await SECONDS CMD...: until CMD succeeds; false when time is up
await() {
  local end=$(($(now_ms) + $1 * 1000))
  shift
  until "$@"; do
    [ "$(now_ms)" -lt $end ] || return 1
    sleep 0.05
  done
}
gone() { ! alive "$1"; }

# Is this process still the one that we started? $2 is a word of its command line.
ours() {
  local words
  { mapfile -d '' -t words <"/proc/$1/cmdline"; } 2>/dev/null || return 1
  [[ ${words[*]} == *"$2"* ]]
}

# kill_ours PID WORD SIGNAL [SECONDS]: one signal, then SIGKILL when it does not help
kill_ours() {
  local pid=$1 word=$2 sig=$3 wait=${4:-5}
  alive "$pid" && ours "$pid" "$word" || return 0
  kill -CONT "$pid" 2>/dev/null || true
  kill "-$sig" "$pid" 2>/dev/null || true
  await "$wait" gone "$pid" && return 0
  kill -KILL "$pid" 2>/dev/null || true
  await 10 gone "$pid" || die "process $pid ($word) does not die"
}

# One change at a time per lab: a lock on the directory itself, so that no lock file is left behind.
# Whatever stays in the background must be started with 9>&-, or it keeps the lock.
lab_lock() {
  local i
  for ((i = 0; i < 20; i++)); do
    mkdir -p "$LAB_DIR"
    exec 9<"$LAB_DIR" || continue
    flock -w 120 9 || die "another lab command has held $LAB_DIR for two minutes; see: fuser -v $LAB_DIR"
    [ "/proc/$$/fd/9" -ef "$LAB_DIR" ] && return 0    # else it was removed while we waited
    exec 9>&-
  done
  die "cannot lock $LAB_DIR"
}
lab_unlock() { exec 9>&-; }

# The directory is ours when it carries the marker: nothing else is ever removed.
lab_dir_claim() {
  mkdir -p "$LAB_DIR"
  [ -e "$LAB_DIR/$MARKER" ] || [ -z "$(ls -A "$LAB_DIR")" ] || die "$LAB_DIR is not empty and not a lab's; set LAB_DIR"
  : >"$LAB_DIR/$MARKER"
}
lab_dir_remove() {
  [ -d "$LAB_DIR" ] || return 0
  [ -e "$LAB_DIR/$MARKER" ] || [ -z "$(ls -A "$LAB_DIR")" ] || die "$LAB_DIR is not a lab's; not removed"
  rm -rf "$LAB_DIR"
  rmdir --ignore-fail-on-non-empty "$(dirname "$LAB_DIR")" 2>/dev/null || true
}
