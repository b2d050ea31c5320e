"""The text of Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

An `id` without data dispatches nothing and still is what a reader sends as Last-Event-ID: so heartbeats carry the
cursor past events that the reader doesn't see.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from registry_service.domain.entities import Event
from registry_service.domain.events import Cursor

MEDIA_TYPE: Final = "text/event-stream"

RETRY_MILLISECONDS: Final = 2_000
"""How long browsers wait before they connect again."""

_ENCODER: Final = msgspec.json.Encoder()


class Ending(StrEnum):
    """Why a stream ends, as its last line says."""

    GONE = "the reader is gone"
    TIME = "time is over"
    CLOSING = "the service ends; connect again with the last id"
    FAILED = "the service has trouble; connect again with the last id"
    DROPPED = "dropped: too slow; connect again with the last id"
    ACCESS = "the token or the permission has ended"
    RESET = "the log was reset or restored; read again from start, or from latest"


def hello(cursor: Cursor) -> bytes:
    """What comes at once, so that the reader knows that nobody on the way keeps things back."""
    return f": events follow\nretry: {RETRY_MILLISECONDS}\nid: {cursor}\n\n".encode()


def event_frame(epoch: str, event: Event) -> bytes:
    return b"id: %b-%d\ndata: %b\n\n" % (epoch.encode(), event.seq, _ENCODER.encode(event))


def heartbeat(cursor: Cursor) -> bytes:
    return f": still here\nid: {cursor}\n\n".encode()


def last_words(ending: Ending) -> bytes:
    return f": {ending}\n\n".encode()
