"""Files that go straight to and from the store, between a real service and real clients."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from typing_extensions import override

from registry_service.client import AsyncRegistryClient, DigestMismatch, RegistryClient, RetryPolicy
from registry_service.client.plans import CONTINUED_FROM, DIRECT_FROM
from registry_service.storage.s3.bucket import Bucket
from tests.object_stores.server import ObjectStore
from tests.object_stores.settings import in_bucket
from tests.service_fixture import RunningService, StartService
from tests.web.stories import API, create_model, digest_of

MIB = 1024 * 1024
pytestmark = pytest.mark.slow


@pytest.fixture
def service(object_store: ObjectStore, a_prefix: str, start_service: StartService) -> RunningService:
    return start_service(**in_bucket(object_store, a_prefix))


def written(path: Path, size: int = DIRECT_FROM + 5 * MIB + 7) -> Path:
    path.write_bytes(os.urandom(MIB) * (size // MIB) + os.urandom(size % MIB))
    return path


def leftovers(store: ObjectStore, prefix: str) -> list[str]:
    return store.keys(f"{prefix}/uploads/")


class Watched(httpx.BaseTransport):
    """Notes each request, and lets some go wrong. `act` gets the request and its number among those to the store, and
    may answer in place of the store."""

    def __init__(self, store: ObjectStore, act: Callable[[httpx.Request, int], httpx.Response | None]) -> None:
        self._real = httpx.HTTPTransport()
        self._store = httpx.URL(store.endpoint)
        self._act = act
        self._lock = threading.Lock()
        self.to_store: list[httpx.Request] = []
        self.to_service: list[httpx.Request] = []

    @override
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.port != self._store.port:
            self.to_service.append(request)
            return self._real.handle_request(request)
        # One after the other: parts are sent side by side, and what `act` does to the first comes before all others.
        with self._lock:
            self.to_store.append(request)
            answer = self._act(request, len(self.to_store))
        return answer or self._real.handle_request(request)

    @override
    def close(self) -> None:
        self._real.close()


def nothing(request: httpx.Request, number: int) -> None:
    """All goes well."""


def test_bytes_go_past_the_service_and_the_token_does_not(
    service: RunningService, object_store: ObjectStore, a_prefix: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    large = written(tmp_path / "weights.bin")
    seen: list[int] = []
    watched = Watched(object_store, nothing)
    with RegistryClient(service.url, service.person, transport=watched) as registry:
        registry.register("churn", large, progress=lambda path, done, total: seen.append(done))
        registry.download("churn", "latest", tmp_path / "back")
    assert (tmp_path / "back" / "weights.bin").read_bytes() == large.read_bytes()
    assert [request.method for request in watched.to_store] == ["PUT", "PUT", "PUT", "GET"]
    for request in watched.to_store:
        assert "authorization" not in request.headers
        assert service.person not in str(request.url) + str(request.headers.raw)
    assert sum(int(request.headers.get("content-length", 0)) for request in watched.to_service) < 10_000
    assert seen[-1] == max(seen) == large.stat().st_size
    assert leftovers(object_store, a_prefix) == []
    told = capfd.readouterr()
    assert "X-Amz-Signature" not in told.out + told.err
    assert "/parts" in told.out + told.err, "requests are logged, without what they answer"


async def test_coroutines_go_past_the_service_as_well(
    service: RunningService, object_store: ObjectStore, tmp_path: Path
) -> None:
    large = written(tmp_path / "weights.bin")
    async with AsyncRegistryClient(service.url, service.person) as registry:
        await registry.register("churn", large)
        await registry.download("churn", "latest", tmp_path / "back")
    assert (tmp_path / "back" / "weights.bin").read_bytes() == large.read_bytes()


REGISTER = """
import sys, time
from registry_service.client import RegistryClient

def slowly(path, done, total):
    if done > 45_000_000:
        print("far enough", flush=True)
        time.sleep(60)

