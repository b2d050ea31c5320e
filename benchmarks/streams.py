"""How soon an event is with everybody who listens: many streams on one worker, one event at a time.

    python benchmarks/streams.py [--readers N] [--postgres]

The time runs from before the request that makes the event is sent to the arrival of the event at each reader, so the
commit is in it. The floor writes the same bytes to as many sockets, and keeps nothing. `idle_cpu` is the share of a
core that the server takes while nothing happens but heartbeats; `kib_per_reader` what its memory grew by with the
readers; `grown_kib` what it grew by with all the events, per reader; `cpu_us` its processor time per event and reader.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import resource
import sys
import time
from contextlib import ExitStack
from functools import partial
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop
from _data import small_registry
from _load import Connection, percentiles
from _report import OURS, Report
from _servers import HERE, Server, free_port, postgres, registry, scratch, serving

MODEL = "broadcast"
PAUSE = 0.1
PATIENCE = 30.0
AT_ONCE = 20
"""Readers that connect at the same time."""

# As long as an event of ours.
FRAME = (
    b'id: xvlsokn4p2z5lskw-118\ndata: {"seq":118,"at":"2026-11-25T23:43:13.026941Z","kind":"stage.held",'
    b'"actor":"airflow","model_name":"broadcast","revision":31,"subject":"staging","data":{"stage":"staging","reason":"100","until":null}}'
    b"\n\n"
)


class Reader(asyncio.Protocol):
    """Notes when events arrive."""

    def __init__(self, request: bytes, crowd: Crowd) -> None:
        self._request = request
        self._crowd = crowd
        self.begun = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self.begun.done():
            if self._request and not data.startswith(b"HTTP/1.1 200"):
                self.begun.set_exception(RuntimeError(f"no stream: {data[:300]!r}"))
            elif b"\r\n: " in data:
                self.begun.set_result(None)
            self._request = b""  # the head is behind us
        if b"data: {" in data:
            self._crowd.arrived()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.begun.done():
            self.begun.set_exception(error or ConnectionResetError("the stream was closed"))
        self._crowd.lost += 1


class Crowd:
    """All readers; one event at a time."""

    def __init__(self, readers: int) -> None:
        self.readers = readers
        self.lost = 0
        self.times: list[float] = []
        self._begun = 0.0
        self._missing = 0
        self._all = asyncio.Event()

    def expect(self) -> None:
        self._begun, self._missing = time.perf_counter(), self.readers
        self._all.clear()

    def arrived(self) -> None:
        self.times.append(time.perf_counter() - self._begun)
        self._missing -= 1
        if not self._missing:
            self._all.set()

    async def all_arrived(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._all.wait()


def listen(url: str, token: str, readers: int, seconds: float, pipe: Pipe) -> None:
    """Runs in a process of its own: says when all listen, is told to begin, and sends what was measured."""
    try:
        uvloop.run(_listen(url, token, readers, seconds, pipe))
    except Exception as error:  # noqa: BLE001 - whatever it is, the process that asked raises it
        pipe.send(error)


async def _listen(url: str, token: str, readers: int, seconds: float, pipe: Pipe) -> None:
    crowd, parts, loop = Crowd(readers), urlsplit(url), asyncio.get_running_loop()
    host, port = cast("str", parts.hostname), cast("int", parts.port)
    head = f"GET /api/v1/events/stream HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n"
    slots = asyncio.Semaphore(AT_ONCE)

    async def connect() -> None:
        async with slots:
            _, reader = await loop.create_connection(partial(Reader, head.encode(), crowd), host, port)
            await reader.begun

    await asyncio.gather(*(connect() for _ in range(readers)))
    _, writer = await loop.create_connection(partial(Connection, parts.netloc, token), host, port)
    pipe.send("all listen")
    await asyncio.to_thread(pipe.recv)
    events, used, until = 0, _cpu(), time.perf_counter() + seconds
    while time.perf_counter() < until or not events:
        crowd.expect()
        request = writer.request("POST", f"/api/v1/models/{MODEL}/stages/staging/hold", {"reason": str(events)})
        await asyncio.gather(writer.send(request), crowd.all_arrived())
        events += 1
        await asyncio.sleep(PAUSE)
    if crowd.lost or len(crowd.times) != events * readers:
        raise RuntimeError(f"{crowd.lost} streams lost, {len(crowd.times)} of {events * readers} events arrived")
    pipe.send({"events": float(events), **percentiles(crowd.times), "load_cpu": (_cpu() - used) / seconds})


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def broadcast(server: Server, token: str, options: argparse.Namespace) -> dict[str, float]:
    """The figures of a server whose readers all listen to one event after the other."""

    before = server.memory()
    context = multiprocessing.get_context("spawn")
    pipe, others = context.Pipe()
    arguments = (server.url, token, options.readers, options.seconds, others)
    process = context.Process(target=listen, args=arguments, daemon=True)
    process.start()
    others.close()
    try:
        _hear(pipe)
        listening = server.memory()
        used, begun = server.cpu(), time.perf_counter()
        time.sleep(options.seconds)
        idle = (server.cpu() - used) / (time.perf_counter() - begun)
        used = server.cpu()
        pipe.send("begin")
        found = cast("dict[str, float]", _hear(pipe))
        used = server.cpu() - used
        after = server.memory()
    finally:
        pipe.close()
        process.join(10)
    return {
        "p50_ms": found["p50_ms"],
        "p99_ms": found["p99_ms"],
        "idle_cpu": idle,
        "kib_per_reader": max(0.0, listening - before) * 1024 / options.readers,
        "grown_kib": max(0.0, after - listening) * 1024 / options.readers,
        "cpu_us": used / found["events"] / options.readers * 1e6,
        "load_cpu": found["load_cpu"],
    }


def _hear(pipe: Pipe) -> object:
    try:
        heard = pipe.recv()
    except EOFError as error:
        raise RuntimeError("the readers' process has died") from error
    if isinstance(heard, Exception):
        raise heard
    return heard


def ours(options: argparse.Namespace) -> dict[str, float]:
    with ExitStack() as stack:
        home = stack.enter_context(scratch("streams"))
        database = stack.enter_context(postgres()) if options.postgres else None
        token = small_registry(home, [MODEL], database)["airflow"]
        most = str(options.readers + 10)
        settings: dict[str, Any] = {
            "MODEL_REGISTRY_MAX_STREAMS": most,
            "MODEL_REGISTRY_MAX_STREAMS_EACH": most,
            "MODEL_REGISTRY_MAX_CONNECTIONS": str(options.readers + 100),
        }
        server = stack.enter_context(registry(home, database=database, **settings))
        return broadcast(server, token, options)


def sockets(options: argparse.Namespace) -> dict[str, float]:
    with scratch("streams") as home:
        (home / "frame").write_bytes(FRAME)
        port = free_port()
        command = [sys.executable, str(HERE / "_floor_streams.py"), str(port), str(Path(home) / "frame")]
        with serving(command, f"http://127.0.0.1:{port}", "/", home=home) as server:
            return broadcast(server, "none", options)


def main() -> None:
    report = Report(__doc__ or "", seconds=10.0)
    report.parser.add_argument("--readers", type=int, help="streams; default: 1,000")
    report.parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, in a directory of its own")
    options = report.options()
    options.readers = options.readers or (20 if options.smoke else 1_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, options.readers * 2 + 1_000)), hard))
    report.notes["frame"] = json.dumps(FRAME.decode())
    work = f"one event to {options.readers:,} readers"
    report.alternate(work, {OURS: partial(ours, options), "raw sockets": partial(sockets, options)})
    report.finish()


if __name__ == "__main__":
    main()
