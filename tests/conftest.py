from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

# A shell starts what runs in the background deaf to Ctrl-C, and whatever that starts in turn: tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


pytest_plugins = [
    "tests.browsers",
    "tests.fixtures_database",
    "tests.object_stores.fixtures",
    "tests.service_fixture",
]


def pytest_configure(config: pytest.Config) -> None:
    """Point Airflow at a home of this test run before anything imports it: the import reads and writes settings."""
    home = Path(tempfile.mkdtemp(prefix="airflow-home-"))
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    for name in [name for name in os.environ if name.startswith("AIRFLOW_")]:
        del os.environ[name]
    (home / "dags").mkdir()
    os.environ["AIRFLOW_HOME"] = str(home)
    os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(home / "dags")
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "True"
    os.environ["AIRFLOW__CORE__HOSTNAME_CALLABLE"] = "socket.gethostname"
    os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{home / 'airflow.db'}"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Coroutine tests and fixtures run on asyncio, once: the service and Airflow's triggerer know no other loop."""
    return "asyncio"
