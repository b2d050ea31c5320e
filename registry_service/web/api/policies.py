"""Policies: what stages demand, where they hold, and changes of them."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from registry_service.db.paging import PageRequest
from registry_service.db.queries import policies as queries
from registry_service.db.queries import promotions as promotion_queries
from registry_service.domain.decisions import Decision
from registry_service.domain.entities import Page, Policy, PolicyAttachment, PolicyChange
from registry_service.domain.permissions import Action
from registry_service.domain.requests import AttachPolicy, TestPolicy, WritePolicy
from registry_service.services import policies as use_cases
from registry_service.web.answers import Encoded
from registry_service.web.caller import Caller

Version = Annotated[int | None, QueryParameter(description="Which one; else the newest.", ge=1, le=2**31)]


class Policies(Controller):
    path = "/policies"
    tags = ("policies",)

    @get(action=Action.POLICY_READ)
    async def list_policies(
        self, caller: NamedDependency[Caller], page: NamedDependency[PageRequest]
    ) -> Encoded[Page[Policy]]:
        """The newest version of each policy."""
        return await caller.list(queries.list_policies, page)

    @post(action=Action.POLICY_WRITE)
    async def write_policy(
        self,
        caller: NamedDependency[Caller],
        data: JSONBody[WritePolicy],
        if_match: NamedDependency[int | None],
    ) -> Encoded[PolicyChange]:
        """A new policy, or the next version of one: then If-Match names the version that it replaces. `confirmed_by`
        is null where a second person must confirm first."""
        return await caller.make(use_cases.write_policy, data, if_match=if_match)

    @get("/{name:str}", action=Action.POLICY_READ)
    async def get_policy(
        self, caller: NamedDependency[Caller], name: FromPath[str], version: FromQuery[Version] = None
    ) -> Encoded[Policy]:
        """One policy."""
        return await caller.look(queries.get_policy, name, version=version)

    @get("/changes", action=Action.POLICY_READ)
    async def list_policy_changes(
        self, caller: NamedDependency[Caller], page: NamedDependency[PageRequest]
    ) -> Encoded[Page[PolicyChange]]:
        """Changes of policies, proposed and confirmed, the newest first."""
        return await caller.list(queries.list_policy_changes, page)

    @post("/changes/{change:str}/confirm", action=Action.POLICY_WRITE, status_code=200)
    async def confirm_policy_change(
        self, caller: NamedDependency[Caller], change: FromPath[str]
    ) -> Encoded[PolicyChange]:
        """Bring a change into force, as somebody other than who proposed it."""
        return await caller.change(use_cases.confirm_policy_change, change)

    @post("/changes/{change:str}/withdraw", action=Action.POLICY_WRITE, status_code=200)
    async def withdraw_policy_change(
        self, caller: NamedDependency[Caller], change: FromPath[str]
    ) -> Encoded[PolicyChange]:
        """Take back a change that nobody has confirmed; whoever may write policies does."""
        return await caller.change(use_cases.withdraw_policy_change, change)

    @get("/attachments", action=Action.POLICY_READ)
    async def list_attachments(
        self, caller: NamedDependency[Caller], page: NamedDependency[PageRequest]
    ) -> Encoded[Page[PolicyAttachment]]:
        """Where policies hold."""
        return await caller.list(queries.list_attachments, page)

    @post("/attachments", action=Action.POLICY_WRITE)
    async def attach_policy(
        self, caller: NamedDependency[Caller], data: JSONBody[AttachPolicy]
    ) -> Encoded[PolicyChange]:
        """Make a policy hold for models and a stage."""
        return await caller.make(use_cases.attach_policy, data)

    @post("/attachments/{attachment:str}/detach", action=Action.POLICY_WRITE, status_code=200)
    async def detach_policy(self, caller: NamedDependency[Caller], attachment: FromPath[str]) -> Encoded[PolicyChange]:
        """Make a policy hold there no longer."""
        return await caller.change(use_cases.detach_policy, attachment)

    @post("/test", action=Action.PROMOTION_READ, status_code=200)
    async def test_policy(self, caller: NamedDependency[Caller], data: JSONBody[TestPolicy]) -> Encoded[Decision]:
        """Judge a version without any effect."""
        return await caller.list(promotion_queries.test_policy, data)
