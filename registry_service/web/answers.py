"""From values to answers: JSON, entity tags, conditional requests."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import Any, Final, Generic, TypeVar

import msgspec
from litestar import MediaType, Request, Response

from registry_service.domain.entities import Policy, Promotion, Stage
from registry_service.services.registry import Answered

T = TypeVar("T")

_ENCODER: Final = msgspec.json.Encoder()

# What these say depends on the moment and on facts of other models as well, which no revision of theirs counts.
_JUDGED_NOW: Final = (Promotion, Stage)


class Encoded(Response[T], Generic[T]):
    """An answer whose body is JSON already; T is what it stands for, in the types and in the API's description."""

    def __init__(self, body: bytes, *, status: HTTPStatus = HTTPStatus.OK, etag: str | None = None) -> None:
        super().__init__(
            content=body,  # type: ignore[arg-type]  # T is what the bytes stand for
            status_code=status,
            media_type=MediaType.JSON,
            headers={} if etag is None else entity_headers(etag),
        )


def encoded(value: T) -> Encoded[T]:
    """An answer that has no revision: a list, a page of events, a judgement."""
    return Encoded(_ENCODER.encode(value))


def entity(request: Request[Any, Any, Any], value: T) -> Encoded[T]:
    """An entity with its tag; 304 without a body where the caller has it already."""

    body = _ENCODER.encode(value)
    etag = entity_tag(value, body)
    if etag is not None and none_match(request.headers.get("if-none-match", ""), etag):
        return Encoded(b"", status=HTTPStatus.NOT_MODIFIED, etag=etag)
    return Encoded(body, etag=etag)


def written(answered: Answered[T], *, made: bool = False) -> Encoded[T]:
    """The answer to a write: 201 where `made` says that this write makes things and it made one, else 200."""

    status = HTTPStatus.CREATED if made and not answered.existed else HTTPStatus.OK
    etag = None if answered.revision is None else f'"{answered.revision}"'
    return Encoded(answered.body, status=status, etag=etag)


def entity_tag(value: object, body: bytes) -> str | None:
    """`"<revision>"`, which If-Match takes. Where the answer is judged anew each time, a digest of it stands behind
    the revision, so that 304 is said of the very same answer only."""

    revision = value.version if isinstance(value, Policy) else getattr(value, "revision", None)
    if revision is None:
        return None
    if isinstance(value, _JUDGED_NOW):
        return f'"{revision}-{hashlib.sha256(body).hexdigest()[:16]}"'
    return f'"{revision}"'


def entity_headers(etag: str) -> dict[str, str]:
    return {"etag": etag, "cache-control": "private, no-cache"}


def none_match(given: str, etag: str) -> bool:
    """Whether what If-None-Match gives names the tag, by weak comparison (RFC 9110, 13.1.2)."""

    tags = {tag.strip().removeprefix("W/") for tag in given.split(",")}
    return etag in tags or given.strip() == "*"
