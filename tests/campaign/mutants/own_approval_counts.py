"""Who did the work may approve it."""

from __future__ import annotations

from registry_service.domain import reviewing


def plant() -> None:
    reviewing.excluded_people = lambda facts: {}
