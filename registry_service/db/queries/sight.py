"""What an actor may see, as a condition: lists and counts filter in SQL, so that nothing out of sight leaves a trace
in totals, cursors or page sizes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, true

from registry_service.db.view import View
from registry_service.domain.permissions import Action, readable_patterns


def in_sight(view: View, action: Action, model_name: ColumnElement[Any]) -> ColumnElement[bool]:
    """Models on which the actor may do `action`, by name."""

    granted, scoped = readable_patterns(view.actor, action)
    return and_(_one_of(view, model_name, granted), _one_of(view, model_name, scoped))


def name_matches(view: View, name: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
    """A name pattern (`*`, `?`; other characters are those of names) as a condition with the sense of `Scope.covers`:
    over the whole name and case-sensitive, which LIKE is on PostgreSQL only and GLOB on SQLite only."""

    if not any(sign in pattern for sign in "*?"):
        return name == pattern
    if view.connection.dialect.name == "sqlite":
        return name.op("GLOB", is_comparison=True)(pattern)
    escaped = pattern.replace("_", r"\_").replace("*", "%").replace("?", "_")
    return name.like(escaped, escape="\\")


def _one_of(view: View, name: ColumnElement[Any], patterns: tuple[str, ...]) -> ColumnElement[bool]:
    if "*" in patterns:
        return true()
    return or_(false(), *(name_matches(view, name, pattern) for pattern in patterns))
