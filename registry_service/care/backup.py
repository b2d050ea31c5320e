"""Backing up and restoring, with the service running or not, on either database and from one to the other.

    <directory>/artifacts/                      bytes by their digest, for all snapshots: copied once, verified
    <directory>/snapshots/<time>/<table>.jsonl.gz   one moment of the database
    <directory>/snapshots/<time>/manifest.json  what belongs to it; written last, so that a snapshot is whole or isn't

The database first, the bytes behind it: the bytes of a version that is in the snapshot are never collected, so they are
still there however long the copying takes. What uploads had brought that were under way isn't kept.
"""

from __future__ import annotations

import asyncio
import math
import os
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, func, select, update

from registry_service.care.fsck import Report, check_registry
from registry_service.care.reading import Pace, Reading
from registry_service.db.directory_lock import DirectoryLock
from registry_service.db.dump import DumpedTable, dump_tables, is_intact, load_tables, rows_of
from registry_service.db.engine import open_database
from registry_service.db.inspection import inspect
from registry_service.db.migrate import current, head, upgrade
from registry_service.db.queries.needed import NEEDED, is_needed
from registry_service.db.query import one_of
from registry_service.db.tables import blobs, check_attachments, events, principals, registry, uploads, version_files
from registry_service.domain.errors import ArtifactMissing, Conflict, DigestMismatch, InvalidInput, SizeMismatch
from registry_service.domain.events import EventKind
from registry_service.services.ids import new_id
from registry_service.services.registry import SYSTEM, Registry
from registry_service.services.work import Work
from registry_service.storage.base import ArtifactStore
from registry_service.storage.filesystem import FilesystemStore

Progress = Callable[[int, int], None]
"""Told of how many artifacts were dealt with, of how many."""

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
_COPYING: Final = "copy"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot holds. `epoch` and `last_event` say up to where the log goes; `artifacts` and `bytes`: what its
    versions need; `with_artifacts`: whether that is in the backup as well."""

    format: int
    taken_at: datetime
    revision: str
    epoch: str
    last_event: int
    tables: list[DumpedTable]
    artifacts: int
    bytes: int
    with_artifacts: bool


class BackedUp(msgspec.Struct, frozen=True, kw_only=True):
    """`copied` artifacts of `copied_bytes` are new in the backup. `missing`: digests that versions need and that the
    store doesn't have, or has damaged; the snapshot stands all the same."""

    snapshot: str
    artifacts: int
    bytes: int
    copied: int
    copied_bytes: int
    last_event: int
    missing: list[str]


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """`missing`: digests that the backup doesn't have either. `report`: the check of the restored registry."""

    snapshot: str
    taken_at: datetime
    last_event: int
    artifacts: int
    missing: list[str]
    report: Report


async def back_up(
    url: str,
    store: ArtifactStore,
    directory: Path,
    *,
    now: datetime,
    with_artifacts: bool = True,
    progress: Progress | None = None,
) -> BackedUp:
    """Take a snapshot of the database at `url`, and copy the bytes that its versions need and the backup lacks.

    :param with_artifacts: False leaves the bytes where they are: in a bucket that is kept safe by other means.
    :raises DatabaseUnavailable, StorageUnavailable, StorageFull: no snapshot was made; another backup into the same
        directory may be under way.
    """

    lock = DirectoryLock(directory, "backup directory")
    lock.acquire()
    try:
        return await _back_up(url, store, directory, now, with_artifacts=with_artifacts, progress=progress)
    finally:
        lock.release()


