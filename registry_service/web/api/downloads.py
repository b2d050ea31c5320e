"""The bytes of a version's files, and of what is attached to its checks, with ranges."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import quote

from litestar import HttpMethod, Request, Response, route
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream

from registry_service.db.queries.checks import get_attachment
from registry_service.db.queries.versions import get_file
from registry_service.domain.entities import Attachment, ManifestFile
from registry_service.domain.permissions import Action
from registry_service.services.revoking import examine_file
from registry_service.storage.base import ArtifactStore
from registry_service.web.answers import none_match
from registry_service.web.caller import Caller
from registry_service.web.ranges import ByteRange, parse_range

MEDIA_TYPE: Final = "application/octet-stream"

Reason = Annotated[
    str | None,
    QueryParameter(
        description="Why bytes of a revoked version are taken, which is for admins; the log keeps it.", max_length=4096
    ),
]

# Whatever a file is, no browser shows or runs it in the service's name.
_INERT: Final = {"content-security-policy": "sandbox; default-src 'none'", "cache-control": "private, no-cache"}


@route(
    "/models/{model:str}/versions/{selector:str}/files/{path:path}",
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    action=Action.VERSION_DOWNLOAD,
    media_type=MEDIA_TYPE,
    tags=["versions"],
)
async def download_file(
    caller: NamedDependency[Caller],
    request: Request[Any, Any, Any],
    state: State,
    model: FromPath[str],
    selector: FromPath[str],
    path: FromPath[str],
    reason: FromQuery[Reason] = None,
) -> Response[Any]:
    """A file's bytes, or one range of them. The ETag is its digest, `X-Model-Version` the version's number. Where
    clients may go to the store themselves, the answer is 307 with an address that holds for a few minutes. Bytes of a
    revoked version are for admins who give a `reason`."""

    store: ArtifactStore = state.store
    named = path.removeprefix("/")
    if reason is None:
        number, file = await caller.registry.view(caller.actor, get_file, model, selector, named)
    else:
        number, file = await _examined(caller, model, selector, named, reason)
    headers = {"x-model-version": str(number), **_headers(file.digest, _name(file.path))}
    if _is_there(request, file.digest):
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, media_type=MEDIA_TYPE, headers=headers)
    if request.method == HttpMethod.GET:
        url = await store.presigned_download(file.digest, filename=_name(file.path))
        if url is not None:
            return _elsewhere(url, number)
    return await _bytes(request, store, file, headers)


@route(
    "/models/{model:str}/versions/{selector:str}/checks/{check:str}/attachments/{name:str}",
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    action=Action.VERSION_READ,
    media_type=MEDIA_TYPE,
    tags=["checks"],
)
async def download_attachment(
    caller: NamedDependency[Caller],
    request: Request[Any, Any, Any],
    state: State,
    model: FromPath[str],
    selector: FromPath[str],
    check: FromPath[str],
    name: FromPath[str],
) -> Response[Any]:
    """The bytes of what is attached to a check, or one range of them, always as a download of no type. The ETag is
    their digest."""

    found = await caller.registry.view(caller.actor, get_attachment, model, selector, check, name)
    return await send_attachment(request, state.store, found)


async def send_attachment(
    request: Request[Any, Any, Any], store: ArtifactStore, file: Attachment, *, media_type: str = MEDIA_TYPE
) -> Response[Any]:
    """Never by way of the store, which would not say of a page or a drawing that it is inert."""

    headers = _headers(file.digest, file.name)
    if _is_there(request, file.digest):
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, media_type=media_type, headers=headers)
    return await _bytes(request, store, file, headers, media_type)


def _headers(digest: str, name: str) -> dict[str, str]:
    return {
        **_INERT,
        "etag": f'"{digest}"',
        "accept-ranges": "bytes",
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
    }


def _is_there(request: Request[Any, Any, Any], digest: str) -> bool:
    """Whether the caller has the bytes already."""
    return none_match(request.headers.get("if-none-match", ""), f'"{digest}"')


async def _bytes(
    request: Request[Any, Any, Any],
    store: ArtifactStore,
    file: Attachment | ManifestFile,
    headers: dict[str, str],
    media_type: str = MEDIA_TYPE,
) -> Response[Any]:
    """What is asked for of bytes in the store."""

    digest, size = file.digest, file.size
    wanted = _wanted(request, f'"{digest}"', size)
    piece = wanted or ByteRange(0, size)
    status = HTTPStatus.PARTIAL_CONTENT if wanted else HTTPStatus.OK
    headers["content-length"] = str(piece.stop - piece.start)
    if wanted:
        headers["content-range"] = f"bytes {piece.start}-{piece.stop - 1}/{size}"
    if request.method == HttpMethod.HEAD:
        return Response(b"", status_code=status, media_type=media_type, headers=headers)
    chunks = await store.open_range(digest, piece.start, piece.stop)
    return Stream(chunks, status_code=status, media_type=media_type, headers=headers)


async def _examined(caller: Caller, model: str, selector: str, path: str, reason: str) -> tuple[int, ManifestFile]:
    answered = await caller.registry.write(caller.actor, examine_file, None, model, selector, path, reason)
    assert answered.result is not None, "without a key no answer is repeated"
    return answered.result.number, answered.result.file


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _elsewhere(url: str, number: int) -> Response[Any]:
    """The store itself answers, also to Range. The URL is worth as much as the bytes: nobody on the way keeps it."""
    headers = {
        **_INERT,
        "location": url,
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-model-version": str(number),
    }
    return Response(b"", status_code=HTTPStatus.TEMPORARY_REDIRECT, media_type=MEDIA_TYPE, headers=headers)


def _wanted(request: Request[Any, Any, Any], etag: str, size: int) -> ByteRange | None:
    """The range asked for, unless If-Range says that it was meant of other bytes.

    :raises InvalidRange: it is past the end.
    """

    header, of = request.headers.get("range"), request.headers.get("if-range", etag)
    return parse_range(header, size) if header is not None and of == etag else None
