"""Who asks: a bearer token, or the session in a browser's cookie, becomes an Actor, by one query, before any route is
looked for.

Whatever isn't public by name needs one that is good, also paths that don't exist: without one, nothing of the service
can be told apart. A browser that wants a page is sent to the page where one logs in, whatever it asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, Final

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.routes import HTTPRoute

from registry_service.db.database import Database
from registry_service.db.queries.authentication import KnownToken, find_known_token
from registry_service.domain.errors import NotAuthenticated
from registry_service.domain.permissions import Action, Actor, Role, authorize_somewhere
from registry_service.domain.permissions import Scope as Grant
from registry_service.domain.tokens import BEARERS, TokenKind, hash_secret, parse_token
from registry_service.settings import is_loopback
from registry_service.web.asgi import ASGIApp, Receive, Scope, Send, single_headers
from registry_service.web.browsers import ASSETS_PATH, LOGIN_PATH, send_to_login, wants_page
from registry_service.web.sessions import SessionCookie, refuse_other_origins

PUBLIC_PATHS: Final = frozenset({"/health/live", "/health/ready", LOGIN_PATH})

ANY_TOKEN: Final = "any_token"  # noqa: S105 - a declaration of routes
"""What a route declares as its action when whoever has a good token may ask."""

PUBLIC: Final = "public"
"""What a route declares that anybody may ask for."""

METRICS_PATH: Final = "/metrics"

# Whoever asks for metrics without a token where the settings let them. No principal can have this name.
_ON_THIS_MACHINE: Final = Actor(name="(loopback)", is_person=False, grants=(Grant(Role.AUDITOR, "*"),))

_UNKNOWN: Final = hash_secret("")


class Authenticate:
    """`app`, for those who bring a good token or a session in `cookie`; the Actor is in `scope["user"]`. The guard
    answers refusals.

    `open_metrics`: whoever is on this machine may read them without one.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        database: Database,
        clock: Callable[[], datetime],
        cookie: SessionCookie,
        open_metrics: bool = False,
    ) -> None:
        self.app = app
        self._open_metrics = open_metrics
        self._database = database
        self._clock = clock
        self._cookie = cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not is_public(scope["path"]):
            try:
                scope["user"] = await self._actor(scope)
            except NotAuthenticated:
                if not wants_page(scope["method"], scope["path"], single_headers(scope)):
                    raise
                await send_to_login(scope, send)
                return
        await self.app(scope, receive, send)

    async def _actor(self, scope: Scope) -> Actor:
        """:raises NotAuthenticated: there is no token, or not a good one; it isn't said in which way."""

        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if given:
            scheme, _, text = given[0].decode("latin-1").partition(" ") if len(given) == 1 else ("", "", "")
            if scheme.lower() != "bearer":
                raise NotAuthenticated(_WHO_ASKS)
            return (await find_good_token(self._database, text.strip(), BEARERS, self._clock())).actor
        if self._open_metrics and scope["path"] == METRICS_PATH and _comes_from_here(scope):
            return _ON_THIS_MACHINE
        headers = single_headers(scope)
        session = self._cookie.token_of(headers)
        if session is None:
            raise NotAuthenticated(_WHO_ASKS)
        refuse_other_origins(scope["method"], headers)
        return (await find_good_token(self._database, session, {TokenKind.SESSION}, self._clock())).actor


_WHO_ASKS: Final = "Who asks? Send the header 'Authorization: Bearer <token>', once."


def is_public(path: str) -> bool:
    """Whether anybody may ask for it: it holds nothing of anybody's."""
    return path in PUBLIC_PATHS or path.startswith(ASSETS_PATH)


async def find_good_token(database: Database, text: str, kinds: Collection[TokenKind], now: datetime) -> KnownToken:
    """What is known of the token that somebody shows, if it is good and of one of the kinds.

    :raises NotAuthenticated: it isn't; it isn't said in which way.
    """

    shown = parse_token(text)
    known = await database.glance(find_known_token, token_id=shown.id)
    # Compared also where there is nothing to compare with: how long an answer takes must not tell of ids.
    right = shown.matches(known.secret_hash if known else _UNKNOWN)
    # The kind in the text is what the bearer says; the one that counts is the one that was issued.
    if known is None or not right or known.kind not in kinds or not known.is_good(now):
        raise NotAuthenticated(
            "This token is unknown, revoked or expired, or its principal is disabled. Ask an admin for a new one.",
            token_shown=True,
        )
    return known


def _comes_from_here(scope: Scope) -> bool:
    return scope["client"] is not None and is_loopback(scope["client"][0])


async def require_action(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """The coarse check at a route's door: there can be a model on which the caller may do this. Which, is checked
    where the model is known.

    :raises PersonRequired, NotPermitted: there can't.
    """

    action = handler.opt.get("action")
    if isinstance(action, Action):
        authorize_somewhere(connection.user, action)


def check_declarations(app: Litestar) -> None:
    """Deny by default: refuse to start with a route that doesn't say what one must be allowed to do.

    :raises RuntimeError: a route declares nothing, or says that it is public and isn't among the public paths.
    """

    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            raise RuntimeError(f"{route.path} is no HTTP route, and nothing else is guarded")  # noqa: TRY004
        for handler in route.route_handlers:
            _check_declaration(route, handler)


def _check_declaration(route: HTTPRoute, handler: HTTPRouteHandler) -> None:
    # The answer to OPTIONS, which the framework adds to each path, lists methods and nothing else.
    if handler.http_methods == {"OPTIONS"}:
        return
    action = handler.opt.get("action")
    if isinstance(action, Action) or action == ANY_TOKEN or (action == PUBLIC and is_public(route.path)):
        return
    raise RuntimeError(
        f"route {sorted(handler.http_methods)} {route.path} declares no action that is known: {action!r}"
    )
