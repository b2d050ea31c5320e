"""The short way to a version answers as the long one, which a slash at the end leads to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from registry_service.domain.errors import Overloaded
from registry_service.services.registry import Registry
from registry_service.web.hot_reads import Answer, KeptAnswers
from tests.service_fixture import RunningService
from tests.web.stories import API, answered, create_model, register

# What differs from one answer to the next in any case.
OWN = {"date", "x-request-id"}

SELECTORS = [
    "1",
    "latest",
    "@champion",
    "@production",
    "@nowhere",
    "2",
    "nonsense",
    "sha256:" + "0" * 64,
    "a%2Fb",
    "%31",
]


@pytest.fixture(scope="module")
def token(shared_service: RunningService) -> str:
    service = shared_service
    with service.http() as http:
        assert http.post(f"{API}/models", json={"name": "a b"}).status_code == 201
        version = {"files": [], "metadata": {"metrics": {"auc": 0.9}}, "tags": {"k": "v"}, "aliases": ["champion"]}
        assert http.post(f"{API}/models/a b/versions", json=version).status_code == 201
    return service.token_of("rea", role="reader", pattern="a*")


@pytest.mark.parametrize("selector", SELECTORS)
@pytest.mark.parametrize("model", ["a%20b", "b", "ab", "x" * 300])
def test_both_ways_give_the_same_answer(shared_service: RunningService, token: str, model: str, selector: str) -> None:
    with shared_service.http(token) as http:
        for seen in ("", "*", 'W/"2", "3"', '"7"'):
            headers = {"If-None-Match": seen} if seen else {}
            short = http.get(f"{API}/models/{model}/versions/{selector}", headers=headers)
            long = http.get(f"{API}/models/{model}/versions/{selector}/", headers=headers)
            assert_same(short, long)


def assert_same(short: httpx.Response, long: httpx.Response) -> None:
    assert short.status_code == long.status_code
    for answer in (short, long):
        for name in OWN:
            answer.headers.pop(name, None)
    assert dict(short.headers) == dict(long.headers)
    if short.headers.get("content-type") == "application/problem+json":
        assert {**short.json(), "request_id": ""} == {**long.json(), "request_id": ""}
    else:
        assert short.content == long.content


def test_each_reader_is_told_of_a_parent_what_they_may_read(shared_service: RunningService, token: str) -> None:
    path = f"{API}/models/a derived/versions/1"
    with shared_service.http() as admin, shared_service.http(token) as reader:
        for name, parents in (("z secret", []), ("a derived", [{"kind": "parent_version", "ref": "z secret/1"}])):
            admin.post(f"{API}/models", json={"name": name})
            made = admin.post(f"{API}/models/{name}/versions", json={"files": [], "lineage": parents})
            assert made.status_code == 201, made.text
        for _ in range(2):
            assert admin.get(path).json()["lineage"][0]["ref"] == "z secret/1"
            assert reader.get(path).json()["lineage"][0] == reader.get(f"{path}/").json()["lineage"][0]
            assert "secret" not in reader.get(path).text


def test_the_short_way_needs_a_role_that_reads(shared_service: RunningService, token: str) -> None:
    service = shared_service
    path = f"{API}/models/a b/versions/1"
    for shown, status in ((token, 200), (service.token_of("nobody"), 403), ("", 401)):
        with service.http(shown) as http:
            assert http.get(path).status_code == http.get(f"{path}/").status_code == status


def test_what_was_just_answered_is_answered_anew_after_each_change(shared_service: RunningService) -> None:
    path, alias = f"{API}/models/kept/versions/@champion", f"{API}/models/kept/aliases/champion"
    with shared_service.http() as http:
        assert http.post(f"{API}/models", json={"name": "kept"}).status_code == 201
        for number in (1, 2):
            version = {"files": [], "metadata": {"metrics": {"auc": number}}}
            assert http.post(f"{API}/models/kept/versions", json=version).status_code == 201
        for number in (1, 2) * 20:
            assert http.put(alias, json={"version": str(number)}).status_code == 200
            for _ in range(3):
                assert http.get(path).json()["number"] == number


def test_what_is_kept_is_for_those_alone_who_may_read_it(shared_service: RunningService, token: str) -> None:
    path = f"{API}/models/a b/versions/1"
    with shared_service.http() as owner, shared_service.http(token) as reader:
        assert owner.get(path).status_code == reader.get(path).status_code == 200
        elsewhere = shared_service.token_of("elsa", role="reader", pattern="z*")
        with shared_service.http(elsewhere) as other:
            assert owner.get(path).status_code == 200
            assert other.get(path).status_code == 404
            assert other.get(path).json()["code"] == other.get(f"{path}/").json()["code"]


def test_answers_of_one_count_are_kept_and_no_more_than_may_be() -> None:
    kept, answer = KeptAnswers(limit=3_000), Answer('"1"', b"x" * 100)
    kept.keep(("a", "1"), 7, answer)
    assert kept.find(("a", "1"), 7) is answer
    assert kept.find(("a", "1"), 8) is kept.find(("a", "1"), None) is kept.find(("a", "2"), 7) is None
    for name in "bcdef":
        kept.keep((name, "1"), 7, answer)
    assert [name for name in "abcdef" if kept.find((name, "1"), 7)] == ["a", "b"]
    kept.keep(("late", "1"), 6, answer)
    kept.keep(("unknown", "1"), None, answer)
    assert kept.find(("late", "1"), 6) is kept.find(("unknown", "1"), 7) is None
    kept.keep(("new", "1"), 8, answer)
    assert kept.find(("new", "1"), 8) is answer
    assert kept.find(("a", "1"), 7) is kept.find(("a", "1"), 8) is None


def test_what_is_found_by_its_name_waits_for_no_search(
    service: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any, **__: Any) -> None:
        raise Overloaded("More is asked for than can be searched at a time.")

    with service.http() as http:
        create_model(http, "sought")
        register(http, "sought", {"model.bin": b"bytes"})
        card = answered(http.put(f"{API}/models/sought/card", json={"text": "# Sought"}))["digest"]
        asked = ("whoami", "models/sought", "models/sought/versions/1", f"models/sought/card/history/{card}")
        then = datetime.now(UTC).isoformat()
        monkeypatch.setattr(Registry, "search", full)
        assert http.get(f"{API}/models").status_code == 503
        for path in asked:
            assert http.get(f"{API}/{path}").status_code == 200, path
        assert http.get(f"{API}/models/sought/versions/1", params={"as_of": then}).status_code == 200
