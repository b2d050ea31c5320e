"""Upload sessions: bytes on their way to a version."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Controller, Request, Response, delete, get, patch, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from registry_service.db.paging import PageRequest
from registry_service.db.queries import uploads as queries
from registry_service.db.view import View
from registry_service.domain.entities import Page, Upload, UploadFile, UploadPart, UploadParts
from registry_service.domain.errors import SizeMismatch, Unavailable
from registry_service.domain.manifest import check_digest
from registry_service.domain.permissions import Action
from registry_service.domain.requests import StartUpload
from registry_service.failpoints import reach
from registry_service.services import uploads as use_cases
from registry_service.storage.base import ArtifactStore, PresignedParts
from registry_service.web.answers import Encoded, encoded, written
from registry_service.web.caller import Caller
from registry_service.web.errors import HttpRefusal
from registry_service.web.limits import MANIFEST_BODY
from registry_service.web.requests import offset_of


class Uploads(Controller):
    path = "/uploads"
    tags = ("uploads",)

    @get(action=Action.VERSION_REGISTER)
    async def list_uploads(
        self, caller: NamedDependency[Caller], page: NamedDependency[PageRequest]
    ) -> Encoded[Page[Upload]]:
        """The caller's own open sessions, the newest first."""
        return await caller.list(queries.list_uploads, page)

    @post(action=Action.VERSION_REGISTER, request_max_body_size=MANIFEST_BODY)
    async def start_upload(self, caller: NamedDependency[Caller], data: JSONBody[StartUpload]) -> Encoded[Upload]:
        """Announce the files of a version to come; the answer says which bytes are still to be sent. With `resume`,
        where a session that announced the same files is still open, the answer is that one. One caller has at most 100
        open sessions: one more is refused with status 429 (`too_many_uploads`) until some were finished or aborted."""
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
    ) -> Encoded[UploadFile]:
        """Send the bytes of one file, whose digest and size were announced. Nothing is kept of what doesn't match."""

        store: ArtifactStore = state.store
        check_digest(digest)
        file, damaged = await caller.registry.view(caller.actor, _awaited, upload, digest)
        if not file.received:
            _check_length(request, file.size)
            await store.receive(upload, _chunks(request), expected=digest, size=file.size)
            reach("upload.received")
        # Sent again it does no harm, and its body is gone: so no Idempotency-Key.
        noted = caller.registry.write(caller.actor, use_cases.file_received, None, upload, digest, seen_damaged=damaged)
        return written(await noted)

    @get("/{upload:str}/files/{digest:str}", action=Action.VERSION_REGISTER)
    async def get_upload_file(
        self, caller: NamedDependency[Caller], state: State, upload: FromPath[str], digest: FromPath[str]
    ) -> Encoded[UploadFile]:
        """How much of a file is here: where to go on with sending it."""

        store: ArtifactStore = state.store
        check_digest(digest)
        file, _ = await caller.registry.view(caller.actor, _awaited, upload, digest)
        if not file.received:
            file = msgspec.structs.replace(file, kept=await store.kept(upload, digest, file.size))
        return encoded(file)

    @patch(
        "/{upload:str}/files/{digest:str}",
        action=Action.VERSION_REGISTER,
        request_max_body_size=None,
    )
    async def continue_upload_file(
        self,
        caller: NamedDependency[Caller],
        request: Request[Any, Any, Any],
        state: State,
        upload: FromPath[str],
        digest: FromPath[str],
    ) -> Encoded[UploadFile]:
        """Send bytes of a file from `Upload-Offset` on, as many as one likes. What came before the request broke off is
        kept; where to go on then, GET tells. The last bytes make the file whole, and it is verified."""

        store: ArtifactStore = state.store
        check_digest(digest)
        file, damaged = await caller.registry.view(caller.actor, _awaited, upload, digest)
        if file.received:
            return encoded(file)
        offset = offset_of(request)
        _check_room(request, offset, file.size)
        kept = await store.append(upload, digest, offset, _chunks(request), size=file.size)
        # Sent again it is refused by its offset, and its body is gone: so no Idempotency-Key.
        noted = caller.registry.write(
            caller.actor, use_cases.file_continued, None, upload, digest, kept, seen_damaged=damaged
        )
        answer = written(await noted)
        if kept == file.size:
            await _settle(store, upload, digest)
        return answer

    @post("/{upload:str}/files/{digest:str}/parts", action=Action.VERSION_REGISTER, status_code=HTTPStatus.OK)
    async def sign_upload_parts(
        self, caller: NamedDependency[Caller], state: State, upload: FromPath[str], digest: FromPath[str]
    ) -> Encoded[UploadParts]:
        """Where to send the parts of a file that haven't arrived, straight to the store; `part_size` is null where
        the bytes go through the service. Asked again, it tells what is missing then, by new URLs."""

        store: ArtifactStore = state.store
        check_digest(digest)
        # The answer grants access for a time: it is never stored, so no Idempotency-Key.
        await caller.registry.write(caller.actor, use_cases.keep_open, None, upload, digest)
        file, _ = await caller.registry.view(caller.actor, _awaited, upload, digest)
        parts = None if file.received else await store.presigned_parts(upload, digest, file.size)
        answer = encoded(_parts(file, parts))
        answer.headers["cache-control"] = "no-store"
        return answer

    @post("/{upload:str}/files/{digest:str}/complete", action=Action.VERSION_REGISTER, status_code=HTTPStatus.OK)
    async def complete_upload_file(
        self, caller: NamedDependency[Caller], state: State, upload: FromPath[str], digest: FromPath[str]
    ) -> Encoded[UploadFile]:
        """All parts of a file have arrived in the store: it is read back and verified, which takes its time. Nothing
        is kept of what isn't what was announced."""

        store: ArtifactStore = state.store
        check_digest(digest)
        file, damaged = await caller.registry.view(caller.actor, _awaited, upload, digest)
        if not file.received:
            await store.complete(upload, digest, file.size)
            reach("upload.received")
        # Asked again it does no harm, so no Idempotency-Key.
        noted = caller.registry.write(
            caller.actor, use_cases.file_continued, None, upload, digest, file.size, seen_damaged=damaged
        )
        answer = written(await noted)
        await _settle(store, upload, digest)
        return answer

    @delete("/{upload:str}", action=Action.VERSION_REGISTER)
    async def abort_upload(
        self, caller: NamedDependency[Caller], state: State, upload: FromPath[str]
    ) -> Response[None]:
        """End a session without a version."""

        store: ArtifactStore = state.store
        answer = await caller.erase(use_cases.abort_upload, upload)
        await store.discard(upload)
        return answer


