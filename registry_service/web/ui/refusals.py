"""A refusal as a page."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.response import Redirect

from registry_service.domain.errors import ModelRenamed
from registry_service.web.errors import Problem, Refused
from registry_service.web.ui.packing import takes_packed
from registry_service.web.ui.rendering import address, html_page
from registry_service.web.ui.visit import shell


def refusal_page(request: Request[Any, Any, Any], answer: Refused) -> Response[str]:
    """What is wrong and what to do next, in the words that a program gets. A page of a model by its old name leads to
    where it is now: addresses of pages stand in letters and tickets."""

    problem = msgspec.json.decode(answer.body, type=Problem)
    if problem.code == ModelRenamed.code and request.method == "GET":
        moved = _moved(request.scope["path"], problem.details["model"], problem.details["renamed_to"])
        if moved is not None:
            query = request.scope["query_string"].decode("latin-1")
            return Redirect(f"{moved}?{query}" if query else moved, status_code=307)
    headers = {name: value for name, value in answer.headers.items() if name != "content-type"}
    return html_page(
        "refusal.html",
        {"facts": problem, **shell(request.scope.get("user"), request)},
        packed=takes_packed(request.headers),
        framed_by=request.app.state.framed_by,
        status=HTTPStatus(answer.status),
        headers=headers,
    )


def _moved(path: str, name: str, now: str) -> str | None:
    """The same page by the model's present name; None where the path doesn't name it by the former one."""

    room, found, *rest = path.removeprefix("/").split("/")
    return address(room, now, *rest) if (room, found) == ("models", name) else None
