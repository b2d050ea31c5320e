"""Facets: what is asked for, and the answer as a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from registry_service.cli.text import count, table
from registry_service.client import Facets

F = TypeVar("F", bound=Callable[..., Any])


def facet_options(command: F) -> F:
    """The fields, among what, and how many values of each."""

    which = click.option(
        "--filter", "where", metavar="EXPRESSION", help="Among what matches, such as \"stage = 'production'\"."
    )
    most = click.IntRange(1, 100)
    limit = click.option("--limit", type=most, default=10, show_default=True, help="Values of each field.")
    return click.argument("fields", nargs=-1, required=True)(which(limit(command)))


def facets_text(found: Facets, what: str) -> str:
    """:param what: what was counted: `version`, `model`"""

    rows: list[tuple[str, str | float, int | None]] = []
    for facet in found.facets:
        rows += [(facet.field, one.value, one.count) for one in facet.values]
        rows += [(facet.field, "(none)", facet.lacking)] if facet.lacking else []
        rows += [(facet.field, "(more)", None)] if facet.more else []
    of = "" if found.complete else ", the newest; there are more"
    shown = table(["field", "value", f"{what}s"], rows, empty="Nothing has these.")
    return f"{shown}\nof {count(found.counted, what)}{of}"
