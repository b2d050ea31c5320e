"""Facets as a table."""

from __future__ import annotations

from registry_service.cli.text import count, table
from registry_service.client import Facets


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
