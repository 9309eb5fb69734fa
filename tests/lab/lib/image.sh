# shellcheck shell=bash
# A real Debian on a GPT disk, raw and qcow2, built from packages once per machine and kept in LAB_CACHE.

IMAGE_NAME=debian-12-v1    # another recipe needs another name
IMAGE_SIZE=2G
IMAGE_RAW=$LAB_CACHE/$IMAGE_NAME.raw
IMAGE_QCOW2=$LAB_CACHE/$IMAGE_NAME.qcow2

# The archive that apt uses on this machine, so that it works wherever `make setup` does
image_mirror() {
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(SITE) $(RELEASE) $(CREATED_BY)' 2>/dev/null |
    awk '$2 == "bookworm" && $3 == "Packages" { print $1; exit }'
}

image_build() {
  local t root mirror
  [ "$EUID" = 0 ] || die "needs root (debootstrap)"
  mkdir -p "$LAB_CACHE"
  exec 8<"$LAB_CACHE"
  flock -w 600 8 || die "someone has been building in $LAB_CACHE for ten minutes"
  [ ! -e "$IMAGE_RAW" ] || [ ! -e "$IMAGE_QCOW2" ] || return 0
  rm -rf "$LAB_CACHE"/build.*    # an earlier one that was cut off: we hold the lock
  t=$(mktemp -d "$LAB_CACHE/build.XXXXXX")
  root=$t/root
  mirror=$(image_mirror)
  say "building a Debian disk image in $LAB_CACHE (a minute, once per machine)"
  debootstrap --variant=minbase --include=e2fsprogs bookworm "$root" ${mirror:+"$mirror"} </dev/null >"$t/log" 2>&1 8>&- ||
    { tail -n 20 "$t/log" >&2; die "debootstrap failed; its last words are above"; }
  step "debootstrap"
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root/etc/resolv.conf"
  echo warmblock-demo >"$root/etc/hostname"
  echo 'LABEL=root / ext4 errors=remount-ro 0 1' >"$root/etc/fstab"
  image_pack "$root" "$t/raw"
  qemu-img convert -f raw -O qcow2 -c "$t/raw" "$t/qcow2"
  mv "$t/qcow2" "$IMAGE_QCOW2"
  mv "$t/raw" "$IMAGE_RAW"
  rm -rf "$t"
  exec 8<&-
  step "image built"
}

# No loop device is needed: mkfs fills the file system from a directory, at its place in the disk
image_pack() { # ROOT RAW
  local start=2048 sectors log
  log=$(mktemp -p "$LAB_CACHE" pack.XXXXXX)
  truncate -s $IMAGE_SIZE "$2"
  {
    sfdisk "$2" <<<"label: gpt
start=$start, type=linux, name=root" &&
      sectors=$(sfdisk --json "$2" | jq '.partitiontable.partitions[0].size') &&
      mkfs.ext4 -q -F -d "$1" -L root -E offset=$((start * 512)),nodiscard "$2" $((sectors / 2))k
  } >"$log" 2>&1 || { cat "$log" >&2; die "the disk image could not be packed"; }
  rm -f "$log"
}

cmd_image() {
  case ${1:-all} in
    raw) image_build && echo "$IMAGE_RAW" ;;
    qcow2) image_build && echo "$IMAGE_QCOW2" ;;
    all | build) image_build && printf '%s\n' "$IMAGE_RAW" "$IMAGE_QCOW2" ;;
    *) usage "lab image [raw|qcow2]" ;;
  esac
}