async def _back_up(
    url: str,
    store: ArtifactStore,
    directory: Path,
    now: datetime,
    *,
    with_artifacts: bool,
    progress: Progress | None,
) -> BackedUp:
    name = now.strftime("%Y%m%dT%H%M%S.%fZ")
    partial = directory / "snapshots" / f"{name}.partial"
    await asyncio.to_thread(partial.mkdir, mode=0o700, parents=True)
    manifest, needed = await inspect(
        url, lambda connection: _snapshot(connection, partial, now, with_artifacts=with_artifacts)
    )
    copied: list[str] = []
    missing: list[str] = []
    if with_artifacts:
        pool = FilesystemStore(directory / "artifacts")
        try:
            await pool.discard(_COPYING)  # what an interrupted backup has left
            for number, (digest, size) in enumerate(needed.items(), 1):
                if await pool.stat(digest) != size:
                    (copied if await _copy(store, pool, digest, size) else missing).append(digest)
                if progress is not None:
                    progress(number, len(needed))
        finally:
            await pool.close()
    await asyncio.to_thread(_finish, partial, manifest)
    return BackedUp(
        snapshot=name,
        artifacts=manifest.artifacts,
        bytes=manifest.bytes,
        copied=len(copied),
        copied_bytes=sum(needed[digest] for digest in copied),
        last_event=manifest.last_event,
        missing=missing,
    )


def snapshots(directory: Path) -> list[str]:
    """The whole snapshots of a backup, the oldest first."""

    return sorted(path.parent.name for path in (directory / "snapshots").glob(f"*Z/{MANIFEST}"))


async def restore(
    url: str,
    store: ArtifactStore,
    directory: Path,
    *,
    now: Callable[[], datetime],
    snapshot: str | None = None,
    trust_store: bool = False,
    progress: Progress | None = None,
) -> Restored:
    """Fill an empty database and store from a backup, and check the outcome. The log gets a new epoch, so that whoever
    has read further than the snapshot goes is told.

    :param snapshot: its name; None: the newest.
    :param trust_store: don't read again what the store has already: altered bytes stay, until a scrub finds them.
    :raises InvalidInput: there is no such snapshot, or it is damaged.
    :raises Conflict: the database isn't empty.
    """

    name, manifest = await asyncio.to_thread(_chosen, directory, snapshot)
    tables = directory / "snapshots" / name
    await _require_empty(url)
    needed = await asyncio.to_thread(_needed, tables)
    missing = await _bring_back(store, directory, manifest, needed, trust_store=trust_store, progress=progress)
    await upgrade(url)
    database = open_database(url)
    await database.start()
    try:
        within = Registry(database, store, clock=now, public_url="")
        await within.write(SYSTEM, _load, None, tables, name, manifest, sorted(missing))
    finally:
        await database.stop()
    return Restored(
        snapshot=name,
        taken_at=manifest.taken_at,
        last_event=manifest.last_event,
        artifacts=len(needed) - len(missing),
        missing=sorted(missing),
        report=await check_registry(url, store),
    )


def _snapshot(
    connection: Connection, directory: Path, now: datetime, *, with_artifacts: bool
) -> tuple[Manifest, dict[str, int]]:
    needed = {
        row.digest: row.size
        for row in connection.execute(select(NEEDED.c.digest, NEEDED.c.size).distinct().order_by(NEEDED.c.digest))
    }
    manifest = Manifest(
        format=FORMAT,
        taken_at=now,
        revision=head(),
        epoch=connection.execute(select(registry.c.value).where(registry.c.key == "epoch")).scalar_one(),
        last_event=connection.execute(select(func.max(events.c.seq))).scalar_one() or 0,
        tables=dump_tables(connection, directory),
        artifacts=len(needed),
        bytes=sum(needed.values()),
        with_artifacts=with_artifacts,
    )
    return manifest, needed


async def _copy(source: ArtifactStore, target: ArtifactStore, digest: str, size: int) -> bool:
    """False where the source doesn't have these bytes, or has others."""

    try:
        await target.receive(_COPYING, await source.open_range(digest), expected=digest, size=size)
    except (ArtifactMissing, DigestMismatch, SizeMismatch):
        return False
    return True


