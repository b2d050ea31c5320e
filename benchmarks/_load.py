"""Load: so many keep-alive connections that each ask again as soon as they have an answer, in a process of its own.

A scenario is a coroutine function at the top level of a module, `async def turn(connection, number)`, which asks what
makes one unit of work and raises where an answer isn't the one it should be. The parsing is as thin as HTTP allows, so
that the generator costs less than any server; `load_cpu` of the figures says how much of a core it used.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import multiprocessing
import resource
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

MAX_SECONDS = 120.0
MAX_TURNS = 1_000_000


class Connection(asyncio.Protocol):
    """One keep-alive connection; one question at a time. Answers must have a Content-Length, or no body."""

    def __init__(self, host: str, token: str | None) -> None:
        self.token = (token or "").encode()
        authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        self._head = f"Host: {host}\r\n{authorization}".encode()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes, bytes]] | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop has its own class

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0 or self._answer is None:
            return
        head = self._received[:end]
        length = _content_length(head)
        if len(self._received) >= end + 4 + length:
            body = self._received[end + 4 : end + 4 + length]
            self._received = self._received[end + 4 + length :]
            self._answer.set_result((int(head[9:12]), head, body))
            self._answer = None

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None:
            self._answer.set_exception(error or ConnectionResetError("the server closed the connection"))

    def request(self, method: str, path: str, body: object = None, headers: str = "") -> bytes:
        """A request that may be sent many times."""
        content = b"" if body is None else json.dumps(body).encode()
        if body is not None:
            headers += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        return f"{method} {path} HTTP/1.1\r\n".encode() + self._head + headers.encode() + b"\r\n" + content

    async def send(self, request: bytes, expected: int = 200) -> bytes:
        """The body of the answer. Raises RuntimeError where it has another status."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        status, _, body = await self._answer
        if status != expected:
            raise RuntimeError(f"{request[:200]!r} was answered {status}: {body[:500]!r}")
        return body

    async def ask(self, method: str, path: str, body: object = None, *, expected: int = 200) -> Any:  # noqa: ANN401
        """The JSON of the answer."""
        answer = await self.send(self.request(method, path, body), expected)
        return json.loads(answer) if answer else None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _content_length(head: bytes) -> int:
    lower = head.lower()
    at = lower.find(b"\r\ncontent-length:")
    if at < 0:
        if b"\r\ntransfer-encoding:" in lower:
            raise RuntimeError("an answer in chunks, which this client doesn't read")
        return 0
    return int(lower[at + 17 :].split(b"\r\n", 1)[0])


Turn = Callable[[Connection, int], Awaitable[None]]


@dataclass(frozen=True)
class Load:
    """`prepare` is awaited once per connection, with its number, before the time runs."""

    turn: Turn
    url: str
    tokens: tuple[str | None, ...] = (None,)
    connections: int = 16
    seconds: float = 4.0
    warm_up: float = 0.5
    prepare: Turn | None = None


@dataclass
class Done:
    """What a load did: seconds that each turn took, and the whole."""

    seconds: float
    turns: list[float] = field(default_factory=list)
    cpu: float = 0.0

    def figures(self) -> dict[str, float]:
        ordered = sorted(self.turns)
        return {
            "per_second": len(ordered) / self.seconds,
            "p50_ms": ordered[len(ordered) // 2] * 1000,
            "p99_ms": ordered[int(len(ordered) * 0.99)] * 1000,
            "load_cpu": self.cpu / self.seconds,
        }


def generate(load: Load, begin: Any, end: Any) -> Done:  # noqa: ANN401 - events of multiprocessing
    """Runs in the load's process. `begin` is set when the warm-up is over, `end` at the end of the time."""
    return uvloop.run(_generate(load, begin, end))


async def _generate(load: Load, begin: Any, end: Any) -> Done:  # noqa: ANN401
    loop = asyncio.get_running_loop()
    parts = urlsplit(load.url)
    assert parts.hostname in {"127.0.0.1", "localhost"}, "loopback only"
    connections = []
    for number in range(load.connections):
        token = load.tokens[number % len(load.tokens)]
        _, connection = await loop.create_connection(
            lambda token=token: Connection(parts.netloc, token), parts.hostname, parts.port
        )
        if load.prepare is not None:
            await load.prepare(connection, number)
        connections.append(connection)
    numbers = itertools.count()

    async def go_on(connection: Connection, until: float, turns: list[float]) -> None:
        while (begun := time.perf_counter()) < until and (number := next(numbers)) < MAX_TURNS:
            await load.turn(connection, number)
            turns.append(time.perf_counter() - begun)

    async def run(seconds: float) -> Done:
        turns: list[float] = []
        begun, used = time.perf_counter(), _cpu()
        until = begun + min(seconds, MAX_SECONDS)
        await asyncio.gather(*(go_on(connection, until, turns) for connection in connections))
        return Done(time.perf_counter() - begun, turns, _cpu() - used)

    await run(load.warm_up)
    begin.set()
    done = await run(load.seconds)
    end.set()
    for connection in connections:
        connection.close()
    return done


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run_load(load: Load, cpu: Callable[[], float]) -> dict[str, float]:
    """The figures of a load; `cpu` tells the seconds of processor time that the server has used so far."""

    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(1, mp_context=context) as pool:
        begin, end = manager.Event(), manager.Event()
        running = pool.submit(generate, load, begin, end)
        running.add_done_callback(lambda _: (begin.set(), end.set()))
        begin.wait()
        before = cpu()
        end.wait()
        used = cpu() - before
        done = running.result()
    return {**done.figures(), "cpu_us": used / len(done.turns) * 1e6}
