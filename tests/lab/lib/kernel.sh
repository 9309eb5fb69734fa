# shellcheck shell=bash
# The hosts' kernel: Debian testing's user-mode Linux with the C library that it needs, kept in LAB_CACHE, or Debian 12's own.
#
# In the newer one a program that starts costs 0.6 of the processor time (`warmblock --version` 0.30 s, not 0.50), and the tests
# see what operators' next kernel does. With `seccomp=on` it would be 0.18 s, but twice in a run of the lab tier a program with
# threads fell over a mutex that nobody had touched: not until that is understood. LAB_KERNEL=debian12 takes the old one.

KERNEL_DIR=$LAB_CACHE/kernel-v1    # another recipe needs another name
KERNEL_KEYS=/usr/share/keyrings/debian-archive-keyring.gpg

# apt on lists of its own: the machine's sources stay as they are. Signatures are checked; a mirror may be behind.
kernel_apt() { # DIR CMD...
  local dir=$1 option options=()
  for option in Dir::Etc::sourcelist="$dir/sources.list" Dir::Etc::sourceparts=/nonexistent Dir::State="$dir" \
    Dir::State::Lists="$dir/lists" Dir::State::status="$dir/status" Dir::Cache="$dir/cache" APT::Sandbox::User=root \
    Acquire::Check-Valid-Until=false Acquire::Retries=2 Acquire::http::Timeout=30; do
    options+=(-o "$option")
  done
  (cd "$dir" && timeout 300 apt-get -qq "${options[@]}" "${@:2}")
}

kernel_fetch() { # DIR
  local dir=$1 mirror libs package
  mirror=$(image_mirror)
  mkdir -p "$dir"/lists/partial "$dir"/cache/archives/partial
  : >"$dir/status"
  echo "deb [signed-by=$KERNEL_KEYS] ${mirror:-http://deb.debian.org/debian} testing main" >"$dir/sources.list"
  kernel_apt "$dir" update && kernel_apt "$dir" download user-mode-linux libc6 || return 1
  for package in "$dir"/*.deb; do dpkg-deb -x "$package" "$dir/root" || return 1; done
  libs=$KERNEL_DIR/lib
  mkdir "$dir/kernel" &&
    mv "$dir/root/usr/lib/x86_64-linux-gnu" "$dir/kernel/lib" &&
    mv "$dir/root/usr/lib/uml/modules" "$dir/kernel/modules" &&
    mv "$dir/root/usr/bin/linux.uml" "$dir/kernel/linux" &&
    patchelf --set-interpreter "$libs/ld-linux-x86-64.so.2" --set-rpath "$libs" "$dir/kernel/linux"
}

kernel_build() {
  local dir
  [ ! -e "$KERNEL_DIR" ] || return 0
  [ "$EUID" = 0 ] || { say "lab: only root can fetch the newer kernel"; return 0; }
  mkdir -p "$LAB_CACHE"
  exec 8<"$LAB_CACHE"
  flock -w 600 8 || die "someone has been building in $LAB_CACHE for ten minutes"
  [ ! -e "$KERNEL_DIR" ] || return 0
  rm -rf "$LAB_CACHE"/kernel.*    # an earlier one that was cut off: we hold the lock
  dir=$(mktemp -d "$LAB_CACHE/kernel.XXXXXX")
  if kernel_fetch "$dir" </dev/null >"$dir/log" 2>&1 8>&-; then
    mv "$dir/kernel" "$KERNEL_DIR"
    step "kernel $(ls "$KERNEL_DIR/modules") fetched"
  else
    tail -n 5 "$dir/log" >&2
    say "lab: Debian testing's kernel could not be fetched; hosts run Debian 12's, which is slower"
  fi
  rm -rf "$dir"
  exec 8<&-
}

kernel_is_new() { [ "${LAB_KERNEL:-}" != debian12 ] && [ -x "$KERNEL_DIR/linux" ]; }

# KERNEL gets the words that start it, MODULES the directory of its modules
kernel_choose() {
  if kernel_is_new; then
    KERNEL=("$KERNEL_DIR/linux")
    MODULES=$KERNEL_DIR/modules
  else
    KERNEL=(linux.uml)
    MODULES=/usr/lib/uml/modules
  fi
}

cmd_kernel() {
  kernel_build
  kernel_choose
  ls "$MODULES"
}
