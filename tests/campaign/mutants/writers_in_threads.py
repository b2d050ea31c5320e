"""Each write gets a connection of its own in a thread of its own, and doesn't wait for others: as with a driver's
defaults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from registry_service.db import sqlite
from registry_service.db.sqlite_connection import close, driver_of
from registry_service.db.sqlite_writer import GroupCommitWriter, _command_failure
from tests.campaign.mutants import put


class Threads(GroupCommitWriter):
    async def submit(self, command: Callable[[Any], Any]) -> Any:
        return await asyncio.to_thread(self._alone, command)

    def _alone(self, command: Callable[[Any], Any]) -> Any:
        connection = self._connect()
        driver = driver_of(connection)
        try:
            driver.execute("PRAGMA busy_timeout = 0")
            driver.execute("BEGIN")
            result = command(connection)
            driver.execute("COMMIT")
        except Exception as error:
            raise _command_failure(error) from error
        finally:
            close(connection)
        return result


def plant() -> None:
    put(sqlite.SqliteDatabase, "writer_class", Threads)
