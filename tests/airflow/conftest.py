from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.airflow.configuration import Person
from tests.airflow.harness import Airflow
from tests.demo.endpoint import EXAMPLES
from tests.demo.playground import Playground
from tests.demo.story import Story

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


@pytest.fixture(scope="session")
def airflow_with_examples(running_airflow: Airflow) -> Airflow:
    """The DAGs of `dags_examples/` are in it."""
    shutil.copytree(EXAMPLES, running_airflow.dags, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    return running_airflow


@pytest.fixture(scope="session")
def told_story(airflow_with_examples: Airflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A registry and a scoring endpoint that this Airflow knows, after the demo's story; whoever introduces the Airflow
    to others has to introduce it to these again.
    """
    with Playground(tmp_path_factory.mktemp("playground")) as playground:
        playground.introduce_to(airflow_with_examples)
        story = Story(playground, airflow_with_examples, print)
        story.tell()
        yield story


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
