"""One model's whole life by plain HTTP, on both databases."""

from __future__ import annotations

import asyncio

from tests.service_fixture import RunningService
from tests.web.stories import API, answered, create_model, promote, register


async def test_a_model_lives_its_whole_life_on_both_databases(service_on: RunningService) -> None:
    await asyncio.to_thread(live, service_on)


def live(service: RunningService) -> None:
    with service.http() as http:
        create_model(http, "fraud detector", tags={"team": "risk"})
        one = register(http, "fraud detector", {"model.bin": b"one"}, metadata={"metrics": {"auc": 0.9}})
        two = register(http, "fraud detector", {"model.bin": b"two", "dir/readme.md": b"hi"}, aliases=["champion"])
        assert (one["number"], two["number"]) == (1, 2)
        versions = f"{API}/models/fraud detector/versions"

        found = answered(http.get(versions, params={"filter": "metrics.auc > 0.5"}))
        assert [item["number"] for item in found["items"]] == [1]
        for selector in ("2", "latest", "@champion", two["digest"]):
            assert answered(http.get(f"{versions}/{selector}"))["number"] == 2
        answered(http.post(f"{versions}/1/checks", json={"name": "evaluation", "status": "passed"}), 201)
        assert len(answered(http.get(f"{versions}/1/checks"))["items"]) == 1
        answered(http.patch(f"{versions}/1", json={"tags": {"a": "b"}}))

        first = promote(http, "fraud detector", "1")
        assert first["phase"] == "APPLIED" and first["is_current"]
        second = promote(http, "fraud detector", "@champion")
        stage = f"{API}/models/fraud detector/stages/production"
        assert answered(http.get(stage))["version"] == 2
        moment = second["applied_at"]
        assert answered(http.get(stage, params={"as_of": moment}))["version"] == 2
        assert answered(http.get(f"{versions}/@production", params={"as_of": first["applied_at"]}))["number"] == 1

        back = answered(http.post(f"{stage}/rollback", json={"reason": "smoke test", "from_version": 2}))
        assert (back["version"], back["phase"]) == (1, "APPLIED")
        again = http.post(f"{stage}/rollback", json={"reason": "smoke test", "from_version": 2})
        assert answered(again, 409)["code"] == "nothing_to_roll_back"
        assert [r["version"] for r in answered(http.get(f"{stage}/history"))["items"]] == [1, 2, 1]
        answered(http.post(f"{stage}/hold", json={"reason": "freeze", "until": "2099-01-01T00:00:00Z"}))
        assert answered(http.get(stage))["hold"]["reason"] == "freeze"
        answered(http.post(f"{stage}/release"))
        answered(http.post(f"{versions}/1/revoke", json={"reason": "leaked labels"}))
        answered(http.post(f"{stage}/vacate", json={"from_version": 1, "reason": "end"}))
        assert answered(http.get(f"{versions}/@production"), 404)["code"] == "stage_vacant"

        answered(http.post(f"{stage}/clear-failure", json={"version": 2, "reason": "not its fault"}))

        deployment = answered(
            http.post(f"{API}/deployments", json={"model": "fraud detector", "target": "eu", "version": "2"}), 201
        )
        seen = {"digest": two["digest"]}
        answered(http.post(f"{API}/deployments/{deployment['id']}/observed", json=seen))
        assert answered(http.get(f"{API}/deployments", params={"filter": "target = 'eu'"}))["items"][0]["status"] == (
            "running"
        )

        answered(http.post(f"{versions}/2/revoke", json={"reason": "leak"}))
        assert answered(http.get(f"{versions}/2/files/model.bin"), 409)["code"] == "version_revoked"
        assert answered(http.delete(f"{API}/models/fraud detector"), 409)["details"]["used_by"] == [
            f"deployment:{deployment['id']}"
        ]
        over = {"digest": None, "status": "ended"}
        answered(http.post(f"{API}/deployments/{deployment['id']}/observed", json=over))
        answered(http.delete(f"{API}/models/fraud detector"))
        assert answered(http.get(versions), 404)["code"] == "model_not_found"
        answered(http.post(f"{API}/models/fraud detector/restore"))

        policies = answered(http.get(f"{API}/policies"))["items"]
        assert sorted(policy["name"] for policy in policies) == ["open", "regulated", "solo", "team"]
        attached = {"policy": "team", "model_pattern": "fraud*", "stage": "production"}
        change = answered(http.post(f"{API}/policies/attachments", json=attached), 201)
        register(http, "fraud detector", {"model.bin": b"three"})
        asked = {"model": "fraud detector", "version": "3", "stage": "production"}
        assert answered(http.post(f"{API}/policies/test", json=asked))["outcome"] == "waiting"
        answered(http.post(f"{API}/policies/attachments/{change['attachment_id']}/detach"))

        read = answered(http.get(f"{API}/events", params={"kinds": "promotion.applied,stage.*", "limit": 1000}))
        assert [event["kind"] for event in read["events"]][:2] == ["promotion.applied", "stage.moved"]
        answered(http.put(f"{API}/consumers/mine", json={"cursor": read["cursor"]}))
        assert answered(http.get(f"{API}/consumers/mine"))["cursor"] == read["cursor"]
        answered(http.delete(f"{API}/consumers/mine"), 204)
        answered(http.put(f"{API}/models/fraud detector/aliases/best", json={"version": "3"}))
        assert answered(http.get(f"{API}/models/fraud detector/aliases"))["items"][0]["name"] == "best"
        answered(http.delete(f"{API}/models/fraud detector/aliases/best"), 204)
        answered(http.put(f"{API}/groups/risk", json={"members": ["ada"]}))
        grant = answered(http.post(f"{API}/grants", json={"role": "reader", "group": "risk"}), 201)
        answered(http.delete(f"{API}/grants/{grant['id']}"), 204)
        answered(http.delete(f"{API}/groups/risk"), 204)
