from __future__ import annotations

import time
from typing import Any

import httpx

from tests.service_fixture import RunningService
from tests.web.stories import API, answered, create_model, promote, register


def refusals(service: RunningService, *, awaited: int = 0, who: str = "") -> list[dict[str, Any]]:
    """They are written behind the answer that refuses, so that one may have to wait for them."""
    with service.http(who or None) as http:
        for _ in range(100):
            asked = {"kinds": "access.*", "limit": "200"}
            events: list[dict[str, Any]] = answered(http.get(f"{API}/events", params=asked))["events"]
            if len(events) >= awaited:
                break
            time.sleep(0.1)
    return events


def test_who_tried_what_they_may_not_do_is_in_the_log(service: RunningService) -> None:
    token = service.token_of("eve", role="contributor", pattern="m")
    with service.http() as admin, service.http(token) as eve:
        create_model(admin, "m")
        version = register(admin, "m", {"model.bin": b"bytes"})
        wanted = {"model": "m", "version": "1", "stage": "production"}
        promotion = answered(admin.post(f"{API}/promotions", json=wanted), 201)["id"]
        review = {"verdict": "approve", "digest": version["digest"]}
        for _ in range(3):
            assert eve.post(f"{API}/promotions/{promotion}/reviews", json=review).status_code == 403
        assert eve.post(f"{API}/models/m/versions/1/revoke", json={"reason": "x"}).status_code == 403
        assert eve.post(f"{API}/policies", json={}).status_code in {400, 403}
        # What everybody may try who contributes, or of which nothing may be told, is in the log of requests alone.
        assert eve.post(f"{API}/models", json={"name": "elsewhere"}).status_code in {403, 404}
        assert eve.get(f"{API}/models/secret").status_code == 404
    told = refusals(service, awaited=2)
    assert [(event["actor"], event["subject"], event["data"]["code"]) for event in told][:2] == [
        ("eve", "promotion:review", "not_permitted"),
        ("eve", "version:revoke", "not_permitted"),
    ]
    assert {event["data"]["times"] for event in told} == {1}
    assert all(event["model_name"] is None for event in told)
    assert refusals(service, who=token) == [], "it is for those who read all of the log"


def test_an_approval_of_own_work_that_was_refused_is_in_the_log(service: RunningService) -> None:
    with service.http() as admin:
        answered(
            admin.post(
                f"{API}/policies/attachments", json={"policy": "team", "model_pattern": "*", "stage": "production"}
            ),
            201,
        )
        create_model(admin, "m")
        version = register(admin, "m", {"model.bin": b"bytes"})
        wanted = {"model": "m", "version": "1", "stage": "production"}
        promotion = answered(admin.post(f"{API}/promotions", json=wanted), 201)["id"]
        body = {"verdict": "approve", "digest": version["digest"]}
        refused: httpx.Response = admin.post(f"{API}/promotions/{promotion}/reviews", json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "self_approval")
    (event,) = refusals(service, awaited=1)
    assert (event["subject"], event["data"]["code"]) == ("promotion:review", "self_approval")
    assert "own work is for others to approve" in event["data"]["message"]


def test_what_was_let_through_is_no_refusal(service: RunningService) -> None:
    with service.http() as admin:
        create_model(admin, "m")
        register(admin, "m", {"model.bin": b"bytes"})
        promote(admin, "m", "1")
    assert refusals(service) == []
