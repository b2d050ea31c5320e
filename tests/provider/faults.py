"""A worker that is killed between any two calls.

`KillingProxy` stands between worker and service. The service gets every request and does what is asked; after the
n-th answer, and before the worker sees it, the worker is gone (`kill -9`). That is the moment at which work is done
and nobody knows.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import httpx

Scenario = Callable[..., None]
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host", "content-encoding"})


class KillingProxy:
    """Forwards to `url`; counts the answers to writes and reads alike.

    :param url: the service.
    :param forget: headers to take away, in lower case: what a worker that doesn't send them would leave behind.
    """

    def __init__(self, url: str, *, forget: frozenset[str] = frozenset()) -> None:
        self._dropped = _HOP | forget
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
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in self._dropped}
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


class Worker:
    """A process that runs one task, once it is released."""

    # Airflow takes seconds to import: it is imported once, and every worker is a fork of that process.
    _context = multiprocessing.get_context("forkserver")

    def __init__(self, scenario: Scenario, **arguments: str) -> None:
        self._context.set_forkserver_preload(["tests.provider.scenarios"])
        self._gate = self._context.Event()
        self._process = self._context.Process(target=_run, args=(self._gate, scenario, arguments), daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def finish(self, timeout: float = 60) -> int:
        """Let it run to its end; its exit code."""
        self._gate.set()
        self._process.join(timeout)
        assert self._process.exitcode is not None, "the worker hangs"
        return self._process.exitcode


def _run(gate: Any, scenario: Scenario, arguments: dict[str, str]) -> None:
    gate.wait()
    scenario(**arguments)


def kill_everywhere(
    proxy: KillingProxy, scenario: Scenario, prepare: Callable[[int], dict[str, str]], check: Callable[[int], None]
) -> int:
    """Run a task once per call that it makes, killed after that call is answered, then once more to its end: a retry.

    :param scenario: runs the task.
    :param prepare: makes the world of round n anew and answers the scenario's arguments.
    :param check: asserts what round n left behind.
    :returns: after how many calls it was killed.
    """
    for place in range(1, 100):
        arguments = prepare(place)
        first = Worker(scenario, **arguments)
        proxy.arm(first.pid, place)
        code = first.finish()
        if code == 0:
            check(place)
            return place - 1
        assert code == -signal.SIGKILL, f"the task failed by itself ({code}), after {proxy.calls}"
        killed_after = list(proxy.calls)
        retry = Worker(scenario, **arguments)
        proxy.arm(retry.pid, None)
        assert retry.finish() == 0, f"the retry failed. First try: {killed_after}; retry: {proxy.calls}"
        check(place)
    raise AssertionError("the task calls without end")
