"""The short way to the one read that whatever serves a model asks for again and again: a version by its selector.

Routing, dependencies and response objects of the framework take several times as long as the read itself. So this one
address is answered before them, behind the same guard and authentication, by the same query and the same words. What
it doesn't take (a query string, a slash at the end) goes the long way, and a test holds the two to the same answers.

Answers are kept for as long as nothing at all has been committed, which the database's count of commits tells exactly:
one that is kept is never older than one that would be read. Whether the caller may see it is asked each time.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from registry_service.db.queries.versions import get_version
from registry_service.domain.entities import LineageKind
from registry_service.domain.permissions import Action, Actor, authorize, authorize_somewhere
from registry_service.services.registry import Registry
from registry_service.web.answers import entity_headers, entity_tag, none_match
from registry_service.web.asgi import ASGIApp, Receive, Scope, Send

_VERSION: Final = re.compile(r"/api/v1/models/([^/]+)/versions/([^/]+)")
TEMPLATE: Final = "/api/v1/models/{model}/versions/{selector}"
"""The same address as the framework writes it."""

_ENCODER: Final = msgspec.json.Encoder()


class HotReads:
    """`app`, behind a short way for reading one version. Refusals are raised, as everywhere; the guard answers them."""

    def __init__(self, app: ASGIApp, *, registry: Registry) -> None:
        self.app = app
        self._registry = registry
        self._kept = KeptAnswers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = None
        if scope["type"] == "http" and scope["method"] == "GET" and not scope["query_string"]:
            asked = _VERSION.fullmatch(scope["path"])
        if asked is None:
            await self.app(scope, receive, send)
            return
        scope["path_template"] = TEMPLATE
        actor: Actor = scope["user"]
        authorize_somewhere(actor, Action.VERSION_READ)
        answer = await self._answer(actor, asked[1], asked[2])
        status, headers, body = 200, answer.headers, answer.body
        given = _if_none_match(scope)
        if given and none_match(given, answer.etag):
            status, headers, body = 304, answer.headers[:_OF_NOT_MODIFIED], b""
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _answer(self, actor: Actor, model: str, selector: str) -> Answer:
        commits = self._registry.database.commits
        kept = self._kept.find((model, selector), commits)
        if kept is not None:
            authorize(actor, Action.VERSION_READ, model)
            return kept
        version = await self._registry.view(actor, get_version, model, selector)
        body = _ENCODER.encode(version)
        etag = entity_tag(version, body)
        assert etag is not None, "a version has a revision"
        answer = Answer(etag, body)
        # What is said of a parent depends on who reads.
        if not any(edge.kind is LineageKind.PARENT_VERSION for edge in version.lineage):
            self._kept.keep((model, selector), commits, answer)
        return answer


class Answer:
    """A version as it goes out: the headers, of which a 304 has the first two, and the body."""

    __slots__ = ("body", "etag", "headers")

    def __init__(self, etag: str, body: bytes) -> None:
        self.etag = etag
        self.body = body
        headers = {
            **entity_headers(etag),
            "content-type": "application/json",
            "content-length": str(len(body)),
        }
        self.headers = tuple((name.encode(), value.encode()) for name, value in headers.items())


_OF_NOT_MODIFIED: Final = len(entity_headers(""))


class KeptAnswers:
    """Answers of one count of commits, together at most `limit` bytes; of another count, none."""

    def __init__(self, limit: int = 8 * 1024 * 1024) -> None:
        self._limit = limit
        self._commits: int | None = None
        self._bytes = 0
        self._answers: dict[tuple[str, str], Answer] = {}

    def find(self, asked: tuple[str, str], commits: int | None) -> Answer | None:
        return self._answers.get(asked) if commits is not None and commits == self._commits else None

    def keep(self, asked: tuple[str, str], commits: int | None, answer: Answer) -> None:
        """Keep what was read after the count was `commits`."""
        if commits is None or (self._commits is not None and commits < self._commits):
            return
        if commits != self._commits:
            self._answers.clear()
            self._commits, self._bytes = commits, 0
        size = len(answer.body) + _OVERHEAD
        if self._bytes + size <= self._limit and asked not in self._answers:
            self._answers[asked] = answer
            self._bytes += size


_OVERHEAD: Final = 1_024
"""What an answer takes besides its body, roughly: its names, headers and place in the table."""


def _if_none_match(scope: Scope) -> str:
    given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"if-none-match"]
    return ", ".join(given)
