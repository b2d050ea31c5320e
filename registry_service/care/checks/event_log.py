"""The one log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import select

from registry_service.care.findings import Check, Look
from registry_service.db.tables import consumers, events, models, registry
from registry_service.domain.errors import CursorFromOtherEpoch, InvalidCursor
from registry_service.domain.events import Cursor, EventKind

_KINDS: Final = frozenset(EventKind)


def _numbers(look: Look) -> Iterator[str]:
    before = 0
    for row in look.rows(select(events.c.seq).order_by(events.c.seq)):
        if row.seq != before + 1:
            yield f"event {row.seq} follows on event {before}"
        before = row.seq


def _revisions(look: Look) -> Iterator[str]:
    reached: dict[str, int] = {}
    told = select(events.c.seq, events.c.model_id, events.c.revision).where(events.c.model_id.is_not(None))
    for row in look.rows(told.order_by(events.c.seq)):
        before = reached.get(row.model_id, 0)
        if row.revision != before + 1:
            yield f"event {row.seq} makes revision {row.revision} of model {row.model_id} out of {before}"
        reached[row.model_id] = row.revision
    for row in look.rows(select(models.c.id, models.c.name, models.c.revision)):
        last = reached.pop(row.id, None)
        if last != row.revision:
            yield f"{row.name} is at revision {row.revision}, and the log at {last}"
    for model in reached:
        yield f"the log tells of model {model}, which isn't there"


def _kinds(look: Look) -> Iterator[str]:
    for row in look.rows(select(events.c.seq, events.c.kind).where(events.c.kind.not_in(_KINDS))):
        yield f"event {row.seq} is a {row.kind}, which this release doesn't know"


def _cursors(look: Look) -> Iterator[str]:
    epoch = next((row.value for row in look.rows(select(registry).where(registry.c.key == "epoch"))), "")
    end = max((row.seq for row in look.rows(select(events.c.seq).order_by(events.c.seq.desc()).limit(1))), default=0)
    for row in look.rows(select(consumers)):
        try:
            cursor = Cursor.parse(row.cursor, epoch=epoch)
        except CursorFromOtherEpoch:
            continue  # whoever reads on is told so
        except InvalidCursor as error:
            yield f"consumer {row.name} stands nowhere: {error}"
            continue
        if cursor.seq > end:
            yield f"consumer {row.name} stands after event {cursor.seq}, and the log ends at {end}"


CHECKS: Final = (
    Check("event_number", "Events are numbered from 1 on without a gap.", _numbers),
    Check("event_revision", "Each event of a model makes its next revision, and the last one its present.", _revisions),
    Check("event_kind", "All kinds of events are known.", _kinds),
    Check("consumer_cursor", "No consumer stands behind the end of the log.", _cursors),
)
