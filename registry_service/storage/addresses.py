"""The two texts of a request that end up in a file's name, and what they must look like before they do."""

from __future__ import annotations

import re

from registry_service.domain.errors import InvalidInput
from registry_service.domain.manifest import check_digest

_UPLOAD_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")


def digest_hex(digest: str) -> str:
    """The hexadecimal part of a digest. Raises InvalidDigest for all but one spelling, so equal bytes have one name."""
    return check_digest(digest).removeprefix("sha256:")


def check_upload_id(upload_id: str) -> str:
    """The id itself. Raises InvalidInput where it could be more than one plain name in a path."""
    if _UPLOAD_ID.fullmatch(upload_id) is None:
        raise InvalidInput("This isn't the id of an upload: start one and use the id in its answer.", field="upload_id")
    return upload_id
