"""The log as a stream, over real connections."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx
import pytest

from registry_service.app import now
from tests.service_fixture import RunningService, StartService
from tests.web.sse import Heard, listening
from tests.web.stories import API, answered, create_model, promote, register


@pytest.fixture
def http(shared_service: RunningService) -> Iterator[httpx.Client]:
    with shared_service.http() as http:
        yield http


def cursor_of(http: httpx.Client) -> str:
    return str(answered(http.get(f"{API}/events", params={"after": "latest"}))["cursor"])


def at(cursor: str) -> Callable[[Heard], bool]:
    return lambda heard: heard.last_id == cursor


def test_an_event_arrives_as_it_happens_with_its_cursor(shared_service: RunningService, http: httpx.Client) -> None:
    before = cursor_of(http)
    with listening(shared_service) as heard:
        assert heard.last_id == before
        began = time.monotonic()
        create_model(http, "streamed")
        heard.wait(lambda one: bool(one.events))
        assert time.monotonic() - began < 1.5
        ((cursor, event),) = heard.events
        page = answered(http.get(f"{API}/events", params={"after": before}))
        assert page["events"] == [event] and page["cursor"] == cursor


def test_what_is_there_already_comes_first_and_in_order(shared_service: RunningService, http: httpx.Client) -> None:
    before = cursor_of(http)
    for number in range(230):
        create_model(http, f"old.{number}")
    with listening(shared_service, after=before) as heard:
        create_model(http, "old.new")
        heard.wait(lambda one: len(one.events) >= 231)
        assert heard.names == [*(f"old.{number}" for number in range(230)), "old.new"]
        first = heard.seqs[0]
        assert heard.seqs == list(range(first, first + 231))


@pytest.mark.parametrize("by", ["header", "after", "consumer"])
def test_a_stream_goes_on_where_one_says(shared_service: RunningService, http: httpx.Client, by: str) -> None:
    create_model(http, f"{by}.before")
    cursor = cursor_of(http)
    create_model(http, f"{by}.between")
    answered(http.put(f"{API}/consumers/{by}", json={"cursor": cursor}))
    query = {"header": {"after": "start"}, "after": {"after": cursor}, "consumer": {"consumer": by}}[by]
    with listening(shared_service, last_id=cursor if by == "header" else None, seconds=0, **query) as heard:
        heard.wait(lambda one: one.ended)
    assert heard.names == [f"{by}.between"]
    assert answered(http.get(f"{API}/consumers/{by}"))["cursor"] == cursor, "only the reader knows what was dealt with"


def test_filters_say_the_same_of_pages_and_streams(shared_service: RunningService, http: httpx.Client) -> None:
    before = cursor_of(http)
    filters = [
        {"model": "team-a.*"},
        {"model": "team-a.one"},
        {"model": "team-?.one"},
        {"stage": "production"},
        {"kinds": "promotion.*,model.created"},
        {"kinds": "stage.*", "model": "team-b.*", "stage": "production"},
        {"model": "team-_.one"},
    ]
    live: list[list[str | None]] = []
    stack = [listening(shared_service, after=before, **wanted) for wanted in filters]
    heards: list[Heard] = [one.__enter__() for one in stack]
    for name in ("team-a.one", "team-a.two", "team-b.one"):
        create_model(http, name)
        register(http, name, {"model.bin": name.encode()})
        promote(http, name, "1")
    answered(http.post(f"{API}/models/team-a.one/stages/staging/hold", json={"reason": "frozen"}))
    time.sleep(0.5)
    for one in stack:
        one.__exit__(None, None, None)
    live = [[event["kind"] for _, event in heard.events] for heard in heards]
    for wanted, heard, kinds in zip(filters, heards, live, strict=True):
        page = answered(http.get(f"{API}/events", params={"after": before, "limit": 1000, **wanted}))
        assert page["events"] == [event for _, event in heard.events], wanted
        with listening(shared_service, after=before, seconds=0, **wanted) as again:
            again.wait(lambda one: one.ended)
        assert [event["kind"] for _, event in again.events] == kinds
    assert [len(kinds) > 0 for kinds in live] == [True] * 6 + [False]
    assert {event["model_name"] for _, event in heards[0].events} == {"team-a.one", "team-a.two"}
    assert {event["data"]["stage"] for _, event in heards[3].events} == {"production"}
    assert {event["kind"] for _, event in heards[3].events} >= {"promotion.applied", "stage.moved", "review.given"}


def test_a_heartbeat_carries_the_cursor_past_what_is_not_seen(
    shared_service: RunningService, http: httpx.Client
) -> None:
    token = shared_service.token_of("heidi", role="reader", pattern="seen*")
    with listening(shared_service, token=token, heartbeat=1) as heard:
        create_model(http, "unseen")
        after = cursor_of(http)
        heard.wait(at(after), 5)
        assert heard.events == [] and "still here" in heard.comments
        create_model(http, "seen")
        heard.wait(lambda one: bool(one.events))
        create_model(http, "unseen too")
        create_model(http, "seen too")
        heard.wait(lambda one: len(one.events) == 2)
        assert heard.names == ["seen", "seen too"]


def test_nobody_sees_events_of_what_they_may_not_read_whatever_they_ask_for(
    shared_service: RunningService, http: httpx.Client
) -> None:
    token = shared_service.token_of("erin", role="reader", pattern="mine.*")
    for query in ({}, {"model": "hidden.*"}, {"model": "hidden.one"}, {"kinds": "grant.*"}, {"after": "start"}):
        with listening(shared_service, token=token, heartbeat=1, **query) as heard:
            create_model(http, f"hidden.{len(query)}{query.get('model', '')[-1:].strip('*')}{time.time_ns()}")
            shared_service.token_of(f"other-{time.time_ns()}", role="reader")
            after = cursor_of(http)
            heard.wait(at(after), 5)
            assert all(name is not None and name.startswith("mine.") for name in heard.names), heard.names


# ------------------------------------------------------------------------------------------- who may go on listening


def test_a_revoked_token_ends_its_stream_at_once(shared_service: RunningService, http: httpx.Client) -> None:
    token = shared_service.token_of("bob", role="reader")
    with shared_service.http(token=token) as own:
        me = answered(own.get(f"{API}/whoami"))
    with listening(shared_service, token=token) as heard:
        began = time.monotonic()
        answered(http.delete(f"{API}/tokens/{me['token']['id']}"))
        create_model(http, "after the revocation")
        heard.wait(lambda one: one.ended, 3)
        assert time.monotonic() - began < 2
        assert "after the revocation" not in heard.names
        assert heard.comments[-1] == "the token or the permission has ended"
    with listening(shared_service, token=token) as heard:
        assert heard.problem is not None and heard.problem["code"] == "not_authenticated"


def test_a_disabled_principal_and_a_lost_role_end_streams(shared_service: RunningService, http: httpx.Client) -> None:
    tokens = [shared_service.token_of(name, role="reader") for name in ("dora", "emil")]
    with listening(shared_service, token=tokens[0]) as dora, listening(shared_service, token=tokens[1]) as emil:
        answered(http.patch(f"{API}/principals/dora", json={"disabled": True}))
        dora.wait(lambda one: one.ended, 3)
        assert not emil.ended
        (grant,) = answered(http.get(f"{API}/principals/emil"))["grants"]
        answered(http.delete(f"{API}/grants/{grant['id']}"), 204)
        emil.wait(lambda one: one.ended, 3)


def test_a_narrower_grant_narrows_a_stream_that_runs(shared_service: RunningService, http: httpx.Client) -> None:
    token = shared_service.token_of("nina", role="reader", pattern="*")
    answered(http.post(f"{API}/grants", json={"principal": "nina", "role": "reader", "pattern": "narrow.*"}), 201)
    with listening(shared_service, token=token) as heard:
        create_model(http, "wide")
        heard.wait(lambda one: one.names[-1:] == ["wide"])
        (grant,) = (one for one in answered(http.get(f"{API}/principals/nina"))["grants"] if one["pattern"] == "*")
        answered(http.delete(f"{API}/grants/{grant['id']}"), 204)
        create_model(http, "wide again")
        create_model(http, "narrow.one")
        heard.wait(lambda one: one.names[-1:] == ["narrow.one"])
        assert "wide again" not in heard.names


def test_an_expired_token_ends_its_stream(start_service: StartService) -> None:
    moment = now()
    service = start_service(clock=lambda: moment)
    with listening(service) as heard:
        time.sleep(1.5)
        assert not heard.ended
        moment += timedelta(days=91)
        heard.wait(lambda one: one.ended, 5)


# ----------------------------------------------------------------------------------------------------- bounds and ends


def test_streams_have_a_limit_for_each_principal_and_in_all(start_service: StartService) -> None:
    service = start_service(max_streams=3, max_streams_each=2)
    other, third = service.token_of("olga", role="reader"), service.token_of("theo", role="reader")
    with listening(service), listening(service) as second:
        with listening(service) as refused:
            assert refused.problem is not None
            assert (refused.problem["status"], refused.problem["code"]) == (429, "too_many_streams")
            assert refused.problem["details"]["limit"] == 2
        with listening(service, token=other), listening(service, token=third) as one_more:
            assert one_more.problem is not None and one_more.problem["details"]["limit"] == 3
        assert not second.ended
    deadline = time.monotonic() + 5
    while True:  # the service learns from the connections that their readers are gone
        with listening(service) as again:
            if again.problem is None:
                break
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_stream_ends_with_the_service_and_goes_on_with_the_next_one(start_service: StartService) -> None:
    service = start_service()
    with listening(service) as heard:
        began = time.monotonic()
        service.stop()
        heard.wait(lambda one: one.ended, 5)
        assert time.monotonic() - began < 4
        assert heard.comments[-1].startswith("the service ends")
    service.start()
    with service.http() as http:
        create_model(http, "meanwhile")
        with listening(service, last_id=heard.last_id, seconds=0) as again:
            again.wait(lambda one: one.ended)
        assert "meanwhile" in again.names


def test_a_slow_reader_is_dropped_and_the_others_go_on(start_service: StartService) -> None:
    """It reads nothing: the kernel's buffers fill, then the service's, which has a bound."""

    service = start_service()
    host, port = service.settings.host, service.settings.port
    with socket.socket() as slow, service.http() as http:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((host, port))
        slow.sendall(
            f"GET {API}/events/stream HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer"
            f" {service.person}\r\n\r\n".encode()
        )
        with listening(service) as quick:
            create_model(http, "loud")
            words = "w" * 200
            for number in range(2_000):
                made = http.post(
                    f"{API}/models/loud/stages/production/hold", json={"reason": f"{number} {words}" + words * 4}
                )
                assert made.is_success, made.text
                if number % 50 == 0 and "event_streams 1" in http.get("/metrics").text:
                    break
            else:
                raise AssertionError("the slow reader was never dropped")
            quick.wait(lambda one: len(one.events) >= number + 1)
            assert not quick.ended
            assert quick.seqs == list(range(quick.seqs[0], quick.seqs[0] + len(quick.seqs)))


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_while_writers_write_and_the_service_is_restarted(
    start_service: StartService,
) -> None:
    service = start_service()
    _restart_under_load(service)


@pytest.mark.slow
async def test_so_it_is_on_either_database(service_on: RunningService) -> None:
    await asyncio.to_thread(_restart_under_load, service_on)


def _restart_under_load(service: RunningService) -> None:
    made: list[str] = []
    stopped = threading.Event()

    def write(who: int) -> None:
        with service.http() as http:
            number = 0
            while not stopped.is_set():
                name = f"w{who}.{number}"
                try:
                    status = http.post(f"{API}/models", json={"name": name}).status_code
                except httpx.HTTPError:
                    time.sleep(0.05)
                    continue
                if status in {201, 409}:
                    made.append(name)
                    number += 1
                time.sleep(0.005)

    writers = [threading.Thread(target=write, args=(who,)) for who in range(3)]
    with service.http() as http:
        last = cursor_of(http)
    for writer in writers:
        writer.start()
    events: list[tuple[str, dict[str, object]]] = []
    for turn in range(4):
        with listening(service, last_id=last, kinds="model.created") as heard:
            time.sleep(0.6)
            if turn % 2:
                service.restart()
                heard.wait(lambda one: one.ended)
        # What came after the last whole event is forgotten, as a browser does.
        events += heard.events
        last = heard.last_id
    stopped.set()
    for writer in writers:
        writer.join(10)
    with listening(service, last_id=last, kinds="model.created", seconds=0) as heard:
        heard.wait(lambda one: one.ended)
    events += heard.events
    names = [event["model_name"] for _, event in events]
    assert len(names) == len(set(names)), "doubled"
    assert set(names) == set(made), "lost"
    assert [event["seq"] for _, event in events] == sorted(event["seq"] for _, event in events)  # type: ignore[type-var]
    assert len(made) > 50
    json.dumps(events)
