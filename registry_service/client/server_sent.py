"""Reading Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html), as bytes come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from registry_service.client.errors import UnexpectedAnswer
from registry_service.domain.entities import Event, EventPage
from registry_service.domain.strictness import UNDECODABLE

EVENT_STREAM: Final = "text/event-stream"

_MOST: Final = 16 * 1024 * 1024
_DECODER: Final = msgspec.json.Decoder(Event)


class Told(NamedTuple):
    """Where to go on from here, and the event, or None where the log was only read up to here."""

    cursor: str
    event: Event | None


class Parser:
    """Of one stream. What the connection broke off in the middle of is never told."""

    def __init__(self) -> None:
        self._rest = b""
        self._cursor = ""
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> Iterator[Told]:
        """What is whole now.

        :raises UnexpectedAnswer: these are no events of a registry.
        """

        *lines, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > _MOST:
            raise UnexpectedAnswer("A line of the stream of events has no end. Check that the URL leads to a registry.")
        for line in lines:
            field, _, value = line.removesuffix(b"\r").partition(b":")
            value = value.removeprefix(b" ")
            if field == b"id":
                self._cursor = value.decode("ascii", "replace")
            elif field == b"data":
                self._data.append(value)
            elif not line.strip() and self._cursor:
                data, self._data = b"\n".join(self._data), []
                yield Told(self._cursor, _event(data) if data else None)


def page_of(content: bytes) -> EventPage:
    """A stream that has ended, as a page.

    :raises UnexpectedAnswer: there is no cursor in it.
    """

    told = list(Parser().feed(content))
    if not told:
        raise UnexpectedAnswer("The stream of events ended before it began. Try again.")
    return EventPage(events=[one.event for one in told if one.event is not None], cursor=told[-1].cursor)


def _event(data: bytes) -> Event:
    try:
        return _DECODER.decode(data)
    except UNDECODABLE as error:
        raise UnexpectedAnswer(
            f"An event of the stream can't be understood ({error}). Check that client and registry are of like"
            " versions."
        ) from error
