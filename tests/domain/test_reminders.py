from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from registry_service.domain.policies import TEAM, PolicyDocument
from registry_service.domain.reminders import Notices, due_notices, next_notice
from tests.domain.facts import DAY, HOUR, NOW, changed

DAILY = changed(TEAM, remind_after=86_400)
OFTEN = changed(TEAM, name="often", remind_after=3 * 3600)
UP = changed(TEAM, name="up", escalate_after=2 * 86_400, escalate_to="leads")
FAR_UP = changed(TEAM, name="far-up", escalate_after=3 * 86_400, escalate_to="board")
SECOND = timedelta(seconds=1)


def due(*documents: PolicyDocument, after: timedelta = timedelta(), now: timedelta) -> Notices:
    return due_notices(documents, requested_at=NOW, after=NOW + after, now=NOW + now)


def coming(*documents: PolicyDocument, after: timedelta = timedelta()) -> datetime | None:
    return next_notice(documents, requested_at=NOW, after=NOW + after)


def test_policies_that_say_nothing_of_it_remind_of_nothing() -> None:
    assert due(TEAM, now=365 * DAY) == Notices(remind=False, escalate_to=())
    assert coming(TEAM) is None


@pytest.mark.parametrize(
    ("after", "now", "remind"),
    [
        (timedelta(), DAY - SECOND, False),
        (timedelta(), DAY, True),
        (DAY, DAY + HOUR, False),
        (DAY, 2 * DAY, True),
        # Many that were missed are one.
        (timedelta(), 9 * DAY, True),
        (9 * DAY, 10 * DAY - SECOND, False),
    ],
)
def test_it_is_reminded_of_in_equal_times_from_the_request_on(
    after: timedelta, now: timedelta, *, remind: bool
) -> None:
    assert due(DAILY, after=after, now=now).remind is remind


def test_the_one_that_reminds_most_often_counts() -> None:
    assert due(DAILY, OFTEN, now=3 * HOUR).remind
    assert coming(DAILY, OFTEN, after=4 * HOUR) == NOW + 6 * HOUR


def test_each_policy_escalates_once_to_its_own_group() -> None:
    assert due(UP, FAR_UP, now=2 * DAY - SECOND).escalate_to == ()
    assert due(UP, FAR_UP, now=2 * DAY).escalate_to == ("leads",)
    assert due(UP, FAR_UP, after=2 * DAY, now=3 * DAY).escalate_to == ("board",)
    assert due(UP, FAR_UP, now=4 * DAY).escalate_to == ("board", "leads")
    assert due(UP, FAR_UP, after=3 * DAY, now=9 * DAY) == Notices(remind=False, escalate_to=())


def test_what_comes_next_is_the_earliest_of_all() -> None:
    assert coming(DAILY, UP) == NOW + DAY
    assert coming(UP, FAR_UP, after=2 * DAY) == NOW + 3 * DAY
    assert coming(UP, FAR_UP, after=3 * DAY) is None
    assert coming(DAILY, UP, after=2 * DAY) == NOW + 3 * DAY
