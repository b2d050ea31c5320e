from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.service_fixture import RunningService, StartService
from tests.web.stories import API, answered, create_model


@pytest.fixture
def http(shared_service: RunningService) -> Iterator[httpx.Client]:
    with shared_service.http() as http:
        yield http


def test_a_poll_without_news_waits_and_then_says_so(http: httpx.Client) -> None:
    cursor = answered(http.get(f"{API}/events", params={"after": "latest"}))["cursor"]
    began = time.monotonic()
    page = answered(http.get(f"{API}/events", params={"after": cursor, "wait": 0.4}))
    assert page == {"events": [], "cursor": cursor}
    assert 0.3 < time.monotonic() - began < 3


def test_a_poll_ends_with_the_news_that_it_waits_for(shared_service: RunningService, http: httpx.Client) -> None:
    cursor = answered(http.get(f"{API}/events", params={"after": "latest"}))["cursor"]
    found, times = [], []

    def wait() -> None:
        with shared_service.http() as own:
            query = {"after": cursor, "wait": 20, "kinds": "model.created", "model": "awaited"}
            found.append(answered(own.get(f"{API}/events", params=query)))
            times.append(time.monotonic())

    waiter = threading.Thread(target=wait)
    waiter.start()
    time.sleep(0.3)
    create_model(http, "not awaited")
    time.sleep(0.1)
    began = time.monotonic()
    create_model(http, "awaited")
    waiter.join(10)
    assert [event["model_name"] for event in found[0]["events"]] == ["awaited"]
    assert times[0] - began < 1.5


def test_the_cursor_passes_what_the_caller_may_not_see(shared_service: RunningService, http: httpx.Client) -> None:
    token = shared_service.token_of("heidi", role="reader", pattern="seen*")
    with shared_service.http(token=token) as heidi:
        before = answered(heidi.get(f"{API}/events", params={"after": "latest"}))["cursor"]
        create_model(http, "unseen")
        page = answered(heidi.get(f"{API}/events", params={"after": before}))
        assert page["events"] == [] and page["cursor"] != before
        create_model(http, "seen")
        page = answered(heidi.get(f"{API}/events", params={"after": page["cursor"]}))
        assert [event["model_name"] for event in page["events"]] == ["seen"]


def test_a_consumer_reads_on_where_it_was(http: httpx.Client) -> None:
    answered(http.put(f"{API}/consumers/deployer", json={"cursor": "latest"}))
    create_model(http, "consumed")
    page = answered(http.get(f"{API}/events", params={"consumer": "deployer"}))
    assert [event["kind"] for event in page["events"]] == ["model.created"]
    answered(http.put(f"{API}/consumers/deployer", json={"cursor": page["cursor"]}))
    assert answered(http.get(f"{API}/events", params={"consumer": "deployer"}))["events"] == []


def test_a_waiting_poll_does_not_hold_up_the_end_of_the_service(start_service: StartService) -> None:
    service = start_service()

    def wait() -> None:
        with service.http() as http:
            try:
                http.get(f"{API}/events", params={"after": "latest", "wait": 60})
            except Exception:
                return

    waiter = threading.Thread(target=wait)
    waiter.start()
    time.sleep(0.5)
    began = time.monotonic()
    service.stop()
    assert time.monotonic() - began < 12
    waiter.join(5)
    assert not waiter.is_alive()
