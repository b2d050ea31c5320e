from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from registry_service.client import RegistryClient
from tests.service_fixture import RunningService

if TYPE_CHECKING:
    # At run time it would import Airflow before the test run has given it a home.
    from tests.provider.world import World


@pytest.fixture
def world(
    shared_service: RunningService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[World]:
    """A model of this test's own in the running service, the tokens of a person and of Airflow, and an Airflow
    connection `registry`.
    """
    from tests.provider.world import World

    monkeypatch.setenv("MODEL_REGISTRY_HOME", str(shared_service.home))
    connection = {"conn_type": "model_registry", "host": shared_service.url, "password": shared_service.airflow}
    monkeypatch.setenv("AIRFLOW_CONN_REGISTRY", json.dumps(connection))
    monkeypatch.setenv("AIRFLOW__MODEL_REGISTRY__CACHE_DIRECTORY", str(tmp_path / "cache"))
    model = f"model-{abs(hash(request.node.nodeid)):x}"
    with RegistryClient(shared_service.url, shared_service.person) as client:
        yield World(client, shared_service.url, shared_service.airflow, model, tmp_path)


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """The metadata database of the test's own process, for `tests.airflow.inprocess.run_dag`."""
    from tests.airflow.inprocess import make_database

    make_database()
