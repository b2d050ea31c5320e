"""A line to a server that breaks: a relay of TCP connections on loopback."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PIECE = 64 * 1024


@contextmanager
def broken_line(port: int, cuts: Iterator[int]) -> Iterator[int]:
    """The port of a relay to `port`. Each connection that sends more than a megabyte is cut after so many bytes as the
    next of `cuts` says; when these are used up, lines hold."""

    listening = socket.create_server(("127.0.0.1", 0))
    lock = threading.Lock()

    def relay(near: socket.socket) -> None:
        with near, socket.create_connection(("127.0.0.1", port)) as far:
            back = threading.Thread(target=pump, args=(far, near), daemon=True)
            back.start()
            sent, cut = 0, None
            with contextlib.suppress(OSError):
                while piece := near.recv(PIECE):
                    if cut is None and sent > 1_000_000:
                        with lock:
                            cut = next(cuts, 1 << 60)
                    if cut is not None and sent >= cut:
                        break
                    far.sendall(piece)
                    sent += len(piece)
            for end in (near, far):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            back.join(10)

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE):
                target.sendall(piece)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listening.accept()
                threading.Thread(target=relay, args=(near,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(10)
