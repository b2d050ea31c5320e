"""Coming in and going out: a token or a one-time link becomes a session, and a session ends."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Final

from litestar import Request, Response, get, post
from litestar.params import FromQuery, JSONBody, QueryParameter

from registry_service.domain.requests import OpenSession
from registry_service.domain.tokens import BEARERS, TokenKind
from registry_service.services import sessions as use_cases
from registry_service.services.registry import Registry
from registry_service.web.authentication import ANY_TOKEN, PUBLIC, find_good_token
from registry_service.web.browsers import LOGIN_PATH
from registry_service.web.sessions import SessionCookie, refuse_other_origins
from registry_service.web.ui.packing import takes_packed
from registry_service.web.ui.rendering import html_page
from registry_service.web.ui.visit import shell

_OPENS: Final = BEARERS | {TokenKind.LOGIN}

Next = Annotated[str | None, QueryParameter(description="Where to go then.", max_length=4096)]


@get(LOGIN_PATH, action=PUBLIC, for_browsers=True, include_in_schema=False)
async def login_page(
    request: Request[Any, Any, Any],
    next: FromQuery[Next] = None,  # noqa: A002, ARG001 - the parameter's name in the address, which the page's script reads
) -> Response[str]:
    return html_page("login.html", shell(None, request), packed=takes_packed(request.headers))


@post(LOGIN_PATH, action=PUBLIC, for_browsers=True, include_in_schema=False, status_code=204)
async def open_session(request: Request[Any, Any, Any], data: JSONBody[OpenSession]) -> Response[None]:
    """Set the cookie of a new session for who shows a personal token, or what a login link holds."""

    refuse_other_origins(request.method, request.headers)
    registry: Registry = request.app.state.registry
    cookie: SessionCookie = request.app.state.cookie
    known = await find_good_token(registry.database, data.token.strip(), _OPENS, registry.now())
    opened = await registry.write(known.actor, use_cases.open_session, None, known.actor.token_id)
    assert opened.result is not None
    request.scope["user"] = known.actor
    return _with_cookie(cookie.holding(opened.result.text, use_cases.SESSION_LIFETIME))


@post("/logout", action=ANY_TOKEN, for_browsers=True, include_in_schema=False, status_code=204)
async def close_session(request: Request[Any, Any, Any]) -> Response[None]:
    registry: Registry = request.app.state.registry
    cookie: SessionCookie = request.app.state.cookie
    await registry.write(request.user, use_cases.end_session, None)
    return _with_cookie(cookie.removed)


def _with_cookie(header: str) -> Response[None]:
    return Response(None, status_code=HTTPStatus.NO_CONTENT, headers={"set-cookie": header})
