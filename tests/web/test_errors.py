from __future__ import annotations

import json
from http import HTTPStatus

import pytest

from registry_service.domain import errors
from registry_service.domain.errors import RegistryError, error_classes
from registry_service.web.errors import HTTP_CODES, STATUSES, HttpRefusal, refused, status_of


def test_every_refusal_of_the_tree_has_a_status_of_its_family() -> None:
    families = {
        errors.InvalidInput: {400, 413, 416},
        errors.NotAuthenticated: {401},
        errors.NotPermitted: {403},
        errors.NotFound: {404},
        errors.Conflict: {409, 422, 429},
        errors.Precondition: {412, 428},
        errors.Unavailable: {503, 507},
    }
    for cls in error_classes().values():
        # The roots are never raised themselves; what the client adds never reaches the service.
        if cls in {RegistryError, errors.Precondition} or cls.__module__ != errors.__name__:
            continue
        above = set(cls.__mro__)
        expected = [statuses for family, statuses in families.items() if family in above]
        assert len(expected) == 1, cls
        assert status_of(cls) in expected[0], cls


def test_a_new_branch_of_the_tree_without_a_status_is_noticed() -> None:
    class Planted(RegistryError):
        code = "planted"

    assert status_of(Planted) is HTTPStatus.INTERNAL_SERVER_ERROR


def test_every_row_of_the_table_is_a_class_of_the_tree() -> None:
    assert set(STATUSES) <= set(error_classes().values())


@pytest.mark.parametrize("cls", [c for c in error_classes().values() if c is not RegistryError], ids=lambda c: c.code)
def test_a_refusal_becomes_a_problem_document(cls: type[RegistryError]) -> None:
    answer = refused(cls("What is wrong. What to do.", things=[1]), "id-1")
    problem = json.loads(answer.body)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem == {
        "type": f"urn:model-registry:problem:{cls.code}",
        "title": problem["title"],
        "status": answer.status,
        "detail": "What is wrong. What to do.",
        "code": cls.code,
        "retryable": cls.retryable,
        "details": {"things": [1]},
        "request_id": "id-1",
    }
    assert ("retry-after" in answer.headers) == issubclass(cls, errors.Unavailable)
    assert ("www-authenticate" in answer.headers) == (cls is errors.NotAuthenticated)


def test_details_of_any_type_can_be_said() -> None:
    answer = refused(errors.Conflict("x", at=object(), names={"a"}), "id-1")
    assert json.loads(answer.body)["details"]["names"] == ["a"]


def test_an_unsatisfiable_range_says_the_size() -> None:
    assert refused(errors.InvalidRange("x", size=7), "i").headers["content-range"] == "bytes */7"


@pytest.mark.parametrize("status", HTTP_CODES)
def test_refusals_of_http_have_codes_too(status: HTTPStatus) -> None:
    answer = refused(HttpRefusal(status, "words", {"allow": "GET"}), "i")
    assert (answer.status, json.loads(answer.body)["code"]) == (status, HTTP_CODES[status])
    assert answer.headers["allow"] == "GET"


def test_of_a_fault_nothing_is_said() -> None:
    answer = refused(ValueError("secret"), "i")
    assert answer.status == 500
    assert b"secret" not in answer.body and b"ValueError" not in answer.body
