"""Reading an artifact again, in steps that end in the middle of it.

The hash of what was read, and how far that is, stay in memory between the steps: a state that was written somewhere
could be trusted no more than the bytes which it speaks of.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from typing import Final

from registry_service.domain.errors import ArtifactMissing, InvalidRange
from registry_service.services.collection import Suspect
from registry_service.storage.base import ArtifactStore

KEPT_READINGS: Final = 16
KEPT_SECONDS: Final = 600.0


class Pace:
    """What one step may read: for so many seconds, and below a rate in bytes per second (None: as fast as it goes)."""

    def __init__(self, rate: int | None, seconds: float) -> None:
        self._rate = rate
        self._seconds = seconds
        self._began = time.monotonic()
        self._read = 0

    def left(self, wanted: int) -> int:
        """How many of so many bytes may still be read."""
        return wanted if self._rate is None else min(wanted, max(0, int(self._rate * self._seconds) - self._read))

    @property
    def over(self) -> bool:
        return self.left(1) == 0 or time.monotonic() - self._began >= self._seconds

    async def read(self, count: int) -> None:
        """So many bytes were read: wait until that is no more than the rate allows."""
        self._read += count
        if self._rate is not None:
            await asyncio.sleep(max(0.0, self._read / self._rate - (time.monotonic() - self._began)))


class Reading:
    """How far an artifact was read. Where its bytes don't fit its digest they are read a second time, since a fault of
    the memory is no damage; `actual` is the digest that they have then, None where they are gone.

    `over` is whether the end was reached; `read` counts the bytes of the first time.
    """

    def __init__(self, digest: str) -> None:
        self._digest = digest
        self._second = False
        self._begin()
        self.read = 0
        self.over = False
        self.actual: str | None = None

    @property
    def progress(self) -> tuple[bool, int]:
        """The greater, the further."""
        return self._second, self._position

    async def go_on(self, store: ArtifactStore, pace: Pace) -> None:
        """Read one piece, and more as long as the pace allows. After an error of the store, a later call goes on; after
        a cancellation none may, since a thread may still be hashing."""

        while True:
            await self._go_on(store, pace)
            if self.over or pace.over:
                return

    async def _go_on(self, store: ArtifactStore, pace: Pace) -> None:
        # Opened anew in each step: a file that was kept open would be that of bytes which are no longer there.
        size = await store.stat(self._digest)
        if size is None:
            self._end(None)
            return
        if size < self._position:
            self._begin()
        try:
            stop = self._position + pace.left(size - self._position)
            pieces = await store.open_range(self._digest, self._position, stop)
        except ArtifactMissing:
            self._end(None)
            return
        except InvalidRange:  # shortened at this moment
            self._begin()
            return
        async for piece in pieces:
            await asyncio.to_thread(self._hasher.update, piece)
            self._position += len(piece)
            self.read += 0 if self._second else len(piece)
            await pace.read(len(piece))
            if pace.over:
                break
        if self._position == size:
            self._end(f"sha256:{self._hasher.hexdigest()}")

    def _begin(self) -> None:
        self._hasher = hashlib.sha256()
        self._position = 0

    def _end(self, actual: str | None) -> None:
        self.over = actual == self._digest or self._second
        self.actual = actual
        self._second = True
        self._begin()


class Unfinished:
    """Readings that a step left in the middle: a bounded number, for a time in which the next step surely comes.

    A reading goes on only with the bytes that it began with: it is kept for what the row said of them, and a row's
    `created_at` changes when others take their place. Older than `KEPT_SECONDS` it is none of a scrub that goes on, and
    what it had read may have rotted since. Whoever takes one has it alone: of two scrubs at once the second begins
    anew.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[Suspect, tuple[float, Reading]] = {}

    def take(self, suspect: Suspect) -> Reading:
        """The reading to go on with; a new one where none is kept."""
        self._forget_old()
        _, reading = self._kept.pop(suspect, (0.0, Reading(suspect.digest)))
        return reading

    def keep(self, suspect: Suspect, reading: Reading) -> None:
        """Keep it for the next step, unless a twin's is further."""
        _, other = self._kept.pop(suspect, (0.0, reading))
        self._kept[suspect] = self._clock(), max(other, reading, key=lambda one: one.progress)
        while len(self._kept) > KEPT_READINGS:
            self._kept.pop(next(iter(self._kept)))

    def _forget_old(self) -> None:
        oldest = self._clock() - KEPT_SECONDS
        self._kept = {suspect: kept for suspect, kept in self._kept.items() if kept[0] >= oldest}
