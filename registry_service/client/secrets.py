"""Files that hold a secret."""

from __future__ import annotations

import os
from pathlib import Path

from registry_service.client.errors import NotConfigured


def write_secret(file: Path, content: bytes) -> None:
    """Write a file that only its owner can read, from its first moment on (0600). A reader sees the old file or the new
    one, never a part."""

    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def read_token(file: Path) -> str:
    """:raises NotConfigured: it can't be read."""
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NotConfigured(f"The token file {file} can't be read ({error}).") from error
