"""One stream as an answer: what was missed comes from the database, page by page; then what the broadcast tells.

Nothing is lost in between, and nothing comes twice: the broadcast says up to where the database must be read, and what
it tells of what was read already is left out.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

import structlog
from litestar import Response

from registry_service.db.queries.events import read_events
from registry_service.domain.entities import EventPage
from registry_service.domain.errors import RegistryError
from registry_service.domain.events import Cursor
from registry_service.services.registry import Registry
from registry_service.web.asgi import CONNECTION, Message, Receive, Scope, Send
from registry_service.web.streams.broadcast import Broadcast
from registry_service.web.streams.frames import MEDIA_TYPE, Ending, event_frame, heartbeat, hello, last_words
from registry_service.web.streams.reader import Reader

log = structlog.get_logger("registry.streams")

PAGE: Final = 200
PIECE: Final = 64 * 1024
_SEND_BUFFER: Final = 128 * 1024

_HEADERS: Final = tuple(
    (name.encode(), value.encode())
    for name, value in {
        "content-type": MEDIA_TYPE,
        "cache-control": "no-store, no-transform",
        "connection": "close",  # its socket has a small buffer, which would slow down whatever came after
        "x-accel-buffering": "no",  # nginx would gather events
    }.items()
)


class EventStream:
    """An ASGI answer. `page`: the events that were read first; the reader has its place in the broadcast already.

    `seconds`: end after so many; None: never by itself.
    """

    def __init__(
        self, reader: Reader, page: EventPage, *, registry: Registry, broadcast: Broadcast, seconds: float | None
    ) -> None:
        self._reader = reader
        self._page = page
        self._registry = registry
        self._broadcast = broadcast
        self._seconds = seconds
        self._at = start_of(page)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reader = self._reader
        reader.cut = _cutter(scope)
        gone = asyncio.create_task(_until_gone(receive))
        gone.add_done_callback(lambda _: reader.end(Ending.GONE))
        timer = self._timer()
        try:
            await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": _HEADERS})
            await self._send(send, hello(self._at))
            try:
                await self._catch_up(send)
            except RegistryError as error:
                log.warning("a stream ends", code=error.code, reason=error.message)
                reader.end(Ending.FAILED)
            await self._follow(send)
            if reader.ended not in {Ending.GONE, None}:
                await self._send(send, last_words(reader.ended or Ending.GONE), more=False)
        finally:
            if timer is not None:
                timer.cancel()
            gone.cancel()
            self._broadcast.leave(reader)

    async def _catch_up(self, send: Send) -> None:
        """Read the database as far as the broadcast has come, and join it."""

        page = self._page
        await self._send_page(send, page)
        while len(page.events) == PAGE and self._goes_on:
            page = await self._next_page(send)
        reached = self._broadcast.follow(self._reader)
        # Whoever lost their token between the request's begin and here was in nobody's sight.
        await self._broadcast.look_at(self._reader)
        while self._at.seq < reached and self._goes_on:
            await self._next_page(send)

    async def _next_page(self, send: Send) -> EventPage:
        page = await self._registry.view(
            self._reader.actor, read_events, after=str(self._at), wanted=self._reader.wanted, limit=PAGE
        )
        await self._send_page(send, page)
        return page

    async def _send_page(self, send: Send, page: EventPage) -> None:
        end = cursor_of(page)
        frames = [event_frame(end.epoch, event) for event in page.events]
        piece = bytearray()
        for frame in frames:
            if len(piece) + len(frame) > PIECE and piece and self._goes_on:
                await self._send(send, bytes(piece))
                piece.clear()
            piece += frame
        if piece and self._goes_on:
            await self._send(send, bytes(piece))
        self._at = end
        self._page = EventPage(events=[], cursor=page.cursor)

    async def _follow(self, send: Send) -> None:
        while True:
            piece = self._take()
            if piece:
                await self._send(send, piece)
            elif self._reader.ended is not None:
                return
            else:
                await self._reader.wait()

    def _take(self) -> bytes:
        """What waits, up to a piece."""

        piece = bytearray()
        while len(piece) < PIECE and (found := self._reader.take()) is not None:
            seq, frame = found
            if frame is None:
                self._at = Cursor(self._at.epoch, max(self._at.seq, seq))
                piece += heartbeat(self._at)
            elif seq > self._at.seq:
                self._at = Cursor(self._at.epoch, seq)
                piece += frame
        return bytes(piece)

    async def _send(self, send: Send, body: bytes, *, more: bool = True) -> None:
        loop = asyncio.get_running_loop()
        self._reader.sending_since = loop.time()
        try:
            await send({"type": "http.response.body", "body": body, "more_body": more})
        finally:
            self._reader.sending_since = None

    @property
    def _goes_on(self) -> bool:
        return self._reader.ended in {None, Ending.TIME}

    def _timer(self) -> asyncio.TimerHandle | None:
        if self._seconds is None:
            return None
        return asyncio.get_running_loop().call_later(self._seconds, self._reader.end, Ending.TIME)


class StreamAnswer(Response[Any]):
    """What a route returns for a stream, which the framework only passes on."""

    def __init__(self, stream: EventStream) -> None:
        super().__init__(None, media_type=MEDIA_TYPE)
        self._stream = stream

    def to_asgi_response(self, *_args: object, **_kwargs: object) -> Any:  # noqa: ANN401 - the framework's signature
        return self._stream


def cursor_of(page: EventPage) -> Cursor:
    epoch, _, seq = page.cursor.rpartition("-")
    return Cursor(epoch, int(seq))


def start_of(page: EventPage) -> Cursor:
    """A cursor before all events of the page."""
    end = cursor_of(page)
    return Cursor(end.epoch, page.events[0].seq - 1) if page.events else end


async def _until_gone(receive: Receive) -> None:
    message: Message = {"type": "http.request"}
    while message["type"] != "http.disconnect":
        message = await receive()


def _cutter(scope: Scope) -> Any:  # noqa: ANN401 - what call_later takes
    """Ends the connection without waiting for its reader. Where the server doesn't hand it out, the writer is ended."""

    connection = (scope.get("extensions") or {}).get(CONNECTION)
    if connection is None:
        task = asyncio.current_task()
        assert task is not None
        return task.cancel
    # The kernel would gather megabytes for a reader that doesn't read. One that has gone has no socket any more.
    with suppress(OSError, AttributeError, ValueError):
        connection.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    return connection.abort
