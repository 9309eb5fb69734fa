#!/usr/bin/python3
"""Talk to the OSDs' admin sockets directly (the `ceph daemon` tool costs a quarter of a second per call).

    ceph-asok.py ops SOCKET...               sum of the operation counters, as JSON
    ceph-asok.py slow SECONDS SOCKET...      every operation takes that much longer; 0 ends it
"""
import json
import socket
import struct
import sys

COUNTERS = ("op_r", "op_w", "op_r_out_bytes", "op_w_in_bytes")


def ask(path, prefix, **arguments):
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(20)
        link.connect(path)
        link.sendall(json.dumps(dict(prefix=prefix, format="json", **arguments)).encode() + b"\0")
        answer = link.makefile("rb")
        length, = struct.unpack(">I", answer.read(4))
        return json.loads(answer.read(length))


def main():
    what, *rest = sys.argv[1:]
    if what == "ops":
        dumps = [ask(path, "perf dump", logger="osd")["osd"] for path in rest]
        print(json.dumps({name: sum(d[name] for d in dumps) for name in COUNTERS}))
    elif what == "slow":
        seconds, *paths = rest
        for path in paths:
            for name, value in (("duration", seconds), ("probability", "0" if float(seconds) == 0 else "1")):
                ask(path, "config set", var="osd_debug_inject_dispatch_delay_" + name, val=[value])


main()
