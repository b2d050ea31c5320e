"""What is asked for, and the one screen on which somebody decides."""

from __future__ import annotations

from typing import Annotated, Final, NamedTuple

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from registry_service.db.paging import PageRequest
from registry_service.db.queries.checks import list_checks
from registry_service.db.queries.comments import list_promotion_comments
from registry_service.db.queries.compare import compare_versions
from registry_service.db.queries.inbox import get_inbox
from registry_service.db.queries.models import get_model
from registry_service.db.queries.policies import documents_of
from registry_service.db.queries.promotions import get_promotion, list_promotions
from registry_service.db.queries.stages import get_stage
from registry_service.db.queries.versions import get_version
from registry_service.db.view import View
from registry_service.domain.comparing import NamedVersion
from registry_service.domain.entities import (
    Check,
    Comment,
    Comparison,
    Inbox,
    ModelVersion,
    Page,
    Promotion,
    RegisteredModel,
    Stage,
)
from registry_service.domain.errors import VersionNotFound
from registry_service.domain.permissions import Action
from registry_service.domain.policies import PolicyDocument, PolicyPin
from registry_service.domain.promotions import Phase
from registry_service.web.ui.visit import Visit

_SHOWN: Final = 25

WithPhase = Annotated[str | None, QueryParameter(description="Only in this phase, or `open`.", max_length=20)]
Cursor = Annotated[str | None, QueryParameter(description="Where the page before ended.", max_length=4096)]

_FILTERS: Final = {"open": "phase IN ('PENDING', 'APPROVED', 'APPLYING')"} | {
    phase.value: f"phase = '{phase.value}'" for phase in Phase
}


class Asked(NamedTuple):
    promotions: Page[Promotion]
    inbox: Inbox


def look_at_promotions(view: View, page: PageRequest) -> Asked:
    return Asked(list_promotions(view, page), get_inbox(view))


@get("/promotions", action=Action.PROMOTION_READ, include_in_schema=False)
async def promotions_page(
    visit: NamedDependency[Visit],
    phase: FromQuery[WithPhase] = None,
    cursor: FromQuery[Cursor] = None,
) -> Response[str]:
    page = PageRequest(filter=_FILTERS.get(phase or ""), cursor=cursor or None, limit=_SHOWN)
    return await visit.page("promotions.html", look_at_promotions, page)


class OnePromotion(NamedTuple):
    """`beside`: what is asked for, compared with what is current in the stage, which stands first; None where the stage
    is vacant or this is current. `version` None: it is deleted."""

    promotion: Promotion
    model: RegisteredModel
    version: ModelVersion | None
    stage: Stage
    policies: list[tuple[PolicyPin, PolicyDocument]]
    checks: list[Check]
    comments: Page[Comment]
    beside: Comparison | None


def look_at_promotion(view: View, promotion: str) -> OnePromotion:
    """:raises PromotionNotFound: there is none, or its model is out of sight."""

    asked = get_promotion(view, promotion)
    stage = get_stage(view, asked.model_name, asked.stage)
    number = str(asked.version)
    try:
        version = get_version(view, asked.model_name, number)
    except VersionNotFound:
        version = None
    beside = None
    if version is not None and stage.version is not None and stage.version != asked.version:
        named = [NamedVersion(asked.model_name, str(stage.version)), NamedVersion(asked.model_name, number)]
        beside = compare_versions(view, named)
    return OnePromotion(
        promotion=asked,
        model=get_model(view, asked.model_name),
        version=version,
        stage=stage,
        policies=documents_of(view, asked.policies),
        checks=[] if version is None else list_checks(view, asked.model_name, number, PageRequest(limit=50)).items,
        comments=list_promotion_comments(view, promotion, PageRequest(limit=100)),
        beside=beside,
    )
