"""Whether an answer is one that the API's description and the table of refusals allow."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from registry_service.domain.errors import error_classes
from registry_service.web.errors import HTTP_CODES, PROBLEM_MEDIA_TYPE, status_of

CHECKS: Final = [status_code_conformance, content_type_conformance, response_schema_conformance]

# What leaks when an error is told to the caller instead of the log.
_LEAKS: Final = ("Traceback", "registry_service", "site-packages", "sqlalchemy", "sqlite3", "msgspec", "SELECT ")

_STATUSES: Final[Mapping[str, set[HTTPStatus]]] = {
    code: {
        *({status_of(error_classes()[code])} if code in error_classes() else ()),
        *(status for status, known in HTTP_CODES.items() if known == code),
    }
    for code in {*error_classes(), *HTTP_CODES.values()}
}


def complaints(case: Any, response: Any, *, known: bool, public: bool) -> list[str]:
    """What is wrong with an answer. `known`: the request brought a token that is good; `public`: it needed none."""

    found = list(_beside_the_description(case, response))
    status = HTTPStatus(response.status_code)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status is not HTTPStatus.SERVICE_UNAVAILABLE:
        found.append(f"a fault: {status}")
    if status >= HTTPStatus.BAD_REQUEST and not (public and status is HTTPStatus.SERVICE_UNAVAILABLE):
        found += _of_refusal(status, response)
        # A refusal may repeat what it was asked; random requests take their words from this code's texts as well.
        said = repr((case.path_parameters, case.query, case.headers, case.body))
        found += [f"it tells of the inside: {leak}" for leak in _LEAKS if leak in response.text and leak not in said]
    if public:
        return found
    if known and status is HTTPStatus.UNAUTHORIZED:
        found.append("a good token isn't known")
    if not known and status is not HTTPStatus.UNAUTHORIZED and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        # What the guard refuses before anybody asks who it is tells nothing of what there is.
        before = {
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            HTTPStatus.BAD_REQUEST,
        }
        if status not in before:
            found.append(f"without a good token it answers {status}")
    return found


def _beside_the_description(case: Any, response: Any) -> list[str]:
    try:
        case.validate_response(response, checks=CHECKS)
    except FailureGroup as failures:
        return [f"{failure.title}: {failure.message[:300]}" for failure in failures.exceptions]
    return []


def _of_refusal(status: HTTPStatus, response: Any) -> list[str]:
    media_type = response.headers.get("content-type", [""])[0]
    if media_type != PROBLEM_MEDIA_TYPE:
        return [f"a refusal of type {media_type!r}: {response.text[:100]}"]
    problem = response.json()
    found = []
    code = problem["code"]
    if status not in _STATUSES.get(code, set()) and (code, status) != (
        "internal_error",
        HTTPStatus.INTERNAL_SERVER_ERROR,
    ):
        found.append(f"code {code!r} and status {status} don't stand together in the table")
    if problem["status"] != status or problem["type"] != f"urn:model-registry:problem:{code}" or not problem["detail"]:
        found.append(f"a problem document at odds with itself: {response.text[:300]}")
    if [problem["request_id"]] != response.headers.get("x-request-id"):
        found.append("the request_id isn't that of the header")
    if response.headers.get("x-content-type-options") != ["nosniff"]:
        found.append("a browser may guess what this is")
    if status is HTTPStatus.UNAUTHORIZED and "www-authenticate" not in response.headers:
        found.append("401 without WWW-Authenticate")
    if status is HTTPStatus.METHOD_NOT_ALLOWED and "allow" not in response.headers:
        found.append("405 without Allow")
    return found
