from __future__ import annotations

import itertools
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import httpx
import pytest

from registry_service.client import (
    CreateToken,
    InvalidInput,
    LeaseHeld,
    ModelNotFound,
    Overloaded,
    RegistryUnreachable,
    RetryPolicy,
    StorageFull,
    TakeLease,
    TooManyUploads,
    UpdateModel,
)
from registry_service.client.retries import Attempts
from registry_service.client.transport import retry_after
from registry_service.domain.errors import RegistryError
from tests.client.conftest import Connect
from tests.client.registry import Registry, answer, fresh, problem


class Failing:
    """Fails some times, then hands on to the registry."""

    def __init__(self, registry: Registry, *failures: httpx.Response | Exception) -> None:
        self._registry = registry
        self._failures = list(failures)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self._failures:
            failure = self._failures.pop(0)
            if isinstance(failure, Exception):
                raise failure
            return fresh(failure)
        return self._registry(request)


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("cut"),
        httpx.Response(502, text="<html>"),
        httpx.Response(429),
        httpx.Response(503, headers={"Retry-After": "0"}),
        problem(Overloaded("Busy."), 503),
        problem(StorageFull("Full."), 507),
    ],
    ids=str,
)
def test_what_may_pass_is_tried_again(
    connect: Connect, registry: Registry, failure: httpx.Response | Exception
) -> None:
    registry.add({"model.bin": b"x"})
    service = Failing(registry, failure, failure)
    assert connect(service).get_version("churn", 1).number == 1
    assert len(service.requests) == 3


@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        (problem(ModelNotFound("No."), 404), ModelNotFound),
        (problem(LeaseHeld("Another run."), 409), LeaseHeld),
        (problem(TooManyUploads("Abort some."), 429), TooManyUploads),
        (httpx.Response(500, text="oops"), RegistryError),
        (httpx.LocalProtocolError("bad header"), RegistryUnreachable),
    ],
    ids=str,
)
def test_what_will_not_pass_by_itself_is_not_tried_again(
    connect: Connect, registry: Registry, failure: httpx.Response | Exception, raised: type[RegistryError]
) -> None:
    service = Failing(registry, failure)
    with pytest.raises(raised):
        connect(service).take_lease("p1", TakeLease(holder="run"))
    assert len(service.requests) == 1


def test_an_untrusted_certificate_is_not_tried_again_and_named(connect: Connect, registry: Registry) -> None:
    error = httpx.ConnectError("handshake")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed")
    service = Failing(registry, error)
    with pytest.raises(RegistryUnreachable, match="certificate"):
        connect(service).who_am_i()
    assert len(service.requests) == 1


def test_a_repeated_write_keeps_its_key_and_another_write_has_another(connect: Connect, registry: Registry) -> None:
    service = Failing(registry, httpx.ReadTimeout("slow"), httpx.Response(503))
    client = connect(service)
    for _ in range(2):
        with pytest.raises(AssertionError):  # the registry in memory doesn't know this call, which doesn't matter here
            client.update_model("churn", UpdateModel(description="x"))
    keys = [request.headers["Idempotency-Key"] for request in service.requests]
    assert len(keys) == 4 and len(set(keys[:3])) == 1 and keys[3] != keys[0]
    assert len({request.content for request in service.requests}) == 1


def test_the_callers_key_is_sent_and_one_that_cannot_be_sent_is_refused(connect: Connect) -> None:
    seen = []

    def service(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("Idempotency-Key"))
        return problem(ModelNotFound("No."), 404)

    client = connect(service)
    with pytest.raises(ModelNotFound):
        client.delete_model("churn", idempotency_key="k 1")
    with pytest.raises(ModelNotFound):
        client.get_model("churn")
    assert seen == ["k 1", None]
    for bad in ("", "x" * 201, "é", "a\nb"):
        with pytest.raises(InvalidInput):
            client.delete_model("churn", idempotency_key=bad)
    assert len(seen) == 2


