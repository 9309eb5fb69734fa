#!/usr/bin/python3
"""Set-up commands over one cluster session (each call of the `ceph` tool costs a quarter of a second).

    ceph-setup.py CONF osds UUID...       register the OSDs' ids
    ceph-setup.py CONF pools OSDS PGS     wait for the OSDs, make the pools and the name space
    ceph-setup.py CONF health             wait for the mgr and for HEALTH_OK
"""
import json
import sys
import time

import rados
import rbd


def connect(conf):
    deadline = time.monotonic() + 60
    while True:
        try:
            cluster = rados.Rados(conffile=conf, conf={"client_mount_timeout": "10"})
            cluster.connect(timeout=10)
            return cluster
        except rados.Error:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def command(cluster, prefix, **arguments):
    request = json.dumps(dict(prefix=prefix, format="json", **arguments))
    rc, out, err = cluster.mon_command(request, b"")
    if rc != 0:
        sys.exit(f"ceph-setup: {prefix} {arguments}: rc {rc} {err}")
    return json.loads(out) if out.strip()[:1] in (b"{", b"[") else out


def await_that(what, test):
    deadline = time.monotonic() + 120
    while not test():
        if time.monotonic() > deadline:
            sys.exit(f"ceph-setup: gave up after two minutes: {what}")
        time.sleep(0.05)


def osds(cluster, *uuids):
    for number, uuid in enumerate(uuids):
        # no secret: the cephx key of osd.N is in the mon's mkfs keyring already
        command(cluster, "osd new", uuid=uuid, id=number)


def pools(cluster, count, pgs):
    count, pgs = int(count), int(pgs)
    await_that(f"{count} osds up", lambda: sum(o["up"] for o in command(cluster, "osd dump")["osds"]) >= count)

    def pool(name, **kind):
        command(cluster, "osd pool create", pool=name, pg_num=pgs, pgp_num=pgs, **kind)
        command(cluster, "osd pool application enable", pool=name, app="rbd")

    pool("one")
    if count >= 3:
        command(cluster, "osd erasure-code-profile set", name="lab21",
                profile=["k=2", "m=1", "crush-failure-domain=osd"])
        pool("one-ec", pool_type="erasure", erasure_code_profile="lab21")
        command(cluster, "osd pool set", pool="one-ec", var="allow_ec_overwrites", val="true")
    with cluster.open_ioctx("one") as io:
        rbd.RBD().pool_init(io, True)       # blocks until the pool's PGs are active
        rbd.RBD().namespace_create(io, "tenant")
    if count >= 3:
        with cluster.open_ioctx("one-ec") as io:
            io.write_full("probe", b"x")
            io.remove_object("probe")


def health(cluster):
    def well():
        status = command(cluster, "status")
        groups = status["pgmap"]
        return (status["mgrmap"]["available"] and status["health"]["status"] == "HEALTH_OK"
                and groups["num_pgs"] > 0
                and [s["state_name"] for s in groups.get("pgs_by_state", [])] == ["active+clean"])
    await_that("mgr active and HEALTH_OK", well)


def main():
    conf, what, *rest = sys.argv[1:]
    cluster = connect(conf)
    {"osds": osds, "pools": pools, "health": health}[what](cluster, *rest)
    cluster.shutdown()


main()
