"""The floor of streams, to be run by `streams.py`: sockets and nothing else.

    python benchmarks/_floor_streams.py PORT FILE

Whoever sends GET listens; whoever sends POST has the bytes of FILE written to all who listen, and is answered.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import uvloop

PORT, FRAME = int(sys.argv[1]), Path(sys.argv[2]).read_bytes()
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
CHUNK = b"%x\r\n%b\r\n" % (len(FRAME), FRAME)
HELLO = b"7\r\n: hello\r\n"
DONE = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"

listening: set[asyncio.Transport] = set()


class Socket(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # uvloop has its own class

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"POST "):
            for transport in listening:
                transport.write(CHUNK)
            self._transport.write(DONE)
        elif b"/events/stream" in data:
            listening.add(self._transport)
            self._transport.write(HEAD + HELLO)
        else:
            self._transport.write(DONE)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        listening.discard(self._transport)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Socket, "127.0.0.1", PORT)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
