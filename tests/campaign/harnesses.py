"""All harnesses of the campaign, in the order in which they run. A new one is a module with a HARNESS, named here."""

from __future__ import annotations

from typing import Final

from tests.campaign import contract, gate, histories, kills, postgres_faults, repeats, system_calls, writers
from tests.campaign.frame import Harness

HARNESSES: Final[tuple[Harness, ...]] = (
    contract.HARNESS,
    gate.HARNESS,
    kills.HARNESS,
    system_calls.HARNESS,
    histories.HARNESS,
    histories.ON_POSTGRES,
    writers.HARNESS,
    repeats.HARNESS,
    postgres_faults.HARNESS,
)


def with_mutants(harnesses: tuple[Harness, ...]) -> list[tuple[Harness, str]]:
    """Each pair of a harness and a planted bug under which it must find a violation."""
    return [(harness, mutant) for harness in harnesses for mutant in harness.mutants]
