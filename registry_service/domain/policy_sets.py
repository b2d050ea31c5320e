"""Several policies at once: which hold for a stage, and what they amount to together. The strictest word counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Final

import msgspec

from registry_service.domain.entities import PolicyAttachment
from registry_service.domain.names import fold
from registry_service.domain.permissions import Role, Scope
from registry_service.domain.policies import OnNewer, PolicyDocument, PolicyPin

# Who may go back, from the many to the few.
ROLLBACK_ROLES: Final = (Role.CONTRIBUTOR, Role.APPROVER, Role.ADMIN)

_STRICTNESS: Final = MappingProxyType({OnNewer.PARALLEL: 0, OnNewer.SUPERSEDE_UNREVIEWED: 1, OnNewer.QUEUE: 2})


def select_policies(attachments: Iterable[PolicyAttachment], model_name: str, stage: str) -> tuple[str, ...]:
    """The names of the policies that hold for this stage of this model: all that match; defaults only where no other
    does."""

    matching = [attachment for attachment in attachments if _holds_for(attachment, model_name, stage)]
    chosen = [attachment for attachment in matching if not attachment.default] or matching
    return tuple(sorted({attachment.policy for attachment in chosen}))


def dropped_policies(
    attachments: Sequence[PolicyAttachment], before: str, after: str, stages: Iterable[str]
) -> tuple[str, ...]:
    """The policies that hold for a stage of a model named `before` and would not if it were named `after`; of its
    stages, and of any that an attachment names, which the model may get yet."""

    names = {*stages, *(attachment.stage for attachment in attachments if attachment.stage != "*")}
    lost: set[str] = set()
    for stage in names:
        lost.update(set(select_policies(attachments, before, stage)) - set(select_policies(attachments, after, stage)))
    return tuple(sorted(lost))


def pinned_names(pins: Iterable[PolicyPin]) -> set[str]:
    """Which policies, whatever their versions."""
    return {pin.name for pin in pins}


def _holds_for(attachment: PolicyAttachment, model_name: str, stage: str) -> bool:
    """By name, whatever the case: `Production` must not be the way around what `production` asks for."""

    pattern = Scope(Role.READER, fold(attachment.model_pattern))
    return fold(attachment.stage) in ("*", fold(stage)) and pattern.covers(fold(model_name))


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What several policies amount to: the shortest times, the most careful order, the fewest who may go back and the
    shortest way. Self-approval is not here: it stays a matter of each policy's own rules."""

    request_expires_after: timedelta
    approval_expires_after: timedelta
    lease: timedelta
    on_newer: OnNewer
    rollback_role: Role
    rollback_within: int
    change_needs_second_person: bool


_UNSAID: Final = PolicyDocument(name="unsaid")


def allow_delegation(documents: Iterable[PolicyDocument]) -> bool:
    """Whether it matters at all who stands in for whom; each policy speaks for its own rules alone."""
    return any(document.delegation for document in documents)


def terms(documents: Sequence[PolicyDocument]) -> Terms:
    """Together; where there is no policy, what a policy says that says nothing."""

    documents = documents or (_UNSAID,)
    return Terms(
        request_expires_after=timedelta(seconds=min(one.request_expires_after for one in documents)),
        approval_expires_after=timedelta(seconds=min(one.approval_expires_after for one in documents)),
        lease=timedelta(seconds=min(one.lease_seconds for one in documents)),
        on_newer=max((one.on_newer for one in documents), key=_STRICTNESS.__getitem__),
        rollback_role=max((Role(one.rollback.role) for one in documents), key=ROLLBACK_ROLES.index),
        rollback_within=min(one.rollback.within for one in documents),
        change_needs_second_person=any(one.change_needs_second_person for one in documents),
    )
