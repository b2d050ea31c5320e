"""Real object stores, started once per session: OpenStack Swift, and MinIO where there is Go to build it with.

`object_store` gives the bucket of each in turn. Tests share it: let each use a prefix of its own (`a_prefix`).
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.object_stores.server import ObjectStore, free_ports, make_bucket
from tests.processes import ServerProcess, stop_all

ROOT = Path(__file__).parents[2]
SWIFT = ROOT / ".cache" / "swift" / "bin" / "python"
MINIO = ROOT / ".cache" / "minio" / "minio"

EACH = [pytest.param(name, marks=pytest.mark.object_store) for name in ("swift", "minio")]


@contextmanager
def directory_for(name: str) -> Iterator[Path]:
    # Not pytest's directory, which keeps the last three: what tests store here nobody wants to look at.
    directory = Path(tempfile.mkdtemp(prefix=f"registry-{name}-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def running_swift() -> Iterator[ObjectStore]:
    if not SWIFT.exists():
        pytest.fail("There is no Swift. Run `make object-stores`.")
    ports = free_ports(4)
    # Swift's own way to write an S3 access key: account and user.
    store = ObjectStore(f"http://127.0.0.1:{ports[0]}", "us-east-1", "registry:tests", "of-swift", "models")
    launcher = Path(__file__).parent / "inside_swift" / "launch.py"
    with directory_for("swift") as directory:
        process = ServerProcess(
            "Swift",
            [*map(str, (SWIFT, "-Wignore", launcher, directory, *ports)), store.access_key, store.secret_key],
            environment=os.environ,
            output=directory / "output.log",
            directory=directory,
        )
        try:
            make_bucket(store, process)
            yield store
        finally:
            stop_all([process], grace=0)


@contextmanager
def running_minio() -> Iterator[ObjectStore]:
    if not MINIO.exists():
        pytest.skip("MinIO is built from source and wasn't: `make object-stores` does it where Go is installed")
    (port,) = free_ports(1)
    store = ObjectStore(f"http://127.0.0.1:{port}", "us-east-1", "registry", secrets.token_hex(16), "models")
    with directory_for("minio") as directory:
        process = ServerProcess(
            "MinIO",
            [str(MINIO), "server", "--quiet", "--address", f"127.0.0.1:{port}", str(directory / "data")],
            environment={
                **os.environ,
                "MINIO_ROOT_USER": store.access_key,
                "MINIO_ROOT_PASSWORD": store.secret_key,
                "MINIO_BROWSER": "off",
                "MINIO_UPDATE": "off",
                "MINIO_CALLHOME_ENABLE": "off",
            },
            output=directory / "output.log",
            directory=directory,
        )
        try:
            make_bucket(store, process)
            yield store
        finally:
            stop_all([process], grace=0)


@pytest.fixture(scope="session")
def swift() -> Iterator[ObjectStore]:
    with running_swift() as store:
        yield store


@pytest.fixture(scope="session")
def minio() -> Iterator[ObjectStore]:
    with running_minio() as store:
        yield store


@pytest.fixture(params=EACH)
def object_store(request: pytest.FixtureRequest) -> ObjectStore:
    """The bucket of each store in turn."""
    # Asked for by name only here, so that a test on one starts no other.
    store: ObjectStore = request.getfixturevalue(request.param)
    return store


@pytest.fixture
def a_prefix() -> str:
    """Where a test has the bucket for itself."""
    return f"test-{secrets.token_hex(8)}"
