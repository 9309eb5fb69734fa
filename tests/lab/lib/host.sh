# shellcheck shell=bash
# Hypervisor hosts: user-mode Linux with the machine's own file system as root, behind a throw-away overlay.
#
# Instance directory, h/NAME, which the host sees as /lab, read and write:
#   bin/       first in PATH inside          var/     bound to /var/lib/warmblock, survives a power cut
#   ssd.img    its SSD, sparse               options  what it was started with, defaults of the next boot
#   boot/      what belongs to one boot: pid, console, sockets

host_dir() { # NAME -> D
  [[ ${1:-} =~ ^[a-z][a-z0-9-]{0,14}$ ]] || usage "a host's name is 1-15 of a-z, 0-9 and '-', not '${1:-}'"
  NAME=$1
  D=$LAB_HOSTS/$NAME
}
host_pid() { cat "$D/boot/pid" 2>/dev/null || true; }
host_running() { local p=; [ ! -e "$D/boot/pid" ] || p=$(<"$D/boot/pid"); alive "$p" && ours "$p" "uml_dir=$D/boot/u"; }
host_needed() { host_running || die "host $NAME is not running; start it with: $LAB_SELF host up $NAME"; }

# hv1..hv9 always have .11 to .19; other names take the next free number
host_number() {
  local n
  if [ -s "$D/number" ]; then cat "$D/number"; return; fi
  if [[ $NAME =~ ^hv([1-9])$ ]]; then
    n=$((10 + BASH_REMATCH[1]))
  else
    for ((n = 21; n < 250; n++)); do grep -qx $n "$LAB_HOSTS"/*/number 2>/dev/null || break; done
  fi
  echo $n | tee "$D/number"
}

# Names of all hosts, those to come included as far as they are known, into the running hosts' view of /etc/hosts
host_write_hosts() {
  local f d i
  f=$(mktemp "$LAB_DIR/hosts.XXXXXX")
  {
    printf '127.0.0.1 localhost\n%s lab-gw\n' "$LAB_GW"
    for i in {1..9}; do echo "$LAB_NET.$((10 + i)) hv$i"; done
    for d in "$LAB_HOSTS"/*/; do
      d=${d%/}
      [[ ${d##*/} =~ ^hv[1-9]$ ]] || echo "$LAB_NET.$(cat "$d/number") ${d##*/}"
    done
  } >"$f"
  chmod 644 "$f"
  for d in "$LAB_HOSTS"/*/; do cp "$f" "$d/.hosts" && mv "$d/.hosts" "$d/hosts"; done
  rm -f "$f"
}

host_keys() {
  [ -e "$LAB_DIR/ssh/id" ] && return
  mkdir -p "$LAB_DIR/ssh"
  ssh-keygen -q -t ed25519 -N '' -C lab -f "$LAB_DIR/ssh/hostkey"
  echo "* $(cut -d' ' -f1,2 "$LAB_DIR/ssh/hostkey.pub")" >"$LAB_DIR/ssh/known_hosts"
  ssh-keygen -q -t ed25519 -N '' -C lab -f "$LAB_DIR/ssh/id"
}

# What this host was started with last time is the default of this time
# shellcheck disable=SC2034  # used by name
host_options_load() {
  UDEV=0 SSD='' RATE='' DELAY='' MEM=1G VG=''
  # shellcheck disable=SC1091
  [ ! -e "$D/options" ] || . "$D/options"
}
host_options_save() {
  local v
  for v in UDEV SSD RATE DELAY MEM VG; do printf '%s=%q\n' $v "${!v}"; done >"$D/options"
}

host_ssd() { # [SIZE asked for now]: sets SSD to a file, which is made when it is not there
  local is want
  case $SSD in
    */*) [ -e "$SSD" ] || die "no such SSD file: $SSD" ;;
    *)
      [ -e "$D/ssd.img" ] || truncate -s "${SSD:-6G}" "$D/ssd.img" || die "'$SSD' is neither a size nor a path with a /"
      SSD=$D/ssd.img
      [ -n "$1" ] || return 0
      is=$(stat -c %s "$SSD") want=$(numfmt --from=iec "$1")
      [ "$is" = "$want" ] || die "$NAME has an SSD of $is bytes already, not $1; forget it with: $LAB_SELF host down $NAME"
      ;;
  esac
}

