"""The short way to the one read that whatever serves a model asks for again and again: a version by its selector.

Routing, dependencies and response objects of the framework take several times as long as the read itself. So this one
address is answered before them, behind the same guard and authentication, by the same query and the same words. What
it doesn't take (a query string, a slash at the end) goes the long way, and a test holds the two to the same answers.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from registry_service.db.queries.versions import get_version
from registry_service.domain.permissions import Action, authorize_somewhere
from registry_service.services.registry import Registry
from registry_service.web.answers import entity_headers, entity_tag, none_match
from registry_service.web.asgi import ASGIApp, Receive, Scope, Send

_VERSION: Final = re.compile(r"/api/v1/models/([^/]+)/versions/([^/]+)")
_ENCODER: Final = msgspec.json.Encoder()


class HotReads:
    """`app`, behind a short way for reading one version. Refusals are raised, as everywhere; the guard answers them."""

    def __init__(self, app: ASGIApp, *, registry: Registry) -> None:
        self.app = app
        self._registry = registry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = None
        if scope["type"] == "http" and scope["method"] == "GET" and not scope["query_string"]:
            asked = _VERSION.fullmatch(scope["path"])
        if asked is None:
            await self.app(scope, receive, send)
            return
        authorize_somewhere(scope["user"], Action.VERSION_READ)
        version = await self._registry.view(scope["user"], get_version, asked[1], asked[2])
        body = _ENCODER.encode(version)
        etag = entity_tag(version, body)
        assert etag is not None, "a version has a revision"
        status, headers = 200, entity_headers(etag)
        if none_match(_if_none_match(scope), etag):
            status, body = 304, b""
        else:
            headers |= {"content-type": "application/json", "content-length": str(len(body))}
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body, "more_body": False})


def _if_none_match(scope: Scope) -> str:
    given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"if-none-match"]
    return ", ".join(given)
