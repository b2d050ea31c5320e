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
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection as Pipe
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

ASIDE_CONNECTIONS = 4
BEGUN, ENDED = "begun", "ended"
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
        return (await self.exchange(request, expected))[1]

    async def exchange(self, request: bytes, expected: int = 200) -> tuple[bytes, bytes]:
        """Head and body of the answer. Raises RuntimeError where it has another status."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        status, head, body = await self._answer
        if status != expected:
            raise RuntimeError(f"{request[:200]!r} was answered {status}: {body[:500]!r}")
        return head, body

    async def ask(self, method: str, path: str, body: object = None, *, expected: int = 200) -> Any:  # noqa: ANN401
        """The JSON of the answer."""
        answer = await self.send(self.request(method, path, body), expected)
        return json.loads(answer) if answer else None

    @property
    def closed(self) -> bool:
        return self._transport is None or self._transport.is_closing()

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
    """`prepare` is awaited once per connection, with its number, before the time runs.

    Turns of several `lanes` are told apart by their number modulo `lanes`, and their times are kept apart. `aside` is
    what goes on beside, so many times a second, on connections of its own; its times aren't counted.
    """

    turn: Turn
    url: str
    tokens: tuple[str | None, ...] = (None,)
    connections: int = 16
    seconds: float = 4.0
    warm_up: float = 0.5
    prepare: Turn | None = None
    lanes: int = 1
    aside: Turn | None = None
    aside_per_second: float = 50.0


@dataclass
class Done:
    """What a load did: seconds that each turn took, by lane, and the whole."""

    seconds: float
    lanes: list[list[float]] = field(default_factory=list)
    cpu: float = 0.0
    aside: int = 0

    def turns(self) -> list[float]:
        return list(itertools.chain(*self.lanes))

    def figures(self) -> dict[str, float]:
        figures = {
            "per_second": len(self.turns()) / self.seconds,
            **percentiles(self.turns()),
            "load_cpu": self.cpu / self.seconds,
        }
        return {**figures, "aside_per_second": self.aside / self.seconds} if self.aside else figures


def percentiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {"p50_ms": ordered[len(ordered) // 2] * 1000, "p99_ms": ordered[int(len(ordered) * 0.99)] * 1000}


def generate(load: Load, tell: Pipe) -> None:
    """Runs in the load's process. It tells BEGUN when the warm-up is over, ENDED, and what was done; or what broke."""
    try:
        tell.send(uvloop.run(_generate(load, tell)))
    except Exception as error:  # noqa: BLE001 - whatever it is, the process that asked raises it
        tell.send(error)


async def _connect(load: Load, number: int) -> Connection:
    return await connect(load.url, load.tokens[number % len(load.tokens)])


async def connect(url: str, token: str | None = None) -> Connection:
    """A connection that stays, to a server on this machine."""
    parts = urlsplit(url)
    host, port = parts.hostname, parts.port
    assert host in {"127.0.0.1", "localhost"}, "loopback only"
    assert port is not None
    maker = partial(Connection, parts.netloc, token)
    return (await asyncio.get_running_loop().create_connection(maker, host, port))[1]


async def _generate(load: Load, tell: Pipe) -> Done:
    connections = [await _connect(load, number) for number in range(load.connections)]
    asides = [await _connect(load, 0) for _ in range(ASIDE_CONNECTIONS)] if load.aside is not None else []
    for number, connection in enumerate(connections if load.prepare is not None else []):
        await cast("Turn", load.prepare)(connection, number)
    numbers, aside_numbers = itertools.count(), itertools.count()

    async def go_on(connection: Connection, until: float, done: Done) -> None:
        # Past its time too, as long as a lane has none: of nothing there are no figures.
        while ((begun := time.perf_counter()) < until or not all(done.lanes)) and (number := next(numbers)) < MAX_TURNS:
            await load.turn(connection, number)
            done.lanes[number % load.lanes].append(time.perf_counter() - begun)

    async def go_aside(connection: Connection, place: int, until: float, done: Done) -> None:
        """At fixed moments, so that one that took long makes none of the next ones fewer."""
        pause = ASIDE_CONNECTIONS / load.aside_per_second
        due = time.perf_counter() + place / load.aside_per_second
        while due < until:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await cast("Turn", load.aside)(connection, next(aside_numbers))
            done.aside += 1
            due += pause

    async def run(seconds: float) -> Done:
        # One that was done with the warm-up long before the slowest may have waited for longer than a server allows.
        for number, connection in enumerate(connections):
            if connection.closed:
                connections[number] = await _connect(load, number)
        begun, used = time.perf_counter(), _cpu()
        until = begun + min(seconds, MAX_SECONDS)
        done = Done(0.0, [[] for _ in range(load.lanes)])
        await asyncio.gather(
            *(go_on(connection, until, done) for connection in connections),
            *(go_aside(connection, place, until, done) for place, connection in enumerate(asides)),
        )
        done.seconds, done.cpu = time.perf_counter() - begun, _cpu() - used
        return done

    await run(min(load.warm_up, load.seconds))
    tell.send(BEGUN)
    done = await run(load.seconds)
    tell.send(ENDED)
    for connection in (*connections, *asides):
        connection.close()
    return done


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run_load(load: Load, cpu: Callable[[], float]) -> dict[str, float]:
    """The figures of a load; `cpu` tells the seconds of processor time that the server has used so far."""
    done, used = _run(load, cpu)
    return {**done.figures(), "cpu_us": used / len(done.turns()) * 1e6}


def run_lanes(load: Load, cpu: Callable[[], float]) -> list[dict[str, float]]:
    """The times of each lane of a load; what the processor did can't be told apart."""
    done, _ = _run(load, cpu)
    return [percentiles(lane) for lane in done.lanes]


def _run(load: Load, cpu: Callable[[], float]) -> tuple[Done, float]:
    context = multiprocessing.get_context("spawn")
    hear, tell = context.Pipe(duplex=False)
    process = context.Process(target=generate, args=(load, tell), daemon=True)
    process.start()
    tell.close()  # so that the end of the process is the end of what is heard
    try:
        _hear(hear)
        before = cpu()
        _hear(hear)
        used = cpu() - before
        return cast("Done", _hear(hear)), used
    finally:
        hear.close()
        process.join()


def _hear(pipe: Pipe) -> object:
    try:
        heard = pipe.recv()
    except EOFError as error:
        raise RuntimeError("the load's process has died") from error
    if isinstance(heard, Exception):
        raise heard
    return heard
