"""A whole Swift on loopback: proxy, account, container and object server, one process each, in one directory.

Run by the Python of Swift's own environment:

    launch.py <directory> <proxy port> <account port> <container port> <object port> <access key> <secret key>
"""

from __future__ import annotations

import os
import pwd
import signal
import sys
from pathlib import Path

from swift.common import constraints, storage_policy, utils
from swift.common.ring import RingBuilder
from swift.common.wsgi import run_wsgi

# The order is Swift's: the S3 interface before authorisation, and `symlink` before `versioned_writes`.
PIPELINE = "catch_errors proxy-logging cache listing_formats bulk s3api tempauth copy dlo slo symlink versioned_writes"

COMMON = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
user = {user}
swift_dir = {directory}
devices = {directory}/disks
mount_check = false
workers = 0
eventlet_debug = false
log_level = WARNING
# The disk of a test is nobody's memory.
disable_fallocate = true
fsync_dir = false
"""

PROXY = """
[pipeline:main]
pipeline = {pipeline} proxy-logging proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true

[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{name} = {secret_key} .admin

[filter:s3api]
use = egg:swift#s3api
s3_acl = false
"""

SERVER = """
[pipeline:main]
pipeline = {kind}-server

[app:{kind}-server]
use = egg:swift#{kind}
"""


def make_ring(directory: Path, kind: str, port: int) -> None:
    """One replica on one device."""
    builder = RingBuilder(part_power=2, replicas=1, min_part_hours=0)
    where = {"ip": "127.0.0.1", "port": port, "replication_ip": "127.0.0.1", "replication_port": port}
    builder.add_dev({"region": 1, "zone": 1, "weight": 1.0, "device": "disk", **where})
    builder.rebalance()
    builder.get_ring().save(str(directory / f"{kind}.ring.gz"))


def configure(directory: Path, ports: dict[str, int], access_key: str, secret_key: str) -> None:
    (directory / "disks" / "disk").mkdir(parents=True)
    (directory / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = of the tests\n")
    account, name = access_key.split(":")
    user = pwd.getpwuid(os.getuid()).pw_name
    for kind, port in ports.items():
        text = COMMON.format(port=port, user=user, directory=directory)
        if kind == "proxy":
            filters = [part for part in PIPELINE.split() if part not in {"s3api", "tempauth"}]
            text += PROXY.format(pipeline=PIPELINE, account=account, name=name, secret_key=secret_key)
            text += "".join(
                f"\n[filter:{part}]\nuse = egg:swift#{part.replace('-', '_').replace('cache', 'memcache')}\n"
                for part in filters
            )
        else:
            make_ring(directory, kind, port)
            text += SERVER.format(kind=kind)
        (directory / f"{kind}.conf").write_text(text)


def launch(directory: Path, ports: dict[str, int]) -> None:
    # What the modules read from /etc/swift when they were imported is read anew.
    utils.set_swift_dir(str(directory))
    storage_policy.reload_storage_policies()
    constraints.reload_constraints()
    for kind in ports:
        if os.fork() == 0:
            # Leader of a group: so the server can't make a session of its own, and is ended with this one.
            os.setpgid(0, 0)
            sys.exit(run_wsgi(str(directory / f"{kind}.conf"), f"{kind}-server"))
    signal.pause()


def main() -> None:
    directory = Path(sys.argv[1])
    ports = dict(zip(("proxy", "account", "container", "object"), map(int, sys.argv[2:6]), strict=True))
    configure(directory, ports, sys.argv[6], sys.argv[7])
    launch(directory, ports)


if __name__ == "__main__":
    main()
