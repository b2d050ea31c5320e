"""Bugs to be found: each stands before the real service and does one thing wrong."""

from __future__ import annotations

import asyncio
import pickle
import re
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote

App = Callable[[Any, Any, Any], Any]


async def _answer(send: Any, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    given = [(b"content-length", str(len(body)).encode()), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": given})
    await send({"type": "http.response.body", "body": body})


def _header(scope: Any, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key == name), b"")


def _then(before: Callable[[Any, Any], Any]) -> Callable[[App], App]:
    """A bug that happens before the service answers; it answers itself where it returns True."""

    def wrap(app: App) -> App:
        async def planted(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or not await before(scope, send):
                await app(scope, receive, send)

        planted.__dict__.update(vars(app) if hasattr(app, "__dict__") else {})
        return planted

    return wrap


async def _open_route(scope: Any, send: Any) -> bool:
    if scope["path"] == "/api/v1/principals" and scope["method"] == "GET":
        await _answer(send, 200, b'{"items":[]}')
        return True
    return False


async def _joined_path(scope: Any, send: Any) -> bool:
    found = re.fullmatch(r"/api/v1/models/m/versions/latest/files/(.+)", unquote(scope["path"]))
    if found is None or "\0" in found[1]:
        return False
    try:
        body = await asyncio.to_thread((Path(PLACE[0]) / "artifacts" / found[1]).read_bytes)
    except OSError:
        return False
    await _answer(send, 200, body)
    return True


async def _echo(scope: Any, send: Any) -> bool:
    if not _header(scope, b"content-type").startswith(b"text/"):
        return False
    await _answer(send, 415, b"no " + _header(scope, b"user-agent"))
    return True


async def _fails(scope: Any, send: Any) -> bool:
    if "limit=-1" in scope["query_string"].decode():
        await _answer(send, 500, b"{}")
        return True
    return False


async def _fetches(scope: Any, send: Any) -> bool:
    found = re.search(r"url=(http://127\S+)", unquote(scope["query_string"].decode()))
    if found is not None:
        await asyncio.to_thread(urllib.request.urlopen, found[1])
    return False


async def _unpickles(scope: Any, send: Any) -> bool:
    if scope["path"] == "/_proxy":
        pickle.loads(pickle.dumps(Path.cwd))
    return False


async def _writes(scope: Any, send: Any) -> bool:
    if scope["method"] == "PUT":
        (Path(PLACE[0]).parent / "outside" / "planted").write_bytes(b"x")
    return False


PLACE: Final = [""]
"""The home of the service that a bug stands before."""

PLANTS: Final[Mapping[str, tuple[Callable[[App], App], str, str]]] = MappingProxyType(
    {
        "a route without permission": (_then(_open_route), "N01", "answered 200, not 401"),
        "a path joined to disk": (_then(_joined_path), "P01-download", "a file from beside"),
        "an answer that echoes a header": (_then(_echo), "B09", "'echo-7f3a' in the answer|without a problem"),
        "a number that makes it fail": (_then(_fails), "D04", "500"),
        "an address that is fetched": (_then(_fetches), "S07", "socket.connect|called an address|500|no answer"),
        "an object that is unpickled": (_then(_unpickles), "S07", "pickle.find_class"),
        "bytes written beside the directory": (_then(_writes), "P08", "open .*outside/planted"),
    }
)
"""What is wrong, the case that finds it, and what the driver then says."""
