"""Role by route: what a role may not do anywhere is refused at the door; what it may is not."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from registry_service.domain.permissions import ALLOWED, PERSONAL, Action, Role
from registry_service.web.authentication import ANY_TOKEN, PUBLIC
from tests.service_fixture import RunningService
from tests.web.stories import API, create_model, register
from tests.web.walk import SAMPLES, Call, all_calls


@pytest.fixture(scope="module")
def tokens(shared_service: RunningService) -> dict[tuple[str, Role], str]:
    return {
        (kind, role): shared_service.token_of(f"{kind}-{role}", role=role, kind=kind)
        for role in Role
        for kind in ("person", "service")
    }


def _may(kind: str, role: Role, action: Action | str) -> bool:
    if not isinstance(action, Action):
        assert action in {ANY_TOKEN, PUBLIC}
        return True
    return action in ALLOWED[role] and (kind == "person" or action not in PERSONAL)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("kind", ["person", "service"])
def test_every_route_refuses_exactly_those_whose_role_lacks_its_action(
    shared_service: RunningService, tokens: dict[tuple[str, Role], str], kind: str, role: Role
) -> None:
    with shared_service.http(token=tokens[kind, role]) as http:
        for call in all_calls():
            answer = http.request(call.method, call.path, json=call.body)
            refused = answer.status_code == 403
            assert refused is not _may(kind, role, call.action), (call, answer.text)
            assert answer.status_code not in {401, 405, 415, 500}, (call, answer.text)


def test_a_route_of_a_person_tells_a_service_so(
    shared_service: RunningService, tokens: dict[tuple[str, Role], str]
) -> None:
    with shared_service.http(token=tokens["service", Role.ADMIN]) as http:
        for call in all_calls():
            if call.action in PERSONAL:
                assert http.request(call.method, call.path, json=call.body).json()["code"] == "person_required", call


def _about_models() -> Iterator[Call]:
    for call in all_calls():
        if f"/models/{SAMPLES['model']}" in call.path:
            yield call


def test_a_model_out_of_sight_looks_exactly_like_none(shared_service: RunningService) -> None:
    with shared_service.http() as admin:
        create_model(admin, "secret.one")
        register(admin, "secret.one", {"model.bin": b"bytes"}, aliases=["best"])
    token = shared_service.token_of("erin", role="approver", pattern="team-a.*")
    seen = 0
    with shared_service.http(token=token) as http:
        for call in _about_models():
            answers = []
            for name in ("secret.one", "secret.two"):
                path = call.path.replace(SAMPLES["model"], name)
                answer = http.request(call.method, path, json=call.body)
                text = re.sub(r'"request_id":"\w+"', "", answer.text).replace(name, "NAME")
                answers.append((answer.status_code, text))
            assert answers[0] == answers[1], call
            assert answers[0][0] in {403, 404}, call
            seen += 1
        listed = http.get(f"{API}/models").json()
        events = http.get(f"{API}/events", params={"limit": 1000}).json()["events"]
    assert seen > 20
    assert listed["items"] == [] and listed["next_cursor"] is None
    assert [event for event in events if event["model_name"] == "secret.one"] == []
