"""What looks forgotten, and what it takes up."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from registry_service.db.paging import PageRequest
from registry_service.db.queries import forgotten as queries
from registry_service.domain.entities import ForgottenStage, ForgottenUpload, ForgottenVersion, ModelStock, Page
from registry_service.domain.permissions import Action
from registry_service.web.answers import Encoded
from registry_service.web.caller import Caller

Days = Annotated[int, QueryParameter(description="For how many days at least.", ge=0, le=36_500)]


class Forgotten(Controller):
    path = "/forgotten"
    tags = ("forgotten",)

    @get("/models", action=Action.VERSION_READ)
    async def list_model_stock(
        self, caller: NamedDependency[Caller], page: NamedDependency[PageRequest], idle_days: FromQuery[Days] = 0
    ) -> Encoded[Page[ModelStock]]:
        """What models take up, and when they were last used; ordered by `size`, `own_size`, `idle_since` or `name`."""
        return await caller.list(queries.list_model_stock, page, idle_days=idle_days)

    @get("/versions", action=Action.VERSION_READ)
    async def list_forgotten_versions(
        self, caller: NamedDependency[Caller], page: NamedDependency[PageRequest], idle_days: FromQuery[Days] = 90
    ) -> Encoded[Page[ForgottenVersion]]:
        """Versions without any use; ordered by `size` or `created_at`."""
        return await caller.list(queries.list_forgotten_versions, page, idle_days=idle_days)

    @get("/stages", action=Action.VERSION_READ)
    async def list_forgotten_stages(
        self, caller: NamedDependency[Caller], page: NamedDependency[PageRequest], idle_days: FromQuery[Days] = 90
    ) -> Encoded[Page[ForgottenStage]]:
        """Stages that have not changed for long, the longest first."""
        return await caller.list(queries.list_forgotten_stages, page, idle_days=idle_days)

    @get("/uploads", action=Action.VERSION_REGISTER)
    async def list_forgotten_uploads(
        self, caller: NamedDependency[Caller], page: NamedDependency[PageRequest], idle_days: FromQuery[Days] = 0
    ) -> Encoded[Page[ForgottenUpload]]:
        """Upload sessions that are still open: the caller's own; all of them for who keeps the registry."""
        return await caller.list(queries.list_forgotten_uploads, page, idle_days=idle_days)
