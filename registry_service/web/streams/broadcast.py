"""One reader of the log per process, which hands each event to all streams that may and want to see it.

So a thousand streams cost one query per event. And who may see what is looked at again: at once when the log tells
that somebody's rights or tokens changed, whoever changed them on whichever replica; and now and then in any case.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import Final

import structlog

from registry_service.db.queries.events import read_log
from registry_service.domain.entities import Event
from registry_service.domain.errors import RegistryError, TooManyStreams
from registry_service.domain.events import Cursor, touches_access
from registry_service.domain.permissions import Action, Actor, may, may_anywhere
from registry_service.services.registry import SYSTEM, Registry
from registry_service.web.streams.frames import Ending, event_frame
from registry_service.web.streams.reader import Reader

log = structlog.get_logger("registry.streams")

MAX_STREAMS: Final = 1_500
MAX_STREAMS_EACH: Final = 100

BATCH: Final = 200
TICK_SECONDS: Final = 1.0
LOOK_AGAIN_SECONDS: Final = 15.0
STALLED_SECONDS: Final = 60.0
"""How long one piece may take to be written, however little waits behind it."""


class Broadcast:
    """Of one process and its event loop. `limit` streams at a time, `limit_each` of one principal."""

    def __init__(self, registry: Registry, *, limit: int = MAX_STREAMS, limit_each: int = MAX_STREAMS_EACH) -> None:
        self._registry = registry
        self._limit = limit
        self._limit_each = limit_each
        self._present: set[Reader] = set()
        self._following: set[Reader] = set()
        self._of_principal: Counter[str] = Counter()
        self._reached = Cursor("", 0)
        self._looked = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def streams(self) -> int:
        """How many are open."""
        return len(self._present)

    def enter(self, reader: Reader, end: Cursor) -> None:
        """Give a stream its place; `end`: that of the log, just now.

        :raises TooManyStreams: there is none left.
        """

        name = reader.actor.name
        if self._of_principal[name] >= self._limit_each:
            raise TooManyStreams(
                f"'{name}' has {self._limit_each} event streams open, as many as one may have. End some, share one"
                " among several readers, or poll GET /events with wait.",
                limit=self._limit_each,
            )
        if len(self._present) >= self._limit:
            raise TooManyStreams(
                f"The service has {self._limit} event streams open, as many as it takes. Try again later, or poll"
                " GET /events with wait.",
                limit=self._limit,
            )
        if self._task is None or end.epoch != self._reached.epoch:
            self._end_all(Ending.RESET)
            self._reached = end
        self._present.add(reader)
        self._of_principal[name] += 1
        if self._task is None:
            # Each stream looks for itself when it joins.
            self._looked = asyncio.get_running_loop().time()
            self._task = asyncio.create_task(self._run(), name="broadcast")

    def follow(self, reader: Reader) -> int:
        """From now on the reader is told of every event behind the number that this answers."""

        self._following.add(reader)
        return self._reached.seq

    def leave(self, reader: Reader) -> None:
        if reader in self._present:
            self._present.remove(reader)
            self._following.discard(reader)
            self._of_principal -= Counter({reader.actor.name: 1})
        reader.close()

    async def look_at(self, *readers: Reader) -> None:
        """See whether they still may read at all, and what."""

        by_token: dict[str, list[Reader]] = defaultdict(list)
        for reader in readers:
            by_token[reader.actor.token_id].append(reader)
        for token_id, those in by_token.items():
            known = await self._registry.recognise(token_id)
            for reader in those:
                if known is None or not may_anywhere(known.actor, Action.EVENT_READ):
                    reader.end(Ending.ACCESS)
                else:
                    reader.actor, reader.expires_at = known.actor, known.expires_at
            await asyncio.sleep(0)

    async def close(self) -> None:
        """End all streams: the service ends."""

        self._end_all(Ending.CLOSING)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        ending = Ending.CLOSING
        try:
            while self._present and not self._registry.closing:
                await self._turn()
        except Exception:
            log.exception("the broadcast of events failed")
            ending = Ending.FAILED
        finally:
            self._task = None
            self._end_all(ending)

    async def _turn(self) -> None:
        try:
            if await self._registry.wait_for_events(self._reached.seq, TICK_SECONDS):
                await self._hand_on()
            await self._look_after()
        except RegistryError as error:
            log.warning("streams have to wait", code=error.code, reason=error.message)
            await asyncio.sleep(TICK_SECONDS)

    async def _hand_on(self) -> None:
        piece = await self._registry.view(SYSTEM, read_log, after=self._reached.seq, limit=BATCH)
        if piece.epoch != self._reached.epoch or piece.end < self._reached.seq:
            self._end_all(Ending.RESET)
            self._reached = Cursor(piece.epoch, piece.end)
            return
        if any(touches_access(event.kind) for event in piece.events):
            await self.look_at(*self._present)
        for event in piece.events:
            self._tell_all(event)
            self._reached = Cursor(piece.epoch, event.seq)
            # Writers of streams take their turn, and whoever else waits for this loop.
            await asyncio.sleep(0)

    def _tell_all(self, event: Event) -> None:
        frame = event_frame(self._reached.epoch, event)
        seen: dict[int, bool] = {}
        now = asyncio.get_running_loop().time()
        for reader in self._following:
            if reader.wanted.admits(event.kind, event.model_name, event.data) and _sees(reader.actor, event, seen):
                reader.tell(event.seq, frame)
                reader.told_at = now

    async def _look_after(self) -> None:
        """What is due by the clock: expired tokens, stuck writers, heartbeats."""

        now, clock = asyncio.get_running_loop().time(), self._registry.now()
        for reader in self._present:
            if reader.expires_at is not None and reader.expires_at <= clock:
                reader.end(Ending.ACCESS)
            elif reader.sending_since is not None and now - reader.sending_since > STALLED_SECONDS:
                reader.end(Ending.DROPPED)
        for reader in self._following:
            if now - reader.told_at >= reader.heartbeat and reader.is_idle:
                reader.tell(self._reached.seq, None)
                reader.told_at = now
        if now - self._looked >= LOOK_AGAIN_SECONDS:
            self._looked = now
            await self.look_at(*self._present)

    def _end_all(self, ending: Ending) -> None:
        for reader in self._present:
            reader.end(ending)


def _sees(actor: Actor, event: Event, seen: dict[int, bool]) -> bool:
    """Whether the actor may see the event; streams of one token share their actor, and the answer in `seen`."""

    found = seen.get(id(actor))
    if found is None:
        found = seen[id(actor)] = may(actor, Action.EVENT_READ, event.model_name)
    return found
