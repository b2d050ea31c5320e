"""Writing and attaching policies. Under a policy that asks for it, a change waits for a second person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, insert, select, update

from registry_service.db.locks import POLICIES_LOCK, lock_key
from registry_service.db.queries.policies import (
    attachments_in_force,
    describe_change,
    describe_policy,
    find_policy,
)
from registry_service.db.tables import policies, policy_attachments, policy_changes
from registry_service.domain.entities import PolicyAttachment, PolicyChange
from registry_service.domain.errors import Conflict, NotPermitted, PolicyNotFound, RevisionMismatch, RevisionRequired
from registry_service.domain.events import EventKind
from registry_service.domain.names import check_policy_name, check_stage_name
from registry_service.domain.permissions import Action, check_pattern
from registry_service.domain.policies import PolicyDocument
from registry_service.domain.policy_check import check_policy
from registry_service.domain.requests import AttachPolicy, WritePolicy
from registry_service.domain.strictness import convert_strictly
from registry_service.failpoints import reach
from registry_service.services.ids import new_id
from registry_service.services.judging import stale_promotions_under
from registry_service.services.work import Work


class ProposedWrite(msgspec.Struct, frozen=True, kw_only=True):
    """What a change that writes a policy carries; `replaces` is the version that its author saw, 0 for none."""

    document: PolicyDocument
    force: bool
    replaces: int


class Detach(msgspec.Struct, frozen=True, kw_only=True):
    """What a change that ends an attachment carries; older ones don't say where it held."""

    attachment: str
    model_pattern: str | None = None
    stage: str | None = None
    default: bool = False


def write_policy(work: Work, body: WritePolicy, *, if_match: int | None = None) -> PolicyChange:
    """A new policy, or the next version of one. Open promotions keep the version that they were requested under,
    unless `force` makes them stale.

    :raises RevisionRequired: the policy exists, and the caller doesn't say which version they saw.
    :raises RevisionMismatch: it has a newer version than that.
    :raises InvalidPolicy: the document contradicts itself.
    """

    _begin(work)
    check_policy_name(body.document.name)
    check_policy(body.document)
    newest = _newest(work, body.document.name)
    proposed = ProposedWrite(document=body.document, force=body.force, replaces=if_match or 0)
    if newest is None:
        if if_match is not None:
            raise PolicyNotFound(f"There is no policy '{body.document.name}' yet. Leave If-Match out.")
        return _propose(work, "write", body.document.name, proposed, needs_second=False)
    if if_match is None:
        raise RevisionRequired(
            f"Policy '{newest.name}' exists. Say with If-Match which version you saw; the newest is {newest.version}.",
            present=newest.version,
        )
    _refuse_outdated(newest, if_match)
    return _propose(work, "write", newest.name, proposed, needs_second=_asks_for_second(work, newest.name))


def attach_policy(work: Work, body: AttachPolicy) -> PolicyChange:
    """Make a policy hold for the models and the stage. `force` makes the open promotions there stale."""

    _begin(work)
    find_policy(work, body.policy)
    check_pattern(body.model_pattern)
    if body.stage != "*":
        check_stage_name(body.stage)
    return _propose(work, "attach", body.policy, body, needs_second=_asks_for_second(work, *_weakened(work, body)))


def detach_policy(work: Work, attachment: str) -> PolicyChange:
    """:raises PolicyNotFound: nothing is attached under this id."""

    _begin(work)
    held = _attachment(work, attachment)
    return _propose(
        work,
        "detach",
        held.policy,
        Detach(attachment=attachment, model_pattern=held.model_pattern, stage=held.stage, default=held.default),
        needs_second=_asks_for_second(work, held.policy),
    )


def confirm_policy_change(work: Work, change: str) -> PolicyChange:
    """The second person's word: the change comes into force.

    :raises NotPermitted: whoever proposed it can't confirm it.
    """

    _begin(work)
    row = _find_change(work, change)
    if row.confirmed_by is not None:
        work.existed = True
        return describe_change(work, row)
    if row.withdrawn_by is not None:
        raise Conflict(f"{row.withdrawn_by} withdrew this change. Propose it again.", change=change)
    if row.proposed_by == work.actor.name:
        raise NotPermitted("You proposed this change. Somebody else must confirm it.", change=change)
    return _bring_into_force(work, row)


def withdraw_policy_change(work: Work, change: str) -> PolicyChange:
    """Nobody is to confirm the change any more. Twice is as good as once.

    :raises Conflict: it is in force.
    """

    _begin(work)
    row = _find_change(work, change)
    if row.confirmed_by is not None:
        raise Conflict(f"This change is in force: {row.confirmed_by} confirmed it. Make another one.", change=change)
    if row.withdrawn_by is None:
        work.connection.execute(
            update(policy_changes)
            .where(policy_changes.c.id == change)
            .values(withdrawn_by=work.actor.name, withdrawn_at=work.now)
        )
        work.record(EventKind.POLICY_CHANGE_WITHDRAWN, subject=row.policy, change=change, change_kind=row.kind)
        reach("policy.withdrawn")
    return describe_change(work, _find_change(work, change))


def _find_change(work: Work, change: str) -> Row[Any]:
    row = work.connection.execute(select(policy_changes).where(policy_changes.c.id == change)).one_or_none()
    if row is None:
        raise PolicyNotFound(f"There is no policy change '{change}'.", change=change)
    return row


def _begin(work: Work) -> None:
    work.authorize(Action.POLICY_WRITE, None)
    lock_key(work.connection, POLICIES_LOCK)


def _newest(work: Work, name: str) -> Row[Any] | None:
    return work.connection.execute(
        select(policies).where(policies.c.name == name).order_by(policies.c.version.desc()).limit(1)
    ).one_or_none()


