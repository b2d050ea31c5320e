"""One look at the registry's log for all triggers of a process.

Each waiting trigger asks the registry about its own promotion, and only when something happened to its model. What
happened is learnt by one long poll per event loop and connection, however many wait.

Nothing is missed: a subscriber looks at the state *after* it subscribed, and the feed wakes everybody when it has
(again) a place in the log, so that whatever happened before that place is seen by the look that follows.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final
from weakref import WeakKeyDictionary

from airflow_provider.hooks.registry import RegistrySettings, new_async_client
from registry_service.client import AsyncRegistryClient, CursorFromOtherEpoch, Event, RegistryError

log = logging.getLogger(__name__)

KINDS: Final = ("promotion.*", "review.*", "check.*", "stage.*", "version.*", "policy.*", "group.*", "principal.*")
WAIT_SECONDS: Final = 50.0
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 60.0
# Asking for more at once wouldn't be faster: the service judges one after the other.
ASK_AT_ONCE: Final = 8


def spread(seconds: float) -> float:
    """About so long: hundreds of triggers that began together shall not ask together for ever."""
    return seconds * random.uniform(0.75, 1.25)  # noqa: S311 - it protects nothing


class Subscription:
    """One waiting trigger. `model_name` is what it wants to hear of."""

    def __init__(self, model_name: str) -> None:
        self.model_name = model_name
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def wait(self, seconds: float) -> None:
        """Until something happened, or the time is over: then is seen what the log doesn't say."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)
        # Cleared before the subscriber looks: what happens while it looks wakes it again.
        self._woken.clear()


class EventFeed:
    """Reads the log while somebody is subscribed, and wakes those whom an event concerns.

    :param client: shared with the subscribers, who ask through `asking`.
    """

    def __init__(self, client: AsyncRegistryClient) -> None:
        self.client = client
        self.asking = asyncio.Semaphore(ASK_AT_ONCE)
        self._subscriptions: set[Subscription] = set()
        self._cursor: str | None = None

    @asynccontextmanager
    async def subscribed(self, model_name: str) -> AsyncIterator[Subscription]:
        subscription = Subscription(model_name)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    @property
    def is_idle(self) -> bool:
        return not self._subscriptions

    async def run(self) -> None:
        """Follow the log until cancelled. An error never ends it: it says so, waits, and goes on where it was."""
        failures = 0
        while True:
            try:
                await self._read_once()
            except CursorFromOtherEpoch:
                log.warning("The registry's log was reset; following it anew")
                self._cursor = None
            except RegistryError as error:
                failures += 1
                pause = spread(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures, 10)))
                log.warning("The registry's events can't be read (%s); trying again in %.1f s", error.message, pause)
                await asyncio.sleep(pause)
            else:
                failures = 0

    async def _read_once(self) -> None:
        if self._cursor is None:
            page = await self.client.read_events(after="latest", limit=1)
            self._cursor = page.cursor
            self._wake_all()
            return
        page = await self.client.read_events(after=self._cursor, kinds=KINDS, wait=WAIT_SECONDS)
        self._cursor = page.cursor
        for event in page.events:
            self._tell(event)

    def _tell(self, event: Event) -> None:
        for subscription in self._subscriptions:
            if event.model_name is None or event.model_name == subscription.model_name:
                subscription.wake()

    def _wake_all(self) -> None:
        for subscription in self._subscriptions:
            subscription.wake()


class _Running:
    def __init__(self, settings: RegistrySettings) -> None:
        self.feed = EventFeed(new_async_client(settings))
        # In a context of its own: the first trigger's would lead the feed's log lines into that task's log, and its
        # end would not be the feed's.
        self.task = asyncio.get_running_loop().create_task(
            self.feed.run(), name="model-registry-feed", context=contextvars.Context()
        )
        self.users = 0

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])
        await self.feed.client.aclose()


_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[RegistrySettings, _Running]] = WeakKeyDictionary()


@asynccontextmanager
async def shared_feed(settings: RegistrySettings) -> AsyncIterator[EventFeed]:
    """The feed of this event loop and these settings. It runs while somebody uses it."""
    feeds = _feeds.setdefault(asyncio.get_running_loop(), {})
    running = feeds.get(settings)
    if running is None:
        running = feeds[settings] = _Running(settings)
    running.users += 1
    try:
        yield running.feed
    finally:
        running.users -= 1
        if running.users == 0:
            # Out of the table first: who comes while it is being closed opens another one.
            del feeds[settings]
            await running.stop()
