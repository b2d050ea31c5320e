"""The floor of writes: statements prepared by hand, in one writer thread with group commit, durable when answered.

No SQLAlchemy, no HTTP, no decisions: only the rows that a registration, or the life of a promotion, leaves behind, in
the tables and with the indexes of the registry, with synchronous=FULL.
"""

from __future__ import annotations

import asyncio
import itertools
import queue
import resource
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from registry_service.db.sqlite_connection import prepare

Statements = Callable[[sqlite3.Connection, str, int], None]
_EVENT = "INSERT INTO events (seq, at, kind, actor, model_id, model_name, revision, subject, data) SELECT max(seq) + 1, 1, ?, 'a', ?, 'm', 1, 's', '{}' FROM events"  # noqa: E501
_VERSION = "INSERT INTO versions (model_id, number, digest, metadata, description, people, file_count, size, created_at, created_by) VALUES (?, ?, ?, '{}', '', '[]', 0, 0, 1, 'a')"  # noqa: E501
_PROMOTION = "INSERT INTO promotions (id, kind, model_id, number, digest, stage, phase, policies, reason, people, requested_by, requested_at, expires_at, deadline_at, timed, revision) VALUES (?, 'promotion', ?, ?, ?, 'production', 'PENDING', '[]', '', '[]', 'a', 1, 1, 1, 0, 1)"  # noqa: E501


def register(driver: sqlite3.Connection, model: str, turn: int) -> None:
    """A version with two metrics, a param and a tag, and its event."""
    number = turn + 1
    driver.execute("UPDATE models SET last_number = ?, revision = revision + 1 WHERE id = ?", (number, model))
    driver.execute(_VERSION, (model, number, f"sha256:{turn:064x}"))
    driver.executemany(
        "INSERT INTO version_metrics (model_id, number, key, value) VALUES (?, ?, ?, ?)",
        [(model, number, "auc", 0.9), (model, number, "loss", 0.1)],
    )
    driver.execute(
        "INSERT INTO version_params (model_id, number, key, value) VALUES (?, ?, 'depth', '3')", (model, number)
    )
    driver.execute(
        "INSERT INTO version_tags (model_id, number, key, value) VALUES (?, ?, 'country', 'de')", (model, number)
    )
    driver.execute(_EVENT, ("version.registered", model))


def promote(driver: sqlite3.Connection, model: str, turn: int) -> None:
    """One registered, requested, approved, applied, and gone back from: five acts, here in one command."""
    register(driver, model, turn)
    promotion, number = f"p{turn}", turn + 1
    driver.execute(_PROMOTION, (promotion, model, number, f"sha256:{turn:064x}"))
    driver.execute(
        "INSERT INTO reviews (promotion_id, reviewer, verdict, comment, digest, at)"
        " VALUES (?, 'ben', 'approve', '', '', 1)",
        (promotion,),
    )
    for phase in ("APPROVED", "APPLIED"):
        driver.execute("UPDATE promotions SET phase = ? WHERE id = ?", (phase, promotion))
        driver.execute(_EVENT, (f"promotion.{phase.lower()}", model))
    for change in ("PROMOTED", "ROLLED_BACK"):
        driver.execute(
            "UPDATE stages SET number = ?, promotion_id = ? WHERE model_id = ? AND name = 'production'",
            (number, promotion, model),
        )
        driver.execute(
            "INSERT INTO stage_history (model_id, stage, change, number, actor, at, reason, revision)"
            " VALUES (?, 'production', ?, ?, 'a', 1, '', 1)",
            (model, change, number),
        )
        driver.execute(_EVENT, ("stage.moved", model))


def measure(path: Path, statements: Statements, *, clients: int, seconds: float, acts: int = 1) -> dict[str, float]:
    """So many clients, each sending its next command when the last one is durable."""
    return asyncio.run(_measure(path, statements, clients, seconds, acts))


async def _measure(path: Path, statements: Statements, clients: int, seconds: float, acts: int) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    waiting: queue.SimpleQueue[tuple[int, asyncio.Future[None]] | None] = queue.SimpleQueue()

    def answer_all(group: list[asyncio.Future[None]]) -> None:
        for answer in group:
            answer.set_result(None)

    def write() -> None:
        driver = sqlite3.connect(path, isolation_level=None)
        prepare(driver, {})
        models = [row[0] for row in driver.execute("SELECT id FROM models")]
        job = waiting.get()
        while job is not None:
            driver.execute("BEGIN IMMEDIATE")
            group = []
            while job is not None:
                group.append(job[1])
                driver.execute("SAVEPOINT command")
                statements(driver, models[job[0] % len(models)], job[0])
                driver.execute("RELEASE command")
                job = None if waiting.empty() else waiting.get()
            driver.execute("COMMIT")
            loop.call_soon_threadsafe(answer_all, group)
            job = waiting.get()
        driver.close()

    thread = threading.Thread(target=write)
    thread.start()
    probe = sqlite3.connect(path)
    first = (probe.execute("SELECT max(number) FROM versions").fetchone()[0] or 0) + 1
    probe.close()
    turns, times = itertools.count(first), []
    begun, used = time.perf_counter(), _cpu()

    async def go_on() -> None:
        while (started := time.perf_counter()) < begun + seconds:
            answer: asyncio.Future[None] = loop.create_future()
            waiting.put((next(turns), answer))
            await answer
            times.append(time.perf_counter() - started)

    await asyncio.gather(*(go_on() for _ in range(clients)))
    elapsed = time.perf_counter() - begun
    waiting.put(None)
    await asyncio.to_thread(thread.join)
    times.sort()
    return {
        "per_second": len(times) * acts / elapsed,
        "p50_ms": times[len(times) // 2] * 1000,
        "p99_ms": times[int(len(times) * 0.99)] * 1000,
        "cpu_us": (_cpu() - used) / len(times) / acts * 1e6,
    }


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
