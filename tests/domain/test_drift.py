from __future__ import annotations

import itertools

import pytest

from registry_service.domain.drift import Leave, is_drifted, leave_of


@pytest.mark.parametrize(
    ("observed", "leave", "current", "revoked"),
    list(itertools.product([None, "a", "b"], Leave, [None, "a", "b"], [True, False])),
)
def test_a_target_has_drifted_by_what_it_serves_or_by_what_became_of_its_leave(
    observed: str | None, leave: Leave, current: str | None, revoked: bool
) -> None:
    of_what_is_authorised = {
        Leave.OPEN: False,
        Leave.LOST: True,
        Leave.STAGE: current != "a",
        Leave.NONE_NEEDED: False,
    }
    expected = {None: False, "a": revoked or of_what_is_authorised[leave], "b": True}[observed]
    assert is_drifted("a", observed, leave=leave, current=current, revoked=revoked) is expected


@pytest.mark.parametrize(
    ("stage", "promotion", "applied"),
    list(itertools.product([None, "production"], [None, "p"], [None, True, False])),
)
def test_leave_is_the_promotions_until_it_is_applied_and_then_the_stages(
    stage: str | None, promotion: str | None, applied: bool | None
) -> None:
    by_stage = Leave.NONE_NEEDED if stage is None else Leave.STAGE
    by_promotion = {None: Leave.OPEN, True: by_stage, False: Leave.LOST}[applied]
    assert leave_of(stage=stage, promotion=promotion, applied=applied) is (by_promotion if promotion else by_stage)
