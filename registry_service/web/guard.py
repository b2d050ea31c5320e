"""What stands before everything: one small ASGI application around the service.

It refuses what no route should ever see, before anything is read or looked up: a Host that isn't ours (DNS
rebinding), a request that a page of another origin sent, too many headers, a body too large for its route, a body that
comes too slowly. It gives each request an id and each answer the security headers, writes the access log, and sees to
it that no fault leaves as a traceback.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote, urlsplit

import structlog

from registry_service.domain.errors import InvalidName, RegistryError, TooLarge
from registry_service.domain.wording import printable
from registry_service.web.asgi import SAFE_METHODS, ASGIApp, Message, Receive, Scope, Send, single_headers
from registry_service.web.errors import HttpRefusal, refused
from registry_service.web.limits import BODY_SECONDS, MAX_HEADERS, MAX_URL_BYTES, body_limit, whole_body_seconds
from registry_service.web.logs import escape, log_request
from registry_service.web.metrics import Metrics

log = structlog.get_logger("registry.access")

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}

_SECURITY_HEADERS: Final = tuple((name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items())
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ENCODED_SLASH: Final = re.compile(rb"%2f", re.IGNORECASE)
_FILE_OF_A_VERSION: Final = re.compile(
    rb"/api/v1/models/(?:(?!%2f)[^/])+/versions/(?:(?!%2f)[^/])+/files/", re.IGNORECASE
)
_NOT_A_PAGE: Final = frozenset({"same-origin", "none"})


class Guard:
    """`app` behind the guard. `host_names`: names in lower case, without ports, that a Host header may give;
    `origin`: the service's own, of which pages may write; `metrics`: where requests are counted."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        host_names: Iterable[str],
        origin: str,
        body_seconds: float = BODY_SECONDS,
        metrics: Metrics | None = None,
    ) -> None:
        self.app = app
        self._host_names = frozenset(host_names)
        self._origin = origin.lower()
        self._body_seconds = body_seconds
        self._metrics = metrics or Metrics()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] != "websocket":
            await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        headers = single_headers(scope)
        request_id = headers.get("x-request-id", "")
        if not _REQUEST_ID.fullmatch(request_id):
            request_id = secrets.token_hex(8)
        scope["state"]["request_id"] = request_id
        answer = _Answer(send, request_id)
        body = _Body(scope, headers, receive, self._body_seconds)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                self._check(scope, headers)
                await self.app(scope, body, answer)
            except Exception as error:
                problem = refused(error, request_id)
                scope["state"]["code"] = problem.code
                if not isinstance(error, RegistryError | HttpRefusal):
                    log.exception("fault", path=escape(scope["path"]))
                if answer.status is not None:
                    # Too late for another answer; the server cuts the connection, so that nobody takes this for whole.
                    raise
                await answer.refuse(problem.status, problem.headers, problem.body, head=scope["method"] == "HEAD")
            finally:
                seconds = time.perf_counter() - began
                actor, route, code = scope.get("user"), scope.get("path_template"), scope["state"].get("code")
                self._metrics.observe(scope["method"], route, answer.status, seconds, code)
                log_request(
                    {
                        "request_id": request_id,
                        "method": scope["method"],
                        "path": escape(scope["path"]),
                        "route": route,
                        "status": answer.status,
                        "code": code,
                        "bytes": answer.sent,
                        "received": body.received,
                        "ms": round(seconds * 1000, 1),
                        "actor": getattr(actor, "name", None),
                        "client": scope["client"][0] if scope["client"] else None,
                    }
                )

    def _check(self, scope: Scope, headers: Mapping[str, str]) -> None:
        if len(scope["headers"]) > MAX_HEADERS or len(scope["raw_path"]) + len(scope["query_string"]) > MAX_URL_BYTES:
            raise HttpRefusal(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request has too many headers or too long a URL."
            )
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            raise HttpRefusal(HTTPStatus.BAD_REQUEST, "The URL holds a NUL. Nothing here has one in its name.")
        if _ENCODED_SLASH.search(scope["raw_path"]) and not _FILE_OF_A_VERSION.match(scope["raw_path"]):
            # Decoded, it would divide one name into two steps of another address.
            raise InvalidName(
                f"The address names '{_named_with_slash(scope['raw_path'])}', with a '/' (as %2F) in it, which no name"
                " here has. Correct it; only a file of a version is addressed by a path with more than one part."
            )
        host = headers.get("host", "").lower()
        # Probes of a container platform ask by address, and the answer to them holds nothing of anybody's.
        if _host_name(host) not in self._host_names and not scope["path"].startswith("/health/"):
            raise HttpRefusal(
                HTTPStatus.MISDIRECTED_REQUEST,
                "The service isn't known by this Host. Its operator may add it to MODEL_REGISTRY_ALLOWED_HOSTS.",
            )
        if scope["method"] not in SAFE_METHODS:
            self._check_origin(headers, host)
        limit = body_limit(scope["method"], scope["path"])
        announced = headers.get("content-length", "0")
        if limit is not None and announced.isdigit() and int(announced) > limit:
            raise TooLarge(f"The body has {announced} bytes; here it may have {limit}. Send less.", limit=limit)

    def _check_origin(self, headers: Mapping[str, str], host: str) -> None:
        """A browser says where a request comes from; programs say nothing, and nothing is asked of them."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None and site not in _NOT_A_PAGE:
            raise HttpRefusal(HTTPStatus.FORBIDDEN, "A page of another site asked for this. Ask from here instead.")
        if origin is not None and origin.lower() != self._origin and urlsplit(origin.lower()).netloc != host:
            raise HttpRefusal(HTTPStatus.FORBIDDEN, "A page of another origin asked for this. Ask from here instead.")


class _Answer:
    """`send`, with the headers that every answer has; remembers what went out."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status: int | None = None
        self.sent = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            given = list(message["headers"])
            names = {name.lower() for name, _ in given}
            given += [header for header in _SECURITY_HEADERS if header[0] not in names]
            if b"x-request-id" not in names:
                given.append((b"x-request-id", self._request_id.encode()))
            message["headers"] = given
        elif message["type"] == "http.response.body":
            self.sent += len(message["body"])
        await self._send(message)

    async def refuse(self, status: int, headers: Mapping[str, str], body: bytes, *, head: bool) -> None:
        fields = {**headers, "content-length": str(len(body))}
        raw = [(name.encode(), value.encode()) for name, value in fields.items()]
        await self({"type": "http.response.start", "status": status, "headers": raw})
        await self({"type": "http.response.body", "body": b"" if head else body, "more_body": False})


