"""Looking into a database from outside, read-only; and the invariants that hold of any, whatever happened to it."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import asyncpg

Row = Sequence[Any]


class Rows(Protocol):
    """Runs one statement that both databases understand."""

    def __call__(self, sql: str, /) -> list[Row]: ...


def rows_of_sqlite(path: Path) -> Rows:
    def rows(sql: str) -> list[Row]:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    return rows


def rows_of_postgres(dsn: str) -> Rows:
    async def fetch(sql: str) -> list[Row]:
        connection = await asyncpg.connect(dsn)
        try:
            return [tuple(record) for record in await connection.fetch(sql)]
        finally:
            await connection.close()

    return lambda sql: asyncio.run(fetch(sql))


def rows_of(database_url: str) -> Rows:
    path = database_url.removeprefix("sqlite:///")
    return rows_of_postgres(database_url) if path == database_url else rows_of_sqlite(Path(path))


# Each answers the offending rows, of which there must be none.
INVARIANTS: dict[str, str] = {
    "a promotion is APPLIED and no stage has moved for it, or several times": """
        SELECT p.id, p.number, p.stage FROM promotions p WHERE p.phase = 'APPLIED'
        AND (SELECT count(*) FROM stage_history h WHERE h.promotion_id = p.id) <> 1""",
    "a stage has moved for a promotion that is not APPLIED, or to another version than it is about": """
        SELECT h.id, h.stage, h.number, p.phase FROM stage_history h LEFT JOIN promotions p ON p.id = h.promotion_id
        WHERE h.number IS NOT NULL AND (p.id IS NULL OR p.phase <> 'APPLIED' OR p.number <> h.number
        OR p.digest <> h.digest OR p.stage <> h.stage)""",
    "a stage points elsewhere than its history ends": """
        SELECT s.model_id, s.name, s.number, h.number FROM stages s LEFT JOIN stage_history h ON h.id =
        (SELECT max(id) FROM stage_history x WHERE x.model_id = s.model_id AND x.stage = s.name)
        WHERE s.number IS DISTINCT FROM h.number OR s.promotion_id IS DISTINCT FROM h.promotion_id""",
    "an entry of a stage's history doesn't begin where the one before ended": """
        SELECT h.id, h.stage, h.previous, b.number FROM stage_history h LEFT JOIN stage_history b ON b.id =
        (SELECT max(id) FROM stage_history x WHERE x.model_id = h.model_id AND x.stage = h.stage AND x.id < h.id)
        WHERE h.previous IS DISTINCT FROM b.number""",
    "the versions of a model are not numbered from 1 to its last number": """
        SELECT m.name, m.last_number, count(v.number), max(v.number) FROM models m
        LEFT JOIN versions v ON v.model_id = m.id GROUP BY m.id, m.name, m.last_number
        HAVING m.last_number <> count(v.number) OR m.last_number <> coalesce(max(v.number), 0)""",
    "a version has other files than it counts": """
        SELECT v.model_id, v.number, v.file_count, count(f.path) FROM versions v LEFT JOIN version_files f
        ON f.model_id = v.model_id AND f.number = v.number GROUP BY v.model_id, v.number, v.file_count, v.size
        HAVING v.file_count <> count(f.path) OR v.size <> coalesce(sum(f.size), 0)""",
    "a file of a version has no bytes that were received, or of another size": """
        SELECT f.model_id, f.number, f.path FROM version_files f LEFT JOIN blobs b ON b.digest = f.digest
        WHERE b.digest IS NULL OR b.size <> f.size""",
    "a model counts other revisions than its events tell": """
        SELECT m.name, m.revision, count(e.seq), count(DISTINCT e.revision), max(e.revision) FROM models m
        LEFT JOIN events e ON e.model_id = m.id GROUP BY m.id, m.name, m.revision
        HAVING m.revision <> count(e.seq) OR m.revision <> count(DISTINCT e.revision)
        OR m.revision <> coalesce(max(e.revision), 0)""",
    "the event log has gaps": """
        SELECT count(*), min(seq), max(seq) FROM events
        HAVING count(*) > 0 AND (min(seq) <> 1 OR max(seq) <> count(*))""",
    "two promotions hold leases on one stage": """
        SELECT model_id, stage, count(*) FROM promotions WHERE phase = 'APPLYING'
        GROUP BY model_id, stage HAVING count(*) > 1""",
    "a promotion is APPROVED or further and nobody approves it": """
        SELECT p.id, p.phase FROM promotions p WHERE p.kind = 'promotion' AND p.phase IN ('APPROVED', 'APPLYING',
        'APPLIED') AND NOT EXISTS (SELECT 1 FROM reviews r WHERE r.promotion_id = p.id AND r.verdict = 'approve'
        AND r.digest = p.digest)""",
}


def broken_invariants(rows: Rows) -> list[str]:
    found = []
    for what, sql in INVARIANTS.items():
        offending = rows(sql)
        if offending:
            found.append(f"{what}: {len(offending)} row(s), first {tuple(offending[0])}")
    return found


def damage(path: Path) -> list[str]:
    """What SQLite itself finds wrong with its file."""
    rows = rows_of_sqlite(path)
    told = [str(row[0]) for row in rows("PRAGMA integrity_check") if row[0] != "ok"]
    told += [f"row {row[1]} of {row[0]} points to nothing in {row[2]}" for row in rows("PRAGMA foreign_key_check")]
    return [f"the database is damaged: {line}" for line in told[:5]]


def event_counts(rows: Rows) -> Counter[tuple[str, str, str | None]]:
    counted = rows("SELECT kind, model_name, subject, count(*) FROM events GROUP BY kind, model_name, subject")
    return Counter({(kind, model, subject): number for kind, model, subject, number in counted})


class StoredBytes:
    """The files of a store that a database speaks of, hashed once: they never change."""

    def __init__(self, artifacts: Path) -> None:
        self._blobs = artifacts / "blobs" / "sha256"
        self._sound: set[str] = set()

    def missing(self, rows: Rows) -> list[str]:
        """Bytes that a row says are there, and that aren't, or are others."""
        found = []
        # What is being collected promises nothing any more.
        promised = (
            "SELECT digest, size FROM blobs WHERE condemned_at IS NULL UNION SELECT digest, size FROM version_files"
        )
        for digest, size in rows(promised):
            # Collected since it was read, and needed now: that would be the worst.
            if digest not in self._sound or not self._path(digest.removeprefix("sha256:")).exists():
                reason = self._unsound(digest.removeprefix("sha256:"), size)
                if reason is None:
                    self._sound.add(digest)
                else:
                    found.append(f"a row promises the bytes of {digest}, and {reason}")
        return found

    def _path(self, name: str) -> Path:
        return self._blobs / name[:2] / name

    def _unsound(self, name: str, size: int) -> str | None:
        path = self._path(name)
        if not path.exists():
            return "they are not in the store"
        data = path.read_bytes()
        if len(data) != size:
            return f"the store has {len(data)} of {size} bytes"
        return None if hashlib.sha256(data).hexdigest() == name else "the store has others"
