"""The first page: what waits, what is live, what changed, what looks forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, NamedTuple

from litestar import Response, get
from litestar.di import NamedDependency

from registry_service.db.paging import PageRequest
from registry_service.db.queries.following import list_activity
from registry_service.db.queries.forgotten import list_forgotten_stages, list_forgotten_versions, list_model_stock
from registry_service.db.queries.inbox import get_inbox
from registry_service.db.queries.live import list_live
from registry_service.db.queries.promotions import list_promotions
from registry_service.db.view import View
from registry_service.domain.entities import (
    Activity,
    ForgottenStage,
    ForgottenVersion,
    Inbox,
    LiveModel,
    ModelStock,
    Page,
    Promotion,
)
from registry_service.domain.permissions import Action, may_anywhere
from registry_service.web.authentication import ANY_TOKEN
from registry_service.web.ui.live import is_registered
from registry_service.web.ui.visit import Visit

EXPIRES_WITHIN: Final = timedelta(days=2)
IDLE_DAYS: Final = 90
_FEW: Final = 5


class Home(NamedTuple):
    """`expiring`: approvals that end soon without being used. `registered`: there is a version in sight."""

    inbox: Inbox
    expiring: list[Promotion]
    live: Page[LiveModel]
    registered: bool
    activity: Page[Activity]
    stock: Page[ModelStock]
    versions: Page[ForgottenVersion]
    stages: Page[ForgottenStage]
    idle_days: int


def look_at_home(view: View) -> Home | None:
    """None for whoever may read nothing at all."""

    if not may_anywhere(view.actor, Action.MODEL_READ):
        return None
    few = PageRequest(limit=_FEW)
    live = list_live(view, PageRequest(limit=10))
    approved = list_promotions(view, PageRequest(filter="phase = 'APPROVED'"))
    return Home(
        inbox=get_inbox(view, shown=20),
        expiring=[one for one in approved.items if one.expires_at <= view.now + EXPIRES_WITHIN],
        live=live,
        registered=is_registered(view, live),
        activity=list_activity(view, PageRequest(limit=12)),
        stock=list_model_stock(view, few),
        versions=list_forgotten_versions(view, few, idle_days=IDLE_DAYS),
        stages=list_forgotten_stages(view, few, idle_days=IDLE_DAYS),
        idle_days=IDLE_DAYS,
    )


@get("/", action=ANY_TOKEN, include_in_schema=False)
async def home(visit: NamedDependency[Visit]) -> Response[str]:
    return await visit.page("home.html", look_at_home)
