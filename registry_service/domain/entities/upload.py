"""Bytes on their way into a registration."""

from __future__ import annotations

from datetime import datetime

from registry_service.domain.entities.answer import Answer


class Upload(Answer, frozen=True, kw_only=True):
    """An upload session: bytes on their way to one registration. `missing` are the digests still to be sent; what
    the caller may read already is not asked for again. The session pins its bytes until it ends or expires. `more`: in
    a list, there are others than these, which the session by itself answers with."""

    id: str
    model_name: str
    missing: list[str]
    created_at: datetime
    expires_at: datetime
    more: bool = False


class UploadFile(Answer, frozen=True, kw_only=True):
    """A file of an upload session. `kept` is how many of its `size` bytes are here, from the first on: where to go on
    with sending. `received`: all of them, verified."""

    upload: str
    digest: str
    size: int
    kept: int
    received: bool


class UploadPart(Answer, frozen=True, kw_only=True):
    """Part `number` has `size` bytes of the file from `offset` on: PUT them to the URL, without any header of the
    registry's. Who has the URL needs no token."""

    number: int
    offset: int
    size: int
    url: str

    def __repr__(self) -> str:
        """Without the URL: answers end up in logs and tracebacks."""
        return f"UploadPart(number={self.number}, offset={self.offset}, size={self.size})"


class UploadParts(Answer, frozen=True, kw_only=True):
    """Where the bytes of a file go, straight to the store. `part_size` is None where they go through the service.
    `kept` of `size` bytes have arrived; `missing` are some of the parts that haven't, by URLs that hold until
    `expires_at`. Once none is missing, the file is to be completed. `received`: it was."""

    upload: str
    digest: str
    size: int
    kept: int
    received: bool
    part_size: int | None
    missing: list[UploadPart]
    expires_at: datetime | None
