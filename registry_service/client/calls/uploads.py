from __future__ import annotations

from dataclasses import replace
from typing import Unpack

from registry_service.client.calls.call import Call, Content, Paging, RetryRule, read, write
from registry_service.domain.entities import Page, Upload, UploadFile, UploadParts
from registry_service.domain.requests import StartUpload

VERIFIED_PER_SECOND = 50e6


def list_uploads(**paging: Unpack[Paging]) -> Call[Page[Upload]]:
    """One's own open sessions."""
    return read(Page[Upload], "uploads", **paging)


def start_upload(body: StartUpload, *, idempotency_key: str | None = None) -> Call[Upload]:
    """Announce files; the answer says which of them are still to be sent."""
    return write("POST", Upload, "uploads", body=body, key=idempotency_key)


def get_upload(upload: str) -> Call[Upload]:
    return read(Upload, "uploads", upload)


def send_upload_file(
    upload: str, digest: str, content: Content, *, idempotency_key: str | None = None
) -> Call[UploadFile]:
    """Send the bytes of one announced digest."""
    call = write("PUT", UploadFile, "uploads", upload, "files", digest, key=idempotency_key)
    return replace(call, content=content)


def get_upload_file(upload: str, digest: str) -> Call[UploadFile]:
    """How much of a file is kept."""
    return read(UploadFile, "uploads", upload, "files", digest)


def continue_upload_file(upload: str, digest: str, content: Content, *, offset: int) -> Call[UploadFile]:
    """Send the next bytes of a file. It is never repeated blindly: what came of it decides where to go on."""
    call = write("PATCH", UploadFile, "uploads", upload, "files", digest, retry=RetryRule.IF_REFUSED)
    # Bytes of an earlier process are read once more before they are verified.
    return replace(call, content=content, offset=offset, patience=offset / VERIFIED_PER_SECOND)


def sign_upload_parts(upload: str, digest: str) -> Call[UploadParts]:
    """Where to send the missing parts of a file, straight to the store."""
    return write("POST", UploadParts, "uploads", upload, "files", digest, "parts")


def complete_upload_file(upload: str, digest: str, *, size: int) -> Call[UploadFile]:
    """All parts of a file, which has `size` bytes, are in the store: have them verified."""
    call = write("POST", UploadFile, "uploads", upload, "files", digest, "complete")
    return replace(call, patience=size / VERIFIED_PER_SECOND)


def abort_upload(upload: str, *, idempotency_key: str | None = None) -> Call[None]:
    return write("DELETE", type(None), "uploads", upload, key=idempotency_key)
