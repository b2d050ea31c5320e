"""Both clients against a real service: what the wire's other end makes of each call."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from registry_service.client import (
    CreateModel,
    IdempotencyKeyReused,
    Metadata,
    ModelNotFound,
    MoveAlias,
    NotAuthenticated,
    RegistryClient,
    RegistryUnreachable,
    RequestPromotion,
    RetryPolicy,
    RevisionMismatch,
    UpdateModel,
    VersionRevoked,
    calls,
)
from registry_service.client import RevokeVersion as Revoke
from tests.client.conftest import Connect
from tests.client.test_calls import WIRE
from tests.service_fixture import RunningService


@pytest.fixture
def client(connect: Connect, shared_service: RunningService) -> Any:
    return connect(url=shared_service.url, token=shared_service.person)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", request.node.name).strip("-")[-60:].strip("-")


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    root = tmp_path / "trained"
    (root / "sub dir").mkdir(parents=True)
    (root / "weights.bin").write_bytes(os.urandom(3_000_000))
    (root / "sub dir" / "card ü #1?.md").write_bytes(os.urandom(10))
    (root / "empty").write_bytes(b"")
    return root


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_the_service_has_a_route_for_each_call_and_a_call_for_each_route(shared_service: RunningService) -> None:
    with shared_service.http() as http:
        document = http.get("/openapi.json").json()
    routes = {
        operation["operationId"]: f"{method.upper()} {re.sub('{[^}]*}', '{}', path.removeprefix('/api/v1'))}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path.startswith("/api/v1") and method != "head"
    }
    wanted = {name: re.sub("{[^}]*}", "{}", wire) for name, wire in WIRE.items()}
    assert routes == wanted


def test_a_model_goes_in_and_comes_out_byte_for_byte(client: Any, name: str, trained: Path, tmp_path: Path) -> None:
    metadata = Metadata(
        metrics={"auc": 0.91, "n": 3.0}, params={"depth": 7, "rate": 1e-3}, extra={"a": {"b": [1, "x"]}}
    )
    version = client.register(f"my {name}", trained, metadata=metadata, identity="run 'a' 1")
    assert client.register(f"my {name}", trained, identity="run 'a' 1") == version
    manifest = client.download(f"my {name}", version.digest, tmp_path / "live")
    assert contents(tmp_path / "live") == contents(trained)
    assert manifest.digest == version.digest
    assert client.download_file(f"my {name}", 1, "sub dir/card ü #1?.md") == contents(trained)["sub dir/card ü #1?.md"]
    client.download(f"my {name}", "latest", tmp_path / "live")


def test_a_repeated_write_has_one_effect_and_one_answer(client: Any, name: str) -> None:
    made = client.create_model(CreateModel(name=name), idempotency_key=f"k-{name}")
    assert client.create_model(CreateModel(name=name), idempotency_key=f"k-{name}") == made
    with pytest.raises(IdempotencyKeyReused):
        client.create_model(CreateModel(name=f"{name}-2"), idempotency_key=f"k-{name}")


def test_revisions_guard_updates_and_save_reads(client: Any, name: str) -> None:
    made = client.create_model(CreateModel(name=name))
    assert client.send(calls.get_model(name).unless_revision(made.revision)) is None
    changed = client.update_model(name, UpdateModel(description="new"), revision=made.revision)
    with pytest.raises(RevisionMismatch):
        client.update_model(name, UpdateModel(description="late"), revision=made.revision)
    assert client.send(calls.get_model(name).unless_revision(made.revision)) == changed


def test_refusals_arrive_as_what_they_are(
    client: Any, connect: Connect, name: str, trained: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelNotFound) as caught:
        client.get_model(name)
    assert caught.value.details["model"] == name and caught.value.__notes__
    with pytest.raises(NotAuthenticated):
        connect(url=client.url, token="wrong").who_am_i()
    version = client.register(name, trained)
    client.revoke_version(name, version.number, Revoke(reason="wrong data"))
    with pytest.raises(VersionRevoked):
        client.download(name, version.number, tmp_path / "live")
    assert contents(tmp_path / "live") == {}


def test_lists_go_on_to_their_end(client: Any, name: str, trained: Path) -> None:
    for number in range(5):
        client.register(name, trained / "empty", metadata=Metadata(params={"n": number}))
    assert [version.number for version in client.iterate_versions(name, order_by="number", limit=2)] == [1, 2, 3, 4, 5]
    found = client.iterate_versions(name, filter="params.n >= 3", order_by="number", limit=1)
    assert [version.metadata.params["n"] for version in found] == [3, 4]


def test_an_event_wakes_who_waits_for_it(client: Any, shared_service: RunningService, name: str, trained: Path) -> None:
    client.register(name, trained / "empty")
    start = client.read_events(after="latest").cursor

    def later() -> None:
        with RegistryClient(shared_service.url, shared_service.person) as other:
            other.move_alias(name, "champion", MoveAlias(version="1"))
            other.request_promotion(RequestPromotion(model=name, version="1", stage="staging"))

    timer = threading.Timer(0.3, later)
    timer.start()
    page = client.wait_for_events(after=start, kinds=["promotion.*"], model=name, timeout=30)
    timer.join()
    assert [event.kind for event in page.events] == ["promotion.requested"]


def test_a_restart_of_the_service_is_waited_out(
    connect: Connect, service: RunningService, name: str, trained: Path, tmp_path: Path
) -> None:
    client = connect(url=service.url, token=service.person, retries=RetryPolicy(base=0.2, cap=1.0, attempts=50))
    client.create_model(CreateModel(name=name))
    service.stop()
    with pytest.raises(RegistryUnreachable):
        connect(url=service.url, token=service.person, retries=0).get_model(name)
    back = threading.Timer(1.0, service.start)
    back.start()
    version = client.register(name, trained)
    back.join()
    client.download(name, version.number, tmp_path / "live")
    assert contents(tmp_path / "live") == contents(trained)


class KilledError(Exception):
    """Stands for the end of the process: nothing in the client handles it."""


class Dying(httpx.BaseTransport):
    """Lets the first calls through, and dies right before or after the n-th reaches the service."""

    def __init__(self, nth: int, when: str) -> None:
        self._real = httpx.HTTPTransport()
        self._left = nth
        self._when = when
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self._left -= 1
            dies = self._left <= 0
        if dies and self._when == "before":
            raise KilledError
        response = self._real.handle_request(request)
        if dies:
            response.read()
            raise KilledError
        return response

    def close(self) -> None:
        self._real.close()


# Look up the identity, start an upload, make the model, start again, two files that nobody sent before, register.
@pytest.mark.parametrize("nth", range(1, 8))
@pytest.mark.parametrize("when", ["before", "after"])
def test_whoever_dies_between_any_two_calls_leaves_one_version(
    nth: int, when: str, name: str, shared_service: RunningService, trained: Path
) -> None:
    url, token = shared_service.url, shared_service.person
    with RegistryClient(url, token, transport=Dying(nth, when)) as client, pytest.raises(KilledError):
        client.register(name, trained, identity="run 1")
    with RegistryClient(url, token) as client:
        version = client.register(name, trained, identity="run 1")
        assert [found.number for found in client.iterate_versions(name)] == [version.number] == [1]
