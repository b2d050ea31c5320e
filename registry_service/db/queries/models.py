"""Registered models, as answers show them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec
from sqlalchemy import Row, bindparam, select

from registry_service.db.filters import matching
from registry_service.db.orders import AnyOrder
from registry_service.db.paging import PageRequest, page_of, pinned
from registry_service.db.prepared import Prepared
from registry_service.db.queries.former_names import former_names, not_found
from registry_service.db.queries.sight import in_sight
from registry_service.db.tables import aliases, model_owners, model_tags, models, stages
from registry_service.db.view import View
from registry_service.domain.entities import Page, RegisteredModel
from registry_service.domain.errors import ModelNotFound
from registry_service.domain.metadata import MetadataField
from registry_service.domain.names import check_model_name
from registry_service.domain.permissions import Action

_ORDERS: Final = AnyOrder("models", [models.c.id], default="name")
_NAMED: Final = select(models).where(models.c.name_taken == bindparam("name"))
_LIVE: Final = _NAMED.where(models.c.deleted_at.is_(None))
_DELETED: Final = _NAMED.where(models.c.deleted_at.is_not(None))
# By whether a tombstone is looked for, and whether the row is locked.
_BY_NAME: Final = MappingProxyType(
    {
        (False, False): Prepared(_LIVE),
        (False, True): Prepared(_LIVE.with_for_update()),
        (True, False): Prepared(_DELETED),
        (True, True): Prepared(_DELETED.with_for_update()),
    }
)


def find_model(
    view: View, name: str, action: Action = Action.MODEL_READ, *, deleted: bool = False, lock: bool = False
) -> Row[Any]:
    """The row of a model that the actor may do `action` on; `deleted`: of a tombstone.

    `lock` takes the model's row for the rest of the transaction: every write on a model begins so, which puts the
    decisions on one model into one order (PostgreSQL; on SQLite there is one writer).

    :raises InvalidName: no model can have this name, so that it must be a mistake.
    :raises ModelRenamed: it has another name now, which the actor may read.
    :raises ModelNotFound, NotPermitted, PersonRequired: as `authorize`, and where there is no such model.
    """

    check_model_name(name)
    view.authorize(action, name)
    row = _BY_NAME[deleted, lock].row(view.connection, name=name)
    if row is None and deleted:
        raise ModelNotFound(f"There is no deleted model '{name}', or you may not read it.", model=name)
    if row is None:
        raise not_found(view, name)
    return row


def get_model(view: View, model: str) -> RegisteredModel:
    return describe_models(view, [find_model(view, model)])[0]


def list_models(view: View, page: PageRequest, *, include_deleted: bool = False) -> Page[RegisteredModel]:
    """Models in sight; tombstones too where asked for, by those who may restore them."""

    statement = select(models).where(in_sight(view, Action.MODEL_READ, models.c.name))
    if include_deleted:
        view.authorize(Action.MODEL_RESTORE, None)
    else:
        statement = statement.where(models.c.deleted_at.is_(None))
    if page.filter:
        page = pinned(page, view.now)
        statement = statement.where(matching("models", str(page.filter), now=page.now))
    return page_of(view.connection, statement, _ORDERS, page, lambda rows: describe_models(view, rows))


def owners_of_models(view: View, ids: Sequence[str]) -> dict[str, list[str]]:
    """Who answers for each of the models, in the order that they were named in."""

    owners: dict[str, list[str]] = defaultdict(list)
    for row in view.connection.execute(
        select(model_owners.c.model_id, model_owners.c.owner)
        .where(model_owners.c.model_id.in_(ids))
        .order_by(model_owners.c.position)
    ):
        owners[row.model_id].append(row.owner)
    return owners


def describe_models(view: View, rows: Sequence[Row[Any]]) -> list[RegisteredModel]:
    """Rows of `models`, completed with what stands in other tables: one statement each, however many rows."""

    ids = [row.id for row in rows]
    tags: dict[str, dict[str, str]] = defaultdict(dict)
    for tag in view.connection.execute(select(model_tags).where(model_tags.c.model_id.in_(ids))):
        tags[tag.model_id][tag.key] = tag.value
    pointers: dict[str, dict[str, int | None]] = defaultdict(dict)
    for stage in view.connection.execute(
        select(stages.c.model_id, stages.c.name, stages.c.number)
        .where(stages.c.model_id.in_(ids))
        .order_by(stages.c.position)
    ):
        pointers[stage.model_id][stage.name] = stage.number
    named: dict[str, dict[str, int]] = defaultdict(dict)
    for alias in view.connection.execute(
        select(aliases.c.model_id, aliases.c.name, aliases.c.number)
        .where(aliases.c.model_id.in_(ids))
        .order_by(aliases.c.name)
    ):
        named[alias.model_id][alias.name] = alias.number
    former = former_names(view, ids)
    owners = owners_of_models(view, ids)
    return [
        RegisteredModel(
            id=row.id,
            name=row.name,
            owners=owners[row.id],
            description=row.description,
            tags=tags[row.id],
            metadata_fields=msgspec.convert(row.metadata_fields, list[MetadataField]),
            stages=pointers[row.id],
            aliases=named[row.id],
            latest_version=row.last_number or None,
            archived=row.archived,
            created_at=row.created_at,
            created_by=row.created_by,
            updated_at=row.updated_at,
            deleted_at=row.deleted_at,
            revision=row.revision,
            url=view.url("models", row.name),
            former_names=former[row.id],
        )
        for row in rows
    ]
