from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Unpack

from registry_service.client.calls.call import Call, Paging, read, write
from registry_service.domain.entities import Consumer, EventPage, Page
from registry_service.domain.requests import MoveConsumer


def read_events(
    *,
    after: str | None = None,
    kinds: Sequence[str] = (),
    model: str | None = None,
    wait: float | None = None,
    limit: int | None = None,
    consumer: str | None = None,
    stage: str | None = None,
) -> Call[EventPage]:
    """Events after a cursor (or `start`, `latest`) or after what a named consumer has read.

    `kinds` are exact or end in `.*`. `model` is a name or a pattern such as `team-a.*`. `wait` is how many seconds, up
    to 60, the service may wait for the first event.
    """

    call = read(
        EventPage,
        "events",
        after=after,
        kinds=",".join(kinds) or None,
        model=model,
        wait=wait,
        limit=limit,
        consumer=consumer,
        stage=stage,
    )
    return replace(call, patience=wait or 0.0)


def stream_events(
    *,
    after: str | None = None,
    kinds: Sequence[str] = (),
    model: str | None = None,
    consumer: str | None = None,
    stage: str | None = None,
    heartbeat: float = 15.0,
    seconds: float | None = 0.0,
) -> Call[EventPage]:
    """What the stream of events tells in so many seconds, as one page; `events` of the client goes on and on.

    A comment comes after `heartbeat` seconds without an event.
    """

    call = read(
        EventPage,
        "events",
        "stream",
        after=after,
        kinds=",".join(kinds) or None,
        model=model,
        consumer=consumer,
        stage=stage,
        heartbeat=heartbeat,
        seconds=seconds,
    )
    return replace(call, silence=2 * heartbeat + 5)


def list_consumers(**paging: Unpack[Paging]) -> Call[Page[Consumer]]:
    return read(Page[Consumer], "consumers", **paging)


def get_consumer(consumer: str) -> Call[Consumer]:
    return read(Consumer, "consumers", consumer)


def move_consumer(consumer: str, body: MoveConsumer, *, idempotency_key: str | None = None) -> Call[Consumer]:
    """Say how far the consumer has read; makes it where it doesn't exist."""
    return write("PUT", Consumer, "consumers", consumer, body=body, key=idempotency_key)


def remove_consumer(consumer: str, *, idempotency_key: str | None = None) -> Call[None]:
    return write("DELETE", type(None), "consumers", consumer, key=idempotency_key)
