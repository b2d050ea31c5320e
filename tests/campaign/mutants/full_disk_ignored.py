"""The writer trusts that an error undoes its own command only: on a full disk, SQLite undoes the whole group."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Final

from typing_extensions import override

from registry_service.db.sqlite import SqliteDatabase
from registry_service.db.sqlite_writer import GroupCommitWriter
from tests.campaign.mutants import put

# Only where several commands share a transaction, which is tried after the single calls.
SHOWN_AT: Final = ()


class CarelessWriter(GroupCommitWriter):
    @override
    def _require_transaction(self, driver: sqlite3.Connection, cause: Exception | None) -> None:
        pass

    @override
    def _undo(self, driver: sqlite3.Connection) -> None:
        with contextlib.suppress(sqlite3.Error):
            super()._undo(driver)

    @override
    def _commit(self, driver: sqlite3.Connection) -> None:
        driver.commit()


def plant() -> None:
    put(SqliteDatabase, "writer_class", CarelessWriter)
