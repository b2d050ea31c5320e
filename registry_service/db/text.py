"""Text as the expression language has it, the same on both databases: ordered by code point, and matched with the
case of letters, or without that of ASCII ones."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, ColumnElement, Text, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from registry_service.domain.expressions.patterns import Wildcard, fold_ascii, symbols


def like(text: ColumnElement[str], pattern: str, *, ignore_case: bool) -> ColumnElement[bool]:
    """Whether the text fits the pattern, as `patterns.is_like` says."""

    if ignore_case:
        return _LikeIgnoringCase(text, _glob(fold_ascii(pattern)), literal(pattern, Text()))
    return _Like(text, _glob(pattern), literal(pattern, Text()))


class by_code_point(FunctionElement[str]):  # noqa: N801 - reads as a function in statements
    """Text that is ordered by code point, whatever the locale of the database."""

    inherit_cache = True
    name = "by_code_point"
    type = Text()


@compiles(by_code_point, "sqlite")
def _by_code_point_sqlite(element: by_code_point, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)


@compiles(by_code_point, "postgresql")
def _by_code_point_postgresql(element: by_code_point, compiler: SQLCompiler, **kw: Any) -> str:
    return f'({compiler.process(element.clauses, **kw)} COLLATE "C")'


class _Like(FunctionElement[bool]):
    """Text, the pattern for GLOB, the pattern for LIKE. SQLite's LIKE ignores the case of ASCII letters, and a pragma
    changes that for a whole connection; its GLOB never does."""

    inherit_cache = True
    name = "like"
    type = Boolean()
    _is_implicitly_boolean = True


class _LikeIgnoringCase(_Like):
    """The same, ignoring the case of ASCII letters; the pattern for GLOB is in lower case."""

    inherit_cache = True
    name = "ilike"


@compiles(_Like, "sqlite")
def _like_sqlite(element: _Like, compiler: SQLCompiler, **kw: Any) -> str:
    text, glob, _ = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"({text} GLOB {glob})"


@compiles(_LikeIgnoringCase, "sqlite")
def _ilike_sqlite(element: _LikeIgnoringCase, compiler: SQLCompiler, **kw: Any) -> str:
    text, glob, _ = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"(lower({text}) GLOB {glob})"


@compiles(_Like, "postgresql")
def _like_postgresql(element: _Like, compiler: SQLCompiler, **kw: Any) -> str:
    return _like_in("LIKE", element, compiler, **kw)


@compiles(_LikeIgnoringCase, "postgresql")
def _ilike_postgresql(element: _LikeIgnoringCase, compiler: SQLCompiler, **kw: Any) -> str:
    # In the collation "C", PostgreSQL too knows the case of ASCII letters only.
    return _like_in("ILIKE", element, compiler, **kw)


def _like_in(word: str, element: _Like, compiler: SQLCompiler, **kw: Any) -> str:
    text, _, pattern = element.clauses
    return f'({compiler.process(text, **kw)} COLLATE "C" {word} {compiler.process(pattern, **kw)})'


def _glob(pattern: str) -> ColumnElement[str]:
    """The same pattern for GLOB, where `*`, `?` and `[` are special and a class of one takes their meaning."""

    signs = {Wildcard.ANY: "*", Wildcard.ONE: "?", "*": "[*]", "?": "[?]", "[": "[[]"}
    return literal("".join(signs.get(symbol, str(symbol)) for symbol in symbols(pattern)), Text())
