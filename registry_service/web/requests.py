"""From a request to values: bodies, preconditions, offsets, idempotency keys, pages. Strict, and in the registry's own
words."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from litestar import Request
from litestar.datastructures import State
from litestar.params import FromQuery, QueryParameter

from registry_service.db.paging import DEFAULT_LIMIT, MAX_LIMIT, PageRequest
from registry_service.domain.errors import InvalidInput
from registry_service.domain.events import KindPattern, parse_kind
from registry_service.domain.permissions import Actor
from registry_service.domain.strictness import RepeatedName, decode_strictly
from registry_service.services.idempotency import Idempotency
from registry_service.web.errors import HttpRefusal, invalid_field

_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
_REVISION: Final = re.compile(r'"?([0-9]{1,18})(?:-[0-9a-f]+)?"?')
# The escape of NUL, unless its backslash is itself escaped. Possessive, because what can be given back is remembered:
# 34 bytes for each pair in a body of backslashes.
_ESCAPED_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*+\\u0000")

# Bytes of JSON that are read in less than a millisecond.
_SHORT: Final = 64 * 1024


class RegistryRequest(Request[Actor, Any, State]):
    """A request whose JSON is decoded strictly into the body that its route declares: no coercion of strings to
    numbers (`"nan"` would be one), no unknown field, no field twice."""

    async def json(self) -> Any:  # noqa: ANN401 - the framework's signature
        self._check_media_type()
        body = await self.body()
        if _ESCAPED_NUL.search(body):
            raise InvalidInput("The body holds a NUL character (\\u0000), which no text here may. Leave it out.")
        field = self.route_handler.parsed_data_field
        assert field is not None
        try:
            # A long list of files takes a tenth of a second and more, in which others are answered.
            if len(body) > _SHORT:
                return await asyncio.to_thread(decode_strictly, body, field.annotation)
            return decode_strictly(body, field.annotation)
        except msgspec.MsgspecError as error:
            raise invalid_field(str(error), source="body") from error
        except (UnicodeDecodeError, RecursionError) as error:
            raise InvalidInput("The body is no JSON in UTF-8, or nested too deeply. Correct it.") from error
        except RepeatedName as error:
            raise InvalidInput(
                f"The body names '{error.name[:80]}' twice in one object, which has no one meaning. Name it once.",
                field=error.name[:80],
                source="body",
            ) from error

    def _check_media_type(self) -> None:
        media_type = self.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise HttpRefusal(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "The body is not JSON. Send JSON with the header 'Content-Type: application/json'.",
            )


AnyRequest = Request[Any, Any, Any]


async def idempotency_of(request: AnyRequest) -> Idempotency | None:
    """The caller's key with a digest of all that makes the request: method, path, query and body.

    :raises InvalidInput: the key is empty, too long, or not printable ASCII.
    """

    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise InvalidInput(
            "Idempotency-Key has 1 to 200 printable ASCII characters without spaces. Use a UUID, for example.",
            field="Idempotency-Key",
        )
    digest = hashlib.sha256()
    for part in (
        request.method.encode(),
        request.scope["path"].encode(errors="surrogateescape"),
        request.scope["query_string"],
        request.headers.get("if-match", "").encode(),
        await request.body(),
    ):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return Idempotency(key, digest.hexdigest())


def provide_if_match(request: AnyRequest) -> int | None:
    """The revision that the caller saw.

    :raises InvalidInput: the header names none.
    """

    given = request.headers.get("if-match")
    if given is None:
        return None
    found = _REVISION.fullmatch(given.strip())
    if found is None:
        raise InvalidInput(
            f'If-Match is {given[:80]}; give one revision as an ETag had it, such as "7".', field="If-Match"
        )
    return int(found[1])


def offset_of(request: AnyRequest) -> int:
    """Where the bytes of the body belong in their file.

    :raises InvalidInput: the request doesn't say.
    """

    given = request.headers.get("upload-offset", "")
    if not (given.isascii() and given.isdigit() and len(given) <= 18):
        raise InvalidInput(
            "Say with 'Upload-Offset: <bytes>' where these bytes go on; 0 is the beginning.", field="Upload-Offset"
        )
    return int(given)


def provide_page(
    filter: FromQuery[  # noqa: A002 - the parameter's name on the wire
        Annotated[
            str | None,
            QueryParameter(description="Which entries: `name LIKE 'churn%' AND created_at > now-7d`.", max_length=4096),
        ]
    ] = None,
    order_by: FromQuery[
        Annotated[str | None, QueryParameter(description="In which order: a name, with ` desc` to descend.")]
    ] = None,
    limit: FromQuery[
        Annotated[int, QueryParameter(description="How many at most.", ge=1, le=MAX_LIMIT)]
    ] = DEFAULT_LIMIT,
    cursor: FromQuery[Annotated[str | None, QueryParameter(description="`next_cursor` of the page before.")]] = None,
) -> PageRequest:
    return PageRequest(filter=filter, order_by=order_by, limit=limit, cursor=cursor)


async def refuse_unknown_parameters(request: AnyRequest) -> None:
    """A misspelt parameter must not be a silently missing one, and one that comes twice has no one meaning, unless
    it is a list.

    :raises InvalidInput: as it says.
    """

    known: frozenset[str] = request.route_handler.opt.get("query", frozenset())
    given: Mapping[str, list[str]] = request.query_params.dict()
    for name, values in given.items():
        if name not in known:
            takes = f"It takes: {', '.join(sorted(known))}." if known else "It takes none."
            raise InvalidInput(f"There is no parameter '{name[:80]}' here. {takes}", field=name[:80], source="query")
        if len(values) > 1 and name not in request.route_handler.opt.get("lists", frozenset()):
            raise InvalidInput(f"Parameter '{name}' is given twice. Give it once.", field=name, source="query")


# Read here: as a datetime, a number beyond all years would be a fault of the framework's.
AsOf = Annotated[
    Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})] | None,
    QueryParameter(description="How it was at this time: RFC 3339 with a zone, or seconds since 1970.", max_length=64),
]


def kinds_of(text: str | None) -> tuple[KindPattern, ...]:
    """The kinds of events that a parameter names, separated by commas.

    :raises InvalidInput: one of them is none.
    """
    return tuple(parse_kind(kind.strip()) for kind in text.split(",")) if text else ()


def moment_of(text: str | None, field: str = "as_of") -> datetime | None:
    """The time that a parameter names.

    :raises InvalidInput: it names none, or has no zone, so that it doesn't name a moment.
    """

    if text is None:
        return None
    try:
        moment = msgspec.convert(text, datetime, strict=False)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            f"{field} is '{text}', which is no time. Give one such as 2026-03-03T12:00:00Z.",
            field=field,
            source="query",
        ) from error
    if moment.utcoffset() is None:
        raise InvalidInput(
            f"{field} has no time zone. Give one, such as 2026-03-03T12:00:00Z; a '+' in a URL is written %2B.",
            field=field,
            source="query",
        )
    return moment
