"""A worker that is killed between any two calls.

`KillingProxy` stands between worker and service. The service gets every request and does what is asked; after the
n-th answer, and before the worker sees it, the worker is gone (`kill -9`). That is the moment at which work is done
and nobody knows.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import httpx

_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host", "content-encoding"})


class KillingProxy:
    """Forwards to `url`; counts the answers to writes and reads alike.

    :param url: the service.
    """

    def __init__(self, url: str) -> None:
        self.upstream = httpx.Client(base_url=url, timeout=60, trust_env=False)
        self.calls: list[str] = []
        self._kill_after: int | None = None
        self._victim = 0
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self) -> None:
                proxy.forward(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward  # noqa: N815 - names of http.server

            def log_message(self, *args: Any) -> None:
                """Be silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.upstream.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def arm(self, victim: int, kill_after: int | None) -> None:
        """Kill process `victim` when `kill_after` answers came from now on (1: the first). None: let it live."""
        with self._lock:
            self.calls.clear()
            self._victim, self._kill_after = victim, kill_after

    def forward(self, handler: BaseHTTPRequestHandler) -> None:
        size = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(size)
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in _HOP}
        answer = self.upstream.request(handler.command, handler.path, content=body, headers=headers)
        with self._lock:
            self.calls.append(f"{handler.command} {handler.path}")
            if self._kill_after is not None and len(self.calls) == self._kill_after:
                os.kill(self._victim, signal.SIGKILL)
                handler.close_connection = True
                with contextlib.suppress(OSError):
                    handler.connection.shutdown(socket.SHUT_RDWR)
                return
        handler.send_response_only(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower() not in _HOP:
                handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(answer.content)))
        handler.end_headers()
        handler.wfile.write(answer.content)


def run_killed_everywhere(
    proxy: KillingProxy, start: Callable[[], Any], *, prepare: Callable[[int], None], check: Callable[[int], None]
) -> int:
    """Run a task once per call that it makes, killed after that call, then once more to its end: a retry.

    :param start: starts a process that runs the task; it answers the process.
    :param prepare: makes the world anew for round n.
    :param check: asserts what round n left behind.
    :returns: at how many places it was killed.
    """
    place = 0
    while True:
        place += 1
        prepare(place)
        first = start()
        proxy.arm(first.pid, place)
        first.release()
        first.join(60)
        was_killed = first.exitcode == -signal.SIGKILL
        if not was_killed:
            assert first.exitcode == 0, f"the task failed by itself: {first.exitcode}, calls {proxy.calls}"
            check(place)
            return place - 1
        retry = start()
        proxy.arm(retry.pid, None)
        retry.release()
        retry.join(60)
        assert retry.exitcode == 0, f"the retry after a kill at {place} failed: calls {proxy.calls}"
        check(place)
