"""The HTTP server: uvicorn in this process, with bounds on what comes before a request is whole."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Generator
from http import HTTPStatus
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from registry_service.domain.errors import InvalidInput
from registry_service.settings import Settings
from registry_service.web.asgi import CONNECTION, ASGIApp
from registry_service.web.errors import HttpRefusal, refused
from registry_service.web.limits import HEAD_SECONDS, MAX_HEAD_BYTES

SHUTDOWN_SECONDS = 5


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which by itself would gather a head of any size for ever: here a head has a size and a
    time. A target in absolute form is for proxies, and refused. What is no request is refused in its turn only: behind
    one that isn't answered yet it ends the connection, and the refusal is not taken for the answer to that one."""

    head_seconds = HEAD_SECONDS

    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None
    _in_head = True
    _answering: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
            # What came with this piece may be the body already, so a whole piece more is let through.
            if self._head_bytes > MAX_HEAD_BYTES + len(data):
                self._refuse("The head of the request is too large.")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if not self._in_head:
            self._await_head()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        self._stop_timer()
        if not self.url.startswith(b"/"):
            self._refuse("The target of the request is no path.")
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self.transport.is_closing():
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        answering = self._answering
        if answering is None or answering.response_complete or self._is_about(answering):
            self._answer_no_request(msg)
        else:
            answering.disconnected = True
            self.transport.close()

    def _answer_no_request(self, message: str) -> None:
        """As any other refusal: what isn't even a request gets a problem document."""

        request_id = secrets.token_hex(8)
        answer = refused(HttpRefusal(HTTPStatus.BAD_REQUEST, message), request_id)
        headers = {
            **answer.headers,
            "content-length": str(len(answer.body)),
            "x-content-type-options": "nosniff",
            "x-request-id": request_id,
            "connection": "close",
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.transport.write(f"HTTP/1.1 400 Bad Request\r\n{lines}\r\n".encode() + answer.body)
        self.transport.close()

    def _is_about(self, answering: RequestResponseCycle) -> bool:
        """Whether the wrong bytes are in the body of the request whose answer is due."""
        return answering is self.cycle and answering.more_body and not answering.response_started

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # noqa: ANN401 - as in uvicorn
        self._answering = cycle
        cycle.scope["extensions"] = {CONNECTION: self.transport}  # type: ignore[dict-item]  # no protocol's, but our own
        super()._start_asgi_task(cycle, app)

    def _await_head(self) -> None:
        self._in_head = True
        self._stop_timer()
        self._head_timer = self.loop.call_later(self.head_seconds, self.transport.close)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, message: str) -> None:
        if not self.transport.is_closing():
            self.send_400_response(message)


class Server(uvicorn.Server):
    """uvicorn's server, which ends by returning: by itself it raises the signal again, and a SIGTERM would end the
    process before the database is closed. `ending` is called before it waits for requests that are still answered."""

    def __init__(self, config: uvicorn.Config, *, ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._ending = ending

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._ending()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        handled = (signal.SIGINT, signal.SIGTERM)
        for number in handled:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in handled:
                loop.remove_signal_handler(number)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0: one that the system picks.

    :raises InvalidInput: the address can't be used.
    """

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise InvalidInput(
            f"Can't listen on {host}:{port}: {error.strerror or error}. Stop what uses it, or set another one with"
            " MODEL_REGISTRY_HOST and MODEL_REGISTRY_PORT."
        ) from error


def build_server(
    app: ASGIApp, settings: Settings, *, ending: Callable[[], None], head_seconds: float = HEAD_SECONDS
) -> Server:
    """A server of `app`, which starts and stops it by nobody's protocol: its resources are opened around it.

    :param ending: called when the server is told to exit, to end requests that wait for something to happen.
    """

    proxy: dict[str, Any] = {"proxy_headers": bool(settings.behind_proxy)}
    if settings.behind_proxy:
        proxy["forwarded_allow_ips"] = list(settings.behind_proxy)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=type("Protocol", (BoundedProtocol,), {"head_seconds": head_seconds}),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=settings.max_connections,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        **proxy,
    )
    return Server(config, ending=ending)
