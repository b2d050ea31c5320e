"""Locks inside a write command, held until its transaction ends.

On SQLite commands run one after the other, so there is nothing to lock. On PostgreSQL these are advisory transaction
locks. Rows are locked by SQLAlchemy's `with_for_update()`, which SQLite leaves out of the statement by itself.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection

from registry_service.db.postgres_connection import fetch

# Two-number advisory locks and one-number ones are distinct spaces in PostgreSQL, so no text key can hit this pair.
_EVENT_LOG = (0x4D52, 1)

POLICIES_LOCK = "policies"
"""Held by whoever changes policies, shared by whoever pins them: a forced change must find every open request."""

COLLECTION_LOCK = "collection"
"""Held by whoever condemns artifacts, shared by whoever pins them: what is pinned must not be condemned unseen."""


LINEAGE_LOCK = "lineage"
"""Held by whoever gives a version parents later: two who do so at once could close a circle that neither sees. And by
whoever deletes by a rule what nothing comes from, shared by whoever names a parent."""

RETENTION_LOCK = "retention"
"""Held by whoever writes retention rules, or takes a rule's turn."""


def blob_lock(digest: str) -> str:
    """Held by whoever writes the row of these bytes."""
    return f"blob {digest}"


def lock_event_log(connection: Connection) -> None:
    """Wait for the turn to number events. Take it last: every other writer waits from here to this commit.

    A database sequence is handed out in another order than transactions commit in, and a reader's cursor would skip
    the number that commits late. PostgreSQL makes a transaction visible before it releases its locks, so whoever holds
    this one sees every number allotted before.
    """

    if connection.dialect.name == "postgresql":
        fetch(connection, "SELECT pg_advisory_xact_lock($1, $2)", _EVENT_LOG)


def lock_key(connection: Connection, key: str) -> None:
    """Wait until no other transaction holds `key`: for what has no row to lock yet, such as a new idempotency key.

    Keys are hashed to 64 bits; two that collide wait for each other needlessly and nothing else.
    """

    if connection.dialect.name == "postgresql":
        fetch(connection, "SELECT pg_advisory_xact_lock($1)", (_number(key),))


def share_key(connection: Connection, key: str) -> None:
    """Wait until no other transaction holds `key` by `lock_key`, and keep them waiting; those who share it don't wait
    for each other. For reading what a change must not miss."""

    if connection.dialect.name == "postgresql":
        fetch(connection, "SELECT pg_advisory_xact_lock_shared($1)", (_number(key),))


def _number(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big", signed=True)
