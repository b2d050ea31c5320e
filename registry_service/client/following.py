"""The log, followed without an end: by the stream, and by polling where there is none. Written once for both clients,
which differ in how they take a step.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final, cast

from registry_service.client import calls
from registry_service.client.calls import Call
from registry_service.client.errors import StreamSilent, UnexpectedAnswer
from registry_service.client.plans import Pause, Step, ask
from registry_service.client.server_sent import Parser
from registry_service.domain.entities import Event, EventPage
from registry_service.domain.errors import ConsumerNotFound, NotFound, RegistryError, TooManyStreams, Unavailable
from registry_service.domain.requests import MoveConsumer

POLL_WAIT: Final = 30.0
POLL_LIMIT: Final = 200
STREAM_AGAIN: Final = 300.0
"""Seconds after which the stream is tried again where there was none."""

_BASE: Final = 0.25
_CAP: Final = 10.0
_RANDOM: Final = Random(secrets.randbits(64))  # noqa: S311 - spreads reconnections over time, protects nothing

_SHORTEST_ROUND: Final = 0.5
_MOVE_ANYWAY: Final = 60.0


@dataclass(frozen=True, slots=True)
class Listen:
    """Open this stream, in place of the one before."""

    call: Call[EventPage]


@dataclass(frozen=True, slots=True)
class Hear:
    """The next bytes of the stream; none: it has ended."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Give the event to whoever follows. The next step means that they have dealt with it."""

    event: Event


Following = Generator[Listen | Hear | Tell | Step, Any, None]
Troubled = Callable[[RegistryError], None]


def events(
    *,
    after: str | None = None,
    kinds: Sequence[str] = (),
    model: str | None = None,
    consumer: str | None = None,
    stage: str | None = None,
    heartbeat: float = 15.0,
    patience: float | None = None,
    troubled: Troubled | None = None,
) -> Following:
    """Events as they happen, without an end: after a cursor (or `start`, `latest`; `latest` where nothing is said), or
    on from where a named consumer is.

    By the stream, connected anew after the last event wherever it breaks; by polling where the service has none, has no
    place left, or something on the way keeps the stream back. Every event comes once and in order.

    A consumer's cursor is moved when a batch was dealt with, which is when the next event is asked for: whoever ends in
    the middle of a batch meets it again. A consumer that doesn't exist is made; `after` moves it there first.

    While the registry is away the iterator waits: for ever, or `patience` seconds at a time; `troubled` is told of it.

    :raises CursorFromOtherEpoch: the log was reset or restored. Read again from `start`, or from `latest`.
    :raises NotAuthenticated, NotPermitted: the token or the permission has ended.
    """

    follower = _Follower(after, consumer, {"kinds": kinds, "model": model, "stage": stage}, heartbeat)
    failures, away_since = 0, None
    while True:
        heard = follower.heard
        try:
            yield from follower.go_on()
        except Unavailable as trouble:
            now = time.monotonic()
            if follower.heard > heard or away_since is None:
                failures, away_since = 0, now
            if patience is not None and now - away_since > patience:
                raise
            if troubled is not None:
                troubled(trouble)
            failures += 1
        else:
            failures, away_since = 0, None
        ceiling = min(_CAP, _BASE * 2.0 ** min(failures, 10))
        yield Pause(_RANDOM.uniform(ceiling / 4, ceiling))


class _Follower:
    """Where one has come to. `heard` counts signs of life."""

    def __init__(self, after: str | None, consumer: str | None, wanted: dict[str, Any], heartbeat: float) -> None:
        self.heard = 0
        self._cursor = after
        self._consumer = consumer
        self._wanted = wanted
        self._heartbeat = heartbeat
        self._placed = False
        self._moved_to: str | None = None
        self._moved_at = time.monotonic()
        self._stream_again = 0.0

    def go_on(self) -> Following:
        """Until the stream ends, or one poll is over."""

        if not self._placed:
            yield from self._find_place()
        if time.monotonic() < self._stream_again:
            yield from self._poll()
            return
        heard = self.heard
        try:
            yield from self._stream()
        except (StreamSilent, TooManyStreams, UnexpectedAnswer, NotFound) as error:
            # Whoever heard something on this stream has one, and only lost it. A NotFound that says what isn't there
            # is no word of a service that knows no streams.
            if self.heard > heard or (isinstance(error, NotFound) and type(error) is not NotFound):
                raise
            self._stream_again = time.monotonic() + STREAM_AGAIN
            yield from self._poll()

    def _find_place(self) -> Following:
        if self._consumer is not None:
            if self._cursor is None:
                try:
                    self._cursor = (yield from ask(calls.get_consumer(self._consumer))).cursor
                except ConsumerNotFound:
                    self._cursor = "latest"
            # Makes it where there is none; and says with one call more who may not use it.
            body = MoveConsumer(cursor=self._cursor)
            self._cursor = (yield from ask(calls.move_consumer(self._consumer, body))).cursor
            self._moved_to = self._cursor
        self._cursor = self._cursor or "latest"
        self._placed = True

    def _stream(self) -> Following:
        call = calls.stream_events(after=self._cursor, heartbeat=self._heartbeat, seconds=None, **self._wanted)
        yield Listen(call)
        parser = Parser()
        while piece := cast("bytes", (yield Hear())):
            some = False
            for told in parser.feed(piece):
                if told.event is not None:
                    yield Tell(told.event)
                    some = True
                self._cursor = told.cursor
                self.heard += 1
            yield from self._move(at_once=some)

    def _poll(self) -> Following:
        asked = time.monotonic()
        page = yield from ask(calls.read_events(after=self._cursor, wait=POLL_WAIT, limit=POLL_LIMIT, **self._wanted))
        self.heard += 1
        for event in page.events:
            yield Tell(event)
        self._cursor = page.cursor
        yield from self._move(at_once=bool(page.events))
        # Something on the way may not wait.
        if not page.events and time.monotonic() - asked < _SHORTEST_ROUND:
            yield Pause(_SHORTEST_ROUND)

    def _move(self, *, at_once: bool) -> Following:
        """Move the consumer, now and then also where nothing concerned it."""

        due = at_once or time.monotonic() - self._moved_at > _MOVE_ANYWAY
        if self._consumer is None or self._cursor is None or self._cursor == self._moved_to or not due:
            return
        yield from ask(calls.move_consumer(self._consumer, MoveConsumer(cursor=self._cursor)))
        self._moved_to, self._moved_at = self._cursor, time.monotonic()
