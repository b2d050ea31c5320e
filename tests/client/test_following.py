"""The log followed without an end: both clients, before a service made of a few answers, and before a real one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import httpx
import msgspec
import pytest

from registry_service.client import (
    ConsumerNotFound,
    CreateModel,
    CursorFromOtherEpoch,
    Event,
    NotAuthenticated,
    NotFound,
    RegistryClient,
    RegistryUnreachable,
    TooManyStreams,
)
from registry_service.domain.errors import RegistryError, Unavailable
from tests.client.conftest import Blocking, Connect
from tests.client.registry import NOW, answer, fresh, problem
from tests.service_fixture import RunningService, StartService


def event(seq: int, name: str = "churn") -> dict[str, Any]:
    return {
        "seq": seq, "at": NOW, "kind": "model.created", "actor": "ada", "model_name": name, "revision": 1,
        "subject": None, "data": {},
    }  # fmt: skip


def frames(*seqs: int, beat: int | None = None) -> bytes:
    told = [b"id: e-%d\ndata: %b\n\n" % (seq, msgspec.json.encode(event(seq))) for seq in seqs]
    beats = [] if beat is None else [b": still here\nid: e-%d\n\n" % beat]
    return b"".join([b": hello\nretry: 2000\n\n", *told, *beats])


def stream(content: bytes) -> httpx.Response:
    return httpx.Response(200, content=content, headers={"Content-Type": "text/event-stream"})


def is_stream(request: httpx.Request) -> bool:
    return request.url.path.endswith("/events/stream")


def told(client: Any, count: int, **asked: Any) -> list[int]:
    """The numbers of the next so many events."""

    if not isinstance(client, Blocking):
        return [one.seq for one in islice(client.events(**asked), count)]

    async def some() -> list[int]:
        found: list[int] = []
        told: Any = client._client.events(**asked)
        async for one in told:
            found.append(one.seq)
            if len(found) == count:
                break
        await told.aclose()
        return found

    return list(client._runner.run(some()))


class Service:
    """Answers streams in turn, then polls; notes what it was asked."""

    def __init__(self, *streams: httpx.Response | Exception, pages: tuple[list[int], ...] = ()) -> None:
        self._streams = iter(streams)
        self._pages = iter(pages)
        self.after: list[str | None] = []
        self.polls: list[dict[str, str]] = []
        self.moved: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if is_stream(request):
            self.after.append(request.url.params.get("after"))
            given = next(self._streams)
            if isinstance(given, Exception):
                raise given
            return given
        if request.url.path.endswith("/events"):
            self.polls.append(dict(request.url.params))
            seqs = next(self._pages)
            return answer({"events": [event(seq) for seq in seqs], "cursor": f"e-{seqs[-1]}"})
        if request.method == "PUT":
            self.moved.append(msgspec.json.decode(request.content)["cursor"])
            return answer({"name": "c", "owner": "ada", "cursor": self.moved[-1], "updated_at": NOW})
        return answer({"name": "c", "owner": "ada", "cursor": "e-3", "updated_at": NOW})


def test_a_stream_that_breaks_is_gone_on_with_behind_the_last_whole_event(connect: Connect) -> None:
    broken = frames(1, 2) + frames(3)[:-20]
    service = Service(stream(broken), stream(frames(3, beat=7)), stream(frames(8)))
    assert told(connect(service), 4, after="start") == [1, 2, 3, 8]
    assert service.after == ["start", "e-2", "e-7"], "a heartbeat moves on past what one may not see"


def test_filters_and_heartbeat_are_asked_of_the_stream(connect: Connect) -> None:
    seen: list[httpx.Request] = []

    def service(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return stream(frames(1))

    assert told(connect(service), 1, kinds=["model.*"], model="team-a.*", stage="production", heartbeat=5) == [1]
    assert dict(seen[0].url.params) == {
        "after": "latest", "kinds": "model.*", "model": "team-a.*", "stage": "production", "heartbeat": "5",
    }  # fmt: skip
    assert seen[0].headers["Accept"] == "text/event-stream"
    assert seen[0].extensions["timeout"]["read"] == 15


@pytest.mark.parametrize(
    "given",
    [
        problem(NotFound("There is nothing at this address."), 404),
        problem(TooManyStreams("Share one."), 429),
        httpx.Response(200, content=b"<html>", headers={"Content-Type": "text/html"}),
        httpx.ReadTimeout("nothing came"),
    ],
    ids=["an older service", "no place left", "a proxy's own page", "a proxy that keeps back"],
)
def test_where_there_is_no_stream_the_log_is_polled(connect: Connect, given: httpx.Response | Exception) -> None:
    once = fresh(given) if isinstance(given, httpx.Response) else given
    service = Service(once, pages=([1, 2], [3]))
    assert told(connect(service), 3, after="e-0") == [1, 2, 3]
    assert [poll["after"] for poll in service.polls] == ["e-0", "e-2"]
    assert len(service.after) == 1, "not at each round"


@pytest.mark.parametrize("refused", [CursorFromOtherEpoch("Reset."), NotAuthenticated("Who?"), ConsumerNotFound("No.")])
def test_a_refusal_is_raised_and_not_asked_again(connect: Connect, refused: RegistryError) -> None:
    seen: list[httpx.Request] = []

    def service(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return problem(refused, 409)

    with pytest.raises(type(refused)):
        told(connect(service), 1, after="old-1")
    assert len(seen) == 1


def test_a_consumer_moves_once_its_events_were_dealt_with(connect: Connect) -> None:
    service = Service(stream(frames(4, 5)), stream(frames(6)))
    assert told(connect(service), 2, consumer="c") == [4, 5]
    assert service.moved == ["e-3"], "nobody knows yet whether the last was dealt with"
    service = Service(stream(frames(4, 5)), stream(frames(6)))
    assert told(connect(service), 3, consumer="c") == [4, 5, 6]
    assert service.moved == ["e-3", "e-5"]
    assert service.after == ["e-3", "e-5"]


def test_a_registry_that_is_away_is_waited_for_as_long_as_one_says(connect: Connect) -> None:
    away = httpx.ConnectError("refused")
    trouble: list[RegistryError] = []
    service = Service(away, away, stream(frames(1)))
    assert told(connect(service), 1, troubled=trouble.append) == [1]
    assert [type(one) for one in trouble] == [RegistryUnreachable] * 2

    def never(request: httpx.Request) -> httpx.Response:
        raise away

    began = time.monotonic()
    with pytest.raises(Unavailable):
        told(connect(never), 1, patience=0.3)
    assert time.monotonic() - began < 10


def test_a_stream_for_some_seconds_is_a_page(connect: Connect) -> None:
    page = connect(lambda request: stream(frames(1, 2, beat=9))).stream_events(after="start")
    assert [one.seq for one in page.events] == [1, 2] and page.cursor == "e-9"


# -------------------------------------------------------------------------------------------- before a real service


def make_models(service: RunningService, prefix: str, count: int) -> None:
    with RegistryClient(service.url, service.person) as client:
        for number in range(count):
            client.create_model(CreateModel(name=f"{prefix}.{number}"))


def test_events_of_a_real_service_come_as_they_happen(connect: Connect, shared_service: RunningService) -> None:
    client = connect(url=shared_service.url, token=shared_service.person)
    after = client.read_events(after="latest").cursor
    make_models(shared_service, f"seen.{time.time_ns()}", 3)
    seqs = told(client, 3, after=after, kinds=["model.created"])
    assert seqs == sorted(seqs)
    page = client.stream_events(after=after, model="seen.*")
    assert [one.seq for one in page.events] == seqs


def test_nothing_is_lost_or_doubled_over_restarts(start_service: StartService) -> None:
    service = start_service()
    found: list[str | None] = []
    client = RegistryClient(service.url, service.person)

    def follow(events: Iterator[Event]) -> None:
        for one in events:
            found.append(one.model_name)
            if one.model_name == "last.0":
                return

    thread = threading.Thread(
        target=follow, args=(client.events(consumer="here", after="start", kinds=["model.created"]),), daemon=True
    )
    thread.start()
    for turn in range(3):
        make_models(service, f"turn.{turn}", 20)
        service.restart()
    make_models(service, "last", 1)
    thread.join(60)
    assert not thread.is_alive()
    assert found == [*(f"turn.{turn}.{number}" for turn in range(3) for number in range(20)), "last.0"]
    client.close()
