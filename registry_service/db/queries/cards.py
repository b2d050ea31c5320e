"""Model cards: the present text, earlier ones by their digest, and those that versions carry."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Row, Select, bindparam, select

from registry_service.db.paging import Ordering, PageRequest, page_of, refuse_filter
from registry_service.db.prepared import Prepared
from registry_service.db.queries.models import find_model
from registry_service.db.queries.versions import find_version
from registry_service.db.tables import model_cards, promotions
from registry_service.db.view import View
from registry_service.domain.cards import Card, compare_cards
from registry_service.domain.entities import CardRevision, ModelCard, Page, VersionCard
from registry_service.domain.errors import CardNotFound
from registry_service.domain.manifest import check_digest
from registry_service.domain.permissions import Action
from registry_service.domain.promotions import Phase

_ORDERING: Final = Ordering(
    columns={"revision": model_cards.c.revision}, tie_breakers=[model_cards.c.revision], default="revision desc"
)
_OF_MODEL: Final = model_cards.c.model_id == bindparam("model_id")
_BY_REVISION: Final = Prepared(select(model_cards).where(_OF_MODEL, model_cards.c.revision == bindparam("at")))
_BY_DIGEST: Final = Prepared(
    select(model_cards)
    .where(_OF_MODEL, model_cards.c.digest == bindparam("digest"))
    .order_by(model_cards.c.revision.desc())
    .limit(1)
)
# Texts may be long, and a list is without them.
_LISTED: Final = [column for column in model_cards.c if column.name not in {"text", "front_matter"}]
_APPROVED: Final = Prepared(
    select(promotions.c.id, promotions.c.card_revision)
    .where(
        promotions.c.model_id == bindparam("model_id"),
        promotions.c.number == bindparam("number"),
        promotions.c.approved_at.is_not(None),
        # Whoever rejects what others approved closes it: nobody can say of it that it was approved.
        promotions.c.phase != Phase.REJECTED,
    )
    .order_by(promotions.c.approved_at.desc(), promotions.c.id.desc())
    .limit(1)
)


def get_card(view: View, model: str) -> ModelCard:
    """:raises CardNotFound: nobody has written one."""

    found = find_model(view, model)
    row = present_card(view, found)
    if row is None:
        raise CardNotFound(f"'{model}' has no card. Write one: PUT /api/v1/models/{model}/card.", model=model)
    return _describe(found, row)


def get_card_revision(view: View, model: str, digest: str) -> ModelCard:
    """The text of this digest that the card had last.

    :raises CardNotFound: it never had one.
    """

    found = find_model(view, model)
    row = _BY_DIGEST.row(view.connection, model_id=found.id, digest=check_digest(digest))
    if row is None:
        raise CardNotFound(f"The card of '{model}' never had a text of this digest.", model=model, digest=digest)
    return _describe(found, row)


def list_card_history(view: View, model: str, page: PageRequest) -> Page[CardRevision]:
    """What was written, the newest first."""

    refuse_filter(page)
    found = find_model(view, model)
    statement: Select[Any] = select(*_LISTED).where(model_cards.c.model_id == found.id)
    return page_of(view.connection, statement, _ORDERING, page, lambda rows: [_revision(row) for row in rows])


def get_version_card(view: View, model: str, selector: str) -> VersionCard:
    """The card that the version carries, and what the model's card says differently now."""

    found = find_model(view, model, Action.VERSION_READ)
    version = find_version(view, found, selector)
    registered = _at(view, found, version.card_revision)
    approval = _APPROVED.row(view.connection, model_id=found.id, number=version.number)
    approved = _at(view, found, approval.card_revision) if approval is not None else None
    current = present_card(view, found)
    carried = approved or registered
    changes = None
    if carried is not None and current is not None:
        changes = compare_cards(Card(carried.front_matter, carried.text), Card(current.front_matter, current.text))
    return VersionCard(
        model_name=found.name,
        version=version.number,
        digest=version.digest,
        registered_with=_revision(registered) if registered else None,
        approved_with=_revision(approved) if approved else None,
        promotion=approval.id if approval is not None and approved is not None else None,
        current=_revision(current) if current else None,
        card=_describe(found, carried) if carried else None,
        changes=changes,
    )


def present_card(view: View, model: Row[Any]) -> Row[Any] | None:
    """The row of the text that the model's card has now; None where it has none."""
    return _at(view, model, model.card_revision)


def _at(view: View, model: Row[Any], revision: int | None) -> Row[Any] | None:
    return None if revision is None else _BY_REVISION.row(view.connection, model_id=model.id, at=revision)


def _revision(row: Row[Any]) -> CardRevision:
    return CardRevision(
        digest=row.digest,
        size=row.size,
        written_at=row.written_at,
        written_by=row.written_by,
        revision=row.revision,
    )


def _describe(model: Row[Any], row: Row[Any]) -> ModelCard:
    return ModelCard(
        model_name=model.name,
        digest=row.digest,
        size=row.size,
        text=row.text,
        front_matter=row.front_matter,
        written_at=row.written_at,
        written_by=row.written_by,
        is_current=row.revision == model.card_revision,
        revision=row.revision,
    )
