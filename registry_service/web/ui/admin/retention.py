"""What retention rules keep, and what they would let go: tried before anything goes."""

from __future__ import annotations

from typing import Final, NamedTuple

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from registry_service.db.paging import PageRequest
from registry_service.db.queries.retention import get_preview, list_previewed_versions, list_previews, list_rules
from registry_service.db.view import View
from registry_service.domain.entities import Fate, Page, PreviewedVersion, RetentionPreview, RetentionRule
from registry_service.domain.permissions import Action, may
from registry_service.web.api.retention import OfFate
from registry_service.web.ui.parameters import Cursor, page_request
from registry_service.web.ui.visit import Visit

_PREVIEWS: Final = 20


class Retention(NamedTuple):
    """`previews`: None where the caller may not run any."""

    rules: Page[RetentionRule]
    previews: Page[RetentionPreview] | None


def look_at_retention(view: View, page: PageRequest) -> Retention:
    runs = may(view.actor, Action.RETENTION_RUN, None)
    return Retention(list_rules(view, page), list_previews(view, PageRequest(limit=_PREVIEWS)) if runs else None)


@get("/admin/retention", action=Action.RETENTION_READ, include_in_schema=False)
async def retention_page(visit: NamedDependency[Visit], cursor: FromQuery[Cursor] = None) -> Response[str]:
    return await visit.page("admin/retention.html", look_at_retention, page_request(None, None, cursor))


class OnePreview(NamedTuple):
    preview: RetentionPreview
    versions: Page[PreviewedVersion]


def look_at_preview(view: View, preview: str, page: PageRequest, fate: Fate | None) -> OnePreview:
    """:raises PreviewNotFound: there is none, or it was forgotten."""
    return OnePreview(get_preview(view, preview), list_previewed_versions(view, preview, page, fate=fate))


@get("/admin/retention/previews/{preview:str}", action=Action.RETENTION_RUN, include_in_schema=False)
async def preview_page(
    visit: NamedDependency[Visit],
    preview: FromPath[str],
    fate: FromQuery[OfFate] = None,
    cursor: FromQuery[Cursor] = None,
) -> Response[str]:
    return await visit.page("admin/preview.html", look_at_preview, preview, page_request(None, None, cursor), fate)
