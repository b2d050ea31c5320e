from __future__ import annotations

from dataclasses import replace

from registry_service.client.calls.call import Call, Content, read, write
from registry_service.domain.entities import Upload
from registry_service.domain.requests import StartUpload


def start_upload(body: StartUpload, *, idempotency_key: str | None = None) -> Call[Upload]:
    """Announce files; the answer says which of them are still to be sent."""
    return write("POST", Upload, "uploads", body=body, key=idempotency_key)


def get_upload(upload: str) -> Call[Upload]:
    return read(Upload, "uploads", upload)


def send_upload_file(upload: str, digest: str, content: Content, *, idempotency_key: str | None = None) -> Call[Upload]:
    """Send the bytes of one announced digest."""
    call = write("PUT", Upload, "uploads", upload, "files", digest, key=idempotency_key)
    return replace(call, content=content)


def abort_upload(upload: str, *, idempotency_key: str | None = None) -> Call[None]:
    return write("DELETE", type(None), "uploads", upload, key=idempotency_key)
