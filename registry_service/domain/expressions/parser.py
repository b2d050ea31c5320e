"""Tokens to a checked tree, by recursive descent. Precedence, from loose to tight: OR, AND, NOT, comparison, sum,
product. Every name and type is checked here, so that whoever holds a tree need not."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, NamedTuple

from registry_service.domain.expressions.lexer import Kind, Token, invalid, tokens
from registry_service.domain.expressions.moments import moment
from registry_service.domain.expressions.patterns import symbols
from registry_service.domain.expressions.tree import (
    And,
    Arithmetic,
    ArithmeticOperator,
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
    Truth,
    Type,
)
from registry_service.domain.expressions.vocabulary import UnknownName, Vocabulary

MAX_TERMS: Final = 100
MAX_NESTING: Final = 20

_COMPARISONS: Final = frozenset({"!=", *Operator})
_SUMS: Final = ("+", "-")
_PRODUCTS: Final = ("*", "/")


class _Value(NamedTuple):
    """Something that a comparison may compare, and where it stands."""

    node: Operand
    column: int

    @property
    def type(self) -> Type:
        if isinstance(self.node, Reference):
            return self.node.type
        if isinstance(self.node, Literal):
            return _type_of(self.node.value)
        return Type.NUMBER


def parse(text: str, vocabulary: Vocabulary, *, now: datetime | None = None) -> Expression:
    """:param now: what times that count from now count from; None: where none may stand, such as in conditions, which
        would otherwise come true by themselves.
    :raises InvalidFilter: the text is no expression over this vocabulary, or it is too long (4 KiB), has too many
        terms (100 comparisons and operations) or is nested too deep (20); `details["column"]` says where, from 1.
    """

    return _Parser(tokens(text), vocabulary, now).whole()


def speaks_of_now(text: str) -> bool:
    """Whether a time in the text counts from now.

    :raises InvalidFilter: it is no text of the language.
    """

    return any(token.kind is Kind.MOMENT for token in tokens(text))


class _Parser:
    def __init__(self, found: list[Token], vocabulary: Vocabulary, now: datetime | None) -> None:
        self._tokens = found
        self._vocabulary = vocabulary
        self._now = now
        self._position = 0
        self._terms = 0
        self._nesting = 0

    def whole(self) -> Expression:
        tree = self._condition(self._either())
        if self._here.kind is not Kind.END:
            raise invalid(f"expected AND, OR or the end, found {self._here}", self._here.column)
        return tree

    # ------------------------------------------------------------------------------------------------- logic

    def _either(self) -> Expression | _Value:
        first = self._both()
        if not self._at("OR"):
            return first
        terms = [self._condition(first)]
        while self._take("OR"):
            terms.append(self._condition(self._both()))
        return Or(tuple(terms))

    def _both(self) -> Expression | _Value:
        first = self._negation()
        if not self._at("AND"):
            return first
        terms = [self._condition(first)]
        while self._take("AND"):
            terms.append(self._condition(self._negation()))
        return And(tuple(terms))

    def _negation(self) -> Expression | _Value:
        if not self._at("NOT"):
            return self._comparison()
        self._enter(self._next())
        term = self._condition(self._negation())
        self._nesting -= 1
        return Not(term)

    def _condition(self, found: Expression | _Value) -> Expression:
        """A boolean may stand by itself; other values need something to be compared with."""

        if not isinstance(found, _Value):
            return found
        if isinstance(found.node, Reference) and found.type in {Type.BOOLEAN, Type.MIXED}:
            self._count(found.column)
            return Truth(replace(found.node, type=Type.BOOLEAN))
        raise invalid(f"expected a comparison such as = or IN, found {self._here}", self._here.column)

    # ------------------------------------------------------------------------------------------- comparisons

    def _comparison(self) -> Expression | _Value:
        left = self._sum()
        if not isinstance(left, _Value):
            return left
        token = self._here
        if token.kind is Kind.SYMBOL and token.text in _COMPARISONS:
            self._next()
            return self._compared(left, token, self._operand(self._sum()))
        if token.kind is Kind.KEYWORD and token.text in {"NOT", "IN", "LIKE", "ILIKE", "IS"}:
            return self._test(left)
        return left

    def _compared(self, left: _Value, token: Token, right: _Value) -> Expression:
        self._count(token.column)
        if not _mentions_any(left.node) and not _mentions_any(right.node):
            raise invalid("a comparison needs a name on one side", left.column)
        left, right = _aligned(left, right)
        if token.text == "!=":
            return Not(Comparison(Operator.EQUAL, left.node, right.node))
        if left.type is Type.BOOLEAN and token.text != Operator.EQUAL:
            raise invalid(f"true and false have no order; use = or != instead of {token}", token.column)
        return Comparison(Operator(token.text), left.node, right.node)

    def _test(self, left: _Value) -> Expression:
        if not isinstance(left.node, Reference):
            raise invalid(f"{self._here} tests a name, and this is none", left.column)
        self._count(self._here.column)
        if self._take("IS"):
            negated = self._take("NOT")
            self._expect("NULL")
            return _negated(IsNull(left.node), negated)
        negated = self._take("NOT")
        if self._at("IN"):
            return _negated(self._in(left.node, left.column), negated)
        if self._at("LIKE") or self._at("ILIKE"):
            return _negated(self._like(left.node, left.column), negated)
        raise invalid(f"expected IN, LIKE or ILIKE after NOT, found {self._here}", self._here.column)

    def _in(self, reference: Reference, column: int) -> In:
        self._expect("IN")
        self._expect("(")
        values: list[Scalar] = []
        left = _Value(reference, column)
        while True:
            left, item = _aligned(left, self._literal())
            assert isinstance(item.node, Literal)
            values.append(item.node.value)
            if not self._take(","):
                break
        self._expect(")")
        assert isinstance(left.node, Reference)
        return In(left.node, tuple(values))

    def _like(self, reference: Reference, column: int) -> Like:
        token, pattern = self._next(), self._next()
        if reference.type not in {Type.TEXT, Type.MIXED}:
            raise invalid(f"{token} tests text, and this is {reference.type}", column)
        if pattern.kind is not Kind.TEXT:
            raise invalid(f"expected a pattern in quotes after {token}, found {pattern}", pattern.column)
        try:
            symbols(pattern.text)
        except ValueError as error:
            raise invalid(str(error), pattern.column) from error
        return Like(replace(reference, type=Type.TEXT), pattern.text, ignore_case=token.text == "ILIKE")

    # ------------------------------------------------------------------------------------------------ values

    def _sum(self) -> Expression | _Value:
        left = self._product()
        while self._here.kind is Kind.SYMBOL and self._here.text in _SUMS:
            left = self._computed(left, self._next(), self._product())
        return left

    def _product(self) -> Expression | _Value:
        left = self._primary()
        while self._here.kind is Kind.SYMBOL and self._here.text in _PRODUCTS:
            left = self._computed(left, self._next(), self._primary())
        return left

    def _computed(self, left: Expression | _Value, token: Token, right: Expression | _Value) -> _Value:
        if not self._vocabulary.arithmetic:
            raise invalid(f"lists don't compute; leave {token} out", token.column)
        self._count(token.column)
        sides = (_number(left, token), _number(right, token))
        return _Value(Arithmetic(ArithmeticOperator(token.text), *sides), token.column)

    def _primary(self) -> Expression | _Value:
        token = self._here
        if token.text == "(" and token.kind is Kind.SYMBOL:
            self._enter(self._next())
            found = self._either()
            self._expect(")")
            self._nesting -= 1
            return found
        if token.kind is Kind.NAME:
            self._next()
            try:
                return _Value(self._vocabulary.resolve(token.path, quoted=token.quoted), token.column)
            except UnknownName as error:
                raise invalid(str(error), token.column) from error
        return self._literal()

    def _operand(self, found: Expression | _Value) -> _Value:
        if not isinstance(found, _Value):
            raise invalid("expected a value, found a condition", self._tokens[self._position - 1].column)
        return found

    def _literal(self) -> _Value:
        token = self._here
        if token.kind is Kind.TEXT:
            return _Value(Literal(self._next().text), token.column)
        if token.kind is Kind.KEYWORD and token.text in {"TRUE", "FALSE"}:
            return _Value(Literal(self._next().text == "TRUE"), token.column)
        if token.kind is Kind.MOMENT:
            return _Value(Literal(self._moment(self._next())), token.column)
        sign = -1.0 if self._take("-") else 1.0
        if self._here.kind is not Kind.NUMBER:
            raise invalid(f"expected a value, found {self._here}", self._here.column)
        number = float(self._here.text)
        if not math.isfinite(number):
            raise invalid("this number is too large", self._here.column)
        self._next()
        return _Value(Literal(sign * number + 0.0), token.column)  # adding zero makes -0.0 a plain 0.0

    def _moment(self, token: Token) -> datetime:
        if self._now is None:
            raise invalid("nothing counts from now here; write the time, such as '2026-03-03T12:00:00Z'", token.column)
        try:
            return moment(token.text, self._now)
        except ValueError as error:
            raise invalid(str(error), token.column) from error

    # ------------------------------------------------------------------------------------------------ tokens

    @property
    def _here(self) -> Token:
        return self._tokens[self._position]

    def _next(self) -> Token:
        token = self._here
        self._position += 1
        return token

    def _at(self, text: str) -> bool:
        return self._here.text == text and self._here.kind in {Kind.KEYWORD, Kind.SYMBOL}

    def _take(self, text: str) -> bool:
        taken = self._at(text)
        self._position += taken
        return taken

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise invalid(f"expected {text}, found {self._here}", self._here.column)

    def _count(self, column: int) -> None:
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise invalid(f"more than {MAX_TERMS} comparisons and operations; ask in several steps", column)

    def _enter(self, token: Token) -> None:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise invalid(f"nested deeper than {MAX_NESTING}; write it flatter", token.column)


def _negated(tree: Expression, negated: bool) -> Expression:  # noqa: FBT001 - whether NOT was read
    return Not(tree) if negated else tree


def _number(found: Expression | _Value, token: Token) -> Operand:
    if not isinstance(found, _Value):
        raise invalid(f"{token} computes with numbers, not with conditions", token.column)
    if isinstance(found.node, Reference) and found.type is Type.MIXED:
        return replace(found.node, type=Type.NUMBER)
    if found.type is not Type.NUMBER:
        raise invalid(f"{token} computes with numbers, and this is {found.type}", found.column)
    return found.node


def _mentions_any(operand: Operand) -> bool:
    if isinstance(operand, Arithmetic):
        return _mentions_any(operand.left) or _mentions_any(operand.right)
    return isinstance(operand, Reference)


def _aligned(left: _Value, right: _Value) -> tuple[_Value, _Value]:
    """Both sides with one type.

    :raises InvalidFilter: they have none in common.
    """

    if left.type is Type.MIXED:
        left = _as_type(left, Type.TEXT if right.type is Type.MIXED else right.type)
    if right.type is Type.MIXED:
        right = _as_type(right, left.type)
    if left.type is Type.TIME and isinstance(right.node, Literal):
        right = _as_time(right)
    if right.type is Type.TIME and isinstance(left.node, Literal):
        left = _as_time(left)
    if left.type is not right.type:
        raise invalid(f"{left.type} can't be compared with {right.type}", right.column)
    return left, right


def _as_type(value: _Value, wanted: Type) -> _Value:
    """A param read as what it is compared with; nothing reads as a time but times."""

    assert isinstance(value.node, Reference)
    return value if wanted is Type.TIME else _Value(replace(value.node, type=wanted), value.column)


def _as_time(value: _Value) -> _Value:
    assert isinstance(value.node, Literal)
    if isinstance(value.node.value, datetime):
        return value
    try:
        moment = datetime.fromisoformat(str(value.node.value))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return _Value(Literal(moment.astimezone(UTC)), value.column)
    except (ValueError, OverflowError) as error:
        raise invalid(
            "expected a time such as '2026-03-03T12:00:00Z', or now-7d without quotes", value.column
        ) from error


def _type_of(value: Scalar) -> Type:
    if isinstance(value, bool):
        return Type.BOOLEAN
    if isinstance(value, str):
        return Type.TEXT
    return Type.TIME if isinstance(value, datetime) else Type.NUMBER
