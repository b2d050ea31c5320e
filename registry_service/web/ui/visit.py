"""A visit of somebody who is logged in: looks things up on their behalf and shows them as a page."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from litestar import Request, Response

from registry_service.db.view import View
from registry_service.domain.permissions import Action, Actor, may, may_anywhere
from registry_service.services.registry import Registry
from registry_service.web.ui.packing import takes_packed
from registry_service.web.ui.rendering import html_page

P = ParamSpec("P")
T = TypeVar("T")


class Visit:
    """An actor before the pages."""

    def __init__(self, request: Request[Any, Any, Any], registry: Registry) -> None:
        self.request = request
        self.registry = registry
        self.actor: Actor = request.user

    async def page(
        self, template: str, look: Callable[Concatenate[View, P], object], *args: P.args, **kwargs: P.kwargs
    ) -> Response[str]:
        """A page about what `look` finds."""
        return self.show(template, await self.look(look, *args, **kwargs))

    async def look(self, look: Callable[Concatenate[View, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `look` finds, all of it on one snapshot."""
        return await self.registry.search(self.actor, look, *args, **kwargs)

    def show(self, template: str, facts: object, *, status: HTTPStatus = HTTPStatus.OK) -> Response[str]:
        return html_page(
            template,
            {"facts": facts, **shell(self.actor, self.request)},
            packed=takes_packed(self.request.headers),
            framed_by=self.request.app.state.framed_by,
            status=status,
        )


def shell(actor: Actor | None, request: Request[Any, Any, Any]) -> dict[str, object]:
    """What every page knows besides its facts: who looks, where, and what they may do."""

    registry: Registry = request.app.state.registry
    return {
        "me": actor,
        "here": request.url.path,
        "url": f"{registry.public_url}{request.url.path}{'?' if request.url.query else ''}{request.url.query}",
        "now": registry.now(),
        "query": {name: values[0] for name, values in request.query_params.dict().items()},
        "rooms": _rooms(actor) if actor is not None else [],
        "may_anywhere": lambda action: actor is not None and may_anywhere(actor, Action(action)),
        "may": lambda action, model=None: actor is not None and may(actor, Action(action), model),
    }


_ROOMS: Final = (
    ("/", "Home", Action.INBOX_OWN),
    ("/models", "Models", Action.MODEL_READ),
    ("/compare", "Compare", Action.VERSION_READ),
    ("/promotions", "Promotions", Action.PROMOTION_READ),
    ("/live", "Live", Action.DEPLOYMENT_READ),
    ("/log", "Log", Action.EVENT_READ),
    ("/admin/people", "Admin", Action.PRINCIPAL_READ),
)


def _rooms(actor: Actor) -> list[tuple[str, str]]:
    return [(path, name) for path, name, action in _ROOMS if may_anywhere(actor, action)]


def provide_visit(request: Request[Any, Any, Any]) -> Visit:
    # Asked for by name, the state would be a copy, made for each request.
    return Visit(request, request.app.state.registry)
