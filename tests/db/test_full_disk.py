"""A disk that fills up inside a group of commands that share one commit.

The commands of a group are submitted while the writer is held up, so that they are one group for certain. What counts
afterwards: whatever was answered is there, whatever is there was answered, everybody else got an error that says
"try again", and when there is room again the service goes on by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from registry_service.db.sqlite import SqliteDatabase
from registry_service.domain.errors import NotFound, StorageFull, Unavailable
from tests.campaign.mutants.full_disk_ignored import CarelessWriter
from tests.db.counters import add, counters, make_counters, names_of

MEBIBYTE = 1024 * 1024
BIG = "x" * MEBIBYTE


class CarelessDatabase(SqliteDatabase):
    """The planted fault."""

    writer_class = CarelessWriter


def add_big(name: str) -> Callable[[Connection], str]:
    """More than fits: its rows need pages beyond the limit."""

    def command(connection: Connection) -> str:
        for part in range(8):
            connection.execute(insert(counters).values(name=f"{name}-{part}-{BIG}", value=part))
        return name

    return command


def add_and_conceal(name: str) -> Callable[[Connection], str]:
    """As `add_big`, and makes a refusal of its own out of whatever happened."""

    def command(connection: Connection) -> str:
        try:
            return add_big(name)(connection)
        except Exception as error:
            raise NotFound("Something else.") from error

    return command


def add_nested(name: str) -> Callable[[Connection], str]:
    """As `add_big`, in a nested transaction, which by then is gone and can't be undone by itself."""

    def command(connection: Connection) -> str:
        with connection.begin_nested():
            return add_big(name)(connection)

    return command


async def as_one_group(database: SqliteDatabase, commands: list[Callable[[Connection], str]]) -> list[object]:
    held, go_on = threading.Event(), threading.Event()

    def hold(_connection: Connection) -> None:
        held.set()
        assert go_on.wait(10)

    holding = asyncio.ensure_future(database.write(hold))
    assert await asyncio.to_thread(held.wait, 10)
    answers = [asyncio.ensure_future(database.write(command)) for command in commands]
    await asyncio.sleep(0)
    go_on.set()
    await holding
    return list(await asyncio.gather(*answers, return_exceptions=True))


def acknowledged(answers: list[object]) -> set[str]:
    return {answer for answer in answers if isinstance(answer, str)}


@contextlib.asynccontextmanager
async def running(database: SqliteDatabase) -> AsyncIterator[SqliteDatabase]:
    await database.start()
    try:
        yield database
    finally:
        await database.stop()


# ------------------------------------------------------------------------ SQLITE_FULL while a command is running


def limited(path: Path, database_class: type[SqliteDatabase] = SqliteDatabase) -> SqliteDatabase:
    """A database of at most four MiB: SQLite itself says SQLITE_FULL at the next page, as on a full disk."""
    return database_class(path, pragmas={"max_page_count": 1024})


async def test_a_full_disk_takes_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    async with running(limited(tmp_path / "registry.db")) as database:
        await make_counters(database, "before")
        answers = await as_one_group(database, [add("first"), add_big("big"), add("last")])
        assert [type(answer) for answer in answers] == [StorageFull] * 3
        assert await database.view(names_of) == {"before"}
        # No restart, and what still fits is written.
        assert await database.write(add("after")) == "after"
        assert await database.view(names_of) == {"before", "after"}
        await database.check()


async def test_the_same_story_shows_the_loss_where_the_writer_is_careless(tmp_path: Path) -> None:
    async with running(limited(tmp_path / "registry.db", CarelessDatabase)) as database:
        await make_counters(database, "before")
        answers = await as_one_group(database, [add("first"), add_big("big"), add("last")])
        assert "first" in acknowledged(answers)
        assert "first" not in await database.view(names_of)


@pytest.mark.parametrize("add_too_much", [add_and_conceal, add_nested])
async def test_a_command_that_conceals_the_full_disk_deceives_nobody(
    tmp_path: Path, add_too_much: Callable[[str], Callable[[Connection], str]]
) -> None:
    async with running(limited(tmp_path / "registry.db")) as database:
        await make_counters(database)
        answers = await as_one_group(database, [add("first"), add_too_much("big"), add("last")])
        assert [type(answer) for answer in answers] == [StorageFull] * 3
        assert await database.view(names_of) == set()


async def test_a_command_that_ends_the_transaction_by_itself_is_found_out(tmp_path: Path) -> None:
    def rude(connection: Connection) -> str:
        connection.exec_driver_sql("ROLLBACK")
        return "rude"

    async with running(SqliteDatabase(tmp_path / "registry.db")) as database:
        await make_counters(database)
        answers = await as_one_group(database, [add("first"), rude, add("last")])
        assert acknowledged(answers) == set()
        assert await database.view(names_of) == set()
        assert await database.write(add("after")) == "after"


# --------------------------------------------------------------------------------- failures of COMMIT's own writes


@contextlib.contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    """No file of this process grows beyond `limit` bytes: writing there fails with EFBIG, for SQLite an I/O error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_an_io_error_at_the_commit_fails_the_group_and_nothing_else(tmp_path: Path) -> None:
    async with running(SqliteDatabase(tmp_path / "registry.db")) as database:
        await make_counters(database, "before")
        log = tmp_path / "registry.db-wal"
        with file_size_limit(log.stat().st_size + 1):
            answers = await as_one_group(database, [add("first"), add("last")])
            assert [isinstance(answer, Unavailable) for answer in answers] == [True, True]
            assert await database.view(names_of) == {"before"}
        assert await database.write(add("after")) == "after"
        assert await database.view(names_of) == {"before", "after"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(tmp_path)], capture_output=True, text=True, check=False
    )
    if mount.returncode:
        pytest.skip(f"no file system may be mounted here: {mount.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


async def test_a_disk_that_fills_up_at_the_commit_fails_the_group_until_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    async with running(SqliteDatabase(small_disk / "registry.db")) as database:
        await make_counters(database, "before")
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        for _ in range(3):
            answers = await as_one_group(database, [add("first"), add("last")])
            assert [type(answer) for answer in answers] == [StorageFull, StorageFull]
            assert await database.view(names_of) == {"before"}
        ballast.unlink()
        answers = await as_one_group(database, [add("first"), add("last")])
        assert acknowledged(answers) == {"first", "last"}
        assert await database.view(names_of) == {"before", "first", "last"}


async def test_what_was_acknowledged_before_and_after_a_full_disk_survives_reopening(small_disk: Path) -> None:
    path = small_disk / "registry.db"
    kept: set[str] = set()
    async with running(SqliteDatabase(path)) as database:
        await make_counters(database)
        for turn in range(40):  # until long after the disk is full: a quarter of a MiB each
            name = f"{turn}-" + "x" * (MEBIBYTE // 4)
            kept |= acknowledged(await as_one_group(database, [add(name), add(f"small-{turn}")]))
    async with running(SqliteDatabase(path)) as database:
        assert await database.view(names_of) == kept
    assert kept
