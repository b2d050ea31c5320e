"""A real HTTP server on loopback that breaks off downloads, as a network does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx

Handler = Callable[[httpx.Request], httpx.Response]


@contextmanager
def serving(handler: Handler, cuts: Iterator[int]) -> Iterator[str]:
    """`cuts` are the bytes after which each download ends; when they are used up, downloads come whole."""

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            response = handler(
                httpx.Request(
                    self.command, f"http://registry.test{self.path}", headers=dict(self.headers), content=body
                )
            )
            self.send_response(response.status_code)
            for name, value in response.headers.items():
                if name != "content-length":
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(response.content)))
            self.end_headers()
            cut = next(cuts, None) if self.headers["Accept"] == "application/octet-stream" else None
            self.wfile.write(response.content[:cut])
            self.close_connection = cut is not None

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the names that http.server looks for

        def log_message(self, *args: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
