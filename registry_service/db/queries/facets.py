"""Facets: how often each value occurs among the versions, or the models, that a filter finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import FromClause, Select, String, Text, and_, func, select

from registry_service.db.filterable import LISTS, Attribute, Filterable, Value
from registry_service.db.filters import matching
from registry_service.db.paging import PageRequest, pinned
from registry_service.db.queries.sight import in_sight
from registry_service.db.searching import searched
from registry_service.db.tables import models, versions
from registry_service.db.view import View
from registry_service.domain.entities import Facet, Facets, FacetValue
from registry_service.domain.errors import InvalidInput
from registry_service.domain.expressions import Reference, Type, parse_names
from registry_service.domain.permissions import Action

COUNTED: Final = 10_000
"""Versions, or models, that are counted at most: the newest. So a question has an end however many there are."""

MAX_FIELDS: Final = 8
_MAX_TEXT: Final = 256


def count_facets(view: View, fields: str, where: str | None, *, limit: int) -> Facets:
    """The most frequent values of each field, among the newest versions in sight that the filter finds.

    :raises InvalidInput, InvalidFilter: a field or the filter is none of versions.
    """

    return _count(view, LISTS["versions"], fields, _seen_versions(view, where), _among_versions, limit=limit)


def count_model_facets(view: View, fields: str, where: str | None, *, limit: int) -> Facets:
    """The same among models.

    :raises InvalidInput, InvalidFilter: a field or the filter is none of models.
    """

    return _count(view, LISTS["models"], fields, _seen_models(view, where), _among_models, limit=limit)


def _count(
    view: View,
    of: Filterable,
    fields: str,
    seen: Select[Any],
    among: Callable[[FromClause], FromClause],
    *,
    limit: int,
) -> Facets:
    wanted = parse_names(fields, of.vocabulary)
    if len(wanted) > MAX_FIELDS:
        raise InvalidInput(f"{len(wanted)} fields are too many; {MAX_FIELDS} are the limit.", field="fields")
    found: int = view.connection.execute(select(func.count()).select_from(seen.subquery())).scalar_one()
    counted = min(found, COUNTED)
    rows = among(seen.limit(COUNTED).subquery("seen"))
    facets = [_facet(view, of, rows, written, reference, limit=limit) for written, reference in wanted]
    return Facets(counted=counted, complete=found <= COUNTED, facets=facets)


def _seen_versions(view: View, where: str | None) -> Select[Any]:
    """Keys of the versions that the filter finds, the newest first, and of one more than are counted."""

    all_ = select(versions.c.model_id, versions.c.number).join(models, models.c.id == versions.c.model_id)
    in_view = all_.where(
        models.c.deleted_at.is_(None),
        versions.c.deleted_at.is_(None),
        in_sight(view, Action.VERSION_READ, models.c.name),
    )
    statement, orders = searched(view.connection, in_view, pinned(PageRequest(filter=where), view.now), model_id=None)
    (part,), _ = orders.parts(statement, None)
    return part.statement.order_by(*(key.desc() for key in part.keys)).limit(COUNTED + 1)


def _seen_models(view: View, where: str | None) -> Select[Any]:
    """The same of models."""

    found = select(models.c.id).where(models.c.deleted_at.is_(None), in_sight(view, Action.MODEL_READ, models.c.name))
    if where:
        found = found.where(matching("models", where, now=view.now))
    return found.order_by(models.c.created_at.desc(), models.c.id.desc()).limit(COUNTED + 1)


def _among_versions(keys: FromClause) -> FromClause:
    """The versions whose keys these are, and their models."""
    same = and_(keys.c.model_id == versions.c.model_id, keys.c.number == versions.c.number)
    return versions.join(keys, same).join(models, models.c.id == versions.c.model_id)


def _among_models(keys: FromClause) -> FromClause:
    return models.join(keys, keys.c.id == models.c.id)


def _facet(view: View, of_list: Filterable, of: FromClause, written: str, reference: Reference, *, limit: int) -> Facet:
    """One look at each row: those that lack a value are a group of their own, which stands first."""

    values = (of_list.attributes if reference.key is None else of_list.spaces)[reference.name]
    if values.type is Type.TIME:
        raise InvalidInput(f"'{written}' is a time, of which nearly each has its own.", field="fields")
    if isinstance(values, Attribute):
        column = values.column
    else:
        rows = values.table.alias()
        column = rows.c[values.value]
        of = of.join(rows, and_(*values.conditions(rows, reference.key), column.is_not(None)), isouter=True)
    each = select(_short(column).label("value")).select_from(of).subquery()
    grouped = select(each.c.value, func.count().label("times")).group_by(each.c.value)
    by_times = grouped.order_by(each.c.value.is_not(None), func.count().desc(), each.c.value).limit(limit + 2)
    found = [(row.value, row.times) for row in view.connection.execute(by_times)]
    lacking = found.pop(0)[1] if found and found[0][0] is None else 0
    return Facet(
        field=written,
        values=[FacetValue(value=value, count=times) for value, times in found[:limit]],
        lacking=lacking,
        more=len(found) > limit,
    )


def _short(column: Value) -> Value:
    return func.substr(column, 1, _MAX_TEXT, type_=Text()) if isinstance(column.type, String) else column
