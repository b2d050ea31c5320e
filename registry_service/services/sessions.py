"""Sessions of browsers, and the links that open them.

A session is a token like any other, so that whatever ends a token (revoking it, disabling who it speaks for) ends a
session at once; only a browser's cookie can show it. It is as narrow as what it was opened with, and ends with it.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Row, select, update

from registry_service.db.locks import lock_key
from registry_service.db.queries.principals import find_principal
from registry_service.db.tables import tokens
from registry_service.domain.entities import EndedSessions, LoginLink
from registry_service.domain.errors import InvalidInput, NotAuthenticated, PersonRequired
from registry_service.domain.permissions import Action
from registry_service.domain.requests import CreateLoginLink
from registry_service.domain.tokens import NewToken, TokenKind
from registry_service.failpoints import reach
from registry_service.services.tokens import end_of, end_tokens, issue_token, lock_token, root_of
from registry_service.services.work import Work

SESSION_LIFETIME: Final = timedelta(hours=12)
LINK_LIFETIME: Final = timedelta(seconds=60)

# To a browser, `//host` and `/\host` are addresses of others.
_OWN_PAGE: Final = re.compile(r"/(?![/\\])[\x21-\x7e]{0,2000}")


def create_login_link(work: Work, body: CreateLoginLink) -> LoginLink:
    """A link that opens one session of the caller's in a browser, once and within a minute. The session may do no more
    than the token that is asked with, and ends with it.

    :raises PersonRequired: a service asks.
    :raises NotAuthenticated: what it would end with was ended meanwhile.
    :raises InvalidInput: the path isn't one of this registry.
    """

    work.authorize_somewhere(Action.SESSION_OWN)
    if not _OWN_PAGE.fullmatch(body.path):
        raise InvalidInput(
            "path leads to no page here. Give one such as /models/churn, without an address before it.", field="path"
        )
    _lock_sessions(work)
    own = _not_revoked(work, work.actor.token_id)
    parent = root_of(own)
    if parent is not None:
        _hold(work, parent)
    link = issue_login(work, find_principal(work, work.actor.name), parent=parent, narrowed_as=own)
    return LoginLink(url=login_url(work.public_url, link, body.path), expires_at=work.now + LINK_LIFETIME)


def issue_login(
    work: Work, principal: Row[Any], *, parent: str | None = None, narrowed_as: Row[Any] | None = None
) -> NewToken:
    """What a login link holds."""

    return issue_token(
        work,
        principal,
        kind=TokenKind.LOGIN,
        name="login link",
        role=None if narrowed_as is None else narrowed_as.role,
        patterns=[] if narrowed_as is None else narrowed_as.patterns,
        expires_at=work.now + LINK_LIFETIME,
        parent=parent,
    )


def login_url(public_url: str, link: NewToken, path: str = "/") -> str:
    """The address that opens the session. What is secret stands in its fragment, which a browser sends to nobody."""
    return f"{public_url}/login#{link.text}{path if path != '/' else ''}"


def open_session(work: Work, shown: str) -> NewToken:
    """A session of the caller's, whose secret is known to be right: `shown` is the id of their personal token, or of a
    login link, which is good no more from here on.

    :raises NotAuthenticated: the link was used before, or what it ends with is ended.
    :raises PersonRequired: it is a service's.
    """

    if not work.actor.is_person:
        raise PersonRequired("Pages are for people. Log in with a personal token; a service asks the API.")
    _lock_sessions(work)
    # Of two who come with the same link, the second sees that it was used.
    lock_token(work, shown)
    row = _not_revoked(work, shown)
    parent = root_of(row)
    if parent is not None:
        _hold(work, parent)
    if row.kind == TokenKind.LOGIN:
        work.connection.execute(update(tokens).where(tokens.c.id == shown).values(revoked_at=work.now))
        reach("session.link_used")
    return begin_session(work, find_principal(work, work.actor.name), parent=parent, narrowed_as=row)


def _lock_sessions(work: Work) -> None:
    """Held by whoever makes a session or a link of the actor's, or ends all of them: none comes to be beside."""
    lock_key(work.connection, f"sessions of {work.actor.name}")


def _hold(work: Work, parent: str) -> None:
    """Nobody ends the token until what is to end with it is there.

    :raises NotAuthenticated: somebody did meanwhile.
    """

    lock_token(work, parent)
    _not_revoked(work, parent)


def _not_revoked(work: Work, token: str) -> Row[Any]:
    row = work.connection.execute(
        select(tokens).where(tokens.c.id == token, tokens.c.principal == work.actor.name)
    ).one_or_none()
    if row is None or row.revoked_at is not None:
        raise NotAuthenticated(
            "This link was used before, or its token is revoked. Make another with: model-registry browse"
        )
    return row


def begin_session(
    work: Work, person: Row[Any], *, parent: str | None = None, narrowed_as: Row[Any] | None = None
) -> NewToken:
    """A session of a person whom the caller has identified, by whatever means: a token, or somebody who vouches for
    them, such as an identity provider (then there is no token for it to end with).

    :param parent: the token that it ends with
    :param narrowed_as: the token than which it may do no more
    """

    end = work.now + SESSION_LIFETIME
    return issue_token(
        work,
        person,
        kind=TokenKind.SESSION,
        name="browser session",
        role=None if narrowed_as is None else narrowed_as.role,
        patterns=[] if narrowed_as is None else narrowed_as.patterns,
        expires_at=end if parent is None else min(end, end_of(work, parent)),
        parent=parent,
    )


def end_session(work: Work) -> None:
    """End the session that is asked with.

    :raises InvalidInput: a token of another kind asks.
    """

    kind = work.connection.execute(select(tokens.c.kind).where(tokens.c.id == work.actor.token_id)).scalar_one()
    if kind != TokenKind.SESSION:
        raise InvalidInput("This is no session of a browser. End a token with: model-registry tokens revoke TOKEN")
    end_tokens(work, work.actor.name, tokens.c.id == work.actor.token_id)


def end_sessions(work: Work) -> EndedSessions:
    """End all sessions of the caller, in whatever browser, and the links that could still open one, which aren't
    counted; to a narrowed token, those that it opened."""

    work.authorize_somewhere(Action.SESSION_OWN)
    _lock_sessions(work)
    own = (tokens.c.principal == work.actor.name) & (tokens.c.expires_at > work.now)
    if work.actor.is_narrowed:
        own &= (tokens.c.parent == work.actor.token_id) | (tokens.c.id == work.actor.token_id)
    end_tokens(work, work.actor.name, own & (tokens.c.kind == TokenKind.LOGIN))
    return EndedSessions(ended=end_tokens(work, work.actor.name, own & (tokens.c.kind == TokenKind.SESSION)))
