from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.airflow.configuration import Person
from tests.airflow.harness import Airflow

PEOPLE = (
    Person(name="admin", password="admin-password"),
    Person(name="alice", password="alice-password"),
    Person(name="bob", password="bob-password"),
)


@pytest.fixture(scope="session")
def running_airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """One Airflow for all tests of the session. Put DAG files with ids of your own into `running_airflow.dags`;
    reach a service of your own through `running_airflow.add_connection`.
    """
    with Airflow(tmp_path_factory.mktemp("airflow"), people=PEOPLE) as airflow:
        yield airflow


@pytest.fixture
def own_airflow(tmp_path: Path) -> Iterator[Airflow]:
    """An Airflow that a test may break: not started yet, stopped in any case."""
    airflow = Airflow(tmp_path / "airflow")
    yield airflow
    airflow.stop()


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """The metadata database of the test's own process, for `tests.airflow.inprocess.run_dag`."""
    from tests.airflow.inprocess import make_database

    make_database()
