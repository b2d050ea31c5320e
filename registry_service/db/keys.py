"""Versions by their keys: a small table to join, since SQLite goes through a whole table for `(a, b) IN (list)`."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import CTE, Integer, String, column, values

Key = tuple[str, int]
"""A model's id, and the number of a version."""


def these(keys: Iterable[Key], name: str) -> CTE:
    """The keys as rows of `model_id` and `number`."""
    columns = column("model_id", String), column("number", Integer)
    return values(*columns, name=name).data(list(keys)).cte(name)
