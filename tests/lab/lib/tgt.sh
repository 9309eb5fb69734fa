# shellcheck shell=bash
# tgtd heads on the machine's side of the lab's network, each with a control socket and a portal of its own.
# tgtadm and tgt-admin find a head through TGT_IPC_SOCKET, which `lab tgt env HEAD` prints.

tgt_dir() {
  [[ ${1:-} =~ ^[a-z0-9]{1,10}$ ]] || usage "a head's name is 1-10 of a-z and 0-9, not '${1:-}'"
  T=$LAB_DIR/tgt/$1
  export TGT_IPC_SOCKET=$T/s
}
tgt_pid() { cat "$T/pid" 2>/dev/null || true; }
tgt_answers() { tgtadm --mode sys --op show >/dev/null 2>&1 || gone "$(tgt_pid)"; }

tgt_up() { # HEAD [ADDRESS[:PORT]]
  local portal=${2:-$LAB_GW}
  tgt_dir "${1:-}"
  ! alive "$(tgt_pid)" || die "head $1 is running already; end it with: $LAB_SELF tgt down $1"
  [[ $portal == *:* ]] || portal+=:3260
  rm -rf "$T" && mkdir -p "$T"
  # Not in a pipe: grep ends at the first match, and `ip` by SIGPIPE then, which pipefail takes for no match.
  grep -qF " ${portal%:*}/" < <(ip addr show dev "$LAB_BR") || ip addr add "${portal%:*}/24" dev "$LAB_BR" ||
    die "the lab's net is $LAB_NET.0/24; '${portal%:*}' is no address of it"
  setsid tgtd -f --iscsi portal="$portal" </dev/null >"$T/log" 2>&1 &
  echo $! >"$T/pid"
  disown $!
  await 20 tgt_answers || true
  alive "$(tgt_pid)" || { cat "$T/log" >&2; die "head $1 did not start"; }
  step "head $1 listens at $portal"
}

# tgtd ignores SIGTERM, and a SIGKILL leaves its watch on the images for the watch timeout: targets first, then itself
tgt_down() {
  local t
  tgt_dir "${1:-}"
  if alive "$(tgt_pid)"; then
    for t in $(tgtadm --lld iscsi --mode target --op show | sed -n 's/^Target \([0-9]*\):.*/\1/p'); do
      tgtadm --lld iscsi --mode target --op delete --force --tid "$t" || true
    done
    tgtadm --mode system --op delete >/dev/null 2>&1 || true
    await 5 gone "$(tgt_pid)" || kill_ours "$(tgt_pid)" tgtd KILL
  fi
  rm -rf "$T"
  rmdir --ignore-fail-on-non-empty "$LAB_DIR/tgt" 2>/dev/null || true
}

cmd_tgt() {
  local what=${1:-}
  shift || true
  case $what in
    up) ceph_needed && tgt_up "$@" ;;
    down) tgt_down "$@" ;;
    adm)
      tgt_dir "${1:-}"
      exec tgtadm "${@:2}"
      ;;
    env)
      tgt_dir "${1:-}"
      printf 'TGT_IPC_SOCKET=%q\n' "$TGT_IPC_SOCKET"
      ;;
    *) usage "lab tgt up|down|adm|env HEAD ..." ;;
  esac
}