def _awaited(view: View, upload: str, digest: str) -> tuple[UploadFile, datetime | None]:
    """The file, and since when what the store had of it is known to be damaged."""
    row = queries.awaited_file(view, upload, digest)
    return queries.describe_file(row, 0), row.damaged_at


async def _settle(store: ArtifactStore, upload: str, digest: str) -> None:
    """The row stands, and says that the file is whole. What can't be removed now is a leftover of the upload, which
    goes with it."""

    reach("piece.before_settle")
    with contextlib.suppress(Unavailable):
        await store.settle(upload, digest)


def _parts(file: UploadFile, parts: PresignedParts | None) -> UploadParts:
    return UploadParts(
        upload=file.upload,
        digest=file.digest,
        size=file.size,
        kept=parts.kept if parts is not None else file.kept,
        received=file.received,
        part_size=parts.part_size if parts is not None else None,
        missing=[
            UploadPart(number=part.number, offset=part.offset, size=part.size, url=part.url)
            for part in (parts.missing if parts is not None else ())
        ],
        expires_at=parts.expires_at if parts is not None else None,
    )


def _content_length(request: Request[Any, Any, Any]) -> int:
    """:raises HttpRefusal: it isn't said."""

    length = request.content_length
    if length is None:
        raise HttpRefusal(HTTPStatus.LENGTH_REQUIRED, "Say with Content-Length how many bytes come.")
    return length


def _check_room(request: Request[Any, Any, Any], offset: int, size: int) -> None:
    """:raises SizeMismatch: more is to come than the file has; said before the bytes are sent in vain."""

    length = _content_length(request)
    if offset + length > size:
        raise SizeMismatch(
            f"{length} bytes from {offset} on are more than the announced {size}. Announce the true size.",
            expected=size,
            actual=offset + length,
        )


def _check_length(request: Request[Any, Any, Any], size: int) -> None:
    """:raises SizeMismatch: the length isn't the announced one; said before the bytes are sent in vain."""

    length = _content_length(request)
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
