"""All rooms of the API under one path."""

from __future__ import annotations

from typing import Final

from litestar import Router
from litestar.di import Provide

from registry_service.web.api.aliases import Aliases
from registry_service.web.api.cards import Cards
from registry_service.web.api.comments import Comments
from registry_service.web.api.compare import compare_versions
from registry_service.web.api.delegations import Delegations
from registry_service.web.api.deployments import Deployments
from registry_service.web.api.downloads import download_attachment, download_file
from registry_service.web.api.events import Events
from registry_service.web.api.facets import count_facets, count_model_facets
from registry_service.web.api.following import Following
from registry_service.web.api.forgotten import Forgotten
from registry_service.web.api.inbox import Inboxes
from registry_service.web.api.lineage import Lineage
from registry_service.web.api.live import live
from registry_service.web.api.maintenance import Maintenance
from registry_service.web.api.models import Models
from registry_service.web.api.policies import Policies
from registry_service.web.api.principals import Principals
from registry_service.web.api.promotions import Promotions, Reviews
from registry_service.web.api.provenance import Provenance
from registry_service.web.api.retention import Retention
from registry_service.web.api.stages import Stages
from registry_service.web.api.tokens import Tokens
from registry_service.web.api.uploads import Uploads
from registry_service.web.api.usages import Usages
from registry_service.web.api.versions import AllVersions, Versions
from registry_service.web.api.words import search
from registry_service.web.caller import provide_caller
from registry_service.web.requests import provide_if_match, provide_page

API_PATH: Final = "/api/v1"

DEPENDENCIES: Final = {
    "caller": Provide(provide_caller, sync_to_thread=False),
    "page": Provide(provide_page, sync_to_thread=False),
    "if_match": Provide(provide_if_match, sync_to_thread=False),
}
"""What routes may ask for by name."""


def api_router() -> Router:
    return Router(
        API_PATH,
        route_handlers=[
            Models, Versions, AllVersions, search, download_file, compare_versions, Lineage, Provenance, Uploads,
            Aliases, Stages, Promotions, Reviews, Deployments, Usages, Comments, Inboxes, Following, Policies,
            Events, Principals, Delegations, Tokens, Maintenance, Cards, Retention, Forgotten, live,
            download_attachment, count_facets, count_model_facets,
        ],
    )  # fmt: skip
