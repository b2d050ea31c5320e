"""The service as the campaign runs it: the real one, in which a bug may be planted and failpoints may be armed.

    python -m tests.campaign.server [--mutant NAME] [--arm POINT=ACTION@N]… [--count FILE] [--clock FILE]

Settings come from the environment, as for `model-registry serve`. `--count` writes how often each failpoint was
reached, when the server is told to end. `--clock` is a file that says by how many seconds the service's clock is off.
"""

from __future__ import annotations

import argparse
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import registry_service.app
from registry_service import failpoints
from tests.campaign.arming import Arming, parse_rule
from tests.campaign.mutants import all_mutants, plant

# Housekeeping is a place to be killed at as well; at its usual pace, few runs would meet it.
SWEEP_SECONDS = 0.25


def turn_clock(file: Path) -> None:
    """Let the service read the time off by what the file says at each moment."""

    def shifted() -> datetime:
        return registry_service.app.now() + timedelta(seconds=float(file.read_text() or 0))

    make = registry_service.app.create_app
    registry_service.app.create_app = partial(make, clock=shifted)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.server", description=__doc__)
    parser.add_argument("--mutant", choices=all_mutants())
    parser.add_argument("--arm", type=parse_rule, action="append", default=[])
    parser.add_argument("--count", type=Path)
    parser.add_argument("--clock", type=Path)
    given = parser.parse_args()
    arming = Arming(given.arm)
    failpoints.watch(arming)
    if given.mutant is not None:
        plant(given.mutant)
    if given.clock is not None:
        turn_clock(given.clock)
    registry_service.app.SWEEP_SECONDS = SWEEP_SECONDS  # type: ignore[misc]  # final for everybody else
    try:
        registry_service.app.serve()
    finally:
        if given.count is not None:
            arming.write_counts(given.count)


if __name__ == "__main__":
    main()
