"""Two who act at once, one step each at a time, in whatever order a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import Any

from registry_service.db.database import Database
from registry_service.domain.permissions import Actor
from registry_service.services.registry import Registry
from registry_service.storage.filesystem import FilesystemStore


class Dead(BaseException):
    """The process was killed: nothing that it would do from here on happens."""


class Turns:
    """One who acts: waits before each step until it is let."""

    def __init__(self) -> None:
        self._go = asyncio.Event()
        self._waits = asyncio.Event()
        self._task: asyncio.Task[Any] | None = None
        self.lives: int | None = None

    def start(self, acts: Coroutine[Any, Any, Any]) -> None:
        self._task = asyncio.ensure_future(acts)

    async def turn(self) -> None:
        if self.lives is not None:
            if self.lives == 0:
                raise Dead
            self.lives -= 1
        if self._task is not None:
            self._waits.set()
            await self._go.wait()
            self._go.clear()

    async def step(self) -> bool:
        """Let one step happen. False where there is none left."""
        assert self._task is not None
        waits = asyncio.ensure_future(self._waits.wait())
        await asyncio.wait([self._task, waits], return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            waits.cancel()
            self._task.result()
            return False
        self._waits.clear()
        self._go.set()
        waits = asyncio.ensure_future(self._waits.wait())
        await asyncio.wait([self._task, waits], return_when=asyncio.FIRST_COMPLETED)
        waits.cancel()
        return True

    async def finish(self) -> None:
        while await self.step():
            pass


class TurnRegistry(Registry):
    """Waits for its turn before each transaction that matters."""

    def __init__(
        self,
        turns: Turns,
        database: Database,
        store: FilesystemStore,
        clock: Callable[[], datetime],
        *,
        looks: set[str],
    ) -> None:
        super().__init__(database, store, clock=clock, public_url="https://registry.test")
        self._turns = turns
        self._looks = looks

    async def write(self, actor: Actor, use_case: Any, *args: Any, **kwargs: Any) -> Any:
        await self._turns.turn()
        return await super().write(actor, use_case, *args, **kwargs)

    async def view(self, actor: Actor, query: Any, *args: Any, **kwargs: Any) -> Any:
        if query.__name__ in self._looks:
            await self._turns.turn()
        return await super().view(actor, query, *args, **kwargs)


class TurnStore(FilesystemStore):
    """Waits for its turn before it changes anything, and once more in the middle of a body."""

    def __init__(self, turns: Turns, root: Path) -> None:
        super().__init__(root)
        self._turns = turns

    async def receive(self, upload_id: str, chunks: AsyncIterator[bytes], *, expected: str, size: int) -> None:
        async def slowly() -> AsyncIterator[bytes]:
            async for chunk in chunks:
                await self._turns.turn()
                yield chunk

        await self._turns.turn()
        await super().receive(upload_id, slowly(), expected=expected, size=size)

    async def remove(self, digest: str) -> bool:
        await self._turns.turn()
        return await super().remove(digest)

    async def set_aside(self, digest: str) -> bool:
        await self._turns.turn()
        return await super().set_aside(digest)


def orders(first: int, second: int) -> Iterator[list[bool]]:
    """Every order of so many steps of the first (True) and so many of the second."""
    for places in combinations(range(first + second), first):
        yield [place in places for place in range(first + second)]


async def play(order: list[bool], one: Turns, other: Turns) -> None:
    """Let both act in this order; what is left then, one after the other."""
    for first in order:
        await (one if first else other).step()
    await one.finish()
    await other.finish()
