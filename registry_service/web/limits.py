"""How large a request may be. One table for the guard, which refuses before anything is read, and for the routes."""

from __future__ import annotations

import re
from typing import Final

MAX_HEADERS: Final = 64
MAX_HEAD_BYTES: Final = 32 * 1024
MAX_URL_BYTES: Final = 16 * 1024

JSON_BODY: Final = 1024 * 1024
"""Bytes of a body of JSON."""

MANIFEST_BODY: Final = 32 * 1024 * 1024
"""Bytes of a body that names all files of a version: 100,000 of them with long paths."""

HEAD_SECONDS: Final = 20.0
"""How long a request's head may take to arrive, and a connection may stay without a first request."""

BODY_SECONDS: Final = 60.0
"""How long a body may pause."""

SLOWEST_BODY: Final = 64 * 1024
"""Bytes per second at which a body whose size is limited comes at least, in all."""

_MANIFESTS: Final = re.compile(r"/api/v1/(uploads|models/[^/]+/versions)/?")
_UPLOADS: Final = re.compile(r"/api/v1/uploads/[^/]+/files/[^/]+/?")


def body_limit(method: str, path: str) -> int | None:
    """The most bytes that a request's body may have; None where the bytes announced at its start are the limit."""

    if method in {"PUT", "PATCH"} and _UPLOADS.fullmatch(path):
        return None
    if method == "POST" and _MANIFESTS.fullmatch(path):
        return MANIFEST_BODY
    return JSON_BODY


def whole_body_seconds(limit: int | None, pause: float = BODY_SECONDS) -> float | None:
    """How long a body may take in all, beside one pause; None for the bytes of files, which take what they take."""
    return None if limit is None else pause + limit / SLOWEST_BODY
