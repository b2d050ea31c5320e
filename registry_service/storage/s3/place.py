"""Where a bucket is, how its keys are named, and how large parts are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

MIB: Final = 1024 * 1024

# S3 takes parts from 5 MiB on, the last one excepted, and numbers them up to 10,000. Swift's default is 1,000 parts,
# which is enough up to 62.5 GiB. A part is held in memory while it is passed on, so it doesn't grow further at once.
SMALLEST_PART: Final = 8 * MIB
LARGEST_PART_FOR_FEW: Final = 64 * MIB
FEW_PARTS: Final = 1_000
MOST_PARTS: Final = 10_000

# `uploads/<id>/<name>` are assembled bytes, `uploads/<id>/<name>.<offset>` the end of what is kept of a file.
_UPLOAD: Final = re.compile(r"([^/]+)/([^/.]+)(?:\.(\d+))?")
_BLOB: Final = re.compile(r"([0-9a-f]{2})/([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class S3Place:
    """`endpoint` is the store's URL, `public_endpoint` where clients reach it (None: there as well). All keys begin
    with `prefix`, which is empty or ends with a slash."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)
    bucket: str
    prefix: str = ""
    public_endpoint: str | None = None

    def blob(self, hexadecimal: str) -> str:
        """The key of verified bytes. Nobody but the service writes there, and nobody gets a URL to do so."""
        return f"{self.blobs}{hexadecimal[:2]}/{hexadecimal}"

    def upload(self, upload_id: str, name: str) -> str:
        """The key of bytes on their way: of their digest, or of a name that only one request knows."""
        return f"{self.uploads}{upload_id}/{name}"

    def damaged(self, name: str) -> str:
        """The key of bytes that were found to be something else than their digest says."""
        return f"{self.prefix}damaged/{name}"

    @property
    def blobs(self) -> str:
        return f"{self.prefix}blobs/"

    @property
    def uploads(self) -> str:
        return f"{self.prefix}uploads/"

    def hexadecimal_of(self, key: str) -> str | None:
        """The digest of a key below `blobs`; None where it is nothing of ours."""
        found = _BLOB.fullmatch(key.removeprefix(self.blobs))
        return found[2] if found is not None and found[2].startswith(found[1]) else None

    def upload_of(self, key: str) -> tuple[str, str, int | None] | None:
        """Upload id, name and (of a kept end) offset of a key below `uploads`; None where it is nothing of ours."""
        found = _UPLOAD.fullmatch(key.removeprefix(self.uploads))
        return (found[1], found[2], None if found[3] is None else int(found[3])) if found is not None else None


def end_key(key: str, offset: int) -> str:
    """Where the bytes from `offset` on are kept that don't fill a part."""
    return f"{key}.{offset:014d}"


def part_size(size: int, smallest: int = SMALLEST_PART) -> int:
    """Bytes of each part but the last of a file of `size` bytes."""
    fitting = max(min(-(-size // FEW_PARTS), LARGEST_PART_FOR_FEW), -(-size // MOST_PARTS))
    return max(smallest, -(-fitting // MIB) * MIB)
