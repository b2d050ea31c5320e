"""What runs used versions for."""

from __future__ import annotations

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from registry_service.db.paging import PageRequest
from registry_service.db.queries import usages as queries
from registry_service.domain.entities import Page, Usage, VersionUse
from registry_service.domain.permissions import Action
from registry_service.domain.requests import ReportUsage
from registry_service.services import usages as use_cases
from registry_service.web.answers import Encoded
from registry_service.web.caller import Caller


class Usages(Controller):
    path = "/models/{model:str}/versions/{selector:str}"
    tags = ("usages",)

    @get("/usages", action=Action.VERSION_READ)
    async def list_usages(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        selector: FromPath[str],
        page: NamedDependency[PageRequest],
    ) -> Encoded[Page[Usage]]:
        """What runs used the version for, the newest first; the newest 10,000 are kept."""
        return await caller.list(queries.list_usages, model, selector, page)

    @post("/usages", action=Action.USAGE_REPORT)
    async def report_usage(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        selector: FromPath[str],
        data: JSONBody[ReportUsage],
    ) -> Encoded[Usage]:
        """Report that a run used the version for a batch. By run and batch it is one usage, however often it is
        reported; `rows` is what was said last."""
        return await caller.make(use_cases.report_usage, model, selector, data)

    @get("/use", action=Action.VERSION_READ)
    async def get_version_use(
        self, caller: NamedDependency[Caller], model: FromPath[str], selector: FromPath[str]
    ) -> Encoded[VersionUse]:
        """What a version is needed for, how many usages were reported, and when it was last used."""
        return await caller.list(queries.get_version_use, model, selector)
