"""Model versions, their files, and what machines measured of them."""

from __future__ import annotations

from litestar import Controller, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from registry_service.db.paging import PageRequest
from registry_service.db.queries import checks as check_queries
from registry_service.db.queries import versions as queries
from registry_service.domain.entities import (
    Check,
    Manifest,
    ModelVersion,
    Page,
    RevocationImpact,
    RevokedVersion,
)
from registry_service.domain.permissions import Action
from registry_service.domain.requests import (
    DeleteVersion,
    LiftLegalHold,
    PlaceLegalHold,
    RegisterVersion,
    ReportCheck,
    RevokeVersion,
    UpdateVersion,
)
from registry_service.services import checks as check_use_cases
from registry_service.services import keeping, revoking
from registry_service.services import versions as use_cases
from registry_service.web.answers import Encoded
from registry_service.web.caller import Caller
from registry_service.web.limits import MANIFEST_BODY
from registry_service.web.requests import AsOf, moment_of


class AllVersions(Controller):
    path = "/versions"
    tags = ("versions",)

    @get(action=Action.VERSION_READ)
    async def list_all_versions(
        self, caller: NamedDependency[Caller], page: NamedDependency[PageRequest]
    ) -> Encoded[Page[ModelVersion]]:
        """Versions of all models that the caller may read, the newest first."""
        return await caller.list(queries.list_all_versions, page)


class Versions(Controller):
    path = "/models/{model:str}/versions"
    tags = ("versions",)

    @get(action=Action.VERSION_READ)
    async def list_versions(
        self, caller: NamedDependency[Caller], model: FromPath[str], page: NamedDependency[PageRequest]
    ) -> Encoded[Page[ModelVersion]]:
        """Versions of a model, the newest first."""
        return await caller.list(queries.list_versions, model, page)

    @post(action=Action.VERSION_REGISTER, request_max_body_size=MANIFEST_BODY)
    async def register_version(
        self, caller: NamedDependency[Caller], model: FromPath[str], data: JSONBody[RegisterVersion]
    ) -> Encoded[ModelVersion]:
        """Make a version of files whose bytes are here. Under an `identity` used before: that version again."""
        return await caller.make(use_cases.register_version, model, data)

    @get("/{selector:str}", action=Action.VERSION_READ)
    async def get_version(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        selector: FromPath[str],
        as_of: FromQuery[AsOf] = None,
    ) -> Encoded[ModelVersion]:
        """The version that `7`, `latest`, `@champion`, `@production` or a digest names, now or as it was at a time;
        description and tags are today's always."""
        if as_of is not None:
            # What may be rewritten is today's even there: no revision of the past stands for the whole answer.
            return await caller.read(queries.get_version, model, selector, as_of=moment_of(as_of))
        return await caller.look(queries.get_version, model, selector)

    @patch("/{selector:str}", action=Action.VERSION_UPDATE)
    async def update_version(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        selector: FromPath[str],
        data: JSONBody[UpdateVersion],
    ) -> Encoded[ModelVersion]:
        """Change description or tags; content never changes."""
        return await caller.change(use_cases.update_version, model, selector, data)

    @post("/{selector:str}/revoke", action=Action.VERSION_REVOKE, status_code=200)
    async def revoke_version(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        selector: FromPath[str],
        data: JSONBody[RevokeVersion],
    ) -> Encoded[RevokedVersion]:
        """Withdraw a version for good: no download but an admin's with a reason, no promotion, no rollback to it. The
        answer says what that touches."""
        return await caller.change(revoking.revoke_version, model, selector, data)

    @get("/{selector:str}/revoke/impact", action=Action.VERSION_READ)
    async def revoke_impact(
        self, caller: NamedDependency[Caller], model: FromPath[str], selector: FromPath[str]
    ) -> Encoded[RevocationImpact]:
        """What revoking this version would touch: stages, aliases, open promotions, deployments, versions made from
        it. Nothing is changed."""
        return await caller.list(revoking.revoke_impact, model, selector)

    @post("/{selector:str}/delete", action=Action.VERSION_DELETE, status_code=200)
    async def delete_version(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        selector: FromPath[str],
        data: JSONBody[DeleteVersion],
    ) -> Encoded[ModelVersion]:
        """Leave a tombstone that keeps the number; refused while anything needs the version (`in_use`)."""
        return await caller.change(keeping.delete_version, model, selector, data)

    @post("/{selector:str}/restore", action=Action.VERSION_DELETE, status_code=200)
    async def restore_version(
        self, caller: NamedDependency[Caller], model: FromPath[str], selector: FromPath[str]
    ) -> Encoded[ModelVersion]:
        """Bring a deleted version back, by its number, within seven days."""
        return await caller.change(keeping.restore_version, model, selector)

    @post("/{selector:str}/legal-hold", action=Action.VERSION_LEGAL_HOLD, status_code=200)
    async def place_legal_hold(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        selector: FromPath[str],
        data: JSONBody[PlaceLegalHold],
    ) -> Encoded[ModelVersion]:
        """Keep a version from being deleted until the hold is lifted."""
        return await caller.change(keeping.place_legal_hold, model, selector, data)

    @post("/{selector:str}/legal-hold/lift", action=Action.VERSION_LEGAL_HOLD, status_code=200)
    async def lift_legal_hold(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        selector: FromPath[str],
        data: JSONBody[LiftLegalHold],
    ) -> Encoded[ModelVersion]:
        """End a legal hold."""
        return await caller.change(keeping.lift_legal_hold, model, selector, data)

    @get("/{selector:str}/files", action=Action.VERSION_READ)
    async def get_manifest(
        self, caller: NamedDependency[Caller], model: FromPath[str], selector: FromPath[str]
    ) -> Encoded[Manifest]:
        """The files of a version."""
        return await caller.list(queries.get_manifest, model, selector)

    @get("/{selector:str}/checks", action=Action.VERSION_READ, tags=["checks"])
    async def list_checks(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        selector: FromPath[str],
        page: NamedDependency[PageRequest],
    ) -> Encoded[Page[Check]]:
        """All reports, the newest first; the latest of a name counts."""
        return await caller.list(check_queries.list_checks, model, selector, page)

    @post("/{selector:str}/checks", action=Action.CHECK_REPORT, tags=["checks"])
    async def report_check(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        selector: FromPath[str],
        data: JSONBody[ReportCheck],
    ) -> Encoded[Check]:
        """Report what a machine measured, with its evidence."""
        return await caller.make(check_use_cases.report_check, model, selector, data)
