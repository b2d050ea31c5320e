"""Who asks: a bearer token becomes an Actor, by one query, before any route is looked for.

Whatever isn't public by name needs a token that is good, also paths that don't exist: without one, nothing of the
service can be told apart.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.routes import HTTPRoute

from registry_service.db.database import Database
from registry_service.db.queries.authentication import find_known_token
from registry_service.domain.errors import NotAuthenticated
from registry_service.domain.permissions import Action, Actor, Role, authorize_somewhere
from registry_service.domain.permissions import Scope as Grant
from registry_service.domain.tokens import hash_secret, parse_token
from registry_service.settings import is_loopback
from registry_service.web.asgi import ASGIApp, Receive, Scope, Send

PUBLIC_PATHS: Final = frozenset({"/health/live", "/health/ready"})

ANY_TOKEN: Final = "any_token"  # noqa: S105 - a declaration of routes
"""What a route declares as its action when whoever has a good token may ask."""

PUBLIC: Final = "public"
"""What a route of PUBLIC_PATHS declares."""

METRICS_PATH: Final = "/metrics"

# Whoever asks for metrics without a token where the settings let them. No principal can have this name.
_ON_THIS_MACHINE: Final = Actor(name="(loopback)", is_person=False, grants=(Grant(Role.AUDITOR, "*"),))

_UNKNOWN: Final = hash_secret("")


class Authenticate:
    """`app`, for those who bring a good token; the Actor is in `scope["user"]`. The guard answers refusals.

    `open_metrics`: whoever is on this machine may read them without one.
    """

    def __init__(
        self, app: ASGIApp, *, database: Database, clock: Callable[[], datetime], open_metrics: bool = False
    ) -> None:
        self.app = app
        self._open_metrics = open_metrics
        self._database = database
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in PUBLIC_PATHS:
            scope["user"] = await self._actor(scope)
        await self.app(scope, receive, send)

    async def _actor(self, scope: Scope) -> Actor:
        """:raises NotAuthenticated: there is no token, or not a good one; it isn't said in which way."""

        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if not given and self._open_metrics and scope["path"] == METRICS_PATH and _comes_from_here(scope):
            return _ON_THIS_MACHINE
        scheme, _, text = given[0].decode("latin-1").partition(" ") if len(given) == 1 else ("", "", "")
        if scheme.lower() != "bearer":
            raise NotAuthenticated("Who asks? Send the header 'Authorization: Bearer <token>', once.")
        shown = parse_token(text.strip())
        known = await self._database.glance(find_known_token, token_id=shown.id)
        # Compared also where there is nothing to compare with: how long an answer takes must not tell of ids.
        right = shown.matches(known.secret_hash if known else _UNKNOWN)
        if known is None or not right or not known.is_good(self._clock()):
            raise NotAuthenticated(
                "This token is unknown, revoked or expired, or its principal is disabled. Ask an admin for a new one.",
                token_shown=True,
            )
        return known.actor


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
    if isinstance(action, Action) or action == ANY_TOKEN or (action == PUBLIC and route.path in PUBLIC_PATHS):
        return
    raise RuntimeError(
        f"route {sorted(handler.http_methods)} {route.path} declares no action that is known: {action!r}"
    )
