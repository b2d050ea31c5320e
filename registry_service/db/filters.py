"""Filters of lists: the expression language compiled to one SQL condition with bound parameters.

A row is found exactly where `expressions.matches` says so of its values, on both databases; a test compares them. That
takes care of the three things on which they differ by themselves: the order of text (by code point), the case of
letters in LIKE, and NULL below a NOT.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Double,
    FromClause,
    String,
    Table,
    Text,
    and_,
    case,
    false,
    func,
    literal,
    or_,
    select,
    true,
)

from registry_service.db.tables import (
    deployments,
    model_tags,
    models,
    promotions,
    version_metrics,
    version_params,
    version_tags,
    versions,
)
from registry_service.db.text import by_code_point, like
from registry_service.db.types import UtcTimestamp
from registry_service.domain.errors import InvalidFilter
from registry_service.domain.expressions import Expression, Reference, Scalar, Type, Vocabulary, parse
from registry_service.domain.expressions.tree import (
    And,
    Atom,
    Comparison,
    In,
    IsNull,
    Like,
    Literal,
    Not,
    Operand,
    Operator,
    Or,
)

Condition = ColumnElement[bool]
Value = ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Attribute:
    type: Type
    column: Value


@dataclass(frozen=True, slots=True)
class Space:
    """Rows of `table`, one for each key. `belongs` says to which row of the list: a column of `table`, and the
    column of the list that it equals."""

    type: Type
    table: Table
    belongs: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Filterable:
    """What a list may be filtered by."""

    attributes: Mapping[str, Attribute]
    spaces: Mapping[str, Space] = field(default_factory=dict)

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


# What a database spends on a pattern grows with its length times that of each text.
MAX_PATTERN: Final = 256

_OF_VERSION: Final = MappingProxyType({"model_id": versions.c.model_id, "number": versions.c.number})

LISTS: Final[Mapping[str, Filterable]] = MappingProxyType(
    {
        "models": Filterable(
            {
                **{name: _text(models.c[name]) for name in ("name", "owner", "description", "created_by")},
                **{name: _time(models.c[name]) for name in ("created_at", "updated_at")},
                "archived": Attribute(Type.BOOLEAN, models.c.archived),
                "latest_version": _number(func.nullif(models.c.last_number, 0)),
            },
            {"tags": Space(Type.TEXT, model_tags, {"model_id": models.c.id})},
        ),
        "versions": Filterable(
            {
                **{
                    name: _text(versions.c[name])
                    for name in (
                        "digest",
                        "identity",
                        "framework",
                        "format",
                        "precision",
                        "architecture",
                        "task",
                        "target_device",
                        "created_by",
                        "description",
                        "source_uri",
                    )
                },
                **{name: _number(versions.c[name]) for name in ("number", "score", "size", "file_count")},
                "created_at": _time(versions.c.created_at),
                "status": _text(case((versions.c.revoked_at.is_(None), "ready"), else_="revoked")),
            },
            {
                "tags": Space(Type.TEXT, version_tags, _OF_VERSION),
                "metrics": Space(Type.NUMBER, version_metrics, _OF_VERSION),
                "params": Space(Type.MIXED, version_params, _OF_VERSION),
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
                **{name: _time(deployments.c[name]) for name in ("started_at", "ended_at")},
                "model": _text(models.c.name),
                "version": _number(deployments.c.number),
                "promotion": _text(deployments.c.promotion_id),
            }
        ),
    }
)

_COMPARE: Final[Mapping[Operator, Callable[[Any, Any], Any]]] = MappingProxyType(
    {
        Operator.EQUAL: operator.eq,
        Operator.LESS: operator.lt,
        Operator.LESS_OR_EQUAL: operator.le,
        Operator.GREATER: operator.gt,
        Operator.GREATER_OR_EQUAL: operator.ge,
    }
)


def matching(name: str, text: str) -> Condition:
    """The condition that a filter makes on the rows of a list: `models`, `versions`, `promotions` or `deployments`.
    The statement selects from the list's table, and where that isn't `models` itself may join `models`.

    :raises InvalidFilter: the text is no filter of this list.
    """

    filterable = LISTS[name]
    return compiled(parse(text, filterable.vocabulary), filterable)


def demanded_tag(name: str, text: str) -> tuple[str, str] | None:
    """Key and value of a tag that every row which the filter finds has for sure, if it names one: what to search by.

    :raises InvalidFilter: the text is no filter of this list.
    """

    tree = parse(text, LISTS[name].vocabulary)
    for term in tree.terms if isinstance(tree, And) else [tree]:
        if isinstance(term, Comparison) and term.operator is Operator.EQUAL:
            for reference, literal_ in ((term.left, term.right), (term.right, term.left)):
                if (
                    isinstance(reference, Reference)
                    and (reference.name, reference.key is None) == ("tags", False)
                    and isinstance(literal_, Literal)
                    and isinstance(literal_.value, str)
                ):
                    assert reference.key is not None
                    return reference.key, literal_.value
    return None


def compiled(tree: Expression, filterable: Filterable) -> Condition:
    """True where `matches` is, and false or NULL elsewhere."""

    if isinstance(tree, And):
        return and_(*(compiled(term, filterable) for term in tree.terms))
    if isinstance(tree, Or):
        return or_(*(compiled(term, filterable) for term in tree.terms))
    if isinstance(tree, Not):
        return compiled(tree.term, filterable).is_not(true())
    return _atom(tree, filterable)


def _atom(tree: Atom, filterable: Filterable) -> Condition:
    if isinstance(tree, Comparison):
        return _comparison(tree, filterable)
    if isinstance(tree, IsNull):
        return _is_null(tree.reference, filterable)
    if isinstance(tree, In):
        values = [_literal(value) for value in tree.values]
        return _holds(tree.reference, filterable, lambda value: value.in_(values))
    if isinstance(tree, Like):
        if len(tree.pattern) > MAX_PATTERN:
            raise InvalidFilter(
                f"A pattern of LIKE has at most {MAX_PATTERN} characters here, and one has {len(tree.pattern)}."
                " Shorten it."
            )
        return _holds(tree.reference, filterable, lambda value: like(value, tree.pattern, ignore_case=tree.ignore_case))
    return _holds(tree.reference, filterable, lambda value: value == true())


def _comparison(tree: Comparison, filterable: Filterable) -> Condition:
    def compare(left: Value, right: Value) -> Condition:
        ordered = tree.operator is not Operator.EQUAL and isinstance(left.type, String)
        answer: Condition = _COMPARE[tree.operator](by_code_point(left) if ordered else left, right)
        return answer

    return _holds(
        tree.left, filterable, lambda left: _holds(tree.right, filterable, lambda right: compare(left, right))
    )


def _holds(operand: Operand, filterable: Filterable, condition: Callable[[Value], Condition]) -> Condition:
    """What `condition` says of the operand's value; of a key, that there is a row of which it says so."""

    if isinstance(operand, Literal):
        return condition(_literal(operand.value))
    assert isinstance(operand, Reference), "lists have no arithmetic"
    if operand.key is None:
        return condition(filterable.attributes[operand.name].column)
    space = filterable.spaces[operand.name]
    rows = space.table.alias()
    return _some_row(space, rows, operand.key, condition(_value(rows, space, operand.type)))


