"""URLs with which a client sends parts straight to the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from registry_service.storage.base import PresignedPart, PresignedParts
from registry_service.storage.s3.bucket import Bucket
from registry_service.storage.s3.kept import Grid, begin, look

PARTS_LIFETIME: Final = timedelta(hours=1)
# So many parts of 64 MiB take an hour at 15 Mbit/s.
SIGNED_AT_ONCE: Final = 100


def sign_missing(bucket: Bucket, key: str, grid: Grid) -> PresignedParts:
    """The first of the parts that haven't arrived. It blocks."""
    expires_at = datetime.now(UTC) + PARTS_LIFETIME
    kept = look(bucket, key, grid)
    if not kept.missing:
        return PresignedParts(grid.part, grid.size, [], expires_at)
    kept = begin(bucket, key, kept)
    assert kept.multipart is not None
    missing = [
        PresignedPart(
            number,
            grid.start(number),
            grid.length(number),
            bucket.part_url(key, kept.multipart, number, PARTS_LIFETIME),
        )
        for number in kept.missing[:SIGNED_AT_ONCE]
    ]
    arrived = sum(grid.length(number) for number in kept.parts)
    return PresignedParts(grid.part, arrived, missing, expires_at)
