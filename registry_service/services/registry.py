"""The registry as the web floor sees it: run a use case, look, wait for news."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Concatenate, Generic, ParamSpec, TypeVar

import msgspec
from sqlalchemy import Connection

from registry_service.db.database import Database
from registry_service.db.queries.authentication import KnownToken, find_known_token
from registry_service.db.queries.events import last_seq
from registry_service.db.view import View
from registry_service.domain.errors import NotAuthenticated, NotPermitted
from registry_service.domain.events import EventKind
from registry_service.domain.permissions import Actor, Role, Scope
from registry_service.domain.promotions import Phase
from registry_service.domain.tokens import TokenKind
from registry_service.services.event_log import append_events
from registry_service.services.idempotency import Idempotency, StoredAnswer, recall, remember
from registry_service.services.sweeper import close_expired, sweep
from registry_service.services.work import PendingEvent, Work
from registry_service.storage.base import ArtifactStore

T = TypeVar("T")
P = ParamSpec("P")

# Acts on nobody's behalf: expiries, leases that run out, the first run.
SYSTEM = Actor(name="registry", is_person=False, grants=(Scope(Role.ADMIN, "*"),))

_TAKING_ROLES = frozenset({EventKind.GRANT_REMOVED, EventKind.GROUP_WRITTEN, EventKind.GROUP_REMOVED})

# Other processes may write to the same database: a waiter looks again at least this often.
LOOK_AGAIN_SECONDS = 2.0
_LOOKED_JUST_NOW = 0.5


class Answered(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """What a write gave: the answer as it goes out, and the same as a value, unless it was told before.

    `existed`: nothing new was made. `replayed`: this is the stored answer of an earlier request under the same key.
    """

    body: bytes
    existed: bool
    replayed: bool
    result: T | None
    revision: int | None


class Appended:
    """What this process has appended to the log: how many events of each kind, and how many promotions were moved to
    each phase (requested, they are PENDING)."""

    def __init__(self) -> None:
        self.kinds = Counter(dict.fromkeys(EventKind, 0))
        self.phases = Counter(dict.fromkeys(Phase, 0))

    def count(self, events: Iterable[PendingEvent]) -> None:
        for event in events:
            kind = EventKind(event.kind)
            self.kinds[kind] += 1
            if kind is EventKind.PROMOTION_REQUESTED:
                self.phases[Phase.PENDING] += 1
            elif kind.startswith("promotion.") and "phase" in event.data:
                self.phases[Phase(str(event.data["phase"]))] += 1


class _Revised(msgspec.Struct):
    revision: int | None = None


class Registry:
    """Runs use cases in transactions and tells waiters of new events. One per process, of one event loop."""

    def __init__(
        self, database: Database, store: ArtifactStore, *, clock: Callable[[], datetime], public_url: str
    ) -> None:
        self.database = database
        self.store = store
        self.public_url = public_url
        self.appended = Appended()
        self._clock = clock
        self._news = asyncio.Event()
        self._last_seq = 0
        self._looked = float("-inf")
        self._closing = False

    async def write(
        self,
        actor: Actor,
        use_case: Callable[Concatenate[Work, P], T],
        idempotency: Idempotency | None,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Answered[T]:
        """Run a use case in one transaction, with its events and (under a key) its answer; or repeat that answer."""

        def command(connection: Connection) -> tuple[Answered[T], int | None, list[PendingEvent]]:
            work = Work(connection, actor, self._clock(), self.public_url)
            self._refuse_who_is_out(work)
            if idempotency is not None:
                stored = recall(work, idempotency)
                if stored is not None:
                    return _answered(stored, None, replayed=True), None, []
            result = use_case(work, *args, **kwargs)
            answer = StoredAnswer(msgspec.json.encode(result), work.existed)
            if idempotency is not None:
                remember(work, idempotency, answer)
            seq = append_events(work)
            self._refuse_who_is_out(work)
            return _answered(answer, result, replayed=False), seq, work.events

        answered, seq, events = await self.database.write(command)
        if seq is not None:
            self._tell(seq)
            self.appended.count(events)
        return answered

    def _refuse_who_is_out(self, work: Work) -> None:
        """Who was let in may be out by the end of a request: its body can take minutes, and it waits for locks. Asked
        before an act, and behind it under the lock of the event log, which whoever ends a token or takes a role away
        also holds: so either that comes later, or it is seen here. What the act itself took from its actor is theirs
        to give away.

        :raises NotAuthenticated: the token is no good any more.
        :raises NotPermitted: the actor has lost a role or a group since.
        """

        actor = work.actor
        if not actor.token_id:
            return
        known = find_known_token.run(work.connection, token_id=actor.token_id)
        kinds = {event.kind for event in work.events}
        ended_here = EventKind.TOKEN_REVOKED in kinds and actor.token_id in {event.subject for event in work.events}
        if known is not None and (ended_here or known.kind is TokenKind.LOGIN):
            # A link is used up by the one act that it is for, which sees to it that there is one.
            known = msgspec.structs.replace(known, revoked=False)
        if known is None or not known.is_good(self._clock()):
            raise NotAuthenticated("This token was ended while you asked, or its principal was disabled.")
        lost = set(actor.grants) - set(known.actor.grants) or set(actor.groups) - set(known.actor.groups)
        if lost and not kinds & _TAKING_ROLES:
            raise NotPermitted("Your roles changed while you asked. Ask again.")

    async def view(
        self, actor: Actor, query: Callable[Concatenate[View, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a query on one snapshot of what is committed."""
        return await self.database.view(self._looking(actor, query, *args, **kwargs))

    async def search(
        self, actor: Actor, query: Callable[Concatenate[View, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The same for what may go through many rows, which holds up nothing else.

        :raises Overloaded: more is asked for than can be searched at a time.
        """
        return await self.database.search(self._looking(actor, query, *args, **kwargs))

    def _looking(
        self, actor: Actor, query: Callable[Concatenate[View, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Callable[[Connection], T]:
        return lambda connection: query(View(connection, actor, self._clock(), self.public_url), *args, **kwargs)

    async def recognise(self, token_id: str) -> KnownToken | None:
        """The token as it is now, for whoever has shown its secret before; None where it no longer lets anybody in."""

        known = await self.database.glance(find_known_token, token_id=token_id)
        return known if known is not None and known.is_good(self._clock()) else None

    async def wait_for_events(self, after: int, seconds: float) -> bool:
        """Return when there may be events after this number, when the time is over, or when the service ends. Whether
        there may be any."""

        deadline = asyncio.get_running_loop().time() + seconds
        while self._last_seq <= after and not self._closing:
            remaining = deadline - asyncio.get_running_loop().time()
            if remaining <= 0:
                break
            news = self._news
            try:
                await asyncio.wait_for(news.wait(), min(remaining, LOOK_AGAIN_SECONDS))
            except TimeoutError:
                await self._look()
        return self._last_seq > after

    async def listen(self) -> None:
        """Wake those who wait as soon as any process has written events, until this is cancelled. Without it they look
        by themselves, every few seconds.

        :raises DatabaseUnavailable: nothing can be heard any more.
        """
        await self.database.hear(self._tell)

    def now(self) -> datetime:
        """The time by the clock that decides what has expired."""
        return self._clock()

    @property
    def closing(self) -> bool:
        """Whether the service ends, so that nobody is to wait any more."""
        return self._closing

    def stop_waiting(self) -> None:
        """Let all who wait for events go on, now and from now on: the service ends."""

        self._closing = True
        self._news.set()

    async def sweep(self) -> None:
        """What time alone brings about: expiries, leases that ran out, uploads that nobody finished."""

        await self.write(SYSTEM, sweep, None)
        expired = await self.write(SYSTEM, close_expired, None)
        for upload in expired.result.ids if expired.result else ():
            # Dying in between leaves bytes that the collection finds.
            await self.store.discard(upload)

    async def _look(self) -> None:
        """Look for events that other processes wrote; not more often than needed, however many wait."""

        now = asyncio.get_running_loop().time()
        if now - self._looked >= _LOOKED_JUST_NOW:
            self._looked = now
            self._tell(await self.view(SYSTEM, last_seq))

    def _tell(self, seq: int) -> None:
        if seq > self._last_seq:
            self._last_seq = seq
            # Those who wait hold the old event; who comes now waits for the next.
            self._news.set()
            self._news = asyncio.Event()


def _answered(answer: StoredAnswer, result: T | None, *, replayed: bool) -> Answered[T]:
    revision = msgspec.json.decode(answer.body, type=_Revised | None)
    return Answered(
        body=answer.body,
        existed=answer.existed,
        replayed=replayed,
        result=result,
        revision=revision.revision if revision else None,
    )
