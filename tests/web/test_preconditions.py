"""Entity tags, preconditions, and requests that are sent again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.service_fixture import RunningService
from tests.web.stories import API, answered, create_model, promote, register


@pytest.fixture
def http(shared_service: RunningService) -> Iterator[httpx.Client]:
    with shared_service.http() as http:
        yield http


def test_an_entity_that_the_caller_has_is_304_until_it_changes(http: httpx.Client) -> None:
    create_model(http, "tags")
    path = f"{API}/models/tags"
    etag = http.get(path).headers["etag"]
    assert etag == '"1"'
    assert http.get(path, headers={"if-none-match": etag}).status_code == 304
    answered(http.patch(path, json={"description": "new"}, headers={"if-match": etag}))
    assert http.get(path, headers={"if-none-match": etag}).status_code == 200
    assert answered(http.patch(path, json={"description": "old"}, headers={"if-match": etag}), 412)["code"] == (
        "revision_mismatch"
    )


def test_what_is_judged_anew_is_304_only_for_the_very_same_answer(http: httpx.Client) -> None:
    """A policy attached elsewhere changes what a stage demands, and no revision of the model."""
    create_model(http, "judged")
    register(http, "judged", {"m": b"judged"})
    path = f"{API}/models/judged/stages/production"
    etag = http.get(path).headers["etag"]
    assert http.get(path, headers={"if-none-match": etag}).status_code == 304
    body = {"policy": "team", "model_pattern": "judged", "stage": "production"}
    change = answered(http.post(f"{API}/policies/attachments", json=body), 201)
    answer = http.get(path, headers={"if-none-match": etag})
    assert [pin["name"] for pin in answered(answer)["policies"]] == ["team"]
    answered(http.post(f"{API}/policies/attachments/{change['attachment_id']}/detach"))


def test_stages_are_arranged_only_by_who_saw_them(http: httpx.Client) -> None:
    create_model(http, "arranged")
    path, body = f"{API}/models/arranged/stages", {"stages": ["canary", "production"]}
    assert answered(http.put(path, json=body), 428)["code"] == "revision_required"
    etag = http.get(f"{API}/models/arranged").headers["etag"]
    stages = answered(http.put(path, json=body, headers={"if-match": etag}))
    assert [stage["name"] for stage in stages["items"]] == ["canary", "production"]


def test_the_tag_of_a_policy_is_its_version(http: httpx.Client) -> None:
    assert http.get(f"{API}/policies/open").headers["etag"] == '"1"'
    document = answered(http.get(f"{API}/policies/open"))["document"]
    body = {"document": {**document, "description": "Nobody."}}
    assert answered(http.post(f"{API}/policies", json=body), 428)["code"] == "revision_required"
    change = answered(http.post(f"{API}/policies", json=body, headers={"if-match": '"1"'}), 201)
    assert change["result_version"] == 2
    assert answered(http.post(f"{API}/policies", json=body, headers={"if-match": '"1"'}), 412)["code"]


def test_the_same_request_under_its_key_has_one_effect_and_one_answer(http: httpx.Client) -> None:
    key = {"idempotency-key": "create-again"}
    answers = [http.post(f"{API}/models", json={"name": "again"}, headers=key) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert http.post(f"{API}/models", json={"name": "again"}).status_code == 409


@pytest.mark.parametrize(
    ("path", "body"), [("/models", {"name": "other"}), ("/models?", {"name": "once "}), ("/groups/x", {"members": []})]
)
def test_another_request_under_a_used_key_is_422(http: httpx.Client, path: str, body: Any) -> None:
    key = {"idempotency-key": f"used-{path}"}
    assert http.post(f"{API}/models", json={"name": f"once {len(path)}"}, headers=key).status_code == 201
    method = "PUT" if "groups" in path else "POST"
    answer = http.request(method, f"{API}{path}", json=body, headers=key)
    assert answered(answer, 422)["code"] == "idempotency_key_reused"


def test_if_match_is_part_of_the_request(http: httpx.Client) -> None:
    create_model(http, "matched")
    key = {"idempotency-key": "matched"}
    answered(http.patch(f"{API}/models/matched", json={"description": "a"}, headers={**key, "if-match": '"1"'}))
    answer = http.patch(f"{API}/models/matched", json={"description": "a"}, headers={**key, "if-match": '"2"'})
    assert answered(answer, 422)["code"] == "idempotency_key_reused"


def test_keys_of_different_principals_are_independent(shared_service: RunningService, http: httpx.Client) -> None:
    key = {"idempotency-key": "mine-and-yours"}
    assert http.post(f"{API}/models", json={"name": "mine"}, headers=key).status_code == 201
    with shared_service.http(token=shared_service.token_of("frank", role="contributor")) as other:
        assert other.post(f"{API}/models", json={"name": "yours"}, headers=key).status_code == 201


def test_a_refusal_is_not_kept(http: httpx.Client) -> None:
    key = {"idempotency-key": "later"}
    path = f"{API}/models/later/aliases/best"
    assert http.put(path, json={"version": "1"}, headers=key).status_code == 404
    create_model(http, "later")
    register(http, "later", {"m": b"later"})
    assert http.put(path, json={"version": "1"}, headers=key).status_code == 200


def test_a_secret_is_never_told_twice(http: httpx.Client) -> None:
    key = {"idempotency-key": "secret"}
    tokens = {answered(http.post(f"{API}/tokens", json={"name": "x"}, headers=key), 201)["token"] for _ in range(2)}
    assert len(tokens) == 2
    listed = http.get(f"{API}/tokens")
    assert not any(token[-38:-6] in listed.text for token in tokens)


def test_a_stored_answer_stays_closed_to_who_lost_the_right(shared_service: RunningService, http: httpx.Client) -> None:
    token = shared_service.token_of("gina", role="contributor")
    key = {"idempotency-key": "gina"}
    with shared_service.http(token=token) as gina:
        assert gina.post(f"{API}/models", json={"name": "ginas"}, headers=key).status_code == 201
        grants = answered(http.get(f"{API}/principals/gina"))["grants"]
        answered(http.delete(f"{API}/grants/{grants[0]['id']}"), 204)
        answered(http.post(f"{API}/grants", json={"role": "contributor", "pattern": "else*", "principal": "gina"}), 201)
        assert gina.post(f"{API}/models", json={"name": "ginas"}, headers=key).status_code in {403, 404}


def test_at_the_same_time_under_one_key_there_is_one_effect(shared_service: RunningService, http: httpx.Client) -> None:
    create_model(http, "racing")
    register(http, "racing", {"m": b"racing"})
    promote(http, "racing", "1")
    texts, body = [], {"model": "racing", "target": "eu", "version": "1"}

    def start() -> None:
        with shared_service.http() as own:
            texts.append(own.post(f"{API}/deployments", json=body, headers={"idempotency-key": "race"}).text)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts) == 8 and len(set(texts)) == 1
    found = answered(http.get(f"{API}/deployments", params={"filter": "model = 'racing'"}))
    assert len(found["items"]) == 1
