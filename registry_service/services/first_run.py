"""The first run needs no ceremony: a person, a service for Airflow, policies, and a token file for each of the two.

On every start the same is looked at again, and only what is missing is made: who changed the registry since is not
overruled. An empty registry gets its first admin, policies and principals; a token file that is missing, or whose
token has ended or soon will, gets a new token.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec
from sqlalchemy import Row, insert, select

from registry_service.db.locks import lock_key
from registry_service.db.tables import grants, principal_owners, principals, registry, tokens
from registry_service.domain.entities import PrincipalKind
from registry_service.domain.errors import NotAuthenticated
from registry_service.domain.events import EventKind
from registry_service.domain.names import check_principal_name
from registry_service.domain.permissions import Role
from registry_service.domain.policies import BUILT_IN, SOLO
from registry_service.domain.requests import AttachPolicy
from registry_service.domain.tokens import parse_token
from registry_service.failpoints import reach
from registry_service.services.credentials import Credentials, read_credentials, write_credentials
from registry_service.services.ids import new_id
from registry_service.services.policies import insert_attachment, insert_policy
from registry_service.services.sessions import issue_login, login_url
from registry_service.services.tokens import issue_token
from registry_service.services.work import Work

AIRFLOW: Final = "airflow"

LIFETIME: Final = timedelta(days=90)
RENEW_BEFORE: Final = timedelta(days=30)
"""A token file gets a new token this long before the old one ends, so that whoever has read it has time to read it
again."""

# The profile under which client and provider look for a token, and whose it is.
PROFILES: Final[Mapping[str, PrincipalKind]] = MappingProxyType(
    {"person": PrincipalKind.PERSON, "airflow": PrincipalKind.SERVICE}
)


class TokenFile(msgspec.Struct, frozen=True):
    """Where a token is kept, and the address of the service that stands beside it."""

    path: Path
    url: str


def token_files(directory: Path, url: str) -> dict[str, TokenFile]:
    """The file of each profile, all in one directory."""
    return {profile: TokenFile(directory / f"{profile}.json", url) for profile in PROFILES}


class FirstRun(msgspec.Struct, frozen=True, kw_only=True):
    """What was made at this start. `credentials`: files written anew, by the name of the principal. `login_link` opens
    the pages as the person, once and within a minute; None where it wasn't asked for, or there is no such person."""

    person: str
    is_new: bool
    credentials: dict[str, str]
    login_link: str | None = None


def set_up(work: Work, *, person: str, files: Mapping[str, TokenFile], login_link: bool = False) -> FirstRun:
    """Make what is missing of a registry that one can work with; token files by their profile.

    :raises InvalidName: `person` can't be the name of a principal.
    """

    check_principal_name(person)
    # Airflow often runs as a user of its own name, which the service already has.
    person = "admin" if person == AIRFLOW else person
    lock_key(work.connection, "first run")
    _name_log(work)
    reach("first_run.named")
    is_new = work.connection.execute(select(principals.c.name).limit(1)).first() is None
    if is_new:
        _make_principals(work, person)
        for document in BUILT_IN:
            insert_policy(work, document)
        insert_attachment(work, AttachPolicy(policy=SOLO.name, model_pattern="*", stage="*", default=True))
        reach("first_run.policies_written")
    return FirstRun(
        person=person,
        is_new=is_new,
        credentials=keep_credentials(work, person=person, files=files),
        login_link=_login_link(work, person) if login_link else None,
    )


def _login_link(work: Work, person: str) -> str | None:
    principal = _working(work, person, PrincipalKind.PERSON)
    return None if principal is None else login_url(work.public_url, issue_login(work, principal))


def keep_credentials(work: Work, *, person: str, files: Mapping[str, TokenFile]) -> dict[str, str]:
    """See to it that each token file holds its address of the service and a token that is good for some time. Answers
    the files that were written. A principal that doesn't exist, is disabled, or is of another kind than its file gets
    none."""

    written: dict[str, str] = {}
    for profile, kind in PROFILES.items():
        name = AIRFLOW if kind is PrincipalKind.SERVICE else person
        principal = _working(work, name, kind)
        if principal is None:
            continue
        path, url = files[profile].path, files[profile].url
        kept = read_credentials(path)
        if kept is not None and _is_good(work, kept, principal):
            if kept.url == url:
                continue
            token = kept.token
        else:
            token = issue_token(
                work, principal, name=f"credentials file of {profile}", expires_at=work.now + LIFETIME
            ).text
        reach("first_run.before_token_file")
        write_credentials(path, Credentials(url=url, token=token))
        reach("first_run.token_file_written")
        written[name] = str(path)
    return written


def _working(work: Work, name: str, kind: PrincipalKind) -> Row[Any] | None:
    """The principal of this name, unless it is disabled or of another kind."""

    row = work.connection.execute(select(principals).where(principals.c.name == name)).one_or_none()
    return None if row is None or row.disabled or row.kind != kind else row


def _name_log(work: Work) -> None:
    if work.connection.execute(select(registry.c.value).where(registry.c.key == "epoch")).first() is None:
        work.connection.execute(insert(registry).values(key="epoch", value=new_id()))


def _make_principals(work: Work, person: str) -> None:
    for name, kind, role in (
        (person, PrincipalKind.PERSON, Role.ADMIN),
        (AIRFLOW, PrincipalKind.SERVICE, Role.CONTRIBUTOR),
    ):
        work.connection.execute(insert(principals).values(name=name, kind=kind, display_name=name, created_at=work.now))
        owners = [person] if kind is PrincipalKind.SERVICE else []
        for owner in owners:
            work.connection.execute(insert(principal_owners).values(service=name, owner=owner))
        work.record(EventKind.PRINCIPAL_CREATED, subject=name, principal_kind=kind, owners=owners)
        work.connection.execute(insert(grants).values(id=new_id(), principal=name, role=role, pattern="*"))
        work.record(EventKind.GRANT_CREATED, subject=name, role=role, pattern="*")


def _is_good(work: Work, kept: Credentials, principal: Row[Any]) -> bool:
    try:
        shown = parse_token(kept.token)
    except NotAuthenticated:
        return False
    row = work.connection.execute(select(tokens).where(tokens.c.id == shown.id)).one_or_none()
    return (
        row is not None
        and shown.matches(row.secret_hash)
        and row.principal == principal.name
        and row.revoked_at is None
        and row.expires_at > work.now + RENEW_BEFORE
    )
