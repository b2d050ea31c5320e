"""The addresses that entities give as their `url`. To a program they answer with the entity."""

from __future__ import annotations

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from registry_service.db.queries.models import get_model
from registry_service.db.queries.promotions import get_promotion
from registry_service.db.queries.versions import get_version
from registry_service.domain.entities import ModelVersion, Promotion, RegisteredModel
from registry_service.domain.permissions import Action
from registry_service.web.answers import Encoded
from registry_service.web.caller import Caller


@get("/models/{model:str}", action=Action.MODEL_READ, include_in_schema=False)
async def model_page(caller: NamedDependency[Caller], model: FromPath[str]) -> Encoded[RegisteredModel]:
    return await caller.look(get_model, model)


@get("/models/{model:str}/versions/{selector:str}", action=Action.VERSION_READ, include_in_schema=False)
async def version_page(
    caller: NamedDependency[Caller], model: FromPath[str], selector: FromPath[str]
) -> Encoded[ModelVersion]:
    return await caller.look(get_version, model, selector)


@get("/promotions/{promotion:str}", action=Action.PROMOTION_READ, include_in_schema=False)
async def promotion_page(caller: NamedDependency[Caller], promotion: FromPath[str]) -> Encoded[Promotion]:
    return await caller.look(get_promotion, promotion)
