from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from registry_service.db.directory_lock import DirectoryLock
from registry_service.db.engine import open_database
from registry_service.db.sqlite import SqliteDatabase
from registry_service.domain.errors import DatabaseUnavailable, InvalidInput

HOLD = """
import sys, pathlib
from registry_service.db.directory_lock import DirectoryLock
DirectoryLock(pathlib.Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_told_who_is_there_and_gets_the_lock_when_that_one_is_killed(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"held\n"
        with pytest.raises(DatabaseUnavailable, match=f"in use by process {owner.pid}"):
            lock.acquire()
        owner.kill()
    lock.acquire()
    lock.release()


def test_the_lock_can_be_taken_again_after_its_release(tmp_path: Path) -> None:
    first, second = DirectoryLock(tmp_path), DirectoryLock(tmp_path)
    first.acquire()
    with pytest.raises(DatabaseUnavailable):
        second.acquire()
    first.release()
    first.release()
    second.acquire()
    second.release()


def test_a_directory_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseUnavailable, match="Make it writable"):
        DirectoryLock(tmp_path / "file" / "home").acquire()


async def test_only_one_database_runs_on_a_directory(tmp_path: Path) -> None:
    first, second = SqliteDatabase(tmp_path / "registry.db"), SqliteDatabase(tmp_path / "registry.db")
    await first.start()
    with pytest.raises(DatabaseUnavailable, match="in use"):
        await second.start()
    await first.check()
    await first.stop()
    await second.start()
    await second.stop()


async def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        database = SqliteDatabase(tmp_path / "home" / "registry.db")
        await database.start()
        await database.check()
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "home").iterdir()}
        await database.stop()
    finally:
        os.umask(before)
    assert set(modes) >= {"lock", "registry.db"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


async def test_what_is_no_database_is_refused_at_the_start_and_leaves_the_lock_free(tmp_path: Path) -> None:
    (tmp_path / "registry.db").write_bytes(b"not a database, " * 1000)
    database = SqliteDatabase(tmp_path / "registry.db")
    with pytest.raises(DatabaseUnavailable, match="not a database"):
        await database.start()
    (tmp_path / "registry.db").unlink()
    await database.start()
    await database.stop()


@pytest.mark.parametrize(
    "url", ["", "registry.db", "mysql://root@host/x", "sqlite://", "sqlite:///:memory:", "http://user:secret@host"]
)
def test_other_addresses_are_refused_without_repeating_a_password(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        open_database(url)
    assert "secret" not in caught.value.message
