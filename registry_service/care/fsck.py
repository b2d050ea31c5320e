"""Checking a registry whole, without changing anything; the service may be running."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from typing import Final

import msgspec

from registry_service.care.checks import CHECKS
from registry_service.care.checks.artifacts import SEEN_IN_STORE
from registry_service.care.findings import Finding, Look
from registry_service.db.inspection import inspect
from registry_service.domain.errors import ArtifactMissing
from registry_service.storage.base import ArtifactStore

Progress = Callable[[int, int], None]
"""Told now and then of how many artifacts were looked at, and how many bytes were read."""

MOST: Final = 1000
"""Findings of one check that are reported one by one."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """`checks`: how many invariants were looked at; `artifacts` and `bytes`: what the store holds, and of that what
    was read whole. `left_out`: how many findings there are beyond the first thousand, by their code."""

    sound: bool
    checks: int
    artifacts: int
    bytes: int
    bytes_read: int
    faults: list[Finding]
    notes: list[Finding]
    left_out: dict[str, int]


async def check_registry(
    url: str, store: ArtifactStore, *, deep: bool = False, progress: Progress | None = None
) -> Report:
    """Every check of the table, on one snapshot of the database at `url` and on what `store` holds.

    :param deep: read all bytes and compare their digests.
    :raises DatabaseUnavailable, StorageUnavailable: one of them can't be looked at.
    """

    # The store first: what is registered meanwhile is looked for once more, what is collected meanwhile is in order.
    stored, altered, read = await _look_through(store, deep=deep, progress=progress)
    found, left_out = await inspect(url, lambda connection: _findings(Look(connection, stored, altered)))
    found = [finding for finding in found if not await _came_meanwhile(store, finding, stored)]
    faults = [finding for finding in found if not finding.note]
    return Report(
        sound=not faults,
        checks=len(CHECKS),
        artifacts=len(stored),
        bytes=sum(stored.values()),
        bytes_read=read,
        faults=faults,
        notes=[finding for finding in found if finding.note],
        left_out=left_out,
    )


async def digest_there(store: ArtifactStore, digest: str) -> tuple[str, int]:
    """The digest that the bytes under `digest` have, and how many they are.

    :raises ArtifactMissing: there are none.
    """

    hasher, size = hashlib.sha256(), 0
    async for piece in await store.open_range(digest):
        hasher.update(piece)
        size += len(piece)
    return f"sha256:{hasher.hexdigest()}", size


async def _look_through(
    store: ArtifactStore, *, deep: bool, progress: Progress | None
) -> tuple[dict[str, int], dict[str, str], int]:
    stored: dict[str, int] = {}
    altered: dict[str, str] = {}
    read = 0
    async for digest in store.digests():
        size = await store.stat(digest)
        if size is None:
            continue
        stored[digest] = size
        if deep:
            try:
                actual, length = await digest_there(store, digest)
            except ArtifactMissing:
                del stored[digest]
                continue
            read += length
            if actual != digest:
                altered[digest] = actual
        if progress is not None:
            progress(len(stored), read)
    return stored, altered, read


def _findings(look: Look) -> tuple[list[Finding], dict[str, int]]:
    found: list[Finding] = []
    left_out: dict[str, int] = {}
    for check in CHECKS:
        for number, finding in enumerate(check.run(look)):
            if number < MOST:
                found.append(finding)
            else:
                left_out[check.code] = left_out.get(check.code, 0) + 1
    return found, left_out


async def _came_meanwhile(store: ArtifactStore, finding: Finding, stored: Collection[str]) -> bool:
    """Whether the finding is that bytes are missing which arrived while the store was looked through."""
    return (
        finding.code in SEEN_IN_STORE
        and finding.digest is not None
        and finding.digest not in stored
        and await store.stat(finding.digest) is not None
    )