def _finish(partial: Path, manifest: Manifest) -> None:
    with (partial / MANIFEST).open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        file.flush()
        os.fsync(file.fileno())
    _sync(partial)
    partial.rename(partial.with_suffix(""))
    _sync(partial.parent)
    # Left by backups that were interrupted: whoever holds the lock is the only one who is not.
    for left in partial.parent.glob("*.partial"):
        shutil.rmtree(left, ignore_errors=True)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _chosen(directory: Path, name: str | None) -> tuple[str, Manifest]:
    there = snapshots(directory)
    if not there or (name is not None and name not in there):
        known = f"It has: {', '.join(there)}." if there else "It has none that is whole."
        raise InvalidInput(f"There is no such snapshot in {directory}. {known}", field="snapshot")
    name = name or there[-1]
    tables = directory / "snapshots" / name
    try:
        manifest = msgspec.json.decode((tables / MANIFEST).read_bytes(), type=Manifest)
    except msgspec.DecodeError as error:
        raise InvalidInput(f"The manifest of snapshot {name} can't be read: {error}. Use another one.") from error
    damaged = [table.name for table in manifest.tables if not is_intact(tables, table)]
    if damaged:
        raise InvalidInput(f"Snapshot {name} is damaged ({', '.join(damaged)}). Use another one.", field="snapshot")
    if manifest.format != FORMAT or manifest.revision != head():
        raise InvalidInput(
            f"Snapshot {name} is of revision {manifest.revision}, and this release works with {head()}. Restore it with"
            " the release that made it, and let this one migrate the database then.",
            field="snapshot",
        )
    return name, manifest


async def _require_empty(url: str) -> None:
    """:raises Conflict: there is a registry already."""

    if await current(url) is not None and await inspect(
        url, lambda connection: connection.execute(select(principals.c.name).limit(1)).first() is not None
    ):
        raise Conflict("The database already holds a registry. Restore into an empty home and an empty database.")


def _needed(tables: Path) -> dict[str, int]:
    return {
        row["digest"]: row["size"]
        for table in (version_files, check_attachments)
        for row in rows_of(tables, table.name)
        if row["kept"]
    }


async def _bring_back(
    store: ArtifactStore,
    directory: Path,
    manifest: Manifest,
    needed: dict[str, int],
    *,
    trust_store: bool,
    progress: Progress | None,
) -> set[str]:
    """Copy what the store lacks, or has altered. The digests that it lacks then."""

    missing: set[str] = set()
    pool = FilesystemStore(directory / "artifacts")
    try:
        for number, (digest, size) in enumerate(sorted(needed.items()), 1):
            there = await (_has(store, digest, size) if trust_store else _reads_well(store, digest))
            if not there and (not manifest.with_artifacts or not await _copy(pool, store, digest, size)):
                missing.add(digest)
            if progress is not None:
                progress(number, len(needed))
    finally:
        await pool.close()
    return missing


async def _has(store: ArtifactStore, digest: str, size: int) -> bool:
    return await store.stat(digest) == size


async def _reads_well(store: ArtifactStore, digest: str) -> bool:
    reading = Reading(digest)
    await reading.go_on(store, Pace(None, math.inf))
    return reading.actual == digest


def _load(work: Work, tables: Path, name: str, manifest: Manifest, missing: list[str]) -> None:
    connection = work.connection
    load_tables(connection, tables, manifest.tables)
    connection.execute(update(registry).where(registry.c.key == "epoch").values(value=new_id()))
    # What was under way when the snapshot was taken has no bytes here.
    connection.execute(update(uploads).where(uploads.c.closed_at.is_(None)).values(closed_at=work.now))
    connection.execute(delete(blobs).where(~is_needed(blobs.c.digest)))
    connection.execute(update(blobs).values(condemned_at=None, damaged_at=None))
    lost = update(blobs).where(one_of(blobs.c.digest, "missing")).values(damaged_at=work.now)
    connection.execute(lost, {"missing": missing})
    work.record(EventKind.REGISTRY_RESTORED, subject=name, taken_at=manifest.taken_at, last_event=manifest.last_event)
