"""One reader of a stream, as those who tell it see it: who it is, what it wants, and what waits for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Final

from registry_service.domain.events import EventFilter
from registry_service.domain.permissions import Actor
from registry_service.web.streams.frames import Ending

MAX_EVENTS: Final = 1_000
MAX_BYTES: Final = 256 * 1024

GRACE_SECONDS: Final = 3.0
"""How long a stream that ends may take to write what is left."""

# What waits is still handed over where the end is nobody's fault.
_KEEPS_WAITING: Final = frozenset({Ending.CLOSING, Ending.TIME, Ending.FAILED})


class Reader:
    """What waits is bounded in events and bytes. Who doesn't fetch it in time is dropped: nobody is waited for.

    `cut` is called where the stream has ended and whoever writes it is stuck.
    """

    def __init__(
        self,
        actor: Actor,
        wanted: EventFilter,
        *,
        heartbeat: float,
        max_events: int = MAX_EVENTS,
        max_bytes: int = MAX_BYTES,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self.actor = actor
        self.wanted = wanted
        self.heartbeat = heartbeat
        self.expires_at: datetime | None = None
        self.told_at = asyncio.get_running_loop().time()
        self.sending_since: float | None = None
        self.ended: Ending | None = None
        self.cut: Callable[[], None] = _nothing
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._grace = grace
        self._waiting: deque[tuple[int, bytes | None]] = deque()
        self._bytes = 0
        self._news = asyncio.Event()
        self._cutting: asyncio.TimerHandle | None = None

    @property
    def is_idle(self) -> bool:
        return not self._waiting and self.sending_since is None

    def tell(self, seq: int, frame: bytes | None) -> None:
        """An event, or (None) that the log was read up to this number."""

        if self.ended is not None:
            return
        self._waiting.append((seq, frame))
        self._bytes += len(frame or b"")
        if len(self._waiting) > self._max_events or self._bytes > self._max_bytes:
            self.end(Ending.DROPPED)
        else:
            self._news.set()

    def end(self, ending: Ending) -> None:
        """Only the first end counts."""

        if self.ended is not None:
            return
        self.ended = ending
        if ending not in _KEEPS_WAITING:
            self._forget()
        if ending not in {Ending.GONE, Ending.TIME}:
            self._cutting = asyncio.get_running_loop().call_later(self._grace, self.cut)
        self._news.set()

    def take(self) -> tuple[int, bytes | None] | None:
        """The next that waits, if anything does."""

        if not self._waiting:
            return None
        seq, frame = self._waiting.popleft()
        self._bytes -= len(frame or b"")
        return seq, frame

    async def wait(self) -> None:
        """Until something waits, or the stream ends."""

        while not self._waiting and self.ended is None:
            self._news.clear()
            await self._news.wait()

    def close(self) -> None:
        """Nobody writes it any more."""

        self.end(Ending.GONE)
        self._forget()
        if self._cutting is not None:
            self._cutting.cancel()

    def _forget(self) -> None:
        self._waiting.clear()
        self._bytes = 0


def _nothing() -> None:
    """What there is to cut, before anything is written."""
