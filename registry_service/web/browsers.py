"""What a browser that opens a page is told apart by, and where it goes when nobody is logged in."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from litestar import Request

from registry_service.web.asgi import Scope, Send, single_headers

LOGIN_PATH: Final = "/login"
ASSETS_PATH: Final = "/static/"

# Addresses of programs: a browser that opens one gets what a program gets.
_FOR_PROGRAMS: Final = ("/api/", "/health/", "/metrics", "/openapi.json")
_OTHER_SITES: Final = frozenset({"cross-site", "same-site"})


def wants_page(method: str, path: str, headers: Mapping[str, str]) -> bool:
    """Whether this is a browser that opens an address, and not a program, or a script of a page, that asks for data."""

    if method not in {"GET", "HEAD"} or path.startswith(_FOR_PROGRAMS):
        return False
    return "text/html" in headers.get("accept", "")


def opens_page(request: Request[Any, Any, Any]) -> bool:
    """The same of a request that has come as far as its route."""
    return wants_page(request.method, request.scope["path"], request.headers)


async def send_to_login(scope: Scope, send: Send) -> None:
    """Lead a browser without a good session to the page where one logs in, and from there to where it wanted to go.

    A browser that comes by a link of another site (Airflow's pages, a mail) doesn't send its session, which no other
    site may use. It is told to open the same address once more, from here.
    """

    headers = single_headers(scope)
    # Two slashes at its start, and it would be the address of another host.
    wanted = "/" + scope["raw_path"].decode("latin-1").lstrip("/\\")
    if scope["query_string"]:
        wanted += "?" + scope["query_string"].decode("latin-1")
    if headers.get("sec-fetch-site") in _OTHER_SITES and headers.get("sec-fetch-mode") == "navigate":
        body = _AGAIN.format(address=escape(wanted, quote=True)).encode()
        await _answer(send, HTTPStatus.OK, body, {"content-type": "text/html; charset=utf-8"})
        return
    there = LOGIN_PATH if wanted == "/" else f"{LOGIN_PATH}?next={quote(wanted, safe='')}"
    await _answer(send, HTTPStatus.SEE_OTHER, b"", {"location": there})


_AGAIN: Final = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Model registry</title>'
    '<meta http-equiv="refresh" content="0; url={address}"><p><a href="{address}">Go on</a></p></html>'
)


async def _answer(send: Send, status: HTTPStatus, body: bytes, headers: Mapping[str, str]) -> None:
    fields = {**headers, "content-length": str(len(body)), "vary": "accept, cookie, sec-fetch-site"}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": False})
