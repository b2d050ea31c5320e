from __future__ import annotations

import pytest

pytest_plugins = ["tests.fixtures_database"]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Coroutine tests and fixtures run on asyncio, once: the service and Airflow's triggerer know no other loop."""
    return "asyncio"
