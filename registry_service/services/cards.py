"""Writing model cards. Every text stays, by its digest: versions that were approved with one go on carrying it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, insert, update

from registry_service.db.prepared import Prepared
from registry_service.db.queries.cards import get_card, present_card
from registry_service.db.queries.models import find_model
from registry_service.db.tables import model_cards, models
from registry_service.domain.cards import check_card, check_front_matter
from registry_service.domain.entities import ModelCard
from registry_service.domain.events import EventKind
from registry_service.domain.manifest import digest_of
from registry_service.domain.permissions import Action
from registry_service.domain.requests import WriteCard
from registry_service.services.changes import check_revision, record_change
from registry_service.services.findable import find_model_anew
from registry_service.services.front_matter import read_front_matter
from registry_service.services.work import Work

_PRESENT: Final = Prepared(
    update(models).where(models.c.id == bindparam("model_id")).values(card_revision=bindparam("written"))
)


def write_card(work: Work, model: str, body: WriteCard, *, if_match: int | None = None) -> ModelCard:
    """Give the model's card this text. The text that it has already is left alone, without an event.

    :raises InvalidCard, TooLarge, InvalidInput: the text can't be a card.
    :raises RevisionMismatch: `if_match` is given, and the card isn't the one that the caller saw, or there is none.
    """

    found = find_model(work, model, Action.MODEL_UPDATE, lock=True)
    parts = check_card(body.text)
    fields = {} if parts.front_matter is None else read_front_matter(parts.front_matter)
    check_front_matter(fields)
    present = present_card(work, found)
    check_revision(f"The card of '{model}'", 0 if present is None else present.revision, if_match)
    digest = digest_of(body.text.encode())
    if present is not None and present.digest == digest:
        work.existed = True
        return get_card(work, model)
    revision = record_change(
        work,
        found,
        EventKind.MODEL_CARD_WRITTEN,
        digest=digest,
        previous=None if present is None else present.digest,
    )
    work.connection.execute(
        insert(model_cards).values(
            model_id=found.id,
            revision=revision,
            digest=digest,
            size=len(body.text.encode()),
            text=body.text,
            front_matter=fields,
            written_at=work.now,
            written_by=work.actor.name,
        )
    )
    _PRESENT.change(work.connection, model_id=found.id, written=revision)
    find_model_anew(work, found.id)
    return get_card(work, model)
