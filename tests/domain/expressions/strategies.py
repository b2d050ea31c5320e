"""Expressions, and values for them to speak of, for property tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from registry_service.domain.expressions import Expression, Reference, Scalar, Type, Vocabulary
from registry_service.domain.expressions.tree import (
    And,
    Arithmetic,
    ArithmeticOperator,
    Comparison,
    In,
    IsNull,
    Like,
    Literal,
    Not,
    Operand,
    Operator,
    Or,
    Truth,
)

VOCABULARY = Vocabulary(
    attributes={
        "name": Type.TEXT,
        "number": Type.NUMBER,
        "created_at": Type.TIME,
        "archived": Type.BOOLEAN,
        "signature.changed": Type.BOOLEAN,
    },
    spaces={"tags": Type.TEXT, "metrics": Type.NUMBER, "params": Type.MIXED},
    current=True,
    arithmetic=True,
)

Lookup = Callable[[Reference], Scalar | None]

# Small alphabets, so that comparisons come out either way, with what is special in patterns, quotes and SQL.
TEXTS = st.text("aAbß%_\\*?[]^'\"`-é", max_size=4)
NUMBERS = st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0, 7.0, 1e-3, 1e12, 1e300]) | st.floats(
    allow_nan=False, allow_infinity=False
).map(lambda number: number + 0.0)
TIMES = st.sampled_from([datetime(2026, 3, 3, tzinfo=UTC), datetime(2026, 3, 3, 12, 30, 0, 5, tzinfo=UTC)])
KEYS = st.sampled_from(["a", "b", "a.b", "a b", "`", '"', "in", "1"])
LITERALS: dict[Type, st.SearchStrategy[Any]] = {
    Type.TEXT: TEXTS | st.sampled_from(["true", "0.5", "1"]),
    Type.NUMBER: NUMBERS,
    Type.BOOLEAN: st.booleans(),
    Type.TIME: TIMES,
}


# A backslash stands only where it may.
PATTERNS = st.lists(
    st.sampled_from(["a", "A", "b", "%", "_", "\\%", "\\_", "\\\\", "*", "?", "[", "ß"]), max_size=6
).map("".join)


def references(vocabulary: Vocabulary, type_: Type) -> st.SearchStrategy[Reference]:
    """References that read as this type; a param reads as text, a number or a boolean."""

    fits = {type_} if type_ is Type.TIME else {type_, Type.MIXED}
    current = st.booleans() if vocabulary.current else st.just(value=False)
    attributes = [name for name, one in vocabulary.attributes.items() if one in fits]
    spaces = [name for name, one in vocabulary.spaces.items() if one in fits]
    return st.one_of(
        st.builds(Reference, st.sampled_from(attributes), st.just(type_), st.none(), current)
        if attributes
        else st.nothing(),
        st.builds(Reference, st.sampled_from(spaces), st.just(type_), KEYS, current) if spaces else st.nothing(),
    )


def operands(vocabulary: Vocabulary, type_: Type) -> st.SearchStrategy[Operand]:
    leaves: st.SearchStrategy[Operand] = references(vocabulary, type_) | st.builds(Literal, LITERALS[type_])
    if not vocabulary.arithmetic or type_ is not Type.NUMBER:
        return leaves
    return st.recursive(
        leaves, lambda inner: st.builds(Arithmetic, st.sampled_from(ArithmeticOperator), inner, inner), max_leaves=4
    )


def _can_be_said(sides: tuple[Operand, Operand], type_: Type) -> bool:
    """Two params compare as text: nothing tells the parser otherwise."""
    return type_ is Type.TEXT or any(not isinstance(side, Reference) or side.name != "params" for side in sides)


def _comparisons(vocabulary: Vocabulary, type_: Type) -> st.SearchStrategy[Expression]:
    operators = [Operator.EQUAL] if type_ is Type.BOOLEAN else list(Operator)
    named, any_ = references(vocabulary, type_), operands(vocabulary, type_)
    pairs = (st.tuples(named, any_) | st.tuples(any_, named)).filter(lambda sides: _can_be_said(sides, type_))
    return st.builds(lambda operator, sides: Comparison(operator, *sides), st.sampled_from(operators), pairs)


def _lists(vocabulary: Vocabulary, type_: Type) -> st.SearchStrategy[Expression]:
    values = st.lists(LITERALS[type_], min_size=1, max_size=3).map(tuple)
    return st.builds(In, references(vocabulary, type_), values)


def _gaps(vocabulary: Vocabulary) -> st.SearchStrategy[Expression]:
    """As a test that compares with nothing has it: a param stays what it is."""
    types = {**vocabulary.attributes, **vocabulary.spaces}
    any_: st.SearchStrategy[Reference] = st.one_of(*(references(vocabulary, type_) for type_ in LITERALS))
    return any_.map(lambda one: IsNull(replace(one, type=types[one.name])))


def expressions(vocabulary: Vocabulary = VOCABULARY) -> st.SearchStrategy[Expression]:
    atoms = st.one_of(
        *(_comparisons(vocabulary, type_) for type_ in LITERALS),
        *(_lists(vocabulary, type_) for type_ in LITERALS),
        _gaps(vocabulary),
        st.builds(Like, references(vocabulary, Type.TEXT), PATTERNS, st.booleans()),
        st.builds(Truth, references(vocabulary, Type.BOOLEAN)),
    )
    return st.recursive(
        atoms,
        lambda inner: (
            st.builds(Not, inner)
            | st.builds(lambda terms: And(tuple(terms)), st.lists(inner, min_size=2, max_size=3))
            | st.builds(lambda terms: Or(tuple(terms)), st.lists(inner, min_size=2, max_size=3))
        ),
        max_leaves=6,
    )


EXPRESSIONS = expressions()


_VALUES = st.fixed_dictionaries(
    {
        "name": st.none() | LITERALS[Type.TEXT],
        "number": st.none() | NUMBERS | st.integers(-3, 3),
        "created_at": st.none() | TIMES,
        "archived": st.none() | st.booleans(),
        "signature.changed": st.none() | st.booleans(),
        "tags": st.none() | LITERALS[Type.TEXT],
        "metrics": st.none() | NUMBERS,
        "params": st.none() | LITERALS[Type.TEXT] | NUMBERS | st.booleans() | st.integers(-3, 3),
    }
)


def _lookup(asked: dict[str, Any], current: dict[str, Any], missing: set[str]) -> Lookup:
    def lookup(reference: Reference) -> Scalar | None:
        value: Scalar | None = (current if reference.current else asked)[reference.name]
        return None if reference.key in missing else value

    return lookup


LOOKUPS: st.SearchStrategy[Lookup] = st.builds(_lookup, _VALUES, _VALUES, st.sets(KEYS, max_size=3))
"""Values for every reference, with gaps; the same at every call."""