def _asks_for_second(work: Work, *names: str) -> bool:
    """Whether one of these policies, as it stands, wants its changes confirmed. It counts where it is attached."""

    held = {attachment.policy for attachment in attachments_in_force(work)}
    return any(
        describe_policy(find_policy(work, name)).document.change_needs_second_person for name in names if name in held
    )


def _weakened(work: Work, body: AttachPolicy) -> list[str]:
    """The policies that this attachment may put out of force: it must not be the way around a second person. One that
    isn't a default displaces the defaults; one that becomes a default gives way to others."""

    held = attachments_in_force(work)
    if body.default:
        return [one.policy for one in held if _is_same(one, body) and not one.default]
    return [one.policy for one in held if one.default and one.policy != body.policy]


def _is_same(held: PolicyAttachment, body: AttachPolicy) -> bool:
    return (held.policy, held.model_pattern, held.stage) == (body.policy, body.model_pattern, body.stage)


def _refuse_outdated(newest: Row[Any], seen: int) -> None:
    if seen != newest.version:
        raise RevisionMismatch(
            f"Policy '{newest.name}' is at version {newest.version}, not {seen}. Read it again.",
            seen=seen,
            present=newest.version,
        )


def _attachment(work: Work, attachment: str) -> PolicyAttachment:
    for held in attachments_in_force(work):
        if held.id == attachment:
            return held
    raise PolicyNotFound(f"No policy is attached under '{attachment}'.", attachment=attachment)


def _propose(work: Work, kind: str, policy: str, payload: object, *, needs_second: bool) -> PolicyChange:
    change_id = new_id()
    work.connection.execute(
        insert(policy_changes).values(
            id=change_id,
            kind=kind,
            policy=policy,
            payload=payload,
            proposed_by=work.actor.name,
            proposed_at=work.now,
            result={},
        )
    )
    reach("policy.proposed")
    row = _find_change(work, change_id)
    if needs_second:
        work.record(EventKind.POLICY_CHANGE_PROPOSED, subject=policy, change=change_id, change_kind=kind)
        return describe_change(work, row)
    return _bring_into_force(work, row)


def _bring_into_force(work: Work, change: Row[Any]) -> PolicyChange:
    match change.kind:
        case "write":
            result = _write(work, convert_strictly(change.payload, ProposedWrite))
        case "attach":
            result = _attach(work, msgspec.convert(change.payload, AttachPolicy))
        case _:
            result = _detach(work, msgspec.convert(change.payload, Detach))
    work.connection.execute(
        update(policy_changes)
        .where(policy_changes.c.id == change.id)
        .values(confirmed_by=work.actor.name, confirmed_at=work.now, result=result)
    )
    reach("policy.in_force")
    return describe_change(work, _find_change(work, change.id))


def _write(work: Work, body: ProposedWrite) -> dict[str, Any]:
    newest = _newest(work, body.document.name)
    if newest is not None:
        _refuse_outdated(newest, body.replaces)
    version = insert_policy(work, body.document)
    stale: Sequence[str] = []
    if body.force:
        why = f"version {version} of policy '{body.document.name}' was put in force for open requests"
        stale = stale_promotions_under(work, why, policy=body.document.name)
    return {"result_version": version, "stale_promotions": stale}


def _attach(work: Work, body: AttachPolicy) -> dict[str, Any]:
    for held in attachments_in_force(work):
        if _is_same(held, body):
            if held.default == body.default:
                work.existed = True
                return {"attachment_id": held.id}
            _end_attachment(work, held)
    attachment_id = insert_attachment(work, body)
    stale: Sequence[str] = []
    if body.force:
        why = f"policy '{body.policy}' was attached and put in force for open requests"
        stale = stale_promotions_under(work, why, model_pattern=body.model_pattern, stage=body.stage)
    return {"attachment_id": attachment_id, "stale_promotions": stale}


def _detach(work: Work, body: Detach) -> dict[str, Any]:
    held = _attachment(work, body.attachment)
    _end_attachment(work, held)
    return {"attachment_id": held.id}


def _end_attachment(work: Work, held: PolicyAttachment) -> None:
    work.connection.execute(
        update(policy_attachments)
        .where(policy_attachments.c.id == held.id)
        .values(detached_at=work.now, detached_by=work.actor.name)
    )
    work.record(
        EventKind.POLICY_DETACHED,
        subject=held.policy,
        attachment=held.id,
        model_pattern=held.model_pattern,
        stage=held.stage,
    )


def insert_policy(work: Work, document: PolicyDocument) -> int:
    """Write the next version of a policy, and log it. Answers its number."""

    newest = _newest(work, document.name)
    version = 1 if newest is None else newest.version + 1
    work.connection.execute(
        insert(policies).values(
            name=document.name,
            version=version,
            document=document,
            created_at=work.now,
            created_by=work.actor.name,
        )
    )
    work.record(EventKind.POLICY_WRITTEN, subject=document.name, version=version)
    reach("policy.written")
    return version


def insert_attachment(work: Work, body: AttachPolicy) -> str:
    """Attach a policy, and log it. Answers the attachment's id."""

    attachment_id = new_id()
    work.connection.execute(
        insert(policy_attachments).values(
            id=attachment_id,
            policy=body.policy,
            model_pattern=body.model_pattern,
            stage=body.stage,
            is_default=body.default,
            attached_at=work.now,
            attached_by=work.actor.name,
        )
    )
    work.record(
        EventKind.POLICY_ATTACHED,
        subject=body.policy,
        attachment=attachment_id,
        model_pattern=body.model_pattern,
        stage=body.stage,
        default=body.default,
    )
    return attachment_id
