"""What is asked for, and the one screen on which somebody decides."""

from __future__ import annotations

from typing import Annotated, Final, NamedTuple

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from registry_service.db.paging import PageRequest
from registry_service.db.queries.checks import list_checks
from registry_service.db.queries.comments import list_promotion_comments
from registry_service.db.queries.inbox import get_inbox
from registry_service.db.queries.models import get_model
from registry_service.db.queries.policies import documents_of
from registry_service.db.queries.possible_reviewers import list_possible_reviewers
from registry_service.db.queries.promotions import get_promotion, list_promotions, refuse_approval, test_policy
from registry_service.db.queries.provenance import spell_of
from registry_service.db.queries.stages import get_stage
from registry_service.db.queries.versions import get_version
from registry_service.db.view import View
from registry_service.domain.decisions import Decision
from registry_service.domain.entities import (
    Check,
    Comment,
    Comparison,
    Inbox,
    ModelVersion,
    Page,
    PossibleReviewers,
    Promotion,
    RegisteredModel,
    Review,
    Stage,
    StageSpell,
)
from registry_service.domain.errors import VersionNotFound
from registry_service.domain.permissions import Action
from registry_service.domain.policies import PolicyDocument, PolicyPin
from registry_service.domain.promotions import OPEN_PHASES, Phase
from registry_service.domain.requests import TestPolicy
from registry_service.web.ui.parameters import Cursor, page_request
from registry_service.web.ui.version import beside_version
from registry_service.web.ui.visit import Visit

WithPhase = Annotated[str | None, QueryParameter(description="Only in this phase, or `open`.", max_length=20)]

SHOWN_REVIEWERS: Final = 50

_OPEN: Final = ", ".join(f"'{phase}'" for phase in OPEN_PHASES)
_FILTERS: Final = {"open": f"phase IN ({_OPEN})"} | {phase.value: f"phase = '{phase}'" for phase in Phase}


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
    page = page_request(_FILTERS.get(phase or ""), None, cursor)
    return await visit.page("promotions.html", look_at_promotions, page)


class OnePromotion(NamedTuple):
    """`beside`: what is asked for, compared with what is current in the stage, or with what it replaced there, which
    stands first; None where there is no such version. `version` None: it is deleted. `again`: of what ended without
    being applied, what would be said if it were asked for again now, as only that tells what stood and stands in its
    way. `stay`: the time in the stage that it brought the version. `possible`: whom to ask
    for what is missing; None where it is over. `refusal`: why an approval by the caller could not
    count; None where it could. `standing`: the caller's own review."""

    promotion: Promotion
    model: RegisteredModel
    version: ModelVersion | None
    stage: Stage
    policies: list[tuple[PolicyPin, PolicyDocument]]
    checks: list[Check]
    comments: Page[Comment]
    beside: Comparison | None
    again: Decision | None
    stay: StageSpell | None
    possible: PossibleReviewers | None
    refusal: str | None
    standing: Review | None


def look_at_promotion(view: View, promotion: str) -> OnePromotion:
    """:raises PromotionNotFound: there is none, or its model is out of sight."""

    asked = get_promotion(view, promotion)
    stage = get_stage(view, asked.model_name, asked.stage)
    number = str(asked.version)
    applied = asked.phase is Phase.APPLIED
    ended = asked.phase.is_final and not applied
    try:
        version = get_version(view, asked.model_name, number)
    except VersionNotFound:
        version = None
    return OnePromotion(
        promotion=asked,
        model=get_model(view, asked.model_name),
        version=version,
        stage=stage,
        policies=documents_of(view, asked.policies),
        checks=[] if version is None else list_checks(view, asked.model_name, number, PageRequest(limit=50)).items,
        comments=list_promotion_comments(view, promotion, PageRequest(limit=100)),
        beside=None if version is None else beside_version(view, version, asked.replaces if applied else stage.version),
        again=None if version is None or not ended else _asked_again(view, asked),
        stay=spell_of(view, asked) if applied else None,
        possible=(None if asked.phase.is_final else list_possible_reviewers(view, promotion, judged=SHOWN_REVIEWERS)),
        refusal=None if asked.phase.is_final else refuse_approval(view, promotion),
        standing=next(
            (one for one in asked.reviews if one.reviewer == view.actor.name and one.withdrawn_at is None), None
        ),
    )


def _asked_again(view: View, asked: Promotion) -> Decision:
    return test_policy(view, TestPolicy(model=asked.model_name, version=str(asked.version), stage=asked.stage))
