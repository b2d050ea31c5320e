from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from registry_service.storage.base import ArtifactStore
from registry_service.storage.filesystem import FilesystemStore
from registry_service.storage.s3.place import MIB
from registry_service.storage.s3.store import S3Store
from tests.object_stores.fixtures import EACH
from tests.object_stores.server import ObjectStore


def filesystem(request: pytest.FixtureRequest, root: Path) -> ArtifactStore:
    return FilesystemStore(root, piece_size=64 * 1024, keep_free=0)


def s3_on(name: str) -> Callable[[pytest.FixtureRequest, Path], ArtifactStore]:
    def make(request: pytest.FixtureRequest, root: Path) -> ArtifactStore:
        server: ObjectStore = request.getfixturevalue(name)
        return S3Store(server.place(f"test-{secrets.token_hex(8)}/"), smallest_part=5 * MIB)

    return make


@dataclass(frozen=True)
class Kind:
    """A store to be held to the contract. `memory` is what it may take up for one upload, in bytes, and of a file with
    `kept_whole_from` bytes it keeps all until it is settled."""

    make: Callable[[pytest.FixtureRequest, Path], ArtifactStore]
    memory: int
    kept_whole_from: int


STORES = {
    "filesystem": Kind(filesystem, memory=2 * MIB, kept_whole_from=100_000),
    # Two parts, and what the client makes of them.
    "swift": Kind(s3_on("swift"), memory=24 * MIB, kept_whole_from=6 * MIB),
    "minio": Kind(s3_on("minio"), memory=24 * MIB, kept_whole_from=6 * MIB),
}


@pytest.fixture(params=["filesystem", *EACH])
def kind(request: pytest.FixtureRequest) -> Kind:
    return STORES[request.param]


@pytest.fixture
async def store(kind: Kind, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ArtifactStore]:
    """Every store in turn, empty, with pieces small enough for a body to have several."""
    made = kind.make(request, tmp_path / "artifacts")
    yield made
    await made.close()
