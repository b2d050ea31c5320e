"""Model cards: texts under their digests, and the log that wrote them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import func, select

from registry_service.care.findings import Check, Look
from registry_service.db.tables import events, model_cards, models, promotions, versions
from registry_service.domain.events import EventKind
from registry_service.domain.manifest import digest_of

_OF: Final = (model_cards.c.model_id, model_cards.c.revision)


def _texts(look: Look) -> Iterator[str]:
    for row in look.rows(select(*_OF, model_cards.c.digest, model_cards.c.size, model_cards.c.text).order_by(*_OF)):
        text = row.text.encode()
        if (row.digest, row.size) != (digest_of(text), len(text)):
            yield f"the card of model {row.model_id} at revision {row.revision} has another text than its digest says"


def _log(look: Look) -> Iterator[str]:
    told = {
        (event.model_id, event.revision): event.data.get("digest")
        for event in look.rows(
            select(events.c.model_id, events.c.revision, events.c.data).where(
                events.c.kind == EventKind.MODEL_CARD_WRITTEN
            )
        )
    }
    for row in look.rows(select(*_OF, model_cards.c.digest).order_by(*_OF)):
        digest = told.pop((row.model_id, row.revision), None)
        if digest != row.digest:
            which = f"the card of model {row.model_id} at revision {row.revision}"
            yield f"{which} is {row.digest}, and the log says {digest}"
    for (model, revision), digest in told.items():
        yield f"the log has written the card {digest} of model {model} at revision {revision}, which isn't there"


def _standing(look: Look) -> Iterator[str]:
    newest = select(model_cards.c.model_id, func.max(model_cards.c.revision).label("revision"))
    newest_of = newest.group_by(model_cards.c.model_id).subquery()
    present = (
        select(models.c.name, models.c.card_revision, newest_of.c.revision)
        .outerjoin(newest_of, newest_of.c.model_id == models.c.id)
        .where(models.c.card_revision.is_distinct_from(newest_of.c.revision))
    )
    for row in look.rows(present):
        yield f"{row.name} has its card of revision {row.card_revision}, and the last one written is {row.revision}"
    for table in (versions, promotions):
        lost = (
            select(table.c.model_id, table.c.number, table.c.card_revision)
            .outerjoin(
                model_cards,
                (model_cards.c.model_id == table.c.model_id) & (model_cards.c.revision == table.c.card_revision),
            )
            .where(table.c.card_revision.is_not(None), model_cards.c.revision.is_(None))
        )
        for row in look.rows(lost):
            yield (
                f"{table.name}: version {row.number} of model {row.model_id} carries a card of revision"
                f" {row.card_revision}, which isn't there"
            )


CHECKS: Final = (
    Check("card_digest", "The digest of each text of a card is that of the text.", _texts),
    Check("card_log", "The log has written each text of a card, under its digest, and no other.", _log),
    Check(
        "card_standing",
        "The card of a model is the last one written, and those that versions carry are there.",
        _standing,
    ),
)
