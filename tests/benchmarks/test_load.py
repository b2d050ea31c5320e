"""The load that benchmarks put on a server."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from _load import Connection, Load, run_lanes


class Slow(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        time.sleep(0.05)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


async def ask(connection: Connection, _: int, *, path: str) -> None:
    await connection.send(connection.request("GET", path))


@pytest.fixture
def slow() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.slow
def test_each_lane_has_a_turn_however_slow_the_server_is(slow: str) -> None:
    load = Load(partial(ask, path="/"), slow, connections=1, seconds=0.01, warm_up=0.01, lanes=3)
    figures = run_lanes(load, lambda: 0.0)
    assert len(figures) == 3
    assert all(one["p50_ms"] >= 50 for one in figures)
