"""What lists may be filtered and ordered by: the names of the expression language, and where in the database their
values stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Integer, Table, and_, case, func, literal, select

from registry_service.db.tables import (
    TAG_START,
    aliases,
    checks,
    deployments,
    model_owners,
    model_tags,
    models,
    promotions,
    stages,
    version_lineage,
    version_metrics,
    version_params,
    version_tags,
    version_uses,
    versions,
)
from registry_service.domain.entities import LineageKind
from registry_service.domain.expressions import Type, Vocabulary
from registry_service.domain.metadata import INDEXED_FIELDS

Condition = ColumnElement[bool]
Value = ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Attribute:
    type: Type
    column: Value


@dataclass(frozen=True, slots=True)
class Rows:
    """Values in the column `value` of another table, any number of them for each row of the list: a comparison holds
    where it does of one.

    `belongs` says to which row of the list: a column of `table`, and the column of the list that it equals. `key` is
    the column with the key, where there are values by key (`tags.x`). `only` leaves out rows that say nothing. `equals`
    is what an index finds the rows of one value by: then no two of one value belong to one row of the list.
    """

    type: Type
    table: Table
    belongs: Mapping[str, Value]
    value: str = "value"
    key: str | None = None
    only: Callable[[FromClause], Condition] | None = None
    equals: Callable[[FromClause, str], Condition] | None = None

    def some(self, rows: FromClause, key: str | None, condition: Condition) -> Condition:
        """That one of `rows`, an alias of the table, is the list's row's and fulfils the condition."""

        statement = select(literal(1)).where(*self.conditions(rows, key), condition)
        return statement.correlate_except(rows).exists()

    def conditions(self, rows: FromClause, key: str | None) -> list[Condition]:
        """What makes one of `rows` a value of the list's row under the key."""
        return [*self.belonging(rows), *self.chosen(rows, key)]

    def belonging(self, rows: FromClause) -> list[Condition]:
        return [rows.c[name] == column for name, column in self.belongs.items()]

    def chosen(self, rows: FromClause, key: str | None) -> list[Condition]:
        """What makes one of `rows` a value of any row of the list."""

        found: list[Condition] = [] if self.key is None else [rows.c[self.key] == key]
        return found if self.only is None else [*found, self.only(rows)]


@dataclass(frozen=True, slots=True)
class Filterable:
    """What a list may be filtered by."""

    attributes: Mapping[str, Attribute | Rows]
    spaces: Mapping[str, Rows] = field(default_factory=dict)

    @property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(
            attributes={name: attribute.type for name, attribute in self.attributes.items()},
            spaces={name: space.type for name, space in self.spaces.items()},
        )


def _text(column: Value) -> Attribute:
    return Attribute(Type.TEXT, column)


def _number(column: Value) -> Attribute:
    return Attribute(Type.NUMBER, column)


def _time(column: Value) -> Attribute:
    return Attribute(Type.TIME, column)


_OF_VERSION: Final = MappingProxyType({"model_id": versions.c.model_id, "number": versions.c.number})
_OF_MODEL: Final = MappingProxyType({"model_id": models.c.id})
_OF_LATEST: Final = MappingProxyType({"model_id": models.c.id, "number": models.c.last_number})


# Not parents: one may read a version whose parent is out of sight, and a filter would spell out its name letter by
# letter. The graph of lineage leads to those that one may see, and back.
_OPAQUE: Final = tuple(kind for kind in LineageKind if kind is not LineageKind.PARENT_VERSION)


def _edge(kind: LineageKind) -> Rows:
    return Rows(
        Type.TEXT,
        version_lineage,
        _OF_VERSION,
        value="ref",
        only=lambda rows: rows.c.kind == kind.value,
        equals=lambda rows, ref: rows.c.ref == ref,
    )


_OWNER: Final = Rows(
    Type.TEXT, model_owners, _OF_MODEL, value="owner", equals=lambda rows, owner: rows.c.owner == owner
)
_LAST_USED: Final = (
    select(version_uses.c.last_used_at)
    .where(*(version_uses.c[name] == column for name, column in _OF_VERSION.items()))
    .scalar_subquery()
)


def _has_tag_value(rows: FromClause, value: str) -> Condition:
    return and_(rows.c.value_start == value[:TAG_START], rows.c.value == value)


