"""Policies, where they hold, and changes of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, func, or_, select

from registry_service.db.paging import Ordering, PageRequest, page_of, refuse_filter
from registry_service.db.prepared import Prepared
from registry_service.db.query import one_of
from registry_service.db.tables import policies, policy_attachments, policy_changes
from registry_service.db.types import UtcTimestamp
from registry_service.db.view import View
from registry_service.domain.entities import Page, Policy, PolicyAttachment, PolicyChange
from registry_service.domain.errors import PolicyNotFound
from registry_service.domain.names import check_policy_name
from registry_service.domain.permissions import Action, pattern_in_sight
from registry_service.domain.policies import PolicyDocument, PolicyPin
from registry_service.domain.policy_sets import Terms, select_policies, terms
from registry_service.domain.selectors import MAX_NUMBER
from registry_service.domain.strictness import convert_strictly

_BY_NAME = Ordering(columns={"name": policies.c.name}, tie_breakers=[policies.c.version], default="name")
_ATTACHMENTS = Ordering(
    columns={"attached_at": policy_attachments.c.attached_at},
    tie_breakers=[policy_attachments.c.id],
    default="attached_at",
)
_CHANGES = Ordering(
    columns={"proposed_at": policy_changes.c.proposed_at},
    tie_breakers=[policy_changes.c.id],
    default="proposed_at desc",
)
_NEWEST: Final = Prepared(
    select(policies).where(policies.c.name == bindparam("name")).order_by(policies.c.version.desc()).limit(1)
)
_VERSION: Final = Prepared(
    select(policies).where(policies.c.name == bindparam("name"), policies.c.version == bindparam("version"))
)
_THEN: Final = bindparam("as_of", type_=UtcTimestamp())
_NUMBERS: Final = (
    select(policies.c.name, func.max(policies.c.version).label("version"))
    .where(one_of(policies.c.name, "names"))
    .group_by(policies.c.name)
    .order_by(policies.c.name)
)
_NEWEST_NUMBERS: Final = Prepared(_NUMBERS)
_NEWEST_NUMBERS_AT: Final = Prepared(_NUMBERS.where(policies.c.created_at <= _THEN))
_ATTACHED: Final = select(policy_attachments)
_IN_FORCE: Final = Prepared(_ATTACHED.where(policy_attachments.c.detached_at.is_(None)))
_IN_FORCE_AT: Final = Prepared(
    _ATTACHED.where(
        policy_attachments.c.attached_at <= _THEN,
        or_(policy_attachments.c.detached_at.is_(None), policy_attachments.c.detached_at > _THEN),
    )
)


def find_policy(view: View, name: str, version: int | None = None) -> Row[Any]:
    """The row of a policy version; None: the newest.

    :raises PolicyNotFound: there is none.
    :raises InvalidName: no policy can have this name.
    """

    check_policy_name(name)
    if version is None:
        row = _NEWEST.row(view.connection, name=name)
    else:
        # PostgreSQL refuses to compare with what its integers can't hold; such a version is simply not there.
        row = _VERSION.row(view.connection, name=name, version=version if version <= MAX_NUMBER else 0)
    if row is None:
        which = f"policy '{name}'" if version is None else f"version {version} of policy '{name}'"
        raise PolicyNotFound(f"There is no {which}.", policy=name, version=version)
    return row


def get_policy(view: View, name: str, *, version: int | None = None) -> Policy:
    view.authorize_somewhere(Action.POLICY_READ)
    return describe_policy(find_policy(view, name, version))


def list_policies(view: View, page: PageRequest) -> Page[Policy]:
    """The newest version of each."""

    refuse_filter(page)
    view.authorize_somewhere(Action.POLICY_READ)
    newest = select(policies.c.name, func.max(policies.c.version).label("version")).group_by(policies.c.name).subquery()
    statement = select(policies).join(
        newest, (newest.c.name == policies.c.name) & (newest.c.version == policies.c.version)
    )
    return page_of(view.connection, statement, _BY_NAME, page, lambda rows: [describe_policy(row) for row in rows])


def list_attachments(view: View, page: PageRequest) -> Page[PolicyAttachment]:
    """Those that speak of models in sight."""

    refuse_filter(page)
    view.authorize_somewhere(Action.POLICY_READ)
    in_force = policy_attachments.c.detached_at.is_(None)
    patterns = view.connection.execute(select(policy_attachments.c.model_pattern).where(in_force).distinct()).scalars()
    visible = [pattern for pattern in patterns if pattern_in_sight(view.actor, Action.POLICY_READ, pattern)]
    statement = select(policy_attachments).where(in_force, policy_attachments.c.model_pattern.in_(visible))
    return page_of(
        view.connection, statement, _ATTACHMENTS, page, lambda rows: [describe_attachment(row) for row in rows]
    )


def list_policy_changes(view: View, page: PageRequest) -> Page[PolicyChange]:
    refuse_filter(page)
    view.authorize_somewhere(Action.POLICY_READ)
    return page_of(
        view.connection,
        select(policy_changes),
        _CHANGES,
        page,
        lambda rows: [describe_change(view, row) for row in rows],
    )


def waiting_changes(view: View) -> Sequence[Row[Any]]:
    """Changes that nobody has confirmed or withdrawn, the oldest first."""

    return view.connection.execute(
        select(policy_changes)
        .where(policy_changes.c.confirmed_by.is_(None), policy_changes.c.withdrawn_by.is_(None))
        .order_by(policy_changes.c.proposed_at, policy_changes.c.id)
    ).all()


def attachments_in_force(view: View, *, as_of: datetime | None = None) -> list[PolicyAttachment]:
    """Those of now, or of a time."""

    rows = _IN_FORCE.rows(view.connection) if as_of is None else _IN_FORCE_AT.rows(view.connection, as_of=as_of)
    return [describe_attachment(row) for row in rows]


def pins_for(view: View, model_name: str, stage: str, *, as_of: datetime | None = None) -> list[PolicyPin]:
    """What a new request for this stage would be judged by, or would have been at a time: the newest version of each
    policy that holds there."""

    names = select_policies(attachments_in_force(view, as_of=as_of), model_name, stage)
    if as_of is None:
        rows = _NEWEST_NUMBERS.rows(view.connection, names=names)
    else:
        rows = _NEWEST_NUMBERS_AT.rows(view.connection, names=names, as_of=as_of)
    return [PolicyPin(name=row.name, version=row.version) for row in rows]


def documents_of(view: View, pins: list[PolicyPin]) -> list[tuple[PolicyPin, PolicyDocument]]:
    """Pinned policies with what they say. A policy version is never deleted, so each pin has its document."""

    return [(pin, describe_policy(find_policy(view, pin.name, pin.version)).document) for pin in pins]


def terms_of(view: View, pins: list[PolicyPin]) -> Terms:
    """What pinned policies say together."""
    return terms([document for _, document in documents_of(view, pins)])


def describe_policy(row: Row[Any]) -> Policy:
    return Policy(
        name=row.name,
        version=row.version,
        # A demand that this release doesn't know must not be judged as if it weren't there.
        document=convert_strictly(row.document, PolicyDocument),
        created_at=row.created_at,
        created_by=row.created_by,
    )


def describe_attachment(row: Row[Any]) -> PolicyAttachment:
    return PolicyAttachment(
        id=row.id,
        policy=row.policy,
        model_pattern=row.model_pattern,
        stage=row.stage,
        default=row.is_default,
        attached_at=row.attached_at,
        attached_by=row.attached_by,
    )


def describe_change(view: View, row: Row[Any]) -> PolicyChange:
    about = row.payload
    pattern = about.get("model_pattern")
    seen = pattern is not None and pattern_in_sight(view.actor, Action.POLICY_READ, pattern)
    document = about.get("document")
    return PolicyChange(
        id=row.id,
        kind=row.kind,
        policy=row.policy,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        confirmed_by=row.confirmed_by,
        confirmed_at=row.confirmed_at,
        withdrawn_by=row.withdrawn_by,
        withdrawn_at=row.withdrawn_at,
        document=None if document is None else convert_strictly(document, PolicyDocument),
        replaces=about.get("replaces"),
        model_pattern=pattern if seen else None,
        stage=about.get("stage") if seen else None,
        default=about.get("default", False),
        force=about.get("force", False),
        **row.result,
    )
