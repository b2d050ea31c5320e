"""A sample of every harness, and for each planted bug the proof that its harness sees it."""

from __future__ import annotations

import pytest

from tests.campaign.frame import Harness, Outcome, Scale, carry_out
from tests.campaign.harnesses import HARNESSES, with_mutants

pytestmark = [pytest.mark.campaign, pytest.mark.slow]

SEED = 1


def short_form(harness: Harness, mutant: str | None = None) -> Outcome:
    outcome = carry_out(harness, scale=Scale.SHORT, seed=SEED, mutant=mutant, say=print)
    assert outcome.broken is None, outcome.broken
    if outcome.findings.skipped:
        pytest.skip(outcome.findings.skipped)
    return outcome


@pytest.mark.parametrize("harness", [pytest.param(one, id=one.name) for one in HARNESSES])
def test_the_service_keeps_its_promise(harness: Harness) -> None:
    assert short_form(harness).findings.violations == []


@pytest.mark.parametrize(
    ("harness", "mutant"),
    [pytest.param(one, mutant, id=f"{one.name}-{mutant}") for one, mutant in with_mutants(HARNESSES)],
)
def test_the_harness_sees_the_planted_bug(harness: Harness, mutant: str) -> None:
    assert short_form(harness, mutant).findings.violations