def _latest_of_name(rows: FromClause) -> Condition:
    """Of several reports under one name, the last one counts."""

    newer = checks.alias()
    same = (newer.c[name] == rows.c[name] for name in ("model_id", "number", "name"))
    return ~select(literal(1)).where(*same, newer.c.id > rows.c.id).correlate_except(newer).exists()


LISTS: Final[Mapping[str, Filterable]] = MappingProxyType(
    {
        "models": Filterable(
            {
                **{name: _text(models.c[name]) for name in ("name", "description", "created_by")},
                **{name: _time(models.c[name]) for name in ("created_at", "updated_at")},
                "archived": Attribute(Type.BOOLEAN, models.c.archived),
                "latest_version": _number(func.nullif(models.c.last_number, 0, type_=Integer())),
                **{
                    f"latest_version.{name}": Rows(Type.TEXT, versions, _OF_LATEST, value=name)
                    for name in INDEXED_FIELDS
                },
                "latest_version.score": Rows(Type.NUMBER, versions, _OF_LATEST, value="score"),
                "owner": _OWNER,
                # Where something is current.
                "stage": Rows(Type.TEXT, stages, _OF_MODEL, value="name", only=lambda rows: rows.c.number.is_not(None)),
                "alias": Rows(Type.TEXT, aliases, _OF_MODEL, value="name"),
            },
            {"tags": Rows(Type.TEXT, model_tags, _OF_MODEL, key="key")},
        ),
        # Whose models, of what was live.
        "live": Filterable(
            {"model": _text(models.c.name), "description": _text(models.c.description), "owner": _OWNER},
            {"tags": Rows(Type.TEXT, model_tags, _OF_MODEL, key="key")},
        ),
        "versions": Filterable(
            {
                **{
                    name: _text(versions.c[name])
                    for name in ("digest", "identity", *INDEXED_FIELDS, "created_by", "description", "source_uri")
                },
                **{name: _number(versions.c[name]) for name in ("number", "score", "size", "file_count")},
                **{name: _time(versions.c[name]) for name in ("created_at", "revoked_at")},
                "status": _text(case((versions.c.revoked_at.is_(None), "ready"), else_="revoked")),
                "model": _text(models.c.name),
                "stage": Rows(
                    Type.TEXT, stages, _OF_VERSION, value="name", equals=lambda rows, name: rows.c.name == name
                ),
                "alias": Rows(
                    Type.TEXT, aliases, _OF_VERSION, value="name", equals=lambda rows, name: rows.c.name == name
                ),
                "last_used_at": _time(_LAST_USED),
                # Where it runs now.
                "target": Rows(
                    Type.TEXT, deployments, _OF_VERSION, value="target", only=lambda rows: rows.c.ended_at.is_(None)
                ),
                **{f"lineage.{kind.value}": _edge(kind) for kind in _OPAQUE},
            },
            {
                "tags": Rows(Type.TEXT, version_tags, _OF_VERSION, key="key", equals=_has_tag_value),
                "metrics": Rows(Type.NUMBER, version_metrics, _OF_VERSION, key="key"),
                "params": Rows(Type.MIXED, version_params, _OF_VERSION, key="key"),
                "checks": Rows(
                    Type.TEXT,
                    checks,
                    _OF_VERSION,
                    value="status",
                    key="name",
                    only=_latest_of_name,
                    equals=lambda rows, status: rows.c.status == status,
                ),
            },
        ),
        "promotions": Filterable(
            {
                **{
                    name: _text(promotions.c[name])
                    for name in ("id", "stage", "phase", "digest", "kind", "requested_by", "applied_by")
                },
                **{name: _time(promotions.c[name]) for name in ("requested_at", "expires_at", "applied_at")},
                "model": _text(models.c.name),
                "version": _number(promotions.c.number),
            }
        ),
        "deployments": Filterable(
            {
                **{
                    name: _text(deployments.c[name])
                    for name in ("id", "target", "role", "status", "stage", "digest", "run", "started_by")
                },
                **{name: _time(deployments.c[name]) for name in ("started_at", "ended_at", "released_at")},
                "model": _text(models.c.name),
                "version": _number(deployments.c.number),
                "promotion": _text(deployments.c.promotion_id),
            }
        ),
    }
)
