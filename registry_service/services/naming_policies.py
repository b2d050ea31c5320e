"""What another name does to a model's policies: none is lost, and nothing comes under one unjudged, unless that is
confirmed by who may write policies; and never around one that only two people may change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row

from registry_service.db.queries.facts import FactSource
from registry_service.db.queries.policies import attachments_in_force, describe_policy, find_policy, pins_for, terms_of
from registry_service.db.queries.promotions import PROMOTIONS
from registry_service.db.queries.revoked import revoked_among
from registry_service.db.queries.stages import find_stage, newest_records
from registry_service.db.tables import promotions
from registry_service.domain.errors import PoliciesDropped, PoliciesGained
from registry_service.domain.permissions import Action
from registry_service.domain.policies import PolicyPin
from registry_service.domain.policy_sets import dropped_policies, pinned_names
from registry_service.domain.promotions import Phase, PromotionKind
from registry_service.domain.requests import RenameModel
from registry_service.domain.reviewing import loses_approvals
from registry_service.services.work import Work


def check_dropped(work: Work, model: Row[Any], name: str, own: Sequence[str], body: RenameModel) -> None:
    """That no policy is lost unless that is confirmed.

    :raises PoliciesDropped: one would be.
    :raises NotPermitted, PersonRequired: the actor may not confirm it.
    """

    dropped = dropped_policies(attachments_in_force(work), model.name, name, own)
    if not dropped:
        return
    firm = _firm(work, dropped)
    if firm:
        raise PoliciesDropped(
            f"Named '{name}', the model would leave {', '.join(firm)}, which only two people may put out of force."
            " Attach it to the new name first.",
            policies=list(dropped),
        )
    if not body.drop_policies:
        raise PoliciesDropped(
            f"Named '{name}', the model would leave these policies: {', '.join(dropped)}. Attach them to the new name"
            " first; or confirm with `drop_policies`, if you may write policies.",
            policies=list(dropped),
        )
    work.authorize(Action.POLICY_WRITE, None)


def check_gained(work: Work, model: Row[Any], name: str, own: Sequence[str], body: RenameModel) -> None:
    """That nothing is current under the new name which would have had to be approved for it there, nor can come back
    by a rollback, unless that is confirmed.

    :raises PoliciesGained: something would be.
    :raises NotPermitted, PersonRequired: the actor may not confirm it.
    """

    gained: set[str] = set()
    unjudged: dict[str, list[int]] = {}
    for stage in own:
        for number, missing in _unjudged(work, model, stage, name).items():
            gained |= missing
            unjudged.setdefault(stage, []).append(number)
    if not gained:
        return
    where = ", ".join(f"{stage}: {', '.join(map(str, numbers))}" for stage, numbers in unjudged.items())
    details = {"policies": sorted(gained), "versions": unjudged}
    firm = _firm(work, gained)
    if firm:
        raise PoliciesGained(
            f"Named '{name}', the model would come under {', '.join(firm)}, around which only two people lead; and"
            f" versions that are current, or may come back by a rollback, were never judged by it, or only by people"
            f" who may not approve there ({where}). Attach it to the present name and promote under it first, and"
            " revoke what isn't to come back; or copy the version that you want there.",
            **details,
        )
    if not body.keep_current:
        raise PoliciesGained(
            f"Named '{name}', the model would come under these policies: {', '.join(sorted(gained))}; and versions that"
            f" are current, or may come back by a rollback, were never judged by them, or only by people who may not"
            f" approve there ({where}). Attach them to the present name and promote under them first; or confirm with"
            " `keep_current`, if you may write policies.",
            **details,
        )
    work.authorize(Action.POLICY_WRITE, None)


def _unjudged(work: Work, model: Row[Any], stage: str, name: str) -> dict[int, set[str]]:
    """Versions that are current in a stage, or that a rollback may bring back, which would be there without having been
    promoted under all policies that hold by this name, with those that are missing.

    Content counts, not numbers. A promotion whose approvals are of people who may not approve under this name doesn't;
    nor does a rollback, which pins what holds and asks nothing of it. Where a policy holds by the present name too, and
    came after what is current, the name changes nothing: unless it asks for a second person, as one alone attaches it.
    """

    wanted = pins_for(work, name, stage)
    if not wanted:
        return {}
    here = pinned_names(pins_for(work, model.name, stage))
    firm = set(_firm(work, here | pinned_names(wanted)))
    came_later = here - firm
    in_use = {pin.name: _in_use(work, model, stage, pin) for pin in wanted}
    lost: dict[str, set[str]] = defaultdict(set)
    judged: dict[str, set[str]] = defaultdict(set)
    source = FactSource(work)
    for row in _applied(work, model, stage, {digest for digests in in_use.values() for digest in digests.values()}):
        found = lost if loses_approvals(source.facts_of(row), name) else judged
        found[row.digest] |= _as_good(msgspec.convert(row.policies, list[PolicyPin]), wanted, firm)
    missing: dict[int, set[str]] = defaultdict(set)
    for policy, digests in in_use.items():
        for number, digest in digests.items():
            if policy not in judged[digest] and (policy not in came_later or policy in lost[digest]):
                missing[number].add(policy)
    return dict(sorted(missing.items()))


def judged_alike(work: Work, pins: Collection[PolicyPin], wanted: Collection[PolicyPin]) -> bool:
    """Whether a request that pinned these policies is judged by no others than those wanted."""

    names = pinned_names(wanted)
    return pinned_names(pins) == names == _as_good(pins, wanted, _firm(work, names))


def _as_good(pins: Iterable[PolicyPin], wanted: Collection[PolicyPin], firm: Collection[str]) -> set[str]:
    """Which of the pinned policies are as good as those wanted. An earlier version is, as it is for a request that is
    open while a policy changes; but of those that ask for a second person (`firm`) only the one that two brought."""

    return {pin.name for pin in pins if pin.name not in firm or pin in wanted}


def _in_use(work: Work, model: Row[Any], stage: str, pin: PolicyPin) -> dict[int, str]:
    """The content of the versions that are current in a stage, or that a rollback may bring back as far as this policy
    goes: another that shortens the way may be detached tomorrow."""

    current = find_stage(work, model, stage).number
    records = newest_records(work, model.id, stage, terms_of(work, [pin]).rollback_within + 1)
    revoked = revoked_among(work, model.id, [record.number for record in records])
    return {
        record.number: record.digest for record in records if record.number == current or record.number not in revoked
    }


def _applied(work: Work, model: Row[Any], stage: str, digests: Collection[str]) -> Sequence[Row[Any]]:
    """The promotions that made these contents current in a stage."""

    return work.connection.execute(
        PROMOTIONS.where(
            promotions.c.model_id == model.id,
            promotions.c.stage == stage,
            promotions.c.kind == PromotionKind.PROMOTION,
            promotions.c.phase == Phase.APPLIED,
            promotions.c.digest.in_(digests),
        )
    ).all()


def _firm(work: Work, policies: Iterable[str]) -> list[str]:
    """Those that only two people may put out of force."""

    documents = {name: describe_policy(find_policy(work, name)).document for name in sorted(policies)}
    return [name for name, document in documents.items() if document.change_needs_second_person]
