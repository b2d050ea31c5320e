"""Filters of lists: the expression language compiled to one SQL condition with bound parameters.

A row is found exactly where `expressions.matches` says so of its values, on both databases; a test compares them. That
takes care of the three things on which they differ by themselves: the order of text (by code point), the case of
letters in LIKE, and NULL below a NOT.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Boolean, Double, FromClause, String, Text, and_, case, false, literal, or_, true

from registry_service.db.filterable import LISTS, Attribute, Condition, Filterable, Rows, Value
from registry_service.db.text import by_code_point, like
from registry_service.db.types import UtcTimestamp
from registry_service.domain.errors import InvalidFilter
from registry_service.domain.expressions import Expression, Reference, Scalar, Type, parse
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

# What a database spends on a pattern grows with its length times that of each text.
MAX_PATTERN: Final = 256

_COMPARE: Final[Mapping[Operator, Callable[[Any, Any], Any]]] = MappingProxyType(
    {
        Operator.EQUAL: operator.eq,
        Operator.LESS: operator.lt,
        Operator.LESS_OR_EQUAL: operator.le,
        Operator.GREATER: operator.gt,
        Operator.GREATER_OR_EQUAL: operator.ge,
    }
)


def matching(name: str, text: str, *, now: datetime | None = None) -> Condition:
    """The condition that a filter makes on the rows of a list: `models`, `live`, `versions`, `promotions` or
    `deployments`. The statement selects from the list's table, and where that isn't `models` itself joins `models`.
    `now`: what times in the filter count from, as `paging.pinned` gives it; None: none may.

    :raises InvalidFilter: the text is no filter of this list.
    """

    filterable = LISTS[name]
    return compiled(parse(text, filterable.vocabulary, now=now), filterable)


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
    """What `condition` says of the operand's value; of values in rows, that there is a row of which it says so."""

    if isinstance(operand, Literal):
        return condition(_literal(operand.value))
    assert isinstance(operand, Reference), "lists have no arithmetic"
    found = _values_of(operand, filterable)
    if isinstance(found, Attribute):
        return condition(found.column)
    rows = found.table.alias()
    return found.some(rows, operand.key, condition(_value(rows, found, operand.type)))


def _is_null(reference: Reference, filterable: Filterable) -> Condition:
    found = _values_of(reference, filterable)
    if isinstance(found, Attribute):
        return found.column.is_(None)
    rows = found.table.alias()
    return ~found.some(rows, reference.key, rows.c[found.value].is_not(None))


def _values_of(reference: Reference, filterable: Filterable) -> Attribute | Rows:
    among = filterable.attributes if reference.key is None else filterable.spaces
    return among[reference.name]


def _value(rows: FromClause, found: Rows, wanted: Type) -> Value:
    """The column that a value is read from; a param has one as text and one as a number."""

    if found.type is not Type.MIXED or wanted in {Type.TEXT, Type.MIXED}:
        return rows.c[found.value]
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
