#!/bin/bash
# `warmblock tgt apply` on a real tgtd with tgt-rbd, a real Ceph and real logins. Needs a lab that is up; takes a tgtd of its
# own in it. Usage: LAB_ID=word tests/tgt_lab.sh BINARY     (everything stays in the lab's name space)
set -euo pipefail
BIN=$(readlink -f "${1:?the warmblock to test}")
cd "$(dirname "$(readlink -f "$0")")"
LAB=lab/lab
HEAD=apply
D=$(mktemp -d)
PASSED=0
eval "$($LAB env)"
$LAB tgt up $HEAD 10.213.0.1:3270 2>/dev/null
eval "$($LAB tgt env $HEAD)"
export TGT_IPC_SOCKET
cleanup() {
  jobs -p | xargs -r kill 2>/dev/null || true
  $LAB tgt down $HEAD >/dev/null 2>&1 || true
  for i in a b c d; do in_lab rbd rm --no-progress "one/tl$i" >/dev/null 2>&1 || true; done
  in_lab rados -p one rm tgt-lab-registry >/dev/null 2>&1 || true
  rm -rf "$D"
}
trap cleanup EXIT
trap 'exit 1' TERM INT

in_lab() { $LAB exec "$@"; }
tgt() { in_lab env WARMBLOCK_ROOT="$D/root" TGT_IPC_SOCKET="$TGT_IPC_SOCKET" "$BIN" tgt "$@" --inventory "$D/site.toml"; }
apply() { tgt apply "$@" >"$D/out" 2>&1 && echo 0 || echo $?; }
ok() { PASSED=$((PASSED + 1)); printf 'ok  %s\n' "$*"; }
fail() { printf 'FAILED  %s\n' "$*"; cat "$D/out"; exit 1; }
want() { local code=$1 what=$2 got; shift 2; got=$(apply "$@"); [ "$got" = "$code" ] || fail "$what: exit code $got, not $code"; ok "$what"; }
says() { grep -qF -- "$1" "$D/out" || fail "did not say: $1"; }
kept() { want 0 "a second run" ; says "0 changed, 0 held back, 0 failed"; ! grep -q "accounts:" "$D/out" || fail "accounts again"; }
inq() { in_lab iscsi-inq -i "$1" "${@:3}" "iscsi://${2}" >"$D/inq" 2>&1; }
P=10.213.0.1:3270
T1=iqn.2014-02.my.domain:c1.t1
T2=iqn.2014-02.my.domain:c2.t2
ME=iqn.2024-01.lab.test:init
secret() { printf '%s\n' "$1" >"$D/secret"; chmod 600 "$D/secret"; }
site() { # lines of client c1, its luns, client c2's lines
  cat >"$D/site.toml" <<EOF
[site]
iqn = "iqn.2014-02.my.domain"
[registry]
pool = "one"
object = "tgt-lab-registry"
$4
[client.c1]
$1
chap = { user = "c1-initiator", secret_file = "$D/secret" }
[[client.c1.target]]
title = "t1"
luns = [$2]
$3
EOF
}
C2="[client.c2]
initiators = [\"$ME\"]
[[client.c2.target]]
title = \"t2\"
luns = [\"one/tlc\"]"
ADDR='addresses = ["10.213.0.1"]'

for i in a b c d; do in_lab rbd create --size 64M "one/tl$i"; done
secret abcDEF123456
site "$ADDR" '"one/tla", "one/tlb"' "$C2" ""
cp "$D/site.toml" "$D/first.toml"

# -- a foreign target stands there, with the number that ours would have by tgtd's own counting
tgtadm --lld iscsi --op new --mode target --tid 1 -T iqn.2001-01.foreign.org:x
tgtadm --lld iscsi --op bind --mode target --tid 1 -I ALL
want 0 "a dry run" --dry-run
[ "$(tgtadm --lld iscsi --op show --mode target | grep -c ^Target)" = 1 ] || fail "a dry run made something"
in_lab rados -p one stat tgt-lab-registry >/dev/null 2>&1 && fail "a dry run registered something"

# -- killed after each step in turn, and run again: it converges
n=0
while :; do
  n=$((n + 1))
  in_lab env WARMBLOCK_CRASH_AFTER=$n WARMBLOCK_ROOT="$D/root" TGT_IPC_SOCKET="$TGT_IPC_SOCKET" "$BIN" tgt apply --inventory "$D/site.toml" >"$D/out" 2>&1 && break
  [ $n -lt 100 ] || fail "does not end"
  if [ $((n % 4)) = 0 ]; then # from the start again, so that each point is met in a fresh run
    for t in $(tgtadm --lld iscsi --op show --mode target | sed -n 's/^Target \(1[0-9]*\): iqn.2014.*/\1/p'); do tgtadm --lld iscsi --op delete --mode target --force --tid "$t"; done
  fi
done
ok "killed at $n points"
want 0 "after the kills"
kept
tgtadm --lld iscsi --op show --mode target >"$D/shown"
grep -q 'Target 1: iqn.2001-01.foreign.org:x' "$D/shown" || fail "the foreign target was touched"

# -- who may log in
inq $ME "c1-initiator%abcDEF123456@$P/$T1/1" || fail "the right secret is refused: $(cat "$D/inq")"
! inq $ME "c1-initiator%wrongSECRET12@$P/$T1/1" || fail "a wrong secret is taken"
! inq $ME "$P/$T1/1" || fail "no secret is taken"
inq $ME "$P/$T2/1" || fail "a listed name is refused"
! inq iqn.2024-01.lab.test:other "$P/$T2/1" || fail "a foreign name is let in"
ok "logins: right and wrong secret, listed and foreign name"

# -- identity: page 80, and what a restart by tgt-admin makes of the files
id1=$(tgtadm --lld iscsi --op show --mode target | grep -E '^Target 1[0-9]{3}|SCSI (ID|SN): [0-9a-f]{16}|LUN: |path' )
for t in $(tgtadm --lld iscsi --op show --mode target | sed -n 's/^Target \(1[0-9]*\): iqn.2014.*/\1/p'); do tgtadm --lld iscsi --op delete --mode target --force --tid "$t"; done
tgtadm --lld iscsi --op delete --mode account --user c1-initiator
cat "$D"/root/etc/tgt/conf.d/*.conf >"$D/all.conf"
in_lab env TGT_IPC_SOCKET="$TGT_IPC_SOCKET" tgt-admin -e -c "$D/all.conf" >"$D/out" 2>&1 || fail "tgt-admin refuses the files"
# tgt-admin -e deletes idle targets that are not in its file (facts 0.6): the foreign one is made again
tgtadm --lld iscsi --op new --mode target --tid 1 -T iqn.2001-01.foreign.org:x 2>/dev/null || true
id2=$(tgtadm --lld iscsi --op show --mode target | grep -E '^Target 1[0-9]{3}|SCSI (ID|SN): [0-9a-f]{16}|LUN: |path')
[ "$id1" = "$id2" ] || fail "identities moved: $id1 / $id2"
ok "tgt-admin restores the same numbers and ids from the files"
want 0 "apply on what tgt-admin made"
kept

# -- under a live session with I/O
in_lab timeout -k 1 40 iscsi-perf -i $ME -m 4 -b 8 -t 15 "iscsi://$P/$T2/1" >"$D/perf" 2>&1 &
PERF=$!
for _ in $(seq 50); do grep -q "Initiator: $ME" < <(tgtadm --lld iscsi --op show --mode target) && break; sleep 0.1; done
secret newSECRET4567
site "$ADDR" '"one/tla", "one/tlb"' "${C2/\"one\/tlc\"/\"one\/tlc\", \"one\/tld\"}" ""
want 0 "a new secret, and another LUN under a session"
inq $ME "c1-initiator%newSECRET4567@$P/$T1/1" || fail "the new secret is refused"
! inq $ME "c1-initiator%abcDEF123456@$P/$T1/1" || fail "the old secret is taken"
kept
site "$ADDR" '"one/tla", "one/tlb"' "${C2/$ME\"/$ME\", \"iqn.2024-01.lab.test:second\"}" ""
want 6 "a LUN that goes is held back"
says "held back: remove LUN 2: its disk would vanish"
says "connected: $ME from 10.213.0.1"
inq iqn.2024-01.lab.test:second "$P/$T2/1" || fail "the access list did not follow at once"
site "$ADDR" '"one/tla", "one/tlb"' "" ""
want 6 "a target that goes is held back"
kill -0 $PERF || fail "the session ended: $(cat "$D/perf")"
# iscsi-perf miscounts what is in flight after a unit attention, and then never ends: its last average tells that time is up
for _ in $(seq 400); do grep -q '^iops average' < <(tr '\r' '\n' <"$D/perf") && break; sleep 0.1; done
grep -q '^iops average' < <(tr '\r' '\n' <"$D/perf") || fail "I/O stopped: $(tail -c 300 "$D/perf")"
! grep -qiE 'fail|error|sense' "$D/perf" || fail "I/O failed: $(grep -iE 'fail|error|sense' "$D/perf")"
wait $PERF 2>/dev/null || true
for _ in $(seq 100); do grep -q "Initiator: $ME" < <(tgtadm --lld iscsi --op show --mode target) || break; sleep 0.1; done
ok "I/O went on through all of it: $(tr '\r' '\n' <"$D/perf" | grep -oE 'iops average [0-9]+' | tail -1)"

# -- by force
hold() { # ends by itself
  in_lab timeout -k 1 15 iscsi-perf -i $ME -m 1 -b 8 -t 12 "iscsi://$P/$T2/1" >"$D/perf" 2>&1 &
  for _ in $(seq 50); do grep -q "Initiator: $ME" < <(tgtadm --lld iscsi --op show --mode target) && break; sleep 0.1; done
}
site "$ADDR" '"one/tla", "one/tlb"' "${C2/\"one\/tlc\"/\"one\/tlc\", \"one\/tld\"}" ""
want 0 "what was held back is wanted again"
hold
cp "$D/first.toml" "$D/site.toml"
want 6 "held back again"
want 0 "by force" --force
kept
grep -q "path: one/tld" < <(tgtadm --lld iscsi --op show --mode target) && fail "LUN 2 is still there"
wait || true

# -- what cannot be opened is refused before tgtd is asked, and the others are served
site "$ADDR" '"one/tla", "one/tlb"' "$C2
[client.c3]
$ADDR
[[client.c3.target]]
title = \"t3\"
luns = [\"one/tld\"]" ""
in_lab rbd feature disable one/tld fast-diff object-map exclusive-lock 2>/dev/null || in_lab rbd feature disable one/tld exclusive-lock
want 13 "an image without exclusive-lock"
says "lacks the feature exclusive-lock"
in_lab rbd feature enable one/tld exclusive-lock
in_lab timeout -k 1 12 rbd bench --io-type write --io-total 2G --io-size 4096 --io-threads 1 one/tld >/dev/null 2>&1 &
BENCH=$!
for _ in $(seq 50); do grep -q watcher=1 < <(in_lab rbd status one/tld) && break; sleep 0.1; done
want 13 "an image that is open elsewhere"
says "two writers would destroy it"
wait $BENCH 2>/dev/null || true
for _ in $(seq 300); do grep -q 'Watchers: none' < <(in_lab rbd status one/tld) && break; sleep 0.1; done
want 0 "and once it is closed"
kept

# -- Ceph that does not answer: an error at its deadline, and tgtd is not asked
site "$ADDR" '"one/tla", "one/tlb"' "" ""
sed -i 's/^chap = .*//' "$D/site.toml"
S=$SECONDS
CEPH_CONF=$CEPH_DEAD_CONF in_lab env CEPH_CONF="$CEPH_DEAD_CONF" WARMBLOCK_ROOT="$D/root" TGT_IPC_SOCKET="$TGT_IPC_SOCKET" "$BIN" tgt apply --inventory "$D/site.toml" >"$D/out" 2>&1 && fail "a dead Ceph is no error"
[ $((SECONDS - S)) -lt 20 ] || fail "took $((SECONDS - S)) s"
ok "a dead Ceph is an error after $((SECONDS - S)) s: $(head -1 "$D/out")"

# -- active here, standby there, and back
gw() { printf '[gateway.gw1]\n[gateway.gw2]\n'; }
site "$ADDR
gateway = \"gw1\"
standby = [\"gw2\"]" '"one/tla", "one/tlb"' "" "$(gw)"
want 0 "as the standby" --gateway gw2 --force
! inq $ME "c1-initiator%newSECRET4567@$P/$T1/1" || fail "a standby lets in"
! grep -q 'path: one/tla' < <(tgtadm --lld iscsi --op show --mode target) || fail "a standby has the image open"
want 0 "as the active one" --gateway gw1
inq $ME "c1-initiator%newSECRET4567@$P/$T1/1" || fail "the active one does not let in: $(cat "$D/inq")"
grep -q foreign.org:x < <(tgtadm --lld iscsi --op show --mode target) || fail "the foreign target was touched"
printf '%d parts, all passed\n' "$PASSED"
