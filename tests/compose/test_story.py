"""Everything of docker-compose.yml as processes, a real Airflow among them, and the demo's story told on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path

import psutil
import pytest
from typing_extensions import override

from tests.airflow.harness import WatchedAirflow
from tests.airflow.rest import AirflowApi
from tests.compose.composition import Composition
from tests.compose.test_services import keys, query
from tests.demo.playground import Playground
from tests.demo.story import MODEL, Story

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(1800)]


class ComposedPlayground(Playground):
    """People and the endpoint on the host, beside the services. The person's token comes as the docs say: copied out of
    the registry's volume.
    """

    def __init__(self, directory: Path, composition: Composition) -> None:
        super().__init__(directory)
        self._composition = composition

    @override
    def start_registry(self, timeout: float = 30) -> str:
        volume = self._composition.mounts("registry")["/var/lib/model-registry"]
        kept = json.loads((volume / "credentials" / "person.json").read_text())
        mine = self.home / "credentials" / "person.json"
        mine.parent.mkdir(parents=True, mode=0o700)
        mine.touch(mode=0o600)
        mine.write_text(json.dumps(kept))
        return str(kept["url"])

    @override
    def introduce_registry_to(self, airflow: AirflowApi) -> None:
        """Nobody does: Airflow finds its token on its volume."""


class ComposedAirflow(WatchedAirflow):
    """As the admin whose password is on the volume."""

    def __init__(self, composition: Composition) -> None:
        environment = composition.environment("airflow-api-server")
        passwords = json.loads(Path(environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"]).read_text())
        super().__init__(environment["AIRFLOW__API__BASE_URL"], ("admin", passwords["admin"]))
        self.scheduler_log = composition.output("airflow-scheduler")


@pytest.fixture(scope="module")
def told(composition: Composition) -> Iterator[tuple[Composition, Story]]:
    with ExitStack() as stack:
        composition.up()
        airflow = ComposedAirflow(composition)
        stack.callback(airflow.close)
        airflow.log_in()
        playground = stack.enter_context(ComposedPlayground(composition.directory / "person", composition))
        playground.introduce_to(airflow)
        story = Story(playground, airflow, print)
        story.tell()
        yield composition, story


def test_the_story_is_true_there_too(told: tuple[Composition, Story]) -> None:
    _, story = told
    with story.outside() as outside:
        outside.expect_live(1)


def test_bytes_are_in_the_bucket_and_rows_in_postgresql(told: tuple[Composition, Story]) -> None:
    composition, story = told
    with story.outside() as outside:
        files = [
            file["digest"].removeprefix("sha256:")
            for version in ("1", "2", "3")
            for file in outside.ask(f"/models/{MODEL}/versions/{version}/files")["files"]
        ]
    assert {f"registry/blobs/{digest[:2]}/{digest}" for digest in files} == set(keys(composition))
    assert query(composition, "registry", "SELECT count(*) FROM versions") == "3"
    assert int(query(composition, "registry", "SELECT count(*) FROM events")) > 20
    runs = "SELECT count(*) FROM dag_run WHERE dag_id = 'train_and_register' AND state = 'success'"
    assert query(composition, "airflow", runs) == "3"


def test_airflow_registered_with_its_own_token_and_nobody_gave_it_one(told: tuple[Composition, Story]) -> None:
    _, story = told
    with story.outside() as outside:
        registered = [event for event in outside.events() if event["kind"] == "version.registered"]
    assert {event["actor"] for event in registered} == {"airflow"}
    connections = story.airflow.request("GET", "/connections").json()["connections"]
    assert [connection["connection_id"] for connection in connections] == ["scoring_endpoint"]


def test_all_listen_on_loopback_only(told: tuple[Composition, Story]) -> None:
    composition, _ = told
    listening = {
        connection.laddr.ip
        for process in composition.processes.values()
        for member in process.members()
        for connection in member.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert len(listening) > 3
    assert [address for address in listening if not ip_address(address).is_loopback] == []


def test_no_password_and_no_token_is_in_a_log(told: tuple[Composition, Story]) -> None:
    composition, _ = told
    secrets = [
        value
        for name in composition.services
        for variable, value in composition.environment(name).items()
        if variable.endswith(("PASSWORD", "SECRET_KEY", "JWT_SECRET", "FERNET_KEY"))
    ]
    passwords = Path(
        composition.environment("airflow-api-server")["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"]
    ).read_text()
    secrets += json.loads(passwords).values()
    assert len(secrets) > 8
    for log in composition.directory.glob("*.log"):
        text = log.read_text(errors="replace")
        assert [secret for secret in secrets if secret in text] == [], log.name
        assert "mreg_" not in text, log.name
