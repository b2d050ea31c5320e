"""The writer answers its group before the COMMIT. On this fast disk the answer needs a moment to be on its way, hence
the pause."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from typing_extensions import override

from registry_service.db import sqlite
from registry_service.db.sqlite_connection import driver_of
from registry_service.db.sqlite_writer import GroupCommitWriter, _Job, _Outcome, _settle
from registry_service.failpoints import reach
from tests.campaign.mutants import put

SHOWN_AT: Final = ("writer.before_commit", "fdatasync")


class HastyWriter(GroupCommitWriter):
    @override
    def _run_group(self, group: Sequence[_Job]) -> list[_Outcome]:
        assert self._loop is not None
        if self._connection is None:
            self._connection = self._connect()
        driver = driver_of(self._connection)
        driver.execute("BEGIN IMMEDIATE")
        reach("writer.begun")
        outcomes = [self._run_job(self._connection, driver, job) for job in group]
        self._loop.call_soon_threadsafe(_settle, group, outcomes)
        time.sleep(0.02)
        reach("writer.before_commit")
        try:
            self._commit(driver)
        except Exception:
            self._close()
        return outcomes


def plant() -> None:
    put(sqlite.SqliteDatabase, "writer_class", HastyWriter)
