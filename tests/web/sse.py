"""A reader of Server-Sent Events for tests: as plain as the specification, and no code of the client's."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.service_fixture import RunningService
from tests.web.stories import API


class Heard:
    """What came so far: events with their ids, comments, the last id, and whether the stream has ended."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.comments: list[str] = []
        self.last_id = ""
        self.ended = False
        self.problem: dict[str, Any] | None = None

    @property
    def names(self) -> list[str | None]:
        return [event["model_name"] for _, event in self.events]

    @property
    def seqs(self) -> list[int]:
        return [event["seq"] for _, event in self.events]

    def take(self, block: str) -> None:
        data = ""
        for line in block.split("\n"):
            field, _, value = line.partition(": ")
            if field == "":
                self.comments.append(value)
            elif field == "id":
                self.last_id = value
            elif field == "data":
                data += value
        if data:
            self.events.append((self.last_id, json.loads(data)))

    def wait(self, until: Callable[[Heard], bool], seconds: float = 10.0) -> Heard:
        deadline = time.monotonic() + seconds
        while not until(self):
            assert time.monotonic() < deadline, (self.events, self.comments, self.ended, self.problem)
            time.sleep(0.01)
        return self


@contextmanager
def listening(
    service: RunningService, *, token: str | None = None, last_id: str | None = None, **query: object
) -> Iterator[Heard]:
    """A stream that is read in a thread until the block ends; inside, it has begun or was refused."""

    heard = Heard()
    opened: list[httpx.Response] = []

    def read() -> None:
        headers = {"Last-Event-ID": last_id} if last_id else {}
        params: Any = query
        try:
            with (
                service.http(token=token) as http,
                http.stream("GET", f"{API}/events/stream", params=params, headers=headers) as answer,
            ):
                opened.append(answer)
                if answer.status_code != 200:
                    heard.problem = json.loads(answer.read())
                    return
                assert answer.headers["content-type"] == "text/event-stream"
                rest = ""
                for text in answer.iter_text():
                    *blocks, rest = (rest + text).split("\n\n")
                    for block in blocks:
                        heard.take(block)
        except httpx.HTTPError:
            pass
        finally:
            heard.ended = True

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        heard.wait(lambda one: bool(one.comments) or one.ended)
        yield heard
    finally:
        for answer in opened:
            with_socket = answer.extensions["network_stream"].get_extra_info("socket")
            if with_socket is not None:
                _shut(with_socket)
        thread.join(10)
        assert not thread.is_alive()


def _shut(connection: Any) -> None:
    try:
        connection.shutdown(2)
    except OSError:
        return
