"""The floor of reads, to be run by `_servers.litestar_from_memory`: Litestar on the registry's own server setup.

    python benchmarks/_floor_litestar.py PORT FILE

GET answers the bytes of FILE from memory, or 304 to whoever sends If-None-Match. POST reads what it gets, and answers
the same bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import uvloop
from litestar import Litestar, MediaType, Request, Response, get, post

from registry_service.settings import Settings
from registry_service.web.server import build_server, listen

PORT, BODY = int(sys.argv[1]), Path(sys.argv[2]).read_bytes()


@get(["/", "/{rest:path}"])
async def answer(request: Request[Any, Any, Any]) -> Response[bytes]:
    if "if-none-match" in request.headers:
        return Response(b"", status_code=304, headers={"etag": '"1"'})
    return Response(BODY, media_type=MediaType.JSON, headers={"etag": '"1"'})


@post(["/", "/{rest:path}"])
async def take(request: Request[Any, Any, Any]) -> Response[bytes]:
    await request.body()
    return Response(BODY, media_type=MediaType.JSON, status_code=201)


async def main() -> None:
    home = Path(sys.argv[2]).parent
    settings = Settings(home=home, database_url="", artifacts=home, port=PORT)
    app = Litestar([answer, take], openapi_config=None, logging_config=None)
    with listen(settings.host, settings.port) as listening:
        await build_server(app, settings, ending=lambda: None).serve(sockets=[listening])


if __name__ == "__main__":
    uvloop.run(main())
