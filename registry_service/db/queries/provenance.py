"""From a digest, or from what was deployed somewhere, to all that answers for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, Row, Select, bindparam, or_, select, type_coerce, union

from registry_service.db.paging import Ordering, PageRequest, page_of, refuse_filter
from registry_service.db.prepared import Prepared
from registry_service.db.queries.compare import latest_checks
from registry_service.db.queries.deployments import deployments_in_sight, describe_deployment, find_deployment
from registry_service.db.queries.facts import closure_of
from registry_service.db.queries.models import find_model
from registry_service.db.queries.past import END_RECORD
from registry_service.db.queries.sight import in_sight
from registry_service.db.queries.versions import describe_versions, find_version
from registry_service.db.query import one_of
from registry_service.db.tables import (
    deployments,
    models,
    promotions,
    reviews,
    stage_history,
    stages,
    version_files,
    versions,
)
from registry_service.db.view import View
from registry_service.domain.entities import (
    Deployment,
    DeploymentRole,
    Page,
    Promotion,
    PromotionRecord,
    ReviewRecord,
    SpellEnd,
    StageChange,
    StageSpell,
    Verdict,
    VersionProvenance,
)
from registry_service.domain.manifest import check_digest
from registry_service.domain.permissions import Action, may
from registry_service.domain.policies import PolicyPin
from registry_service.domain.promotions import Phase, PromotionKind

MAX_DEPLOYMENTS: Final = 100

_BY_AGE: Final = Ordering(
    columns={"created_at": versions.c.created_at},
    tie_breakers=[versions.c.model_id, versions.c.number],
    default="created_at desc",
)
_BY_START: Final = Ordering(
    columns={"started_at": deployments.c.started_at}, tie_breakers=[deployments.c.id], default="started_at desc"
)
_VERSIONS: Final = Prepared(
    select(versions).where(versions.c.model_id == bindparam("model_id"), one_of(versions.c.number, "numbers"))
)
_FILES: Final = Prepared(
    select(version_files.c.number, version_files.c.path)
    .where(
        version_files.c.digest == bindparam("digest"),
        version_files.c.model_id == bindparam("model_id"),
        one_of(version_files.c.number, "numbers"),
    )
    .order_by(version_files.c.path)
)
_PROMOTIONS: Final = Prepared(
    select(promotions).where(promotions.c.model_id == bindparam("model_id"), one_of(promotions.c.number, "numbers"))
)
_REVIEWS: Final = Prepared(select(reviews).where(one_of(reviews.c.promotion_id, "promotions")).order_by(reviews.c.id))
_end: Final = stage_history.alias("ending")
_SPELL: Final = select(
    stage_history,
    _end.c.at.label("until"),
    _end.c.change.label("end_change"),
    _end.c.actor.label("end_actor"),
    _end.c.reason.label("end_reason"),
    _end.c.number.label("end_number"),
    _end.c.promotion_id.label("end_promotion"),
).select_from(stage_history.outerjoin(_end, _end.c.id == END_RECORD))
_SPELLS: Final = Prepared(
    _SPELL.where(
        stage_history.c.model_id == bindparam("model_id"),
        one_of(stage_history.c.stage, "stages"),
        one_of(stage_history.c.number, "numbers"),
    )
)
_SPELL_OF: Final = Prepared(
    _SPELL.where(
        stage_history.c.model_id == bindparam("model_id"),
        stage_history.c.stage == bindparam("stage"),
        stage_history.c.number == bindparam("number"),
        stage_history.c.promotion_id == bindparam("promotion"),
    )
)
_STAGES: Final = Prepared(select(stages.c.name).where(stages.c.model_id == bindparam("model_id")))


def list_provenance(view: View, digest: str, page: PageRequest) -> Page[VersionProvenance]:
    """The versions with this content, or with a file of it, the newest first.

    :raises InvalidDigest: it is none.
    """

    check_digest(digest)
    refuse_filter(page)
    return page_of(
        view.connection, versions_with(view, digest), _BY_AGE, page, lambda rows: _described(view, rows, digest)
    )


def versions_with(view: View, digest: str) -> Select[Any]:
    """The versions that the actor may read, of this content or with a file of it; deleted ones too, which say so: what
    was live once is asked about when it is gone."""

    found = union(
        select(versions.c.model_id, versions.c.number).where(versions.c.digest == digest),
        select(version_files.c.model_id, version_files.c.number).where(version_files.c.digest == digest),
    ).cte("found")
    return (
        select(versions.c.model_id, versions.c.number, models.c.name)
        .join(found, (found.c.model_id == versions.c.model_id) & (found.c.number == versions.c.number))
        .join(models, models.c.id == versions.c.model_id)
        .where(in_sight(view, Action.VERSION_READ, models.c.name), models.c.deleted_at.is_(None))
    )


def list_served(
    view: View,
    target: str,
    page: PageRequest,
    *,
    role: DeploymentRole = DeploymentRole.PRIMARY,
    as_of: datetime | None = None,
) -> Page[VersionProvenance]:
    """What was deployed to a target in a role, now or at a time: the latest deployed first."""

    refuse_filter(page)
    statement = served(view, target, role, as_of or view.now)
    return page_of(view.connection, statement, _BY_START, page, lambda rows: _described(view, rows, None))


def served(view: View, target: str, role: DeploymentRole, at: datetime) -> Select[Any]:
    """The deployments that stood at the target then, of models that the actor may read."""

    return (
        select(deployments.c.model_id, deployments.c.number, models.c.name)
        .join(models, models.c.id == deployments.c.model_id)
        .where(
            deployments.c.target == target,
            deployments.c.role == role,
            deployments.c.started_at <= at,
            or_(deployments.c.ended_at.is_(None), deployments.c.ended_at > at),
            in_sight(view, Action.DEPLOYMENT_READ, models.c.name),
            in_sight(view, Action.VERSION_READ, models.c.name),
            models.c.deleted_at.is_(None),
        )
    )


def get_deployment_provenance(view: View, deployment: str) -> VersionProvenance:
    """All that answers for the version of a deployment.

    :raises DeploymentNotFound: there is none, or its model is out of sight.
    """

    return _described(view, [find_deployment(view, deployment)], None)[0]


def get_version_provenance(view: View, model: str, selector: str) -> VersionProvenance:
    """All that answers for one version.

    :raises ModelNotFound, VersionNotFound, StageVacant, AmbiguousDigest: there is no such version in sight.
    """

    found = find_model(view, model, Action.VERSION_READ)
    version = find_version(view, found, selector)
    return next(iter(_of_model(view, found, [version.number], None)))


def _described(view: View, rows: Sequence[Row[Any]], digest: str | None) -> list[VersionProvenance]:
    """The versions of rows with `model_id` and `number`, each once, in their order."""

    wanted: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if row.number not in wanted[row.model_id]:
            wanted[row.model_id].append(row.number)
    found = {}
    for row in view.connection.execute(select(models).where(models.c.id.in_(list(wanted)))).all():
        model = find_model(view, row.name, Action.VERSION_READ)
        for one in _of_model(view, model, wanted[row.id], digest):
            found[row.id, one.version.number] = one
    return [found[key] for key in dict.fromkeys((row.model_id, row.number) for row in rows)]


def _of_model(view: View, model: Row[Any], numbers: list[int], digest: str | None) -> Iterable[VersionProvenance]:
    those = {"model_id": model.id, "numbers": numbers}
    rows = _VERSIONS.rows(view.connection, **those)
    files = defaultdict[int, list[str]](list)
    if digest is not None:
        for file in _FILES.rows(view.connection, digest=digest, **those):
            files[file.number].append(file.path)
    asked = _promotions(view, those) if may(view.actor, Action.PROMOTION_READ, model.name) else {}
    spells = defaultdict[int, list[StageSpell]](list)
    names = _STAGES.values(view.connection, model_id=model.id)
    for spell in sorted(_SPELLS.rows(view.connection, stages=names, **those), key=lambda spell: -spell.id):
        spells[spell.number].append(_spell(spell))
    for row, version in zip(rows, describe_versions(view, model, rows), strict=True):
        yield VersionProvenance(
            version=version,
            files=files[row.number],
            people=row.people,
            checks=latest_checks(view, model, row),
            promotions=asked.get(row.number, []),
            spells=spells[row.number],
            deployments=_deployments(view, row, {row.digest, *([] if digest is None else [digest])}),
        )


def _promotions(view: View, those: dict[str, object]) -> dict[int, list[PromotionRecord]]:
    rows = sorted(_PROMOTIONS.rows(view.connection, **those), key=lambda row: (row.requested_at, row.id), reverse=True)
    said = defaultdict[str, list[ReviewRecord]](list)
    for review in _REVIEWS.rows(view.connection, promotions=[row.id for row in rows]):
        said[review.promotion_id].append(
            ReviewRecord(
                reviewer=review.reviewer,
                verdict=Verdict(review.verdict),
                comment=review.comment,
                digest=review.digest,
                at=review.at,
                withdrawn_at=review.withdrawn_at,
            )
        )
    found = defaultdict[int, list[PromotionRecord]](list)
    for row in rows:
        found[row.number].append(
            PromotionRecord(
                id=row.id,
                kind=PromotionKind(row.kind),
                stage=row.stage,
                phase=Phase(row.phase),
                policies=msgspec.convert(row.policies, list[PolicyPin]),
                reason=row.reason,
                requested_by=row.requested_by,
                requested_at=row.requested_at,
                reviews=said[row.id],
                applied_by=row.applied_by,
                applied_at=row.applied_at,
                closure=closure_of(row),
                url=view.url("promotions", row.id),
            )
        )
    return found


def spell_of(view: View, promotion: Promotion) -> StageSpell | None:
    """The time in its stage that a promotion brought its version; None where it was never applied."""

    row = _SPELL_OF.row(
        view.connection,
        model_id=find_model(view, promotion.model_name).id,
        stage=promotion.stage,
        number=promotion.version,
        promotion=promotion.id,
    )
    return None if row is None else _spell(row)


def _spell(row: Row[Any]) -> StageSpell:
    return StageSpell(
        stage=row.stage,
        since=row.at,
        until=row.until,
        change=StageChange(row.change),
        by=row.actor,
        reason=row.reason,
        promotion_id=row.promotion_id,
        ended=None
        if row.until is None
        else SpellEnd(
            change=StageChange(row.end_change),
            by=row.end_actor,
            reason=row.end_reason,
            version=row.end_number,
            promotion_id=row.end_promotion,
        ),
    )


def _deployments(view: View, version: Row[Any], digests: set[str]) -> list[Deployment]:
    own = (deployments.c.model_id == version.model_id) & (deployments.c.number == version.number)
    found: dict[str, Row[Any]] = {}
    # One index each; to ask for either at once would go through all.
    for condition in (own, deployments.c.observed_digest.in_(sorted(digests))):
        newest_first = (type_coerce(deployments.c.started_at, BigInteger) + 0).desc()
        statement = deployments_in_sight(view).where(condition).order_by(newest_first, deployments.c.id)
        for row in view.connection.execute(statement.limit(MAX_DEPLOYMENTS)):
            found[row.id] = row
    newest = sorted(found.values(), key=lambda row: (row.started_at, row.id), reverse=True)
    return [describe_deployment(row) for row in newest[:MAX_DEPLOYMENTS]]
