"""Facts for tests: a promotion of version 3 of `fraud` to production, where version 2 is current."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec

from registry_service.domain.entities import CheckStatus, Lease, Verdict
from registry_service.domain.facts import (
    CheckFacts,
    Facts,
    OpenRequest,
    Party,
    Person,
    PinnedPolicy,
    PromotionFacts,
    ReviewFacts,
    StageFacts,
    VersionFacts,
)
from registry_service.domain.metadata import Metadata
from registry_service.domain.permissions import Role, Scope
from registry_service.domain.policies import TEAM, PolicyDocument, PolicyPin
from registry_service.domain.promotions import Phase

S = TypeVar("S", bound=msgspec.Struct)

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DIGEST = f"sha256:{3:064}"
CURRENT_DIGEST = f"sha256:{2:064}"
OTHER_DIGEST = f"sha256:{9:064}"


def person(name: str, role: Role | None = Role.APPROVER, *, pattern: str = "*", **more: Any) -> Person:
    return Person(name=name, grants=() if role is None else (Scope(role, pattern),), **more)


def service(name: str, role: Role = Role.ADMIN) -> Person:
    return person(name, role, is_person=False)


def review(reviewer: Person | str, verdict: Verdict = Verdict.APPROVE, **more: Any) -> ReviewFacts:
    given: dict[str, Any] = {"digest": DIGEST, "at": NOW - HOUR, "current_digest": CURRENT_DIGEST} | more
    by = person(reviewer) if isinstance(reviewer, str) else reviewer
    return ReviewFacts(reviewer=by, verdict=verdict, **given)


def rejection(reviewer: Person | str, **more: Any) -> ReviewFacts:
    return review(reviewer, Verdict.REJECT, **more)


def check(name: str = "evaluation", status: CheckStatus = CheckStatus.PASSED, **more: Any) -> CheckFacts:
    given: dict[str, Any] = {
        "id": 1,
        "digest": DIGEST,
        "reported_by": "airflow",
        "reported_at": NOW - HOUR,
        "by_service": True,
    } | more
    return CheckFacts(name=name, status=status, **given)


def lease(holder: str = "run-1", *, left: timedelta = HOUR) -> Lease:
    return Lease(holder=holder, acquired_at=NOW - HOUR, expires_at=NOW + left)


def open_request(version: int, *, id: str = "other", **more: Any) -> OpenRequest:  # noqa: A002 -- the field's name
    given: dict[str, Any] = {"phase": Phase.PENDING, "requested_at": NOW - 2 * DAY, "reviewed": False} | more
    return OpenRequest(id=id, version=version, **given)


def promotion(**more: Any) -> PromotionFacts:
    given: dict[str, Any] = {
        "id": "p1",
        "model_name": "fraud",
        "stage": "production",
        "version": 3,
        "digest": DIGEST,
        "phase": Phase.PENDING,
        "requester": Party(name="airflow", owners=("olga",)),
        "requested_at": NOW - DAY,
        "expires_at": NOW + 13 * DAY,
    }
    return PromotionFacts(**(given | more))


def version(number: int = 3, **more: Any) -> VersionFacts:
    given: dict[str, Any] = {
        "number": number,
        "digest": f"sha256:{number:064}",
        "registrant": Party(name="airflow", owners=("olga",)),
        "created_at": NOW - 2 * DAY,
        "metadata": Metadata(metrics={"auc": 0.9}, format="onnx"),
    }
    return VersionFacts(**(given | more))


def facts(
    *policies: PolicyDocument,
    reviews: list[ReviewFacts] | None = None,
    checks: list[CheckFacts] | None = None,
    current: VersionFacts | None = None,
    vacant: bool = False,
    stage: StageFacts | None = None,
    of: VersionFacts | None = None,
    **of_promotion: Any,
) -> Facts:
    """`policies` none: `team`."""

    return Facts(
        promotion=promotion(**of_promotion),
        version=of or version(),
        current=None if vacant else current or version(2),
        stage=stage or StageFacts(),
        policies=tuple(
            PinnedPolicy(pin=PolicyPin(name=one.name, version=1), document=one) for one in policies or (TEAM,)
        ),
        reviews=tuple(reviews or ()),
        checks=tuple(checks or ()),
    )


def changed(value: S, **fields: Any) -> S:
    return msgspec.structs.replace(value, **fields)
