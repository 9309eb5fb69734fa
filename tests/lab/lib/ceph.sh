# shellcheck shell=bash
# A real, minimal Ceph: one mon, N OSDs, a mgr when asked; own fsid and keys; bound to the lab's bridge.

CEPH_PGS=8
CEPH_CONF=$CEPH_DIR/ceph.conf
export CEPH_CONF

ceph_setup() { $PY "$LAB_HOME/lib/ceph-setup.py" "$CEPH_CONF" "$@"; }
ceph_pid() { cat "$CEPH_DIR/run/$1.pid" 2>/dev/null || true; }

# Complete and every daemon that was started and not stopped on purpose is alive
ceph_is_up() {
  local f
  [ -e "$CEPH_DIR/up" ] || return 1
  for f in "$CEPH_DIR"/run/*.pid; do alive "$(cat "$f")" || return 1; done
}

ceph_daemon_start() { # NAME: returns when it has become a daemon
  "ceph-${1%%.*}" -c "$CEPH_CONF" -i "${1#*.}" </dev/null >>"$CEPH_DIR/log/$1.out" 2>&1 9>&- ||
    { tail -n 20 "$CEPH_DIR/log/$1.out" >&2; die "$1 did not start; log: $CEPH_DIR/log/$1.log"; }
}

ceph_up() { # OSDS STORE
  local osds=$1 store=$2 fsid i p
  local uuids=() jobs=()
  need_ns
  mkdir -p "$CEPH_DIR"/{run,log,mon,mgr,osd,tmp}
  chmod 755 "$CEPH_DIR"
  cd "$CEPH_DIR" || die "cannot enter $CEPH_DIR"
  fsid=$(cat /proc/sys/kernel/random/uuid)
  ceph_write_conf "$fsid" "$store"
  ceph_write_keys "$osds"
  ceph_write_broken_confs
  monmaptool --create --clobber --fsid "$fsid" --addv a "[v2:$LAB_GW:3300,v1:$LAB_GW:6789]" --enable-all-features monmap >/dev/null
  ceph-mon -c "$CEPH_CONF" -i a --mkfs --monmap monmap --keyring keyring 9>&- || die "the mon could not be made"
  ceph_daemon_start mon.a
  step "mon started"

  # the OSDs' stores are made while the mon forms its quorum
  for ((i = 0; i < osds; i++)); do
    uuids[i]=$(cat /proc/sys/kernel/random/uuid)
    mkdir -p osd/$i
    ceph-osd -c "$CEPH_CONF" -i $i --mkfs --osd-uuid "${uuids[i]}" --monmap monmap >log/osd.$i.out 2>&1 9>&- &
    jobs+=($!)
  done
  ceph_setup osds "${uuids[@]}" || die "the OSDs could not be registered"
  for p in "${jobs[@]}"; do wait "$p" || { cat log/osd.*.out >&2; die "an OSD's store could not be made"; }; done
  jobs=()
  for ((i = 0; i < osds; i++)); do ceph_daemon_start osd.$i & jobs+=($!); done
  for p in "${jobs[@]}"; do wait "$p" || die "an OSD did not start"; done
  step "$osds OSDs started ($store)"
  ceph_setup pools "$osds" "$CEPH_PGS" || die "the pools could not be made"
  echo "$fsid" >up
  step "pool one with name space tenant is usable$([ "$osds" -lt 3 ] && echo '; no one-ec: it needs 3 OSDs' || echo ', and EC data pool one-ec')"
}

# `ceph df`, `rados df` and states of PGs come from the mgr: 300 MB and 4 s, so only when asked for
ceph_mgr_up() {
  if ! alive "$(ceph_pid mgr.x)"; then
    mkdir -p "$CEPH_DIR/mgr/x"
    cp "$CEPH_DIR/keyring" "$CEPH_DIR/mgr/x/keyring"
    ceph_daemon_start mgr.x
  fi
  ceph_setup health || die "the mgr did not become active; log: $CEPH_DIR/log/mgr.x.log"
  step "mgr active, HEALTH_OK"
}

ceph_down() {
  local f
  for f in "$CEPH_DIR"/run/*.pid; do
    [ -e "$f" ] && kill_ours "$(cat "$f")" "$CEPH_CONF" KILL
  done
  rm -rf "$CEPH_DIR"
}

ceph_names() { # all the daemons that NAME stands for
  local f
  case $1 in
    all-osds) for f in "$CEPH_DIR"/run/osd.*.pid; do basename "$f" .pid; done ;;
    osd.[0-9]* | mon.a | mgr.x) echo "$1" ;;
    *) usage "no daemon '$1'; there are mon.a, mgr.x, osd.N and all-osds" ;;
  esac
}

ceph_signal() { # NAMES SIGNAL
  local n p
  for n in $1; do
    p=$(ceph_pid "$n")
    alive "$p" || die "$n is not running"
    kill "-$2" "$p"
    case $2 in
      KILL | TERM)
        await 60 gone "$p" || die "$n does not end"
        rm -f "$CEPH_DIR/run/$n.pid"
        ;;
    esac
  done
}

cmd_ceph() {
  local what=${1:-} names n
  shift || true
  ceph_needed
  case $what in
    pause | resume | kill | stop | start)
      [ $# = 1 ] || usage "lab ceph $what DAEMON"
      names=$(ceph_names "$1")
      ;;
  esac
  case $what in
    pause) ceph_signal "$names" STOP ;;
    resume) ceph_signal "$names" CONT ;;
    kill) ceph_signal "$names" KILL ;;
    stop) ceph_signal "$names" TERM ;;
    start) for n in $names; do alive "$(ceph_pid "$n")" || ceph_daemon_start "$n"; done ;;
    mgr) ceph_mgr_up ;;
    slow) $PY "$LAB_HOME/lib/ceph-asok.py" slow "${1:?seconds}" "$CEPH_DIR"/run/osd.*.asok ;;
    ops) $PY "$LAB_HOME/lib/ceph-asok.py" ops "$CEPH_DIR"/run/osd.*.asok ;;
    *) usage "lab ceph pause|resume|kill|stop|start DAEMON, or mgr, slow SECONDS, ops" ;;
  esac
}
ceph_needed() { [ -e "$CEPH_DIR/up" ] || die "no cluster is up; start it with: $LAB_SELF up"; }
