"""Upload sessions: bytes on their way to a version."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from litestar import Controller, Request, Response, delete, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from registry_service.db.queries import uploads as queries
from registry_service.db.view import View
from registry_service.domain.entities import Upload
from registry_service.domain.errors import SizeMismatch
from registry_service.domain.manifest import check_digest
from registry_service.domain.permissions import Action
from registry_service.domain.requests import StartUpload
from registry_service.failpoints import reach
from registry_service.services import uploads as use_cases
from registry_service.storage.base import ArtifactStore
from registry_service.web.answers import Encoded, written
from registry_service.web.caller import Caller
from registry_service.web.errors import HttpRefusal
from registry_service.web.limits import MANIFEST_BODY


class Uploads(Controller):
    path = "/uploads"
    tags = ("uploads",)

    @post(action=Action.VERSION_REGISTER, request_max_body_size=MANIFEST_BODY)
    async def start_upload(self, caller: NamedDependency[Caller], data: JSONBody[StartUpload]) -> Encoded[Upload]:
        """Announce the files of a version to come; the answer says which bytes are still to be sent."""
        return await caller.make(use_cases.start_upload, data)

    @get("/{upload:str}", action=Action.VERSION_REGISTER)
    async def get_upload(self, caller: NamedDependency[Caller], upload: FromPath[str]) -> Encoded[Upload]:
        """A session of the caller's own."""
        return await caller.list(queries.get_upload, upload)

    @put(
        "/{upload:str}/files/{digest:str}",
        action=Action.VERSION_REGISTER,
        request_max_body_size=None,
    )
    async def send_upload_file(
        self,
        caller: NamedDependency[Caller],
        request: Request[Any, Any, Any],
        state: State,
        upload: FromPath[str],
        digest: FromPath[str],
    ) -> Encoded[Upload]:
        """Send the bytes of one file, whose digest and size were announced. Nothing is kept of what doesn't match."""

        store: ArtifactStore = state.store
        check_digest(digest)
        size = await caller.registry.view(caller.actor, _size_awaited, upload, digest)
        if size is not None:
            _check_length(request, size)
            await store.receive(upload, _chunks(request), expected=digest, size=size)
            reach("upload.received")
        # Sent again it does no harm, and its body is gone: so no Idempotency-Key.
        return written(await caller.registry.write(caller.actor, use_cases.file_received, None, upload, digest))

    @delete("/{upload:str}", action=Action.VERSION_REGISTER)
    async def abort_upload(self, caller: NamedDependency[Caller], upload: FromPath[str]) -> Response[None]:
        """End a session without a version."""
        return await caller.erase(use_cases.abort_upload, upload)


def _size_awaited(view: View, upload: str, digest: str) -> int | None:
    """The announced size of bytes still to come; None where they are here."""
    file = queries.awaited_file(view, upload, digest)
    return file.size if file.received_at is None else None


def _check_length(request: Request[Any, Any, Any], size: int) -> None:
    """:raises SizeMismatch: the length isn't the announced one; said before the bytes are sent in vain."""

    length = request.content_length
    if length is None:
        raise HttpRefusal(HTTPStatus.LENGTH_REQUIRED, "Say with Content-Length how many bytes come.")
    if length != size:
        raise SizeMismatch(
            f"Content-Length is {length}, and {size} bytes were announced. Announce the true size.",
            expected=size,
            actual=length,
        )


async def _chunks(request: Request[Any, Any, Any]) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        if chunk:
            yield chunk
