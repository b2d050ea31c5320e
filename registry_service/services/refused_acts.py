"""Who tried what they may not do. An auditor asks for it; whoever tries must not be able to fill the log with it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from registry_service.domain.events import EventKind
from registry_service.domain.permissions import Action
from registry_service.services.work import Work

TOLD_AGAIN_AFTER: Final = timedelta(hours=1)
REMEMBERED: Final = 10_000


class RefusedAct(NamedTuple):
    """What was refused with which code, and what was said of it. What is told of models in it, the caller may read."""

    action: Action
    code: str
    message: str


@dataclass
class _Told:
    at: datetime
    since: int = 0


class RefusedActs:
    """Which refusals are worth an event: the first of a principal, act and code, and then one in an hour, which says
    how many there were since. Kept in this process alone, for the latest 10,000."""

    def __init__(self) -> None:
        self._told: OrderedDict[tuple[str, Action, str], _Told] = OrderedDict()

    def times(self, principal: str, act: RefusedAct, now: datetime) -> int | None:
        """How many refusals an event is to tell of now; None: this one is counted for a later event."""

        key = (principal, act.action, act.code)
        told = self._told.get(key)
        if told is not None and now < told.at + TOLD_AGAIN_AFTER:
            told.since += 1
            return None
        self._told[key] = _Told(now)
        self._told.move_to_end(key)
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        return 1 if told is None else told.since + 1


def record_refused_act(work: Work, act: RefusedAct, times: int) -> None:
    """Of no model, so that only those read it who read all of the log."""
    work.record(
        EventKind.ACCESS_REFUSED,
        subject=act.action,
        action=act.action,
        code=act.code,
        message=act.message[:1000],
        times=times,
    )