@pytest.mark.parametrize("failure", [httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut")], ids=str)
def test_a_call_that_makes_a_secret_is_not_repeated_when_its_answer_may_be_lost(
    connect: Connect, registry: Registry, failure: Exception
) -> None:
    service = Failing(registry, failure)
    with pytest.raises(RegistryUnreachable):
        connect(service).create_token(CreateToken(name="ci"))
    assert len(service.requests) == 1


@pytest.mark.parametrize("failure", [httpx.ConnectError("refused"), problem(Overloaded("Busy."), 503)], ids=str)
def test_a_call_that_makes_a_secret_is_repeated_where_nothing_happened(
    connect: Connect, registry: Registry, failure: httpx.Response | Exception
) -> None:
    service = Failing(registry, failure, problem(ModelNotFound("Reached."), 404))
    with pytest.raises(ModelNotFound):
        connect(service).create_token(CreateToken(name="ci"))
    assert len(service.requests) == 2


def test_tries_end_and_the_last_refusal_is_raised(connect: Connect, registry: Registry) -> None:
    service = Failing(registry, *(problem(Overloaded("Busy."), 503) for _ in range(9)))
    with pytest.raises(Overloaded) as caught:
        connect(service, retries=2).who_am_i()
    assert len(service.requests) == 3
    assert caught.value.__notes__ == ["request id: r-1"]


def test_no_answer_at_all_names_the_url_and_the_cause(connect: Connect) -> None:
    def service(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Connection refused")

    with pytest.raises(RegistryUnreachable, match=r"http://registry\.test .*Connection refused") as caught:
        connect(service, retries=0).who_am_i()
    assert isinstance(caught.value.__cause__, httpx.ConnectError)


def test_a_service_that_asks_for_more_time_than_there_is_is_not_waited_for(
    connect: Connect, registry: Registry
) -> None:
    service = Failing(registry, problem(Overloaded("Busy."), 503, **{"Retry-After": "3600"}))
    with pytest.raises(Overloaded):
        connect(service, retries=RetryPolicy(total=60.0)).who_am_i()
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0.0),
        ("7", 7.0),
        ("Tue, 03 Mar 2026 12:00:30 GMT", 30.0),
        ("Tue, 03 Mar 2026 11:00:00 GMT", 0.0),
        ("soon", 0.0),
        ("-5", 0.0),
    ],
)
def test_retry_after_is_read_in_both_its_forms(value: str | None, seconds: float) -> None:
    assert retry_after(value, datetime(2026, 3, 3, 12, 0, tzinfo=UTC)) == seconds


def test_pauses_are_drawn_below_a_growing_and_capped_ceiling() -> None:
    policy = RetryPolicy(attempts=9, base=1.0, cap=8.0, total=1000.0)
    draws = [
        [attempts.pause(0.0) for _ in range(8)] for attempts in (Attempts(policy, Random(seed)) for seed in range(300))
    ]
    for ceiling, pauses in zip([1, 2, 4, 8, 8, 8, 8, 8], zip(*draws, strict=True), strict=True):
        assert all(pause is not None and 0 <= pause <= ceiling for pause in pauses)
        assert max(pause for pause in pauses if pause is not None) > ceiling * 0.95
        assert min(pause for pause in pauses if pause is not None) < ceiling * 0.05


def test_time_counts_from_the_first_failure_and_progress_starts_it_anew() -> None:
    attempts = Attempts(RetryPolicy(attempts=4, base=0.0, cap=0.0, total=10.0), Random(0))
    assert attempts.pause(100.0) == 0.0
    assert attempts.pause(109.0) == 0.0
    assert attempts.pause(111.0) is None
    attempts.progressed()
    assert [attempts.pause(now) for now in (200.0, 201.0, 202.0, 203.0)] == [0.0, 0.0, 0.0, None]
    attempts.progressed()
    assert attempts.pause(300.0, at_least=9.0) == 9.0
    assert attempts.pause(301.0, at_least=9.5) is None


def test_a_download_that_moves_on_is_not_given_up_for_the_number_of_its_breaks(
    connect: Connect, registry: Registry, tmp_path: Path, cut_after: Callable[..., str]
) -> None:
    data = bytes(range(256)) * 4096 * 8
    registry.add({"big.bin": data})
    url = cut_after(registry, itertools.repeat(1_100_000, 7))
    manifest = connect(url=url, retries=RetryPolicy(attempts=3, base=0.0, cap=0.0)).download("churn", 1, tmp_path)
    assert manifest.number == 1 and (tmp_path / "big.bin").read_bytes() == data


def test_answers_of_a_list_are_asked_for_page_by_page(connect: Connect) -> None:
    def service(request: httpx.Request) -> httpx.Response:
        start = int(request.url.params.get("cursor", "0"))
        assert request.url.params["filter"] == "x" and request.url.params["limit"] == "2"
        items = [{"name": f"g{n}", "members": []} for n in range(start, min(start + 2, 5))]
        return answer({"items": items, "next_cursor": str(start + 2) if start + 2 < 5 else None})

    groups = connect(service).iterate_groups(filter="x", limit=2)
    assert [group.name for group in groups] == ["g0", "g1", "g2", "g3", "g4"]
