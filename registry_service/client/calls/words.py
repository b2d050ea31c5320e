from __future__ import annotations

from registry_service.client.calls.call import Call, read
from registry_service.domain.entities import FoundText, Page


def search(q: str, *, limit: int | None = None) -> Call[Page[FoundText]]:
    """Models and versions whose name, tags and description have all words of `q`, the best first; the last word may be
    the beginning of one."""
    return read(Page[FoundText], "search", q=q, limit=limit)
