"""From a refusal to an answer: the one table of statuses, and problem documents (RFC 9457).

What isn't in the tree of refusals is a fault of the service. It is logged whole and answered with nothing but the
request's id, under which the log has it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

import msgspec

from registry_service.domain.errors import (
    Conflict,
    IdempotencyKeyReused,
    InvalidInput,
    InvalidRange,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    RegistryError,
    RevisionMismatch,
    RevisionRequired,
    StorageFull,
    TooLarge,
    TooManyStreams,
    TooManyUploads,
    Unavailable,
)

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"

STATUSES: Final[Mapping[type, HTTPStatus]] = MappingProxyType(
    {
        InvalidInput: HTTPStatus.BAD_REQUEST,
        TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        InvalidRange: HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        NotAuthenticated: HTTPStatus.UNAUTHORIZED,
        NotPermitted: HTTPStatus.FORBIDDEN,
        NotFound: HTTPStatus.NOT_FOUND,
        Conflict: HTTPStatus.CONFLICT,
        TooManyStreams: HTTPStatus.TOO_MANY_REQUESTS,
        TooManyUploads: HTTPStatus.TOO_MANY_REQUESTS,
        IdempotencyKeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
        RevisionMismatch: HTTPStatus.PRECONDITION_FAILED,
        RevisionRequired: HTTPStatus.PRECONDITION_REQUIRED,
        Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
        StorageFull: HTTPStatus.INSUFFICIENT_STORAGE,
    }
)

# Refusals of HTTP itself, which no other way of asking could meet.
HTTP_CODES: Final = MappingProxyType(
    {
        HTTPStatus.NOT_FOUND: "not_found",
        HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
        HTTPStatus.REQUEST_TIMEOUT: "request_timeout",
        HTTPStatus.LENGTH_REQUIRED: "length_required",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type",
        HTTPStatus.MISDIRECTED_REQUEST: "misdirected_request",
        HTTPStatus.FORBIDDEN: "cross_origin",
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "too_many_headers",
    }
)


class HttpRefusal(Exception):
    """A refusal of HTTP itself: one of HTTP_CODES, or 400."""

    def __init__(self, status: HTTPStatus, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A problem document. `code` is stable; `detail` is for people: what is wrong, and what to do next."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    details: dict[str, Any]
    request_id: str


class Refused(msgspec.Struct, frozen=True):
    """A whole answer of refusal."""

    status: int
    code: str
    headers: dict[str, str]
    body: bytes


def status_of(cls: type[RegistryError]) -> HTTPStatus:
    """The status of a class of the tree: its own, or that of the nearest class above it that has one."""

    for base in cls.__mro__:
        if base in STATUSES:
            return STATUSES[base]
    return HTTPStatus.INTERNAL_SERVER_ERROR


def refused(error: Exception, request_id: str) -> Refused:
    """The answer to a request that met `error`. Of an unknown error it says nothing but the request's id."""

    match error:
        case RegistryError():
            status, code, message = status_of(type(error)), error.code, error.message
            headers, details, retryable = _headers(error), error.details, error.retryable
        case HttpRefusal():
            status, code, message = error.status, HTTP_CODES.get(error.status, InvalidInput.code), error.message
            headers, details, retryable = error.headers, {}, False
        case _:
            status, code = HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error"
            message = "The service failed at this request. Tell its operator the request_id: the log has the rest."
            headers, details, retryable = {}, {}, False
    problem = Problem(
        type=f"urn:model-registry:problem:{code}",
        title=code.replace("_", " ").capitalize(),
        status=status,
        detail=message,
        code=code,
        retryable=retryable,
        details=details,
        request_id=request_id,
    )
    body = msgspec.json.encode(problem, enc_hook=str)
    return Refused(status, code, {"content-type": PROBLEM_MEDIA_TYPE, **headers}, body)


def _headers(error: RegistryError) -> dict[str, str]:
    match error:
        case NotAuthenticated():
            shown = error.details.get("token_shown")
            return {"www-authenticate": 'Bearer realm="model-registry"' + (', error="invalid_token"' if shown else "")}
        case InvalidRange():
            return {"content-range": f"bytes */{error.details['size']}"} if "size" in error.details else {}
        case Unavailable():
            # Room is made by people, the rest mostly comes back by itself.
            return {"retry-after": "30" if isinstance(error, StorageFull) else "2"}
    return {}


_PLACE: Final = re.compile(r" - at `(.+)`$")
_UNKNOWN_FIELD: Final = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)


def invalid_field(message: str, *, source: str, name: str | None = None) -> InvalidInput:
    """An error of decoding in the registry's words. `source`: body, query, path or header. `name` is the parameter's;
    in a body the decoder's message ends with the place of the value, for an unknown field with that of its object."""

    found = _PLACE.search(message)
    if name is None and found is not None:
        name = found[1].removeprefix("$").removeprefix(".") or None
    what = message[: found.start()] if found else message
    unknown = _UNKNOWN_FIELD.fullmatch(what)
    if unknown is not None:
        field = unknown[1][:80]
        name = f"{name}.{field}" if name else field
        what = "there is no such field"
    where = f"{name} in the {source}" if name else f"the {source}"
    return InvalidInput(
        f"Can't read {where}: {what}. Correct it and send the request again.", field=name, source=source
    )
