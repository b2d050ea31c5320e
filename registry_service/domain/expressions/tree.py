"""An expression, parsed and checked. `!=`, `NOT IN`, `NOT LIKE` and `IS NOT NULL` are `Not` around their opposites."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

Scalar = str | float | bool | datetime


class Type(StrEnum):
    """What a value compares with. MIXED is that of params: it takes on the type of the other side."""

    TEXT = "text"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    TIME = "a time"
    MIXED = "text or a number"


@dataclass(frozen=True, slots=True)
class Reference:
    """An attribute (`key` is None), or a key of a space such as `tags`. `type` is what its value is read as;
    `current` takes it from the version that is current in the stage."""

    name: str
    type: Type
    key: str | None = None
    current: bool = False


@dataclass(frozen=True, slots=True)
class Literal:
    value: Scalar


class ArithmeticOperator(StrEnum):
    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    operator: ArithmeticOperator
    left: Operand
    right: Operand


Operand = Reference | Literal | Arithmetic


class Operator(StrEnum):
    EQUAL = "="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both sides have the same type; one of them at least holds a reference."""

    operator: Operator
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class In:
    reference: Reference
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Like:
    reference: Reference
    pattern: str
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class IsNull:
    reference: Reference


@dataclass(frozen=True, slots=True)
class Truth:
    """A boolean that stands by itself: `signature.changed`."""

    reference: Reference


@dataclass(frozen=True, slots=True)
class Not:
    term: Expression


@dataclass(frozen=True, slots=True)
class And:
    terms: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    terms: tuple[Expression, ...]


Atom = Comparison | In | Like | IsNull | Truth
Expression = Atom | Not | And | Or


def references(tree: Expression | Operand) -> Iterator[Reference]:
    """All that the expression speaks of, in the order of its text; what it names twice comes twice."""

    if isinstance(tree, Reference):
        yield tree
    elif isinstance(tree, In | Like | IsNull | Truth):
        yield tree.reference
    else:
        for part in _parts(tree):
            yield from references(part)


def _parts(tree: Comparison | Arithmetic | Literal | Not | And | Or) -> tuple[Expression | Operand, ...]:
    if isinstance(tree, And | Or):
        return tree.terms
    if isinstance(tree, Not):
        return (tree.term,)
    return () if isinstance(tree, Literal) else (tree.left, tree.right)


def references_current(tree: Expression) -> bool:
    """Whether it looks at the version that is current in the stage."""

    return any(reference.current for reference in references(tree))
