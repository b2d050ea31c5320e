"""One version, with everything about it on one page."""

from __future__ import annotations

import contextlib
from typing import Final, NamedTuple

from markupsafe import Markup

from registry_service.db.paging import PageRequest
from registry_service.db.queries.checks import list_checks
from registry_service.db.queries.comments import list_version_comments
from registry_service.db.queries.compare import compare_versions
from registry_service.db.queries.following import newest_about_version
from registry_service.db.queries.lineage import get_lineage
from registry_service.db.queries.models import get_model
from registry_service.db.queries.provenance import get_version_provenance
from registry_service.db.queries.stages import failed_numbers
from registry_service.db.queries.usages import get_version_use
from registry_service.db.queries.versions import get_manifest, get_version
from registry_service.db.view import View
from registry_service.domain.comparing import NamedVersion
from registry_service.domain.entities import (
    Check,
    Comment,
    Comparison,
    Event,
    LineageGraph,
    ManifestFile,
    ModelVersion,
    Page,
    RegisteredModel,
    RevocationImpact,
    VersionProvenance,
    VersionUse,
)
from registry_service.domain.errors import VersionNotFound
from registry_service.domain.permissions import Action, may
from registry_service.services.revoking import revoke_impact
from registry_service.web.ui.drawing import draw_lineage

PRODUCTION: Final = "production"
_FILES: Final = 200
_EVENTS: Final = 10

LINEAGE_DEPTH: Final = 2
"""Steps that the page shows; the page of each version that it shows leads further."""


class OneVersion(NamedTuple):
    """`failed_in`: the stages that it was rolled back from, unless that is cleared. `beside`: compared with the one
    that is current in `beside_stage`, which stands first; None where that is this one, or there is none. `impact`: of
    revoking it; None where the caller can't."""

    version: ModelVersion
    impact: RevocationImpact | None
    model: RegisteredModel
    files: list[ManifestFile]
    checks: Page[Check]
    comments: Page[Comment]
    lineage: LineageGraph
    graph: Markup
    provenance: VersionProvenance
    use: VersionUse
    log: list[Event]
    failed_in: list[str]
    beside: Comparison | None
    beside_stage: str


def look_at_version(view: View, model: str, selector: str) -> OneVersion:
    """:raises ModelNotFound, VersionNotFound, StageVacant, AmbiguousDigest: there is no such version in sight."""

    version = get_version(view, model, selector)
    number = str(version.number)
    found = get_model(view, model)
    stage = PRODUCTION if PRODUCTION in found.stages else next(reversed(found.stages), PRODUCTION)
    lineage = get_lineage(view, model, number, depth=LINEAGE_DEPTH)
    revokes = version.revoked is None and may(view.actor, Action.VERSION_REVOKE, model)
    return OneVersion(
        version=version,
        impact=revoke_impact(view, model, number) if revokes else None,
        model=found,
        files=get_manifest(view, model, number).files[:_FILES],
        checks=list_checks(view, model, number, PageRequest(limit=100)),
        comments=list_version_comments(view, model, number, PageRequest(limit=100)),
        lineage=lineage,
        graph=draw_lineage(lineage),
        provenance=get_version_provenance(view, model, number),
        use=get_version_use(view, model, number),
        log=newest_about_version(view, found.id, version.number, limit=_EVENTS),
        failed_in=[name for name, numbers in failed_numbers(view, found.id).items() if version.number in numbers],
        beside=beside_version(view, version, found.stages.get(stage)),
        beside_stage=stage,
    )


def beside_version(view: View, version: ModelVersion, other: int | None) -> Comparison | None:
    """The version compared with another of its model, which stands first; None where that is this one, or there is
    none, or no more."""

    if other is None or other == version.number:
        return None
    model = version.model_name
    with contextlib.suppress(VersionNotFound):
        return compare_versions(view, [NamedVersion(model, str(other)), NamedVersion(model, str(version.number))])
    return None
