# shellcheck shell=bash
# Commands inside a host, over one ssh connection per host and user (a new one costs 0.6 s, a command over it 0.07 s).

host_ssh_options() { # USER -> SSH
  SSH=(-F /dev/null -i "$LAB_DIR/ssh/id" -o IdentitiesOnly=yes -o BatchMode=yes -o LogLevel=ERROR -o ConnectTimeout=10
    -o UserKnownHostsFile="$LAB_DIR/ssh/known_hosts" -o GlobalKnownHostsFile=/dev/null -o ServerAliveInterval=20 -o ServerAliveCountMax=6
    -o ControlPath="$D/boot/ssh-$1" -l "$1")
}
host_ip() { echo "$LAB_NET.$(<"$D/number")"; }

# The connection that all commands share. Detached from our stdio: it would hold the caller's pipes open.
host_master() { # USER
  local tries
  host_ssh_options "$1"
  for tries in {1..5}; do
    ssh "${SSH[@]}" -O check x 2>/dev/null && return 0
    rm -f "$D/boot/ssh-$1"
    setsid ssh "${SSH[@]}" -M -f -N "$(host_ip)" </dev/null >"$D/boot/ssh-$1.log" 2>&1 9>&- && return 0
    [ "$tries" = 5 ] || sleep 0.2
  done
  cat "$D/boot/ssh-$1.log" >&2
  return 1
}

host_masters_end() {
  local s
  for s in "$D"/boot/ssh-*; do
    [ ! -S "$s" ] || ssh -F /dev/null -o ControlPath="$s" -O exit x >/dev/null 2>&1 || true
  done
}

host_run_ssh() { # USER [ARGUMENTS]
  host_ssh_options "$1"
  shift
  # shellcheck disable=SC2029  # meant to be expanded here
  ssh "${SSH[@]}" "$(host_ip)" "$@"
}

# One argument is a shell line, as ssh has it; several are one command whose arguments arrive as they are.
host_ssh() {
  local user=root line=''
  if [ "${1:-}" = -u ]; then user=${2:?user} && shift 2; fi
  host_dir "${1:-}"
  shift
  if [ "${1:-}" = -u ]; then user=${2:?user} && shift 2; fi
  [ "${1:-}" != -- ] || shift
  host_needed
  if [ ! -S "$D/boot/ssh-$user" ]; then
    lab_lock
    host_master "$user" || die "no ssh as $user to $NAME"
    lab_unlock
  fi
  case $# in
    0) ;;
    1) line=$1 ;;
    *) line=$(printf '%q ' "$@") ;;
  esac
  host_ssh_options "$user"
  exec ssh "${SSH[@]}" "$(host_ip)" ${line:+"$line"}
}

# Into the host's /lab/bin, by rename: a running copy is not disturbed and a reader never sees half of one
host_put() {
  local f
  host_dir "${1:-}"
  shift
  [ -d "$D/bin" ] || die "no host $NAME"
  [ $# -gt 0 ] || usage "lab host put NAME FILE..."
  for f; do
    cp -- "$f" "$D/bin/.${f##*/}.new" && chmod 755 "$D/bin/.${f##*/}.new" && mv "$D/bin/.${f##*/}.new" "$D/bin/${f##*/}"
  done
}

# How slow the way to Ceph is, now: rate in both directions, delay on what the host sends
host_net() {
  local tap netem=() kind=''
  host_dir "${1:-}"
  shift
  host_needed
  host_options_load
  tap=$(cat "$D/boot/tap")
  while [ $# -gt 0 ]; do
    case $1 in
      --rate) RATE=${2:?} kind=shape && shift 2 ;;
      --delay) DELAY=${2:?} kind=shape && shift 2 ;;
      --none) RATE='' DELAY='' kind=shape && shift ;;
      --cut) ip link set "$tap" nomaster && shift ;;
      --mend) ip link set "$tap" master "$LAB_BR" && shift ;;
      *) usage "host net does not know '$1'" ;;
    esac
  done
  [ -n "$kind" ] || return 0
  ns_tap_rate "$tap" "$RATE"
  [ -z "$DELAY" ] || netem+=(delay "$DELAY")
  [ -z "$RATE" ] || netem+=(rate "$RATE")
  if [ ${#netem[@]} = 0 ]; then
    host_run_ssh root "tc qdisc del dev vec0 root 2>/dev/null; true"
  else
    host_run_ssh root "tc qdisc replace dev vec0 root netem limit 10000 ${netem[*]}" || die "tc refused: ${netem[*]}"
  fi </dev/null
  host_options_save
}

host_list() {
  local d
  for d in "$LAB_HOSTS"/*/; do
    [ -d "$d" ] || continue
    host_dir "$(basename "$d")"
    printf '%s %s %s\n' "$NAME" "$(host_ip)" "$(host_running && echo running || echo off)"
  done
}

cmd_host() {
  local what=${1:-}
  shift || true
  case $what in
    up) host_up "$@" ;;
    down) host_down "$@" ;;
    ssh) host_ssh "$@" ;;
    put) host_put "$@" ;;
    net) host_net "$@" ;;
    list) host_list ;;
    *) usage "lab host up|ssh|put|net|down NAME ..., or list" ;;
  esac
}
