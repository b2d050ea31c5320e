"""The service as the campaign runs it: the real one, in which a bug may be planted and failpoints may be armed.

    python -m tests.campaign.server [--mutant NAME] [--arm POINT=ACTION@N]… [--orders FILE] [--clock FILE]
        [--steady]

Settings come from the environment, as for `model-registry serve`. Rules that are put into the file of `--orders` while
the server runs take the place of the earlier ones, and count from then on. `--clock` is a file that says by how many
seconds the service's clock is off.

The threads of the process are listed, by name, beside the orders. `--steady`: one thread does all that the store has to
do, nobody counts what models take up, and the database keeps few pages in memory, so that the same requests make the
same system calls in the same order, and long before a commit.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import registry_service.app
from registry_service import failpoints
from registry_service.db.sqlite import SqliteDatabase
from registry_service.services.registry import Registry
from tests.campaign.arming import Arming, parse_rule
from tests.campaign.mutants import all_mutants, plant, put

# Housekeeping is a place to be killed at as well; at its usual pace, few runs would meet it.
SWEEP_SECONDS = 0.25
CACHE_PAGES = 16


def steady() -> None:
    app = registry_service.app
    put(app, "FilesystemStore", partial(app.FilesystemStore, threads=1))  # type: ignore[attr-defined]
    pragmas = {"cache_size": CACHE_PAGES}
    put(app, "open_database", lambda url: SqliteDatabase(Path(url.removeprefix("sqlite:///")), pragmas=pragmas))
    # Each change of a model has it counted a moment later, by a write that answers no request.
    put(app, "take_stock", _count_nothing)


async def _count_nothing(_: Registry) -> int:
    return 0


def turn_clock(file: Path) -> None:
    """Let the service read the time off by what the file says at each moment."""

    def shifted() -> datetime:
        return registry_service.app.now() + timedelta(seconds=float(file.read_text() or 0))

    make = registry_service.app.create_app
    registry_service.app.create_app = partial(make, clock=shifted)


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.server", description=__doc__)
    parser.add_argument("--mutant", choices=all_mutants())
    parser.add_argument("--arm", type=parse_rule, action="append", default=[])
    parser.add_argument("--orders", type=Path)
    parser.add_argument("--clock", type=Path)
    parser.add_argument("--steady", action="store_true")
    given = parser.parse_args(words)
    failpoints.watch(Arming(given.arm))
    if given.mutant is not None:
        plant(given.mutant)
    if given.orders is not None:
        threading.Thread(target=follow, args=(given.orders,), name="orders", daemon=True).start()
    if given.clock is not None:
        turn_clock(given.clock)
    if given.steady:
        steady()
    registry_service.app.SWEEP_SECONDS = SWEEP_SECONDS  # type: ignore[misc]  # final for everybody else
    registry_service.app.serve()


def follow(orders: Path) -> None:
    """Arm what the file says, whenever it has been exchanged."""
    seen: tuple[int, int] | None = None
    while True:
        if orders.exists():
            status = orders.stat()
            if (status.st_ino, status.st_mtime_ns) != seen:
                seen = (status.st_ino, status.st_mtime_ns)
                failpoints.watch(Arming([parse_rule(line) for line in orders.read_text().split()]))
                threads = {thread.name: thread.native_id for thread in threading.enumerate()}
                draft = orders.with_suffix(".drafted")
                draft.write_text(json.dumps(threads))
                draft.replace(orders.with_suffix(".threads"))
        time.sleep(0.01)


def run_forked(words: Sequence[str], environment: Mapping[str, str], output: Path) -> None:
    """`main` in a process that was forked with all modules loaded: as if it had been started by a shell."""
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    sink = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    main(words)


if __name__ == "__main__":
    main()
