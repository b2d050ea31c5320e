from __future__ import annotations

import pytest

from registry_service.domain.facts import OpenRequest
from registry_service.domain.policies import OPEN, OnNewer, PolicyDocument
from registry_service.domain.promotions import Phase
from registry_service.domain.succession import queued_behind, superseded_by
from tests.domain.facts import DAY, NOW, changed, open_request

QUEUE, PARALLEL = (changed(OPEN, name=on, on_newer=on) for on in (OnNewer.QUEUE, OnNewer.PARALLEL))
NEW = open_request(5, id="new", requested_at=NOW)


@pytest.mark.parametrize(
    ("other", "goes"),
    [
        (open_request(4), True),
        (open_request(4, phase=Phase.APPROVED), True),
        (open_request(4, phase=Phase.APPLYING), False),
        (open_request(4, phase=Phase.APPLIED), False),
        (open_request(4, reviewed=True), False),
        (open_request(6), False),
        (open_request(5), False),
    ],
)
def test_a_newer_request_takes_the_place_of_older_unreviewed_ones(other: OpenRequest, goes: bool) -> None:
    assert superseded_by(NEW, [other], [OPEN]) == (("other",) if goes else ())


def test_nightly_runs_do_not_starve_a_quorum() -> None:
    kept = open_request(3, id="half reviewed", reviewed=True)
    nightly = [open_request(n, id=str(n)) for n in (2, 4)]
    assert superseded_by(NEW, [kept, *nightly], [OPEN]) == ("2", "4")


@pytest.mark.parametrize("policies", [[QUEUE], [PARALLEL], [OPEN, QUEUE]])
def test_elsewhere_nothing_is_superseded(policies: list[PolicyDocument]) -> None:
    assert superseded_by(NEW, [open_request(4)], policies) == ()


def test_one_policy_that_supersedes_is_stricter_than_one_that_does_not() -> None:
    assert superseded_by(NEW, [open_request(4)], [PARALLEL, OPEN]) == ("other",)


@pytest.mark.parametrize(
    ("other", "waits"),
    [
        (open_request(4), True),
        (open_request(4, reviewed=True), True),
        (open_request(4, requested_at=NOW + DAY), False),
        (open_request(6), False),
        (open_request(4, phase=Phase.EXPIRED), False),
    ],
)
def test_a_queue_waits_for_what_is_older_and_came_before(other: OpenRequest, waits: bool) -> None:
    assert queued_behind(NEW, [other], [QUEUE]) == (other if waits else None)


def test_a_queue_waits_for_the_first_and_of_one_moment_for_the_lower_id() -> None:
    first, second = open_request(3, id="b"), open_request(4, id="c")
    assert queued_behind(NEW, [second, first], [QUEUE]) == first
    same = open_request(4, id="a", requested_at=NOW)
    assert queued_behind(NEW, [same], [QUEUE]) == same
    assert queued_behind(NEW, [changed(same, id="z")], [QUEUE]) is None


def test_without_a_queue_nobody_waits() -> None:
    assert queued_behind(NEW, [open_request(4)], [OPEN, PARALLEL]) is None
