"""A misspelt field is never a silently missing one, however deep it stands."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from registry_service.domain.requests import CreateModel, RegisterVersion, WritePolicy
from tests.samples import UNKNOWN, Path, objects, sample, with_unknown
from tests.service_fixture import RunningService
from tests.web.test_wrong_inputs import check_problem
from tests.web.walk import all_calls, body_types

BODIES = body_types()
PLACES = [(name, path) for name, body in sorted(BODIES.items()) for path, _ in objects(body)]


def spelt(path: Path) -> str:
    """As messages name a place."""
    text = "".join("[...]" if step == "key" else f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return f"{text}.{UNKNOWN}".removeprefix(".")


@pytest.fixture(scope="module")
def http(shared_service: RunningService) -> Any:
    with shared_service.http() as http:
        yield http


@pytest.mark.parametrize(("name", "path"), PLACES, ids=lambda value: value if isinstance(value, str) else spelt(value))
def test_a_body_with_an_unknown_field_is_refused(http: httpx.Client, name: str, path: Path) -> None:
    call = next(call for call in all_calls() if call.name == name)
    answer = http.request(call.method, call.path, json=with_unknown(sample(BODIES[name]), path))
    assert answer.status_code == 400, answer.text
    problem = check_problem(answer)
    assert (problem["code"], problem["details"]["field"]) == ("invalid_input", spelt(path)), answer.text


@pytest.mark.parametrize("name", sorted(BODIES))
def test_without_it_the_same_body_can_be_read(http: httpx.Client, name: str) -> None:
    call = next(call for call in all_calls() if call.name == name)
    answer = http.request(call.method, call.path, json=sample(BODIES[name]))
    if answer.status_code == 400:
        assert check_problem(answer)["details"].get("source") != "body", answer.text


def test_the_bodies_reach_into_what_answers_carry_as_well() -> None:
    deep = {(body, path) for body in (CreateModel, RegisterVersion, WritePolicy) for path, _ in objects(body)}
    assert {
        (CreateModel, ("metadata_fields", 0)),
        (RegisterVersion, ("metadata", "signature")),
        (WritePolicy, ("document", "rules", 0)),
        (WritePolicy, ("document", "rollback")),
    } <= deep
