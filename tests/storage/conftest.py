from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from registry_service.storage.base import ArtifactStore
from registry_service.storage.filesystem import FilesystemStore

STORES: dict[str, Callable[[Path], ArtifactStore]] = {
    "filesystem": lambda root: FilesystemStore(root, piece_size=64 * 1024, keep_free=0),
}


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ArtifactStore]:
    """Every store in turn, empty, with pieces small enough for a body to have several."""
    made = STORES[request.param](tmp_path / "artifacts")
    yield made
    await made.close()
