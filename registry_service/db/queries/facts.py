"""Gathers the facts that a promotion is judged by, in one transaction, as of one moment.

A source keeps what it has read: judging the fifty promotions of a page asks for each person, policy and version once.
It must not outlive a change of what it has read; make a new one after writing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from sqlalchemy import Row, bindparam, func, select

from registry_service.db.prepared import Prepared
from registry_service.db.queries.delegations import behind_reviews, stands_in_for
from registry_service.db.queries.past import END_OF_SPELL
from registry_service.db.queries.policies import documents_of
from registry_service.db.queries.principals import grants_of, groups_of, owners_of
from registry_service.db.queries.revoked import content_revoked
from registry_service.db.queries.stages import failed_among, hold_of, marked_failed
from registry_service.db.query import one_of
from registry_service.db.tables import (
    checks,
    principals,
    promotions,
    reviews,
    stage_history,
    stages,
    versions,
)
from registry_service.db.view import View
from registry_service.domain.entities import CheckStatus, Closure, Lease, PrincipalKind, StageChange, Verdict
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
    StageLease,
    VersionFacts,
)
from registry_service.domain.metadata import Metadata
from registry_service.domain.permissions import Role, Scope
from registry_service.domain.policies import PolicyDocument, PolicyPin
from registry_service.domain.policy_sets import allow_delegation, terms
from registry_service.domain.promotions import OPEN_PHASES, Phase, PromotionKind
from registry_service.domain.stages import seconds_current

T = TypeVar("T")

# Built once: to put such a statement together takes SQLAlchemy longer than to run it.
_VERSION: Final = Prepared(
    select(versions, content_revoked().label("content_revoked")).where(
        versions.c.model_id == bindparam("model_id"), versions.c.number == bindparam("number")
    )
)
# It is content that people approve: whoever brought the same before did the work, whatever number is asked for.
_BROUGHT_BEFORE: Final = Prepared(
    select(versions.c.created_by, versions.c.people)
    .where(
        versions.c.model_id == bindparam("model_id"),
        versions.c.digest == bindparam("digest"),
        versions.c.number < bindparam("number"),
    )
    .distinct()
)
_CURRENT_IN: Final = Prepared(
    select(stages.c.name).where(stages.c.model_id == bindparam("model_id"), stages.c.number == bindparam("number"))
)
_STAGE: Final = Prepared(
    select(stages).where(stages.c.model_id == bindparam("model_id"), stages.c.name == bindparam("stage"))
)
_OPEN: Final = Prepared(
    select(
        promotions,
        select(func.count())
        .where(reviews.c.promotion_id == promotions.c.id, reviews.c.withdrawn_at.is_(None))
        .scalar_subquery()
        .label("reviewed"),
    ).where(
        promotions.c.model_id == bindparam("model_id"),
        promotions.c.stage == bindparam("stage"),
        promotions.c.phase.in_(OPEN_PHASES),
    )
)
# Only above the number asked for, where mostly nothing is; and from the highest down: the first is nearly always the
# one, however long the history.
_NEWER: Final = (
    select(stage_history.c.number)
    .where(
        stage_history.c.model_id == bindparam("model_id"),
        stage_history.c.stage == bindparam("stage"),
        stage_history.c.number > bindparam("number"),
        stage_history.c.change == StageChange.PROMOTED,
    )
    .order_by(stage_history.c.number.desc())
    .limit(1)
)
# Mostly there is none, and the whole question, asked before PostgreSQL knows how large its tables are, reads them all.
_ANY_NEWER: Final = Prepared(_NEWER)
_NEWER_STANDING: Final = Prepared(
    _NEWER.join(
        versions, (versions.c.model_id == stage_history.c.model_id) & (versions.c.number == stage_history.c.number)
    ).where(~marked_failed(), ~content_revoked())
)
_SPELLS: Final = Prepared(
    select(
        stage_history.c.stage,
        stage_history.c.at,
        END_OF_SPELL.label("ended"),
    ).where(
        stage_history.c.model_id == bindparam("model_id"),
        one_of(stage_history.c.stage, "stages"),
        stage_history.c.number == bindparam("number"),
    )
)
_REVIEWS: Final = Prepared(
    select(reviews).where(reviews.c.promotion_id == bindparam("promotion_id")).order_by(reviews.c.id)
)
_PRINCIPAL: Final = Prepared(select(principals).where(principals.c.name == bindparam("name")))
# The latest of each name and reporter: a policy may listen to some reporters only.
_CHECKS: Final = Prepared(
    select(checks, principals.c.kind.label("reporter_kind"))
    .join(principals, principals.c.name == checks.c.reported_by)
    .where(
        checks.c.id.in_(
            select(func.max(checks.c.id))
            .where(checks.c.model_id == bindparam("model_id"), checks.c.number == bindparam("number"))
            .group_by(checks.c.name, checks.c.reported_by)
        )
    )
    .order_by(checks.c.id)
)


class _Target(NamedTuple):
    """What is asked for: a version in a stage, by a promotion (or none yet)."""

    model_id: str
    model_name: str
    stage: str
    number: int
    promotion_id: str


# What a source keeps behind an act of its own transaction. Of these none but the holder of the model's lock writes any,
# or nobody does. Who people are is asked anew each time, as others may change it meanwhile.
_UNCHANGED_BY_POINTERS: Final = frozenset({"policy", "version row", "brought before", "checks"})
_UNCHANGED_BY_MOVES: Final = _UNCHANGED_BY_POINTERS | {"current in", "stage", "failed", "newer"}


class FactSource:
    """Facts as one view sees them."""

    def __init__(self, view: View, *, known: Mapping[tuple[object, ...], Any] | None = None) -> None:
        self._view = view
        self._memory: dict[tuple[object, ...], Any] = dict(known or {})

    def behind_moves(self) -> FactSource:
        """The facts once this transaction, which holds the model's lock, has written promotions and reviews: what
        these don't touch isn't read again."""
        return self._keeping(_UNCHANGED_BY_MOVES)

    def behind_pointers(self) -> FactSource:
        """The same once it has moved a stage's pointer too."""
        return self._keeping(_UNCHANGED_BY_POINTERS)

    def _keeping(self, kinds: frozenset[str]) -> FactSource:
        return FactSource(self._view, known={key: value for key, value in self._memory.items() if key[0] in kinds})

    def facts_of(self, promotion: Row[Any]) -> Facts:
        """All that `approvals.decide` asks for about a row of `promotions` (with its `model_name`)."""

        target = _Target(promotion.model_id, promotion.model_name, promotion.stage, promotion.number, promotion.id)
        policies = self.policies_of(promotion)
        rows = self.reviews_of(promotion.id)
        behind: Mapping[int, list[str]] = {}
        if rows and allow_delegation(policy.document for policy in policies):
            behind = self._once(("behind", promotion.id), partial(behind_reviews, self._view, promotion.id))
        return self._assemble(
            target,
            self._promotion(promotion),
            policies,
            tuple(self._review(row, behind.get(row.id, ())) for row in rows),
        )

    def policies_of(self, promotion: Row[Any]) -> tuple[PinnedPolicy, ...]:
        """Those that a row of `promotions` was asked for under."""
        pins = msgspec.convert(promotion.policies, list[PolicyPin])
        return tuple(self._once(("policy", pin.name, pin.version), partial(self._policy, pin)) for pin in pins)

    def facts_if_requested(
        self, model: Row[Any], version: Row[Any], stage: str, policies: Sequence[tuple[PolicyPin, PolicyDocument]]
    ) -> Facts:
        """The facts of a promotion that the actor would request now, under these policies; without reviews."""

        now = self._view.now
        hypothetical = PromotionFacts(
            id="",
            model_name=model.name,
            stage=stage,
            version=version.number,
            digest=version.digest,
            phase=Phase.PENDING,
            requester=self.party(self._view.actor.name),
            requested_at=now,
            expires_at=now + terms([document for _, document in policies]).request_expires_after,
            asserted_people=tuple(sorted(self._took_part(model.id, version.number))),
        )
        pinned = tuple(PinnedPolicy(pin=pin, document=document) for pin, document in policies)
        return self._assemble(_Target(model.id, model.name, stage, version.number, ""), hypothetical, pinned, ())

    def _assemble(
        self,
        target: _Target,
        promotion: PromotionFacts,
        policies: tuple[PinnedPolicy, ...],
        given: tuple[ReviewFacts, ...],
    ) -> Facts:
        stage = self._once(("stage", target.model_id, target.stage), partial(self._stage_row, target))
        version = self._version(target.model_id, target.number)
        if any(policy.document.prerequisites for policy in policies):
            named = sorted({wanted.stage for policy in policies for wanted in policy.document.prerequisites})
            version = msgspec.structs.replace(version, current_in=self._seconds_current(target, named))
        return Facts(
            promotion=promotion,
            version=version,
            current=None if stage.number is None else self._version(target.model_id, stage.number),
            stage=self._stage(target, stage, promotion),
            policies=policies,
            reviews=given,
            checks=self._once(("checks", target.model_id, target.number), partial(self._checks, target)),
        )

    def party(self, name: str) -> Party:
        """Who registered or requested, with the people who answer for it now."""
        return self._once(("party", name), lambda: Party(name=name, owners=tuple(owners_of(self._view, [name])[name])))

    def person(self, name: str) -> Person:
        """A principal as it is at this moment."""
        return self._once(("person", name), partial(self._person, name))

    def stands_in_for(self, name: str, facts: Facts) -> tuple[Person, ...]:
        """Those for whom somebody stands in at this moment, where that matters to these facts."""

        if not allow_delegation(facts.documents):
            return ()
        return self._once(("stands in", name), lambda: tuple(map(self.person, stands_in_for(self._view, name))))

    def reviews_of(self, promotion_id: str) -> list[Row[Any]]:
        """All reviews of a promotion, also those that were withdrawn, as they were given."""
        return self._once(
            ("reviews", promotion_id), lambda: _REVIEWS.rows(self._view.connection, promotion_id=promotion_id)
        )

    def _once(self, key: tuple[object, ...], read: Callable[[], T]) -> T:
        if key not in self._memory:
            self._memory[key] = read()
        remembered: T = self._memory[key]
        return remembered

    def _promotion(self, row: Row[Any]) -> PromotionFacts:
        people = self._took_part(row.model_id, row.number).union(row.people)
        return PromotionFacts(
            id=row.id,
            model_name=row.model_name,
            stage=row.stage,
            version=row.number,
            digest=row.digest,
            phase=Phase(row.phase),
            requester=self.party(row.requested_by),
            requested_at=row.requested_at,
            expires_at=row.expires_at,
            kind=PromotionKind(row.kind),
            approved_at=row.approved_at,
            lease=lease_of(row),
            asserted_people=tuple(sorted(people)),
        )

    def _took_part(self, model_id: str, number: int) -> frozenset[str]:
        return self._once(("took part", model_id, number), partial(self._read_took_part, model_id, number))

    def _read_took_part(self, model_id: str, number: int) -> frozenset[str]:
        """Those whom the registration names; and of earlier ones of the same content, who registered, and whom these
        name. Later ones don't count: a copy must not take away what others have said."""

        version = self._version_row(model_id, number)
        people = set(version.people)
        earlier = self._once(
            ("brought before", model_id, number),
            lambda: _BROUGHT_BEFORE.rows(
                self._view.connection, model_id=model_id, digest=version.digest, number=number
            ),
        )
        for before in earlier:
            registrant = self.party(before.created_by)
            people.update(before.people, [registrant.name], registrant.owners)
        return frozenset(people)

    def _policy(self, pin: PolicyPin) -> PinnedPolicy:
        ((_, document),) = documents_of(self._view, [pin])
        return PinnedPolicy(pin=pin, document=document)

    def _version_row(self, model_id: str, number: int) -> Row[Any]:
        return self._once(
            ("version row", model_id, number),
            lambda: _the(_VERSION.row(self._view.connection, model_id=model_id, number=number)),
        )

    def _version(self, model_id: str, number: int) -> VersionFacts:
        return self._once(("version", model_id, number), partial(self._read_version, model_id, number))

    def _read_version(self, model_id: str, number: int) -> VersionFacts:
        row = self._version_row(model_id, number)
        current_in = self._once(
            ("current in", model_id, number),
            lambda: _CURRENT_IN.values(self._view.connection, model_id=model_id, number=number),
        )
        return VersionFacts(
            number=number,
            digest=row.digest,
            registrant=self.party(row.created_by),
            created_at=row.created_at,
            metadata=msgspec.convert(row.metadata, Metadata),
            revoked=bool(row.content_revoked),
            stages=tuple(current_in),
        )

    def _seconds_current(self, target: _Target, named: Sequence[str]) -> dict[str, float]:
        """Only of stages where it was: no time at all, in a stage that others held, must not pass for having been
        there."""

        spells = defaultdict(list)
        for row in _SPELLS.rows(
            self._view.connection, model_id=target.model_id, number=target.number, stages=list(named)
        ):
            spells[row.stage].append((row.at, row.ended))
        return {stage: seconds_current(those, self._view.now) for stage, those in spells.items()}

    def _stage_row(self, target: _Target) -> Row[Any]:
        return _the(_STAGE.row(self._view.connection, model_id=target.model_id, stage=target.stage))

    def _stage(self, target: _Target, row: Row[Any], promotion: PromotionFacts) -> StageFacts:
        model_id, stage = target.model_id, target.stage
        open_ones: list[Row[Any]] = self._once(("open", model_id, stage), partial(self._open, model_id, stage))
        others = [other for other in open_ones if other.id != target.promotion_id]
        leased = next((other for other in others if other.phase == Phase.APPLYING), None)
        lease = lease_of(leased) if leased is not None else None
        return StageFacts(
            hold=hold_of(row),
            failed=self._once(("failed", model_id, stage, target.number), partial(self._failed, target)),
            newer_standing=self._once(("newer", model_id, stage, target.number), partial(self._newer_standing, target))
            if promotion.kind is PromotionKind.PROMOTION and promotion.phase in OPEN_PHASES
            else None,
            lease=None if leased is None or lease is None else StageLease(promotion_id=leased.id, lease=lease),
            others=tuple(
                OpenRequest(
                    id=other.id,
                    version=other.number,
                    phase=Phase(other.phase),
                    requested_at=other.requested_at,
                    reviewed=other.reviewed > 0,
                )
                for other in others
            ),
        )

    def _failed(self, target: _Target) -> bool:
        return bool(failed_among(self._view, target.model_id, target.stage, [target.number]))

    def _open(self, model_id: str, stage: str) -> list[Row[Any]]:
        return _OPEN.rows(self._view.connection, model_id=model_id, stage=stage)

    def _newer_standing(self, target: _Target) -> int | None:
        """The highest number above this one that a promotion made current here and that is still good. Older ones come
        back by rollback only; once the newer one was abandoned or revoked, the way is open for them again."""

        asked = {"model_id": target.model_id, "stage": target.stage, "number": target.number}
        if _ANY_NEWER.value(self._view.connection, **asked) is None:
            return None
        newer: int | None = _NEWER_STANDING.value(self._view.connection, **asked)
        return newer

    def _review(self, row: Row[Any], behind: Sequence[str]) -> ReviewFacts:
        return ReviewFacts(
            reviewer=self.person(row.reviewer),
            verdict=Verdict(row.verdict),
            digest=row.digest,
            at=row.at,
            current_digest=row.current_digest,
            withdrawn=row.withdrawn_at is not None,
            comment=row.comment,
            standing_in_for=tuple(map(self.person, behind)),
        )

    def _person(self, name: str) -> Person:
        row = _the(_PRINCIPAL.row(self._view.connection, name=name))
        return Person(
            name=name,
            grants=tuple(Scope(Role(grant.role), grant.pattern) for grant in grants_of(self._view, [name])[name]),
            groups=tuple(groups_of(self._view, [name])[name]),
            is_person=row.kind == PrincipalKind.PERSON,
            disabled=row.disabled,
        )

    def _checks(self, target: _Target) -> tuple[CheckFacts, ...]:
        rows = _CHECKS.rows(self._view.connection, model_id=target.model_id, number=target.number)
        return tuple(
            CheckFacts(
                id=row.id,
                name=row.name,
                status=CheckStatus(row.status),
                digest=row.digest,
                reported_by=row.reported_by,
                reported_at=row.reported_at,
                summary=row.summary,
                by_service=row.reporter_kind == PrincipalKind.SERVICE,
            )
            for row in rows
        )


def _the(row: Row[Any] | None) -> Row[Any]:
    assert row is not None, "a foreign key sees to it that there is one"
    return row


def closure_of(row: Row[Any]) -> Closure | None:
    """Why and by whom a row of `promotions` reached its final phase."""

    if row.closed_at is None:
        return None
    return Closure(reason=row.closed_reason, by=row.closed_by, at=row.closed_at)


def lease_of(row: Row[Any]) -> Lease | None:
    """The lease that a row of `promotions` records."""

    if row.lease_holder is None:
        return None
    return Lease(holder=row.lease_holder, acquired_at=row.lease_acquired_at, expires_at=row.lease_expires_at)
