"""The addresses that entities give as their `url`: to a browser a page, to a program the entity."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from registry_service.db.queries.models import get_model
from registry_service.db.queries.promotions import get_promotion
from registry_service.db.queries.versions import get_version
from registry_service.domain.errors import InvalidInput
from registry_service.domain.permissions import Action
from registry_service.web.browsers import opens_page
from registry_service.web.caller import Caller
from registry_service.web.ui.models import look_at_model
from registry_service.web.ui.parameters import Columns, Cursor, Filter, Metric, Order, page_request
from registry_service.web.ui.promotions import look_at_promotion
from registry_service.web.ui.version import look_at_version
from registry_service.web.ui.visit import Visit


@get("/models/{model:str}", action=Action.MODEL_READ, include_in_schema=False)
async def model_page(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    visit: NamedDependency[Visit],
    model: FromPath[str],
    filter: FromQuery[Filter] = None,  # noqa: A002 - the parameter's name in the address
    order_by: FromQuery[Order] = None,
    cursor: FromQuery[Cursor] = None,
    metric: FromQuery[Metric] = None,
    columns: FromQuery[Columns] = None,
) -> Response[Any]:
    if not opens_page(request):
        if filter or order_by or cursor:
            raise InvalidInput(f"Versions are listed at /api/v1/models/{model}/versions.", source="query")
        return await caller.look(get_model, model)
    return await visit.page(
        "model.html", look_at_model, model, page_request(filter, order_by, cursor), metric, columns or ()
    )


@get("/models/{model:str}/versions/{selector:str}", action=Action.VERSION_READ, include_in_schema=False)
async def version_page(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    visit: NamedDependency[Visit],
    model: FromPath[str],
    selector: FromPath[str],
) -> Response[Any]:
    if not opens_page(request):
        return await caller.look(get_version, model, selector)
    return await visit.page("version.html", look_at_version, model, selector)


@get("/promotions/{promotion:str}", action=Action.PROMOTION_READ, include_in_schema=False)
async def promotion_page(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    visit: NamedDependency[Visit],
    promotion: FromPath[str],
) -> Response[Any]:
    if not opens_page(request):
        return await caller.look(get_promotion, promotion)
    return await visit.page("promotion.html", look_at_promotion, promotion)
