"""Policies in words, where they hold, what waits to be confirmed, and what they would say of a version."""

from __future__ import annotations

from typing import Final, NamedTuple

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from registry_service.db.paging import PageRequest
from registry_service.db.queries.policies import (
    describe_change,
    get_policy,
    list_attachments,
    list_policies,
    waiting_changes,
)
from registry_service.db.view import View
from registry_service.domain.entities import Page, Policy, PolicyAttachment, PolicyChange
from registry_service.domain.permissions import Action
from registry_service.web.api.policies import Version
from registry_service.web.ui.parameters import Cursor, page_request
from registry_service.web.ui.visit import Visit

_MANY: Final = 200


class Policies(NamedTuple):
    """`waiting`: changes that a second person has yet to confirm."""

    policies: Page[Policy]
    attachments: Page[PolicyAttachment]
    waiting: list[PolicyChange]


def look_at_policies(view: View, page: PageRequest) -> Policies:
    return Policies(
        list_policies(view, page),
        list_attachments(view, PageRequest(limit=_MANY)),
        [describe_change(view, row) for row in waiting_changes(view)],
    )


@get("/admin/policies", action=Action.POLICY_READ, include_in_schema=False)
async def policies_page(visit: NamedDependency[Visit], cursor: FromQuery[Cursor] = None) -> Response[str]:
    return await visit.page("admin/policies.html", look_at_policies, page_request(None, None, cursor))


class OnePolicy(NamedTuple):
    """`newest`: the number of its newest version, which a change replaces."""

    policy: Policy
    newest: int
    attachments: list[PolicyAttachment]


def look_at_policy(view: View, name: str, version: int | None) -> OnePolicy:
    """:raises PolicyNotFound: there is none."""

    held = list_attachments(view, PageRequest(limit=_MANY)).items
    newest = get_policy(view, name)
    return OnePolicy(
        newest if version in {None, newest.version} else get_policy(view, name, version=version),
        newest.version,
        [attachment for attachment in held if attachment.policy == name],
    )


@get("/admin/policies/{name:str}", action=Action.POLICY_READ, include_in_schema=False)
async def policy_page(
    visit: NamedDependency[Visit], name: FromPath[str], version: FromQuery[Version] = None
) -> Response[str]:
    return await visit.page("admin/policy.html", look_at_policy, name, version)
