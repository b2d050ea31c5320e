"""Who may ask, and answers that are kept to be repeated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec
from sqlalchemy import literal, select

from registry_service.care.findings import Check, Look
from registry_service.db.tables import (
    grants,
    group_members,
    idempotency_answers,
    model_owners,
    models,
    principal_owners,
    principals,
    tokens,
)
from registry_service.domain.permissions import Action, Role

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_ROLES: Final = frozenset(Role)


def _principals(look: Look) -> Iterator[str]:
    known = {row.name for row in look.rows(select(principals.c.name))}
    for row in look.rows(select(tokens.c.id, tokens.c.principal)):
        if row.principal not in known:
            yield f"token {row.id} speaks for {row.principal}, who isn't there"
    for table, column in (
        (group_members, group_members.c.principal),
        (principal_owners, principal_owners.c.owner),
        (principal_owners, principal_owners.c.service),
        (grants, grants.c.principal),
        (model_owners, model_owners.c.owner),
    ):
        for row in look.rows(select(column.label("name")).where(column.is_not(None)).distinct()):
            if row.name not in known:
                yield f"{table.name} names {row.name}, who isn't there"


def _answerable(look: Look) -> Iterator[str]:
    owned = select(literal(1)).where(model_owners.c.model_id == models.c.id).exists()
    for row in look.rows(select(models.c.name).where(~owned)):
        yield f"nobody answers for model {row.name}"


def _grants(look: Look) -> Iterator[str]:
    for row in look.rows(select(grants)):
        if (row.principal is None) is (row.group_name is None):
            yield f"grant {row.id} is neither one principal's nor one group's"
        if row.role not in _ROLES:
            yield f"grant {row.id} gives the role {row.role}, which isn't one"


def _tokens(look: Look) -> Iterator[str]:
    for row in look.rows(select(tokens)):
        if not _HASH.fullmatch(row.secret_hash) or row.expires_at <= row.created_at:
            yield f"token {row.id} can't ever have worked"


def _answers(look: Look) -> Iterator[str]:
    for row in look.rows(select(idempotency_answers)):
        which = f"the answer kept for {row.principal} under {row.key}"
        if not _HASH.fullmatch(row.fingerprint):
            yield f"{which} belongs to no request"
        try:
            msgspec.json.decode(row.body)
            msgspec.convert(row.authorized, list[tuple[Action, str | None]])
        except msgspec.MsgspecError as error:
            yield f"{which} can't be repeated: {error}"


CHECKS: Final = (
    Check("principal_missing", "Tokens, grants, groups and owners name principals that are there.", _principals),
    Check("model_owner", "Somebody answers for each model.", _answerable),
    Check("grant", "A grant gives a role to one principal or to one group.", _grants),
    Check("token", "A token has the hash of a secret, and ends after it began.", _tokens),
    Check("idempotency", "Every answer that is kept can be repeated, to the request that it was given to.", _answers),
)
