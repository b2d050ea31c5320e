"""Retention: what rules keep, what they would let go, and letting it go."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from registry_service.care.retention import apply_preview, continue_preview
from registry_service.db.paging import PageRequest
from registry_service.db.queries import retention as queries
from registry_service.domain.entities import Fate, Page, PreviewedVersion, RetentionPreview, RetentionRule
from registry_service.domain.permissions import Action
from registry_service.domain.requests import StartPreview, WriteRetentionRule
from registry_service.services import retention as use_cases
from registry_service.web.answers import Encoded, encoded
from registry_service.web.caller import Caller

Version = Annotated[int | None, QueryParameter(description="Which one; else the newest.", ge=1, le=2**31)]
OfFate = Annotated[Fate | None, QueryParameter(description="Only versions of which the preview says this.")]


class Retention(Controller):
    path = "/retention"
    tags = ("retention",)

    @get("/rules", action=Action.RETENTION_READ)
    async def list_retention_rules(
        self, caller: NamedDependency[Caller], page: NamedDependency[PageRequest]
    ) -> Encoded[Page[RetentionRule]]:
        """The rules that hold, each in its newest version."""
        return await caller.list(queries.list_rules, page)

    @post("/rules", action=Action.RETENTION_WRITE)
    async def write_retention_rule(
        self,
        caller: NamedDependency[Caller],
        data: JSONBody[WriteRetentionRule],
        if_match: NamedDependency[int | None],
    ) -> Encoded[RetentionRule]:
        """A new rule, or the next version of one: then If-Match names the version that it replaces."""
        return await caller.make(use_cases.write_rule, data, if_match=if_match)

    @get("/rules/{rule:str}", action=Action.RETENTION_READ)
    async def get_retention_rule(
        self, caller: NamedDependency[Caller], rule: FromPath[str], version: FromQuery[Version] = None
    ) -> Encoded[RetentionRule]:
        """One rule, also one that was ended."""
        return await caller.look(queries.get_rule, rule, version=version)

    @post("/rules/{rule:str}/end", action=Action.RETENTION_WRITE, status_code=200)
    async def end_retention_rule(self, caller: NamedDependency[Caller], rule: FromPath[str]) -> Encoded[RetentionRule]:
        """Let a rule hold no longer."""
        return await caller.change(use_cases.end_rule, rule)

    @get("/previews", action=Action.RETENTION_RUN)
    async def list_previews(
        self, caller: NamedDependency[Caller], page: NamedDependency[PageRequest]
    ) -> Encoded[Page[RetentionPreview]]:
        """Previews of the last days, the newest first."""
        return await caller.list(queries.list_previews, page)

    @post("/previews", action=Action.RETENTION_RUN)
    async def start_preview(
        self, caller: NamedDependency[Caller], data: JSONBody[StartPreview]
    ) -> Encoded[RetentionPreview]:
        """Begin to find out what the rules would let go. Nothing is judged yet: continue it."""
        return await caller.make(use_cases.start_preview, data)

    @get("/previews/{preview:str}", action=Action.RETENTION_RUN)
    async def get_preview(self, caller: NamedDependency[Caller], preview: FromPath[str]) -> Encoded[RetentionPreview]:
        """How far a preview is."""
        return await caller.look(queries.get_preview, preview)

    @get("/previews/{preview:str}/versions", action=Action.RETENTION_RUN)
    async def list_previewed_versions(
        self,
        caller: NamedDependency[Caller],
        page: NamedDependency[PageRequest],
        preview: FromPath[str],
        fate: FromQuery[OfFate] = None,
    ) -> Encoded[Page[PreviewedVersion]]:
        """Which versions go, which stay, and why; and what came of those that went."""
        return await caller.list(queries.list_previewed_versions, preview, page, fate=fate)

    # A step that is repeated does what is left of it: so no Idempotency-Key.

    @post("/previews/{preview:str}/continue", action=Action.RETENTION_RUN, status_code=200)
    async def continue_preview(
        self, caller: NamedDependency[Caller], preview: FromPath[str]
    ) -> Encoded[RetentionPreview]:
        """Judge the next models. Ask again until `phase` is READY."""
        return encoded(await continue_preview(caller.registry, caller.actor, preview))

    @post("/previews/{preview:str}/apply", action=Action.RETENTION_RUN, status_code=200)
    async def apply_preview(self, caller: NamedDependency[Caller], preview: FromPath[str]) -> Encoded[RetentionPreview]:
        """Delete some of the versions that the preview lets go, each judged once more. Ask again until `phase` is
        APPLIED."""
        return encoded(await apply_preview(caller.registry, caller.actor, preview))
