"""What an expression says of facts: true, false, or, where a value is missing, neither (Kleene's logic of three
values).

Filters and policies then differ in what they make of "neither", on purpose:

- `matches`: a comparison with a missing value is not true, and everything above it is plain logic of two values. So
  `tags.team = 'a'` doesn't find what has no such tag, while `tags.team != 'a'` and `NOT tags.team = 'a'` do, and every
  filter finds exactly what its `NOT` doesn't.
- `applies`: a rule whose condition can't be settled applies. Nobody escapes a review by leaving a metric out.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from datetime import datetime
from types import MappingProxyType
from typing import Final

import msgspec

from registry_service.domain.expressions.patterns import is_like
from registry_service.domain.expressions.tree import (
    And,
    Arithmetic,
    ArithmeticOperator,
    Atom,
    Comparison,
    Expression,
    In,
    IsNull,
    Like,
    Literal,
    Not,
    Operand,
    Operator,
    Or,
    Reference,
    Scalar,
    Type,
)

Lookup = Callable[[Reference], Scalar | None]
"""The value that a reference has, None where it has none. Times are aware."""

_COMPARE: Final = MappingProxyType(
    {
        Operator.EQUAL: operator.eq,
        Operator.LESS: operator.lt,
        Operator.LESS_OR_EQUAL: operator.le,
        Operator.GREATER: operator.gt,
        Operator.GREATER_OR_EQUAL: operator.ge,
    }
)
_COMPUTE: Final = MappingProxyType(
    {
        ArithmeticOperator.ADD: operator.add,
        ArithmeticOperator.SUBTRACT: operator.sub,
        ArithmeticOperator.MULTIPLY: operator.mul,
        ArithmeticOperator.DIVIDE: operator.truediv,
    }
)


def evaluate(tree: Expression, lookup: Lookup) -> bool | None:
    """True, False, or None where a missing value leaves it open. A value of another type than the reference's counts
    as missing, and so does the result of arithmetic that isn't finite (a division by zero)."""

    if isinstance(tree, And):
        return _all(evaluate(term, lookup) for term in tree.terms)
    if isinstance(tree, Or):
        return _not(_all(_not(evaluate(term, lookup)) for term in tree.terms))
    if isinstance(tree, Not):
        return _not(evaluate(tree.term, lookup))
    return _judge(tree, lookup)


def matches(tree: Expression, lookup: Lookup) -> bool:
    """Whether a filter finds what has these values."""

    if isinstance(tree, And):
        return all(matches(term, lookup) for term in tree.terms)
    if isinstance(tree, Or):
        return any(matches(term, lookup) for term in tree.terms)
    if isinstance(tree, Not):
        return not matches(tree.term, lookup)
    return _judge(tree, lookup) is True


def applies(tree: Expression, lookup: Lookup) -> bool:
    """Whether a rule with this condition applies."""

    return evaluate(tree, lookup) is not False


def _all(terms: Iterable[bool | None]) -> bool | None:
    answer: bool | None = True
    for term in terms:
        if term is False:
            return False
        if term is None:
            answer = None
    return answer


def _not(term: bool | None) -> bool | None:  # noqa: FBT001 - a value of the logic, not a switch
    return None if term is None else not term


def _judge(atom: Atom, lookup: Lookup) -> bool | None:
    if isinstance(atom, Comparison):
        left, right = _value(atom.left, lookup), _value(atom.right, lookup)
        return None if left is None or right is None else bool(_COMPARE[atom.operator](left, right))
    if isinstance(atom, IsNull):
        return lookup(atom.reference) is None
    value = _value(atom.reference, lookup)
    if value is None:
        return None
    if isinstance(atom, In):
        return value in atom.values
    if isinstance(atom, Like):
        return is_like(str(value), atom.pattern, ignore_case=atom.ignore_case)
    return bool(value)


def _value(operand: Operand, lookup: Lookup) -> Scalar | None:
    if isinstance(operand, Literal):
        return operand.value
    if isinstance(operand, Reference):
        return read_as(operand.type, lookup(operand))
    return _compute(operand, lookup)


def _compute(node: Arithmetic, lookup: Lookup) -> float | None:
    left, right = _value(node.left, lookup), _value(node.right, lookup)
    if not isinstance(left, float) or not isinstance(right, float):
        return None
    try:
        result: float = _COMPUTE[node.operator](left, right)
    except ZeroDivisionError:
        return None
    return result if math.isfinite(result) else None


def read_as(wanted: Type, value: Scalar | None) -> Scalar | None:
    """The value as the type that it is compared as; None where it has no such reading. What a param says as text, the
    database keeps as JSON text, and so it reads here: `true`, `0.5`."""

    if value is None or wanted is Type.TIME:
        return value if isinstance(value, datetime) else None
    if wanted is Type.NUMBER:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if wanted is Type.BOOLEAN:
        return {"true": True, "false": False}.get(text)
    return text
