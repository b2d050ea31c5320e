"""Reminding of promotions that wait for reviews: events that whoever notifies people reads from the log."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Row, select, update

from registry_service.db.queries.facts import FactSource
from registry_service.db.queries.models import find_model
from registry_service.db.queries.policies import documents_of
from registry_service.db.queries.promotions import find_promotion
from registry_service.db.tables import models, promotions
from registry_service.domain.approvals import decide
from registry_service.domain.decisions import missing_reviews
from registry_service.domain.events import EventKind
from registry_service.domain.permissions import Action
from registry_service.domain.policies import PolicyPin
from registry_service.domain.promotions import Phase
from registry_service.domain.reminders import due_notices, next_notice
from registry_service.services.changes import record_change
from registry_service.services.work import Work

AT_ONCE: Final = 100


def remind(work: Work) -> None:
    """Tell of some of the promotions for which something is due by now, the longest overdue first."""

    due = (
        select(promotions.c.id)
        .join(models, models.c.id == promotions.c.model_id)
        .where(promotions.c.phase == Phase.PENDING, promotions.c.notice_at <= work.now, models.c.deleted_at.is_(None))
        .order_by(promotions.c.notice_at)
        .limit(AT_ONCE)
    )
    found = [find_promotion(work, promotion) for promotion in list(work.connection.execute(due).scalars())]
    # In the order of their models' names, as whoever locks several does.
    for row in sorted(found, key=lambda row: (row.model_name, row.id)):
        _remind_of(work, find_model(work, row.model_name, Action.PROMOTION_APPLY, lock=True), row.id)


def _remind_of(work: Work, model: Row[Any], promotion: str) -> None:
    row = find_promotion(work, promotion)
    if row.phase != Phase.PENDING or row.notice_at is None or row.notice_at > work.now:
        return  # another process was faster
    documents = [document for _, document in documents_of(work, msgspec.convert(row.policies, list[PolicyPin]))]
    decision = decide(FactSource(work).facts_of(row), work.now)
    missing = [reason.message for reason in missing_reviews(decision)]
    if missing:
        after = row.noticed_at or row.requested_at
        notices = due_notices(documents, requested_at=row.requested_at, after=after, now=work.now)
        if notices.remind:
            _record(work, model, row, EventKind.PROMOTION_REMINDED, missing=missing)
        for group in notices.escalate_to:
            _record(work, model, row, EventKind.PROMOTION_ESCALATED, missing=missing, group=group)
    # What only waits for machines is passed over in silence, and isn't made up for later.
    coming = next_notice(documents, requested_at=row.requested_at, after=work.now)
    work.connection.execute(
        update(promotions).where(promotions.c.id == row.id).values(noticed_at=work.now, notice_at=coming)
    )


def _record(work: Work, model: Row[Any], row: Row[Any], kind: EventKind, **data: object) -> None:
    record_change(
        work,
        model,
        kind,
        subject=row.id,
        stage=row.stage,
        version=row.number,
        digest=row.digest,
        since=row.requested_at,
        **data,
    )
