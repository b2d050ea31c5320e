"""Deployments: where versions run."""

from __future__ import annotations

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from registry_service.db.paging import PageRequest
from registry_service.db.queries import deployments as queries
from registry_service.db.queries import measuring
from registry_service.domain.entities import Deployment, Measurement, Page, RoleComparison
from registry_service.domain.permissions import Action
from registry_service.domain.requests import ObserveDeployment, StartDeployment
from registry_service.services import deployments as use_cases
from registry_service.web.answers import Encoded
from registry_service.web.caller import Caller
from registry_service.web.parameters import Since
from registry_service.web.requests import moment_of


class Deployments(Controller):
    path = "/deployments"
    tags = ("deployments",)

    @get(action=Action.DEPLOYMENT_READ)
    async def list_deployments(
        self, caller: NamedDependency[Caller], page: NamedDependency[PageRequest]
    ) -> Encoded[Page[Deployment]]:
        """Deployments of models that the caller may read, the newest first."""
        return await caller.list(queries.list_deployments, page)

    @post(action=Action.DEPLOYMENT_WRITE)
    async def start_deployment(
        self, caller: NamedDependency[Caller], data: JSONBody[StartDeployment]
    ) -> Encoded[Deployment]:
        """Note that a version is on its way to a target. For a stage, or at a target that a stage protects, it must be
        approved there or current (`not_approved`)."""
        return await caller.make(use_cases.start_deployment, data)

    @get("/{deployment:str}", action=Action.DEPLOYMENT_READ)
    async def get_deployment(self, caller: NamedDependency[Caller], deployment: FromPath[str]) -> Encoded[Deployment]:
        """One deployment."""
        return await caller.look(queries.get_deployment, deployment)

    @get("/{deployment:str}/metrics", action=Action.DEPLOYMENT_READ)
    async def list_deployment_metrics(
        self, caller: NamedDependency[Caller], deployment: FromPath[str], page: NamedDependency[PageRequest]
    ) -> Encoded[Page[Measurement]]:
        """What was measured of a deployment, the latest first: the newest 1,440 reports are kept."""
        return await caller.list(measuring.list_deployment_metrics, deployment, page)

    @get("/{deployment:str}/metrics/roles", action=Action.DEPLOYMENT_READ)
    async def compare_roles(
        self,
        caller: NamedDependency[Caller],
        deployment: FromPath[str],
        since: FromQuery[Since] = None,
    ) -> Encoded[RoleComparison]:
        """What was measured of a deployment beside the other roles of its model at its target: latest, mean, lowest and
        highest of each metric, and how far each mean is from the primary's."""
        return await caller.list(measuring.compare_roles, deployment, since=moment_of(since, "since"))

    @post("/{deployment:str}/observed", action=Action.DEPLOYMENT_WRITE, status_code=200)
    async def observe_deployment(
        self, caller: NamedDependency[Caller], deployment: FromPath[str], data: JSONBody[ObserveDeployment]
    ) -> Encoded[Deployment]:
        """Report what the target says it serves."""
        return await caller.change(use_cases.observe_deployment, deployment, data)
