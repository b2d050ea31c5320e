from __future__ import annotations

import time

import httpx
import pytest

from registry_service.client import CursorFromOtherEpoch, InvalidInput
from tests.client.conftest import Connect
from tests.client.registry import NOW, answer, problem

EVENT = {
    "seq": 1,
    "at": NOW,
    "kind": "promotion.approved",
    "actor": "ada",
    "model_name": "churn",
    "revision": 3,
    "subject": "p1",
    "data": {"stage": "production"},
}


def test_waiting_goes_on_with_the_cursor_until_an_event_comes(connect: Connect) -> None:
    seen: list[dict[str, str]] = []

    def service(request: httpx.Request) -> httpx.Response:
        seen.append(dict(request.url.params))
        done = len(seen) == 3
        return answer({"events": [EVENT] if done else [], "cursor": f"e-{len(seen)}"})

    page = connect(service).wait_for_events(after="e-0", kinds=["promotion.*"], model="churn", timeout=30)
    assert [event.kind for event in page.events] == ["promotion.approved"] and page.cursor == "e-3"
    assert [params["after"] for params in seen] == ["e-0", "e-1", "e-2"]
    assert all(params["kinds"] == "promotion.*" and params["model"] == "churn" for params in seen)
    assert all(0 < float(params["wait"]) <= 30 for params in seen)


def test_waiting_ends_in_time_without_hammering_the_service(connect: Connect) -> None:
    seen = []

    def service(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer({"events": [], "cursor": "e-0"})  # at once, whatever `wait` says

    began = time.monotonic()
    page = connect(service).wait_for_events(after="latest", timeout=0.8)
    assert page.events == [] and page.cursor == "e-0"
    assert time.monotonic() - began < 3 and len(seen) <= 3


def test_a_look_without_waiting_asks_once(connect: Connect) -> None:
    seen = []

    def service(request: httpx.Request) -> httpx.Response:
        seen.append(dict(request.url.params))
        return answer({"events": [], "cursor": "e-0"})

    connect(service).wait_for_events(consumer="webhook", timeout=0)
    assert seen == [{"consumer": "webhook"}]
    with pytest.raises(InvalidInput):
        connect(service).wait_for_events(timeout=-1)


def test_the_service_may_take_as_long_as_it_was_asked_to_wait(connect: Connect) -> None:
    seen = []

    def service(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions["timeout"])
        return answer({"events": [], "cursor": "e-0"})

    connect(service, timeout=5.0).read_events(after="latest", wait=60)
    assert seen == [{"connect": 5.0, "read": 65.0, "write": 5.0, "pool": 5.0}]


def test_a_log_that_was_reset_is_an_error_and_not_silence(connect: Connect) -> None:
    with pytest.raises(CursorFromOtherEpoch):
        connect(lambda request: problem(CursorFromOtherEpoch("Reset."), 409)).wait_for_events(after="old-1")


def test_a_consumers_place_is_asked_for_once_and_then_gone_on_from(connect: Connect) -> None:
    """The service refuses to be told both where to begin and whose place to take."""

    seen: list[dict[str, str]] = []

    def service(request: httpx.Request) -> httpx.Response:
        seen.append(dict(request.url.params))
        return answer({"events": [EVENT] if len(seen) == 2 else [], "cursor": "e-1"})

    connect(service).wait_for_events(consumer="webhook", timeout=5)
    assert [{name: params.get(name) for name in ("after", "consumer")} for params in seen] == [
        {"after": None, "consumer": "webhook"},
        {"after": "e-1", "consumer": None},
    ]
