"""One version, with everything about it on one page."""

from __future__ import annotations

from typing import Final, NamedTuple

from markupsafe import Markup

from registry_service.db.paging import PageRequest
from registry_service.db.queries.cards import get_version_card
from registry_service.db.queries.checks import list_checks
from registry_service.db.queries.comments import list_version_comments
from registry_service.db.queries.compare import compare_versions
from registry_service.db.queries.lineage import get_lineage
from registry_service.db.queries.models import get_model
from registry_service.db.queries.provenance import list_provenance
from registry_service.db.queries.usages import get_version_use
from registry_service.db.queries.versions import get_manifest, get_version
from registry_service.db.view import View
from registry_service.domain.comparing import NamedVersion
from registry_service.domain.entities import (
    Check,
    Comment,
    Comparison,
    LineageGraph,
    ManifestFile,
    ModelVersion,
    Page,
    RegisteredModel,
    VersionCard,
    VersionProvenance,
    VersionUse,
)
from registry_service.web.ui.drawing import draw_lineage

PRODUCTION: Final = "production"
_FILES: Final = 200

LINEAGE_DEPTH: Final = 2
"""Steps that the page shows; the page of each version that it shows leads further."""


class OneVersion(NamedTuple):
    """`beside`: compared with the one that is current in `beside_stage`, which stands first; None where that is this
    one, or there is none."""

    version: ModelVersion
    model: RegisteredModel
    files: list[ManifestFile]
    checks: Page[Check]
    comments: Page[Comment]
    lineage: LineageGraph
    graph: Markup
    provenance: VersionProvenance | None
    use: VersionUse
    card: VersionCard
    beside: Comparison | None
    beside_stage: str


def look_at_version(view: View, model: str, selector: str) -> OneVersion:
    """:raises ModelNotFound, VersionNotFound, StageVacant, AmbiguousDigest: there is no such version in sight."""

    version = get_version(view, model, selector)
    number = str(version.number)
    found = get_model(view, model)
    stage = PRODUCTION if PRODUCTION in found.stages else next(reversed(found.stages), PRODUCTION)
    current = found.stages.get(stage)
    beside = None
    if current is not None and current != version.number:
        beside = compare_versions(view, [NamedVersion(model, str(current)), NamedVersion(model, number)])
    answers = [
        one
        for one in list_provenance(view, version.digest, PageRequest(limit=200)).items
        if one.version.model_name == version.model_name and one.version.number == version.number
    ]
    lineage = get_lineage(view, model, number, depth=LINEAGE_DEPTH)
    return OneVersion(
        version=version,
        model=found,
        files=get_manifest(view, model, number).files[:_FILES],
        checks=list_checks(view, model, number, PageRequest(limit=100)),
        comments=list_version_comments(view, model, number, PageRequest(limit=100)),
        lineage=lineage,
        graph=draw_lineage(lineage),
        provenance=next(iter(answers), None),
        use=get_version_use(view, model, number),
        card=get_version_card(view, model, number),
        beside=beside,
        beside_stage=stage,
    )
