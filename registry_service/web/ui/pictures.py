"""Plots that are attached to checks, for the pages to show."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from registry_service.db.queries.checks import get_attachment
from registry_service.domain.permissions import Action
from registry_service.web.api.downloads import send_attachment
from registry_service.web.errors import HttpRefusal
from registry_service.web.ui.rendering import PICTURES
from registry_service.web.ui.visit import Visit

_AS_IMAGE: Final = "image"


@get(
    "/pictures/{model:str}/{selector:str}/{check:str}/{name:str}",
    action=Action.VERSION_READ,
    include_in_schema=False,
)
async def picture(
    request: Request[Any, Any, Any],
    visit: NamedDependency[Visit],
    model: FromPath[str],
    selector: FromPath[str],
    check: FromPath[str],
    name: FromPath[str],
) -> Response[Any]:
    """What is attached to a check, as an image and nothing else: a browser that would open it as a document, where a
    drawing may run scripts, is refused it. The API has it as a download."""

    file = await visit.registry.view(visit.actor, get_attachment, model, selector, check, name)
    if file.media_type not in PICTURES or request.headers.get("sec-fetch-dest", _AS_IMAGE) != _AS_IMAGE:
        raise HttpRefusal(HTTPStatus.NOT_FOUND, "There is no picture at this address.")
    return await send_attachment(request, request.app.state.store, file, media_type=file.media_type)
