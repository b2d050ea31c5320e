"""A refusal as a page."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response

from registry_service.web.errors import Problem, Refused
from registry_service.web.ui.packing import takes_packed
from registry_service.web.ui.rendering import html_page
from registry_service.web.ui.visit import shell


def refusal_page(request: Request[Any, Any, Any], answer: Refused) -> Response[str]:
    """What is wrong and what to do next, in the words that a program gets."""

    problem = msgspec.json.decode(answer.body, type=Problem)
    headers = {name: value for name, value in answer.headers.items() if name != "content-type"}
    return html_page(
        "refusal.html",
        {"facts": problem, **shell(request.scope.get("user"), request)},
        packed=takes_packed(request.headers),
        framed_by=request.app.state.framed_by,
        status=HTTPStatus(answer.status),
        headers=headers,
    )
