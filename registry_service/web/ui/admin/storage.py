"""What takes up room, and what nobody seems to need."""

from __future__ import annotations

from typing import Annotated, Final, NamedTuple

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from registry_service.db.paging import PageRequest
from registry_service.db.queries.forgotten import list_forgotten_uploads, list_forgotten_versions, list_model_stock
from registry_service.db.view import View
from registry_service.domain.entities import ForgottenUpload, ForgottenVersion, ModelStock, Page
from registry_service.domain.errors import InvalidInput, NotPermitted
from registry_service.domain.permissions import Action, may_anywhere
from registry_service.web.ui.home import IDLE_DAYS
from registry_service.web.ui.parameters import Cursor, Order, page_request
from registry_service.web.ui.visit import Visit

_FEW: Final = 10

Idle = Annotated[int, QueryParameter(description="Not used for so many days.", ge=0, le=36_500)]


class Storage(NamedTuple):
    """`refusal`: why the models aren't shown, in words."""

    models: Page[ModelStock]
    refusal: str | None
    versions: Page[ForgottenVersion]
    uploads: Page[ForgottenUpload] | None
    idle_days: int


def look_at_storage(view: View, page: PageRequest, idle_days: int) -> Storage:
    few = PageRequest(limit=_FEW)
    try:
        models, refusal = list_model_stock(view, page, idle_days=idle_days), None
    except (InvalidInput, NotPermitted) as error:
        models, refusal = Page[ModelStock](items=[]), error.message
    registers = may_anywhere(view.actor, Action.VERSION_REGISTER)
    return Storage(
        models,
        refusal,
        list_forgotten_versions(view, few, idle_days=idle_days or IDLE_DAYS),
        list_forgotten_uploads(view, few, idle_days=0) if registers else None,
        idle_days or IDLE_DAYS,
    )


@get("/admin/storage", action=Action.VERSION_READ, include_in_schema=False)
async def storage_page(
    visit: NamedDependency[Visit],
    order_by: FromQuery[Order] = None,
    idle: FromQuery[Idle] = 0,
    cursor: FromQuery[Cursor] = None,
) -> Response[str]:
    return await visit.page("admin/storage.html", look_at_storage, page_request(None, order_by, cursor), idle)
