"""All routes in one application, with what every one of them goes through."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import structlog
from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.routes import HTTPRoute

from registry_service.domain.errors import InvalidInput, NotPermitted, RegistryError
from registry_service.domain.permissions import Action, is_privileged
from registry_service.services.refused_acts import RefusedAct
from registry_service.web.api.router import DEPENDENCIES, api_router
from registry_service.web.authentication import check_declarations, require_action
from registry_service.web.browsers import opens_page
from registry_service.web.errors import HttpRefusal, invalid_field, refused
from registry_service.web.health import is_live, is_ready
from registry_service.web.limits import JSON_BODY
from registry_service.web.metrics import read_metrics
from registry_service.web.openapi import api_description, write
from registry_service.web.permalinks import model_page, promotion_page, version_page
from registry_service.web.refusals import REFUSED_ACT
from registry_service.web.requests import RegistryRequest, refuse_unknown_parameters
from registry_service.web.ui.refusals import refusal_page
from registry_service.web.ui.routes import PAGES, VISIT

log = structlog.get_logger("registry")

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def build_routes(lifespan: Sequence[Lifespan] = (), *, more: Sequence[Any] = ()) -> Litestar:
    """The application without guard and authentication. Its state holds `registry`, `store` and `unfinished`
    once `lifespan` runs.

    :param more: further route handlers.
    :raises RuntimeError: a route doesn't declare its action.
    """

    app = Litestar(
        route_handlers=[
            api_router(),
            is_live,
            is_ready,
            read_metrics,
            api_description,
            model_page,
            version_page,
            promotion_page,
            *PAGES,
            *more,
        ],
        dependencies={**DEPENDENCIES, **VISIT},
        guards=[require_action],
        before_request=refuse_unknown_parameters,
        request_class=RegistryRequest,
        request_max_body_size=JSON_BODY,
        exception_handlers={
            RegistryError: _refuse,
            HttpRefusal: _refuse,
            HTTPException: _refuse_http,
            Exception: _fail,
        },
        openapi_config=None,
        lifespan=list(lifespan),
        logging_config=None,
    )
    check_declarations(app)
    _note_parameters(app)
    return app


def _note_parameters(app: Litestar) -> None:
    """Tell each route which query parameters it takes, and which of them are lists, for `refuse_unknown_parameters`."""

    for route in app.routes:
        assert isinstance(route, HTTPRoute)
        for handler, parameters in route.route_handler_map.values():
            expected = parameters.expected_query_params
            handler.opt["query"] = frozenset(one.field_alias for one in expected)
            handler.opt["lists"] = frozenset(one.field_alias for one in expected if one.is_sequence)


def _answer(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    state = request.scope["state"]
    answer = refused(error, state["request_id"])
    state["code"] = answer.code
    if opens_page(request):
        return refusal_page(request, answer)
    media_type = answer.headers.pop("content-type")
    return Response(answer.body, status_code=answer.status, headers=answer.headers, media_type=media_type)


def _refuse(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    action = request.route_handler.opt.get("action")
    if isinstance(error, NotPermitted) and isinstance(action, Action) and is_privileged(action):
        request.scope["state"][REFUSED_ACT] = RefusedAct(action, error.code, error.message)
    return _answer(request, error)


def _refuse_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """A refusal of the framework, in the registry's words."""

    status = HTTPStatus(error.status_code)
    if isinstance(error, ValidationException) and error.extra:
        first = next(iter(error.extra))
        if first.get("key") == "data":
            return _answer(request, InvalidInput("The body is missing. Send it as JSON.", source="body"))
        source = first.get("source", "request")
        said = invalid_field(first["message"], source=getattr(source, "value", source), name=first.get("key"))
        return _answer(request, said)
    match status:
        case HTTPStatus.NOT_FOUND:
            words = "There is nothing at this address. GET /openapi.json lists what there is."
        case HTTPStatus.METHOD_NOT_ALLOWED:
            words = f"{request.method} isn't known here. The header Allow says what is."
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            words = "The body is too large for this address. Send less."
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return _fail(request, error)
        case _:
            words = f"Can't read the request: {error.detail}. Correct it and send it again."
    return _answer(request, HttpRefusal(status, words, error.headers))


def _fail(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    log.error("fault", path=request.scope["path"], exc_info=error)
    return _answer(request, RuntimeError())


if __name__ == "__main__":
    write(Path(sys.argv[1]), build_routes())