host_up() {
  local n tap t0 size='' ensure=0
  host_dir "${1:-}"
  shift
  ceph_needed
  lab_lock
  mkdir -p "$D"/{bin,var}
  host_options_load
  # shellcheck disable=SC2034  # they are used by name
  while [ $# -gt 0 ]; do
    case $1 in
      --udev) UDEV=1 && shift ;;
      --no-udev) UDEV=0 && shift ;;
      --ensure) ensure=1 && shift ;;
      --ssd) SSD=${2:?} size=$2 && shift 2 ;;
      --rate) RATE=${2:?} && shift 2 ;;
      --delay) DELAY=${2:?} && shift 2 ;;
      --mem) MEM=${2:?} && shift 2 ;;
      --vg) VG=${2:?} && shift 2 ;;
      *) usage "host up does not know '$1'" ;;
    esac
  done
  if host_running; then
    [ $ensure = 0 ] || return 0
    die "host $NAME is running already; end it with: $LAB_SELF host down $NAME"
  fi
  host_ssd "$size"
  host_options_save
  host_clear_boot
  mkdir -p "$D/boot/u"
  n=$(host_number)
  tap=tap$n
  echo "$tap" >"$D/boot/tap"
  host_keys
  host_write_hosts
  host_layer "$LAB_NET.$n"
  ns_tap_up "$tap"
  ns_tap_rate "$tap" "$RATE"
  lab_unlock    # the boot itself may go on beside another one

  t0=$(now_ms)
  kernel_choose
  # A guest's memory is an unlinked file in TMPDIR: it has to be a tmpfs. Several processes: one group, to end at once.
  TMPDIR=/dev/shm setsid taskset -c "$(host_processor "$n")" "${KERNEL[@]}" mem="$MEM" root=/dev/root rootfstype=hostfs rootflags=/ ro \
    init="$LAB_HOME/guest/init" LABHOST="$D" LABMODULES="$MODULES" umid="$NAME" uml_dir="$D/boot/u" ubd0="$SSD" \
    vec0:transport=tap,ifname="$tap",depth=128,gro=1,mac=02:1a:b0:00:01:"$(printf %02x "$n")" \
    con=null con0=null,fd:7 quiet loglevel=4 panic=-1 \
    </dev/null >"$D/boot/uml.log" 2>&1 7>"$D/boot/console" &
  echo $! >"$D/boot/pid"
  disown $!
  await 120 host_started_or_dead || say "lab: $NAME has not come up in two minutes"
  if [ ! -e "$D/boot/started" ]; then
    tail -n 30 "$D/boot/uml.log" "$D/boot/console" >&2
    host_end KILL
    die "host $NAME did not come up"
  fi
  host_master root || die "host $NAME does not answer to ssh; its console: $D/boot/console"
  [ -z "$VG" ] || host_vg
  step "host $NAME up at $LAB_NET.$n ($(($(now_ms) - t0)) ms$([ "$UDEV" = 1 ] && echo ', udevd'))"
}
# The one processor of a guest. Its kernel and its processes are processes that take turns at every page fault and system
# call: on two processors each turn is an interrupt (with 6.1 a page fault 240 us, on one 50 us). Hosts of a lab get different ones.
host_processor() { # NUMBER -> PROCESSOR
  local allowed lab
  mapfile -t allowed < <(awk '/^Cpus_allowed_list:/ { n = split($2, part, ",")
    for (i = 1; i <= n; i++) { if (split(part[i], end, "-") == 1) end[2] = end[1]; for (c = end[1]; c <= end[2]; c++) print c } }' /proc/self/status)
  lab=$(cksum <<<"$LAB_ID")
  echo "${allowed[$((($1 + ${lab%% *}) % ${#allowed[@]}))]}"
}
host_started_or_dead() { [ -e "$D/boot/started" ] || gone "$(host_pid)"; }

host_vg() {
  host_run_ssh root "vgs $VG >/dev/null 2>&1 || { pvcreate -qq /dev/ubda && vgcreate -qq $VG /dev/ubda; }; vgchange -qq -ay $VG" \
    </dev/null || die "volume group $VG on $NAME's /dev/ubda could not be made"
}

# Remains of an earlier boot, crashed or not
host_clear_boot() {
  [ ! -e "$D/boot/tap" ] || ns_tap_down "$(cat "$D/boot/tap")"
  host_masters_end
  [ ! -e "$D/boot/console" ] || mv "$D/boot/console" "$D/console.last"
  rm -rf "${D:?}/boot"
}

host_end() { # KILL | OFF
  local p
  p=$(host_pid)
  if host_running; then
    if [ "$1" = OFF ]; then
      : >"$D/boot/stop"
      await 20 gone "$p" || say "lab: $NAME did not power off in 20 s; power cut"
    fi
    kill -KILL -- "-$p" 2>/dev/null || true
    await 10 gone "$p" || die "host $NAME (process $p) does not die"
  fi
  host_clear_boot
}

host_down() {
  local how=OFF keep=0
  host_dir "${1:-}"
  shift
  while [ $# -gt 0 ]; do
    case $1 in
      --crash) how=KILL keep=1 ;;
      --keep) keep=1 ;;
      *) usage "host down does not know '$1'" ;;
    esac
    shift
  done
  [ -d "$D" ] || return 0
  host_end $how
  [ $keep = 1 ] || { lab_lock && rm -rf "$D" && lab_unlock; }
}
