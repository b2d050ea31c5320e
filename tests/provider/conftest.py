from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_service.client import RegistryClient, stored_credentials
from tests.processes import ServerProcess, stop_all
from tests.provider.world import World


@pytest.fixture(scope="session")
def registry_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of one service for all tests of the provider: each test has models of its own."""
    home = tmp_path_factory.mktemp("registry")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MODEL_REGISTRY_")}
    environment |= {"MODEL_REGISTRY_HOME": str(home / "data"), "MODEL_REGISTRY_PORT": "0"}
    server = ServerProcess(
        "registry",
        [sys.executable, "-c", "from registry_service.app import serve; serve()"],
        environment=environment,
        output=home / "output.log",
        directory=Path.cwd(),
    )
    try:
        deadline = time.monotonic() + 30
        credentials = home / "data" / "credentials" / "airflow.json"
        while not (credentials.exists() and "Next:" in server.tail()):
            assert server.exit_code is None and time.monotonic() < deadline, server.tail()
            time.sleep(0.05)
        yield home / "data"
    finally:
        stop_all([server])


@pytest.fixture
def world(
    registry_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[World]:
    """A model of this test's own in the running service, the tokens of a person and of Airflow, and an Airflow
    connection `registry`.
    """
    monkeypatch.setenv("MODEL_REGISTRY_HOME", str(registry_home))
    person, airflow = stored_credentials("person"), stored_credentials("airflow")
    assert person is not None and airflow is not None
    connection = {"conn_type": "model_registry", "host": airflow.url, "password": airflow.token}
    monkeypatch.setenv("AIRFLOW_CONN_REGISTRY", json.dumps(connection))
    monkeypatch.setenv("AIRFLOW__MODEL_REGISTRY__CACHE_DIRECTORY", str(tmp_path / "cache"))
    with RegistryClient(person.url, person.token) as client:
        yield World(client, airflow.url, airflow.token, f"model-{abs(hash(request.node.nodeid)):x}"[:40], tmp_path)
