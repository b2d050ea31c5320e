"""An upload is noted as received before its bytes are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from sqlalchemy import insert, select, update

from registry_service import app
from registry_service.db.tables import blobs, upload_files
from registry_service.services.registry import SYSTEM, Registry
from registry_service.services.work import Work
from registry_service.storage.filesystem import FilesystemStore
from tests.campaign.mutants import put

SHOWN_AT: Final = ("upload.begun", "upload.before_sync")


class TrustingStore(FilesystemStore):
    registry: Registry

    async def receive(self, upload_id: str, chunks: AsyncIterator[bytes], *, expected: str, size: int) -> None:
        await self.registry.write(SYSTEM, _note, None, upload_id, expected, size)
        await super().receive(upload_id, chunks, expected=expected, size=size)


def _note(work: Work, upload: str, digest: str, size: int) -> None:
    if work.connection.execute(select(blobs).where(blobs.c.digest == digest)).first() is None:
        work.connection.execute(insert(blobs).values(digest=digest, size=size, created_at=work.now))
    work.connection.execute(
        update(upload_files)
        .where(upload_files.c.upload_id == upload, upload_files.c.digest == digest)
        .values(received_at=work.now)
    )


class Introducing(Registry):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert isinstance(self.store, TrustingStore)
        self.store.registry = self


def plant() -> None:
    put(app, "FilesystemStore", TrustingStore)
    put(app, "Registry", Introducing)
