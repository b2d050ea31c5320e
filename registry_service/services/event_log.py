"""Writing the one log. Called last in a transaction: from here to the commit, other writers wait for their numbers."""

from __future__ import annotations

from typing import Final

from sqlalchemy import insert

from registry_service.db.locks import lock_event_log
from registry_service.db.news import last_seq_telling
from registry_service.db.prepared import Prepared
from registry_service.db.tables import events
from registry_service.failpoints import reach
from registry_service.services.work import Work

_APPEND: Final = Prepared(insert(events), columns=[column.name for column in events.c])


def append_events(work: Work) -> int | None:
    """Give the pending events their numbers, in the order of commits, and tell other processes of them. Answers the
    last one, None where there are none."""

    if not work.events:
        return None
    lock_event_log(work.connection)
    first = last_seq_telling(work.connection, len(work.events)) + 1
    rows = [
        {
            "seq": seq,
            "at": work.now,
            "kind": event.kind,
            "actor": work.actor.name,
            "model_id": event.model_id,
            "model_name": event.model_name,
            "revision": event.revision,
            "subject": event.subject,
            "data": event.data,
        }
        for seq, event in enumerate(work.events, start=first)
    ]
    reach("events.numbered")
    _APPEND.change_each(work.connection, rows)
    reach("events.appended")
    return first + len(rows) - 1
