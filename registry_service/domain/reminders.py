"""When a promotion that waits for reviews is reminded of, and when somebody else is told.

Both are words and nothing more: an escalation gives nobody a right to approve, and no silence ever approves. Times
count from the request on, so that they don't move with whatever happens in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from registry_service.domain.policies import PolicyDocument


class Notices(NamedTuple):
    """What is due. Times that were missed while nobody looked are one reminder."""

    remind: bool
    escalate_to: tuple[str, ...]


def due_notices(
    documents: Sequence[PolicyDocument], *, requested_at: datetime, after: datetime, now: datetime
) -> Notices:
    """What became due later than `after`, up to and including now."""

    reminder = _next_reminder(documents, requested_at, after)
    groups = {group for at, group in _escalations(documents, requested_at) if after < at <= now}
    return Notices(remind=reminder is not None and reminder <= now, escalate_to=tuple(sorted(groups)))


def next_notice(documents: Sequence[PolicyDocument], *, requested_at: datetime, after: datetime) -> datetime | None:
    """When something becomes due next, later than `after`; None: never again."""

    times = [at for at, _ in _escalations(documents, requested_at) if at > after]
    reminder = _next_reminder(documents, requested_at, after)
    return min([*times, reminder] if reminder is not None else times, default=None)


def _next_reminder(documents: Sequence[PolicyDocument], requested_at: datetime, after: datetime) -> datetime | None:
    """Together, policies remind as often as the one that reminds most often."""

    given = [document.remind_after for document in documents if document.remind_after is not None]
    if not given:
        return None
    interval = timedelta(seconds=min(given))
    return requested_at + ((after - requested_at) // interval + 1) * interval


def _escalations(documents: Sequence[PolicyDocument], requested_at: datetime) -> Iterator[tuple[datetime, str]]:
    for document in documents:
        if document.escalate_after is not None and document.escalate_to is not None:
            yield requested_at + timedelta(seconds=document.escalate_after), document.escalate_to
