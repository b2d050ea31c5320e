from __future__ import annotations

import pytest

from airflow_provider.verdicts import Verdict, judge
from registry_service.client import Outcome, Phase, ReasonCode
from tests.provider.values import a_closure, a_decision, a_promotion


@pytest.mark.parametrize("phase", [Phase.PENDING, Phase.APPROVED, Phase.APPLYING])
@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome.APPLICABLE, Verdict.OPEN),
        (Outcome.WAITING, Verdict.WAIT),
        (Outcome.BLOCKED, Verdict.WAIT),
        (Outcome.CLOSED, Verdict.CLOSED),
    ],
)
def test_an_open_promotion_is_judged_by_its_decision_and_never_by_its_phase(
    phase: Phase, outcome: Outcome, verdict: Verdict
) -> None:
    assert judge(a_promotion(phase=phase, decision=a_decision(outcome))).verdict is verdict


@pytest.mark.parametrize(
    ("phase", "verdict"),
    [
        (Phase.APPLIED, Verdict.SUPERSEDED),
        (Phase.FAILED, Verdict.CLOSED),
        (Phase.REJECTED, Verdict.REJECTED),
        (Phase.CANCELLED, Verdict.CLOSED),
        (Phase.EXPIRED, Verdict.EXPIRED),
        (Phase.STALE, Verdict.CLOSED),
        (Phase.SUPERSEDED, Verdict.SUPERSEDED),
    ],
)
def test_a_final_phase_ends_the_wait(phase: Phase, verdict: Verdict) -> None:
    assert judge(a_promotion(phase=phase)).verdict is verdict


def test_every_phase_has_a_verdict() -> None:
    assert {judge(a_promotion(phase=phase)).verdict for phase in Phase} >= {Verdict.WAIT, Verdict.REJECTED}


def test_what_is_applied_and_still_current_is_a_success() -> None:
    assert judge(a_promotion(phase=Phase.APPLIED, is_current=True)).verdict is Verdict.OPEN


@pytest.mark.parametrize(
    ("outcome", "codes", "verdict"),
    [
        (Outcome.BLOCKED, (ReasonCode.CHECK_FAILED, ReasonCode.REVIEW_MISSING), Verdict.CLOSED),
        (Outcome.WAITING, (ReasonCode.CHECK_MISSING,), Verdict.WAIT),
        (Outcome.BLOCKED, (ReasonCode.OLDER_THAN_CURRENT,), Verdict.SUPERSEDED),
        (Outcome.BLOCKED, (ReasonCode.STAGE_HELD,), Verdict.WAIT),
        (Outcome.BLOCKED, (ReasonCode.LEASE_HELD,), Verdict.WAIT),
        (Outcome.BLOCKED, (ReasonCode.VERSION_FAILED_HERE,), Verdict.WAIT),
        (Outcome.CLOSED, (ReasonCode.REVIEW_REJECTED, ReasonCode.CHECK_FAILED), Verdict.REJECTED),
        (Outcome.CLOSED, (ReasonCode.EXPIRED,), Verdict.EXPIRED),
        (Outcome.CLOSED, (ReasonCode.VERSION_REVOKED,), Verdict.CLOSED),
    ],
)
def test_the_reasons_say_how_the_wait_ends(outcome: Outcome, codes: tuple[ReasonCode, ...], verdict: Verdict) -> None:
    judgement = judge(a_promotion(decision=a_decision(outcome, *codes)))
    assert judgement.verdict is verdict
    assert judgement.words == "; ".join(f"because {code}" for code in codes)


def test_the_words_of_whoever_closed_it_are_passed_on() -> None:
    assert judge(a_promotion(phase=Phase.REJECTED, closure=a_closure("biased"))).words == "alice: biased"
