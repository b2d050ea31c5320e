"""The service as the campaign runs it: the real one, in which a bug may be planted and failpoints may be armed.

    python -m tests.campaign.server [--mutant NAME] [--arm POINT=ACTION@N]… [--count FILE]

Settings come from the environment, as for `model-registry serve`. `--count` writes how often each failpoint was
reached, when the server is told to end.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import registry_service.app
from registry_service import failpoints
from tests.campaign.arming import Arming, parse_rule
from tests.campaign.mutants import all_mutants, plant

# Housekeeping is a place to be killed at as well; at its usual pace, few runs would meet it.
SWEEP_SECONDS = 0.25


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.server", description=__doc__)
    parser.add_argument("--mutant", choices=all_mutants())
    parser.add_argument("--arm", type=parse_rule, action="append", default=[])
    parser.add_argument("--count", type=Path)
    given = parser.parse_args()
    arming = Arming(given.arm)
    failpoints.watch(arming)
    if given.mutant is not None:
        plant(given.mutant)
    registry_service.app.SWEEP_SECONDS = SWEEP_SECONDS  # type: ignore[misc]  # final for everybody else
    try:
        registry_service.app.serve()
    finally:
        if given.count is not None:
            arming.write_counts(given.count)


if __name__ == "__main__":
    main()