def _is_null(reference: Reference, filterable: Filterable) -> Condition:
    if reference.key is None:
        return filterable.attributes[reference.name].column.is_(None)
    space = filterable.spaces[reference.name]
    return ~_some_row(space, space.table.alias(), reference.key, true())


def _some_row(space: Space, rows: FromClause, key: str, condition: Condition) -> Condition:
    belongs = [rows.c[name] == column for name, column in space.belongs.items()]
    statement = select(literal(1)).where(*belongs, rows.c.key == key, condition)
    return statement.correlate_except(rows).exists()


def _value(rows: FromClause, space: Space, wanted: Type) -> Value:
    """The column that a value is read from; a param has one as text and one as a number."""

    if space.type is not Type.MIXED or wanted in {Type.TEXT, Type.MIXED}:
        return rows.c.value
    if wanted is Type.NUMBER:
        return rows.c.numeric_value
    return case((rows.c.value == "true", true()), (rows.c.value == "false", false()))


def _literal(value: Scalar) -> Value:
    # Numbers are always bound as doubles, also against integer columns: 1.5 and 1e12 are fair questions to those.
    if isinstance(value, bool):
        return literal(value, Boolean())
    if isinstance(value, str):
        return literal(value, Text())
    return literal(value, UtcTimestamp() if isinstance(value, datetime) else Double())
