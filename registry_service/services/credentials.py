"""Token files: an address and a token, for the client of the same user. Never readable by anybody else."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

import msgspec

from registry_service.domain.errors import StorageUnavailable
from registry_service.domain.strictness import UNDECODABLE


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    token: str

    def __repr__(self) -> str:
        return f"Credentials(url={self.url!r})"


def read_credentials(path: Path) -> Credentials | None:
    """What the file holds; None where it is missing or damaged, which is cured by writing it anew."""

    try:
        return msgspec.json.decode(path.read_bytes(), type=Credentials)
    except (OSError, *UNDECODABLE):
        return None


def write_credentials(path: Path, credentials: Credentials) -> None:
    """Put the file in place whole, with mode 0600, in a directory of mode 0700.

    :raises StorageUnavailable: it can't be written.
    """

    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(credentials) + b"\n")
            draft.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StorageUnavailable(
            f"Can't write the token file {path}: {error.strerror}. Make its directory writable for this user."
        ) from error
