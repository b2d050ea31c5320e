"""The database as such."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import select

from registry_service.care.findings import Check, Look
from registry_service.db.tables import registry


def _damaged_pages(look: Look) -> Iterator[str]:
    # PostgreSQL has checksums and tools of its own for this (pg_amcheck).
    if look.is_sqlite:
        yield from (row[0] for row in look.pragma("integrity_check") if row[0] != "ok")


def _broken_references(look: Look) -> Iterator[str]:
    # PostgreSQL never lets one in.
    if look.is_sqlite:
        for row in look.pragma("foreign_key_check"):
            yield f"row {row.rowid} of {row.table} points to a row of {row.parent} that isn't there"


def _nameless_log(look: Look) -> Iterator[str]:
    if not list(look.rows(select(registry.c.value).where(registry.c.key == "epoch"))):
        yield "the log has no name, so no cursor can be checked; starting the service gives it one"


CHECKS: Final = (
    Check("database_damaged", "SQLite finds its file sound.", _damaged_pages),
    Check("reference_broken", "Every reference in the database leads to a row.", _broken_references),
    Check("log_unnamed", "The event log has an epoch.", _nameless_log),
)
