"""An expression back to text, in one spelling: parsed again over the same vocabulary it gives the same tree."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

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
)
from registry_service.domain.quoting import quoted

_PRODUCTS: Final = frozenset({ArithmeticOperator.MULTIPLY, ArithmeticOperator.DIVIDE})
_PLAIN_KEY: Final = re.compile(r"\w+(?:\.\w+)*", re.ASCII)


def formatted(tree: Expression) -> str:
    """The text of an expression. It may be longer than what was parsed: times are written in full."""

    if isinstance(tree, Or):
        return " OR ".join(_grouped(term, Or) for term in tree.terms)
    if isinstance(tree, And):
        return " AND ".join(_grouped(term, Or, And) for term in tree.terms)
    if isinstance(tree, Not):
        return _negation(tree.term)
    return _test(tree, "")


def _negation(term: Expression) -> str:
    if isinstance(term, Comparison) and term.operator is Operator.EQUAL:
        return f"{_operand(term.left)} != {_operand(term.right)}"
    if isinstance(term, In | Like | IsNull):
        return _test(term, "NOT ")
    return f"NOT {_grouped(term, Or, And)}"


def _test(tree: Comparison | In | Like | IsNull | Truth, negation: str) -> str:
    if isinstance(tree, Comparison):
        return f"{_operand(tree.left)} {tree.operator} {_operand(tree.right)}"
    name = _operand(tree.reference)
    if isinstance(tree, In):
        return f"{name} {negation}IN ({', '.join(_scalar(value) for value in tree.values)})"
    if isinstance(tree, Like):
        return f"{name} {negation}{'ILIKE' if tree.ignore_case else 'LIKE'} {_scalar(tree.pattern)}"
    return f"{name} IS {negation}NULL" if isinstance(tree, IsNull) else name


def _grouped(tree: Expression, *looser: type) -> str:
    text = formatted(tree)
    return f"({text})" if isinstance(tree, looser) else text


def _operand(operand: Operand) -> str:
    if isinstance(operand, Arithmetic):
        return f"{_side(operand.left, operand)} {operand.operator} {_side(operand.right, operand, is_right=True)}"
    if isinstance(operand, Literal):
        return _scalar(operand.value)
    return named(operand)


def _side(operand: Operand, of: Arithmetic, *, is_right: bool = False) -> str:
    """Operations group from the left: parentheses where the tree does otherwise, so that a long sum needs none."""

    text = _operand(operand)
    if not isinstance(operand, Arithmetic):
        return text
    inner, outer = operand.operator in _PRODUCTS, of.operator in _PRODUCTS
    return f"({text})" if inner < outer or (is_right and inner == outer) else text


def named(reference: Reference) -> str:
    """What a reference is called in an expression."""

    name = f"current.{reference.name}" if reference.current else reference.name
    if reference.key is None:
        return name
    if _PLAIN_KEY.fullmatch(reference.key):
        return f"{name}.{reference.key}"
    return f"{name}.{quoted(reference.key, '`')}"


def _scalar(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return f"'{value.isoformat()}'"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return quoted(value)