class _Body:
    """`receive`, for as long as the body comes: bounded in its pauses, and where the route has a limit, in size and in
    time."""

    def __init__(self, scope: Scope, headers: Mapping[str, str], receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._limit = body_limit(scope["method"], scope["path"])
        self._pause = seconds
        self._whole = whole_body_seconds(self._limit, seconds)
        self._began: float | None = None
        self.received = 0
        self._complete = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers

    async def __call__(self) -> Message:
        if self._complete:
            return await self._receive()
        message = await self._next_piece()
        if message["type"] == "http.request":
            self.received += len(message["body"])
            self._complete = not message["more_body"]
            if self._limit is not None and self.received > self._limit:
                raise TooLarge(f"The body may have {self._limit} bytes here. Send less.", limit=self._limit)
        elif message["type"] == "http.disconnect":
            # Nobody reads this answer. To the framework it would be a fault of the service, and to whoever watches it.
            raise HttpRefusal(HTTPStatus.BAD_REQUEST, "The caller went away before the body was whole.")
        return message

    async def _next_piece(self) -> Message:
        seconds, why = self._pause, f"Nothing of the body came for {self._pause:g} seconds."
        if self._whole is not None:
            now = time.monotonic()
            self._began = now if self._began is None else self._began
            left = self._began + self._whole - now
            if left < seconds:
                seconds, why = left, f"The body wasn't whole after {self._whole:g} seconds."
        try:
            return await asyncio.wait_for(self._receive(), seconds)
        except TimeoutError:
            raise HttpRefusal(
                HTTPStatus.REQUEST_TIMEOUT, f"{why} Send the request again.", {"connection": "close"}
            ) from None


def _host_name(host: str) -> str:
    """The name in a Host header, without port and brackets; empty where it is none."""
    found = re.fullmatch(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::[0-9]{1,5})?", host)
    return (found[1] or found[2]) if found else ""


def _named_with_slash(path: bytes) -> str:
    """The part of an address that a slash is encoded in, decoded."""
    part = next(one for one in path.split(b"/") if _ENCODED_SLASH.search(one))
    return printable(unquote(part.decode("latin-1")))[:200]
