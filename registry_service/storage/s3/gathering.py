"""Chunks of a body, gathered to parts; one part is passed on while the next one is gathered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, Future

from registry_service.domain.errors import SizeMismatch


class Gathering:
    """`received` counts the bytes that came; `rest` are those behind the last part passed on, a whole part at most.
    `sending` is the passing on of the last part, if there was one.

    `rest` may begin with bytes that came earlier. `room` is how many bytes may come.
    """

    def __init__(self, send: Callable[[bytearray], None], workers: Executor, *, part: int, room: int) -> None:
        self._send = send
        self._workers = workers
        self._part = part
        self._room = room
        self.rest = bytearray()
        self.received = 0
        self.sending: Future[None] | None = None

    async def take_in(self, chunks: AsyncIterator[bytes]) -> None:
        """To the end of the chunks; all parts that are passed on have arrived then.

        :raises SizeMismatch: more come than there is room for.
        """
        async for chunk in chunks:
            self.received += len(chunk)
            check_room(self.received, self._room)
            view = memoryview(chunk)
            while view:
                # Only now is it known that a full part isn't the last one.
                if len(self.rest) == self._part:
                    await self._pass_on()
                taken = min(len(view), self._part - len(self.rest))
                self.rest += view[:taken]
                view = view[taken:]
        await self._arrived()

    async def _pass_on(self) -> None:
        await self._arrived()
        part, self.rest = self.rest, bytearray()
        self.sending = self._workers.submit(self._send, part)

    async def _arrived(self) -> None:
        if self.sending is not None:
            await asyncio.wrap_future(self.sending)


def check_room(received: int, room: int) -> None:
    if received > room:
        raise SizeMismatch(
            f"More than the announced {room:,} bytes came. Announce the true size of the file.", expected=room
        )


def check_complete(received: int, size: int) -> None:
    if received < size:
        raise SizeMismatch(
            f"Only {received:,} of the announced {size:,} bytes came; nothing was kept. Send the file again.",
            expected=size,
            actual=received,
        )
