# shellcheck shell=bash
# What a cluster is made of on disk: ceph.conf and its broken variants, keys, keyrings.

ceph_bytes() {
  case $1 in
    *G) echo $((${1%G} << 30)) ;;
    *M) echo $((${1%M} << 20)) ;;
    *) echo "$1" ;;
  esac
}

ceph_write_conf() { # FSID STORE
  cat >"$CEPH_DIR/ceph.conf" <<CONF
[global]
fsid = $1
mon host = [v2:$LAB_GW:3300,v1:$LAB_GW:6789]
public network = $LAB_NET.0/24
public addr = $LAB_GW
keyring = $CEPH_DIR/keyring
run dir = $CEPH_DIR/run
admin socket = $CEPH_DIR/run/\$name.asok
pid file = $CEPH_DIR/run/\$name.pid
log file = $CEPH_DIR/log/\$name.log
crash dir = $CEPH_DIR/tmp
# the cluster log goes to /var/log/ceph otherwise
mon cluster log file = /dev/null
mon cluster log to file = false
clog to monitors = false
log to stderr = false
err to stderr = true
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
mon warn on insecure global id reclaim = false
mon warn on insecure global id reclaim allowed = false
mon allow pool size one = true
mon allow pool delete = true
mon warn on pool no redundancy = false
mon warn on msgr2 not enabled = false
mon data avail warn = 1
mon data avail crit = 1
mon max pg per osd = 1000
mon osd down out interval = 86400
# EC pools may be overwritten even where the store is not bluestore
mon debug no require bluestore for ec overwrites = true
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = $CEPH_PGS
osd pool default pgp num = $CEPH_PGS
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd crush update on start = true
[client]
keyring = $CEPH_DIR/ceph.\$name.keyring
# the admin socket of a short-lived command only costs time
admin socket =
log file = $CEPH_DIR/log/client.log
# two heads may export one image
rbd cache = false
[mon]
mon data = $CEPH_DIR/mon/\$id
mon osd initial require min compat client = nautilus
# one mon needs no long leases and no batching of proposals
mon lease = 2
paxos propose interval = 0.05
paxos min wait = 0.01
mon tick interval = 1
mon osd prime pg temp = false
mon cpu threads = 1
rocksdb perf = false
mon memory autotune = false
mon osd cache size min = 16777216
[mgr]
mgr data = $CEPH_DIR/mgr/\$id
mgr initial modules =
mgr tick period = 1
mgr stats period = 1
mgr beacon period = 1
[osd]
osd data = $CEPH_DIR/osd/\$id
osd objectstore = $2
memstore device bytes = $(ceph_bytes "$LAB_OSD_SIZE")
memstore page size = 65536
bluestore block size = $(ceph_bytes "$LAB_OSD_SIZE")
bluestore block create = true
bluestore fsck on mount = false
bluestore cache autotune = false
bluestore cache size = 67108864
bluestore block db size = 0
bluestore block wal size = 0
osd memory target = 939524096
osd memory cache min = 33554432
osd op num shards = 2
osd op num threads per shard = 1
osd max backfills = 1
osd heartbeat grace = 60
# A placement group without a replica whose lease runs out (48 s by default, of which up to half are over) never looks again
# whether it may serve what came until it renewed it: an OSD that was paused that long would hang for ever. So that is 600 s.
osd pool default read lease ratio = 10
osd scrub begin hour = 0
osd scrub end hour = 1
osd scrub load threshold = 0.01
osd numa auto affinity = false
# SIGTERM must save the memstore; the default fast shutdown just exits
osd fast shutdown = false
osd mclock skip benchmark = true
osd client watch timeout = $LAB_WATCH_TIMEOUT
osd class load list = *
osd class default list = *
osd check max object name len on startup = false
ms async op threads = 2
CONF
}

# Clusters that are of no use: a mon that never answers, and keys that the mon does not know.
ceph_write_broken_confs() {
  local hole=${LAB_HOLES[0]} c
  sed "s|^mon host = .*|mon host = [v2:$hole:3300,v1:$hole:6789]|" "$CEPH_DIR/ceph.conf" >"$CEPH_DIR/dead.conf"
  sed "s|/ceph.\$name.keyring|/wrong.keyring|" "$CEPH_DIR/ceph.conf" >"$CEPH_DIR/wrong-key.conf"
  for c in admin one tenant; do
    printf '[client.%s]\n\tkey = %s\n' $c "$(ceph-authtool --gen-print-key)"
  done >"$CEPH_DIR/wrong.keyring"
}

ceph_key() { # NAME CAP=RULE...
  local name=$1 key cap
  shift
  key=$(ceph-authtool --gen-print-key)
  printf '[%s]\n\tkey = %s\n' "$name" "$key"
  for cap; do printf '\tcaps %s = "%s"\n' "${cap%%=*}" "${cap#*=}"; done
  case $name in
    client.*)
      printf '[%s]\n\tkey = %s\n' "$name" "$key" >"$CEPH_DIR/ceph.$name.keyring"
      printf '%s' "$key" >"$CEPH_DIR/$name.secret"    # the secret alone, as rbd --keyfile and krbd want it
      ;;
  esac
}

# All keys go into the keyring that the mon is made with, so no `auth add` is needed later.
ceph_write_keys() { # OSDS
  local i
  {
    ceph_key mon. mon='allow *'
    ceph_key client.admin mon='allow *' osd='allow *' mgr='allow *' mds='allow *'
    ceph_key client.one mon='profile rbd' mgr='profile rbd' osd='profile rbd pool=one, profile rbd pool=one-ec'
    ceph_key client.tenant mon='profile rbd' mgr='profile rbd' osd='profile rbd pool=one namespace=tenant'
    ceph_key mgr.x mon='allow profile mgr' osd='allow *' mds='allow *'
    for ((i = 0; i < $1; i++)); do
      ceph_key osd.$i mon='allow profile osd' mgr='allow profile osd' osd='allow *'
    done
  } >"$CEPH_DIR/keyring"
  chmod 600 "$CEPH_DIR/keyring"
}
