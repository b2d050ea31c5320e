from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from registry_service.client import RegistryClient
from registry_service.domain.errors import error_classes
from registry_service.domain.permissions import Action
from registry_service.web.authentication import ANY_TOKEN, PUBLIC
from registry_service.web.errors import PROBLEM_MEDIA_TYPE, Problem
from registry_service.web.example_answers import ANSWERS
from registry_service.web.examples import EXAMPLES
from registry_service.web.openapi import TAGS, describe
from registry_service.web.routes import build_routes
from tests.service_fixture import RunningService
from tests.web.stories import answered
from tests.web.walk import all_calls, answer_types

KEPT = Path(__file__).parents[2] / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return describe(build_routes())


def operations(document: dict[str, Any]) -> dict[str, tuple[str, str, Any]]:
    return {
        operation["operationId"]: (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_the_description_that_is_kept_is_up_to_date(document: dict[str, Any]) -> None:
    fresh = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    assert KEPT.read_text() == fresh, "make it anew: python -m registry_service.web.routes docs/openapi.json"


def test_the_service_gives_the_same_description(shared_service: RunningService, document: dict[str, Any]) -> None:
    with shared_service.http() as http:
        assert answered(http.get("/openapi.json")) == document


def test_every_operation_is_named_described_and_tagged_once(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names)) > 60
    for _, _, operation in operations(document).values():
        assert operation["summary"].endswith("."), operation["operationId"]
        assert len(operation["tags"]) == 1 and operation["tags"][0] in TAGS, operation["operationId"]


def test_operations_are_the_methods_of_the_client(document: dict[str, Any]) -> None:
    probes = {"is_live", "is_ready"}
    missing = [name for name in operations(document) if name not in probes and not hasattr(RegistryClient, name)]
    assert missing == []


def test_every_operation_says_what_one_must_be_allowed_to_do(document: dict[str, Any]) -> None:
    for name, (_, _, operation) in operations(document).items():
        if operation.get("security") == []:
            assert name in {"is_live", "is_ready"}
        else:
            assert operation["x-action"] in {*Action, ANY_TOKEN} - {PUBLIC}


def test_every_body_has_an_example_that_the_route_can_read(document: dict[str, Any]) -> None:
    for name, (_, _, operation) in operations(document).items():
        for content in operation.get("requestBody", {}).get("content", {}).values():
            if content["schema"]:
                assert content["example"], name
    assert {call.name for call in all_calls() if call.body is not None}
    assert len(EXAMPLES) == len({type(example) for example in EXAMPLES.values()})


def shown(document: dict[str, Any], content: dict[str, Any]) -> list[Any]:
    """The values of a content's examples."""
    names = [example["$ref"].rpartition("/")[2] for example in content["examples"].values()]
    return [document["components"]["examples"][name]["value"] for name in names]


def check_example(example: Any, of: Any) -> None:
    """That a client reads all of it as what the route answers with: nothing missing, nothing more, nothing turned."""
    read = msgspec.json.decode(msgspec.json.encode(example), type=of)
    assert msgspec.json.decode(msgspec.json.encode(read)) == example


def test_every_answer_has_an_example_that_a_client_can_read(document: dict[str, Any]) -> None:
    walked = 0
    for name, (_, _, operation) in operations(document).items():
        answers = [answer for status, answer in operation["responses"].items() if status in {"200", "201"}]
        assert answers or name == "download_file" or "204" in operation["responses"], name
        for answer in answers:
            for media_type, content in answer.get("content", {}).items():
                if media_type == "application/json":
                    (example,) = shown(document, content)
                    check_example(example, answer_types()[name])
                    walked += 1
    assert walked >= len(answer_types()) > 50


def test_every_problem_has_an_example_with_a_status_that_it_stands_for(document: dict[str, Any]) -> None:
    for name, (_, _, operation) in operations(document).items():
        for statuses, answer in operation["responses"].items():
            for media_type, content in answer.get("content", {}).items():
                if media_type == PROBLEM_MEDIA_TYPE:
                    (example,) = shown(document, content)
                    check_example(example, Problem)
                    assert re.fullmatch(statuses.replace("X", "."), str(example["status"])), name
                    assert example["code"] in error_classes(), name


@pytest.mark.parametrize("fault", [{"revision": None}, {"revision": "31"}, {"surprise": 1}])
def test_an_example_that_no_client_could_read_is_noticed(document: dict[str, Any], fault: dict[str, Any]) -> None:
    stage = document["components"]["examples"]["Stage"]["value"]
    check_example(stage, answer_types()["get_stage"])
    with pytest.raises((msgspec.ValidationError, AssertionError)):
        check_example(stage | fault, answer_types()["get_stage"])


def test_no_example_is_shown_nowhere(document: dict[str, Any]) -> None:
    text = json.dumps(document["paths"])
    for name in document["components"]["examples"]:
        assert f'"#/components/examples/{name}"' in text
    used = {arguments[0] if (arguments := get_args(of)) else of for of in answer_types().values()}
    assert used == ANSWERS.keys()


def test_references_lead_somewhere(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for kind in ("schemas", "examples"):
        for part in text.split(f'"#/components/{kind}/')[1:]:
            assert part.partition('"')[0] in document["components"][kind]


def test_paths_and_their_parameters_agree(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        named = {part.strip("{}") for part in path.split("/") if part.startswith("{")}
        for operation in methods.values():
            told = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert told == named, path


def test_bodies_refuse_unknown_fields(document: dict[str, Any]) -> None:
    for example in EXAMPLES:
        assert document["components"]["schemas"][example.__name__]["additionalProperties"] is False
