"""Aliases: free pointers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from registry_service.db.paging import Ordering, PageRequest, page_of, refuse_filter
from registry_service.db.queries.models import find_model
from registry_service.db.tables import aliases, versions
from registry_service.db.view import View
from registry_service.domain.entities import Alias, Page
from registry_service.domain.errors import AliasNotFound
from registry_service.domain.names import check_alias_name

_ORDERING = Ordering(columns={"name": aliases.c.name}, tie_breakers=[aliases.c.name], default="name")
_WITH_DIGEST = select(aliases, versions.c.digest).join(
    versions, (versions.c.model_id == aliases.c.model_id) & (versions.c.number == aliases.c.number)
)


def find_alias(view: View, model: Row[Any], alias: str) -> Row[Any]:
    """:raises AliasNotFound: the model has no such alias.
    :raises InvalidName: no alias can have this name.
    """

    check_alias_name(alias)
    row = view.connection.execute(
        _WITH_DIGEST.where(aliases.c.model_id == model.id, aliases.c.name == alias)
    ).one_or_none()
    if row is None:
        raise AliasNotFound(f"'{model.name}' has no alias '{alias}'.", model=model.name, alias=alias)
    return row


def get_alias(view: View, model: str, alias: str) -> Alias:
    found = find_model(view, model)
    return describe_alias(found, find_alias(view, found, alias))


def list_aliases(view: View, model: str, page: PageRequest) -> Page[Alias]:
    refuse_filter(page)
    found = find_model(view, model)
    return page_of(
        view.connection,
        _WITH_DIGEST.where(aliases.c.model_id == found.id),
        _ORDERING,
        page,
        lambda rows: [describe_alias(found, row) for row in rows],
    )


def describe_alias(model: Row[Any], row: Row[Any]) -> Alias:
    return Alias(
        model_name=model.name,
        name=row.name,
        version=row.number,
        digest=row.digest,
        moved_at=row.moved_at,
        moved_by=row.moved_by,
        revision=row.revision,
    )