RegistryClient(sys.argv[1], sys.argv[2]).register("churn", sys.argv[3], progress=slowly)
"""


def test_a_client_that_died_between_parts_is_gone_on_with(
    service: RunningService, object_store: ObjectStore, a_prefix: str, tmp_path: Path
) -> None:
    large = written(tmp_path / "weights.bin", CONTINUED_FROM + 20 * MIB)
    dying = subprocess.Popen(
        [sys.executable, "-c", REGISTER, service.url, service.person, str(large)], stdout=subprocess.PIPE, text=True
    )
    assert dying.stdout is not None
    assert dying.stdout.readline() == "far enough\n"
    dying.send_signal(signal.SIGKILL)
    dying.wait(30)
    dying.stdout.close()
    watched = Watched(object_store, nothing)
    with RegistryClient(service.url, service.person, transport=watched) as registry:
        version = registry.register("churn", large)
        assert version.number == 1
        again = sum(int(request.headers["content-length"]) for request in watched.to_store)
        assert 0 < again <= large.stat().st_size - 8 * MIB, "whole parts aren't sent again"
        registry.download("churn", 1, tmp_path / "back")
    assert (tmp_path / "back" / "weights.bin").read_bytes() == large.read_bytes()
    assert leftovers(object_store, a_prefix) == []


def test_a_file_that_changes_while_it_is_sent_is_refused_and_nothing_of_it_seen(
    service: RunningService, object_store: ObjectStore, a_prefix: str, tmp_path: Path
) -> None:
    large = written(tmp_path / "weights.bin")

    def change(request: httpx.Request, number: int) -> None:
        if number == 1:
            with large.open("r+b") as file:
                file.seek(-1, os.SEEK_END)
                file.write(b"!" if large.read_bytes()[-1:] != b"!" else b"?")

    watched = Watched(object_store, change)
    with RegistryClient(service.url, service.person, transport=watched) as registry:
        with pytest.raises(DigestMismatch):
            registry.register("churn", large)
        assert list(registry.iterate_versions("churn")) == []
    assert object_store.keys(f"{a_prefix}/") == []


@pytest.mark.parametrize("status", [403, 404, 503])
def test_an_address_that_does_not_work_is_asked_for_anew(
    service: RunningService, object_store: ObjectStore, tmp_path: Path, status: int
) -> None:
    large = written(tmp_path / "weights.bin")
    refused: list[str] = []

    def refuse(request: httpx.Request, number: int) -> httpx.Response | None:
        if request.method not in refused:
            refused.append(request.method)
            return httpx.Response(status, text="<Error/>")
        return None

    retries = RetryPolicy(base=0.01)
    with RegistryClient(
        service.url, service.person, transport=Watched(object_store, refuse), retries=retries
    ) as registry:
        registry.register("churn", large)
        registry.download("churn", "latest", tmp_path / "back")
    assert refused == ["PUT", "GET"]
    assert (tmp_path / "back" / "weights.bin").read_bytes() == large.read_bytes()


class Breaks(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream, length: int) -> None:
        self._stream = stream
        self._length = length

    @override
    def __iter__(self) -> Iterator[bytes]:
        came = 0
        for piece in self._stream:
            yield piece
            came += len(piece)
            if came > self._length:
                raise httpx.ReadError("planted")

    @override
    def close(self) -> None:
        self._stream.close()


def test_a_download_that_breaks_off_goes_on_by_range(
    service: RunningService, object_store: ObjectStore, tmp_path: Path
) -> None:
    large = written(tmp_path / "weights.bin")
    real = httpx.HTTPTransport()

    def break_off(request: httpx.Request, number: int) -> httpx.Response | None:
        if request.method == "GET" and "range" not in request.headers:
            response = real.handle_request(request)
            assert isinstance(response.stream, httpx.SyncByteStream)
            return httpx.Response(
                response.status_code, headers=response.headers, stream=Breaks(response.stream, 9 * MIB)
            )
        return None

    watched = Watched(object_store, break_off)
    with RegistryClient(service.url, service.person, transport=watched) as registry:
        registry.register("churn", large)
        registry.download("churn", "latest", tmp_path / "back")
    assert (tmp_path / "back" / "weights.bin").read_bytes() == large.read_bytes()
    ranges = [request.headers.get("range") for request in watched.to_store if request.method == "GET"]
    assert ranges[0] is None and ranges[1] is not None and int(ranges[1][6:-1]) >= 9 * MIB
    real.close()


def test_an_aborted_session_leaves_nothing(service: RunningService, object_store: ObjectStore, a_prefix: str) -> None:
    data = os.urandom(20 * MIB)
    with service.http() as http:
        create_model(http, "churn")
        announced = {"model": "churn", "files": [{"digest": digest_of(data), "size": len(data)}]}
        upload = http.post(f"{API}/uploads", json=announced).json()["id"]
        file = f"{API}/uploads/{upload}/files/{digest_of(data)}"
        answer = http.post(f"{file}/parts")
        assert answer.headers["cache-control"] == "no-store"
        parts = answer.json()
        assert (parts["part_size"], len(parts["missing"]), parts["kept"]) == (8 * MIB, 3, 0)
        sent = httpx.put(parts["missing"][0]["url"], content=data[: 8 * MIB], trust_env=False)
        assert sent.status_code == 200
        assert http.get(file).json()["kept"] == 8 * MIB
        assert http.post(f"{file}/complete").json()["code"] == "upload_incomplete"
        assert http.delete(f"{API}/uploads/{upload}").status_code == 204
        assert http.post(f"{file}/parts").json()["code"] == "upload_closed"
    place = object_store.place(f"{a_prefix}/")
    assert Bucket(place).unfinished(place.upload(upload, digest_of(data)[7:])) == []
    assert object_store.keys(f"{a_prefix}/") == []
    assert httpx.put(parts["missing"][1]["url"], content=data[8 * MIB : 16 * MIB], trust_env=False).status_code == 404


def test_only_who_may_download_gets_an_address(
    service: RunningService, object_store: ObjectStore, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_bytes(b"abcdef")
    with RegistryClient(service.url, service.person) as registry:
        registry.register("churn", tmp_path / "notes.txt")
    path = f"{API}/models/churn/versions/1/files/notes.txt"
    stranger = service.token_of("eve")
    with service.http() as http, service.http(stranger) as other, service.http("") as nobody:
        answer = http.get(path)
        assert (answer.status_code, answer.content) == (307, b"")
        assert answer.headers["cache-control"] == "no-store" and answer.headers["x-model-version"] == "1"
        url = answer.headers["location"]
        whole = httpx.get(url, headers={"range": "bytes=1-3"}, trust_env=False)
        assert (whole.status_code, whole.content) == (206, b"bcd")
        assert "notes.txt" in whole.headers["content-disposition"]
        etag = f'"{digest_of(b"abcdef")}"'
        assert http.get(path, headers={"if-none-match": etag}).status_code == 304
        head = http.head(path)
        assert (head.status_code, head.headers["content-length"], head.headers["etag"]) == (200, "6", etag)
        for refused in (other.get(path), nobody.get(path)):
            assert refused.status_code in {401, 403, 404} and "location" not in refused.headers


def test_without_presigning_all_bytes_go_through_the_service(
    object_store: ObjectStore, a_prefix: str, start_service: StartService, tmp_path: Path
) -> None:
    service = start_service(**in_bucket(object_store, a_prefix, s3_presign=False))
    large = written(tmp_path / "weights.bin")
    watched = Watched(object_store, nothing)
    with RegistryClient(service.url, service.person, transport=watched) as registry:
        registry.register("churn", large)
        registry.download("churn", "latest", tmp_path / "back")
    assert (tmp_path / "back" / "weights.bin").read_bytes() == large.read_bytes()
    assert watched.to_store == []
