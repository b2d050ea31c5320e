from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.compose.composition import Composition
from tests.compose.file import ROOT, make_env, read_compose
from tests.object_stores.fixtures import MINIO, directory_for

# Where the tests look at docker-compose.yml from: the DAGs of this checkout, and whom the docs name.
OWN = {"DAGS": str(ROOT / "dags_examples"), "REGISTRY_PERSON": "ada"}


@pytest.fixture(scope="module")
def composition() -> Iterator[Composition]:
    """What docker-compose.yml names, not yet started; ended in any case."""
    if not MINIO.exists():
        pytest.skip("MinIO is built from source and wasn't: `make object-stores` does it where Go is installed")
    with directory_for("compose") as directory:
        read = directory / "read"
        read.mkdir()
        with Composition(read_compose(read, make_env(read) | OWN), directory) as composition:
            yield composition
