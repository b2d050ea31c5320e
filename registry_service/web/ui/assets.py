"""Styles and scripts of the pages, from the package itself: read once, and kept by browsers until they change."""

from __future__ import annotations

import hashlib
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from litestar import Request, Response, get
from litestar.params import FromPath

from registry_service.web.authentication import PUBLIC
from registry_service.web.browsers import ASSETS_PATH
from registry_service.web.errors import HttpRefusal
from registry_service.web.ui.packing import PACKED, pack, takes_packed

_TYPES: Final = MappingProxyType(
    {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
)


class Asset(NamedTuple):
    body: bytes
    packed: bytes
    media_type: str


@cache
def all_assets() -> dict[str, Asset]:
    found = {}
    for file in files("registry_service.web.ui").joinpath("static").iterdir():
        ending = file.name.rpartition(".")[2]
        if ending in _TYPES:
            body = file.read_bytes()
            found[file.name] = Asset(body, pack(body), _TYPES[ending])
    return found


@cache
def edition() -> str:
    """Names all of them together: modules import each other by name, and must be of one edition."""

    digest = hashlib.sha256()
    for name, asset in sorted(all_assets().items()):
        digest.update(f"{name}\0{len(asset.body)}\0".encode() + asset.body)
    return digest.hexdigest()[:16]


def asset_url(name: str) -> str:
    """:raises KeyError: there is no such asset."""
    assert all_assets()[name]
    return f"{ASSETS_PATH}{edition()}/{name}"


@get(ASSETS_PATH + "{of_edition:str}/{name:str}", action=PUBLIC, for_browsers=True, include_in_schema=False)
async def asset(request: Request[Any, Any, Any], of_edition: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    found = all_assets().get(name)
    if found is None:
        raise HttpRefusal(HTTPStatus.NOT_FOUND, "There is nothing at this address.")
    # Of another edition there is only this one, which the browser must then not keep under that name.
    kept = "public, max-age=31536000, immutable" if of_edition == edition() else "no-store"
    packed = takes_packed(request.headers)
    return Response(
        found.packed if packed else found.body,
        media_type=found.media_type,
        headers={"cache-control": kept, "vary": "accept-encoding", **(PACKED if packed else {})},
    )
