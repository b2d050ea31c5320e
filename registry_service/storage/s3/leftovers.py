"""What lies under uploads of a bucket."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from itertools import groupby

from registry_service.storage.base import Leftover
from registry_service.storage.s3.bucket import Bucket, Entry
from registry_service.storage.s3.kept import forget
from registry_service.storage.s3.place import S3Place


class Leftovers:
    """Finds and forgets what is kept under uploads, except what this process is receiving. All methods but `hold` and
    `release` block."""

    def __init__(self, bucket: Bucket, place: S3Place) -> None:
        self._bucket = bucket
        self._place = place
        self._in_flight: set[str] = set()

    def hold(self, key: str) -> None:
        """Let it be no leftover until it is released."""
        self._in_flight.add(key)

    def release(self, key: str) -> None:
        self._in_flight.discard(key)

    def all(self) -> list[Leftover]:
        found: list[Leftover] = []
        for upload_id, files in self._by_upload(self._place.uploads):
            found += [self._leftover(upload_id, name, entries) for name, entries in sorted(files.items())]
        return found

    def discard(self, upload_id: str) -> None:
        for _, files in self._by_upload(f"{self._place.uploads}{upload_id}/"):
            for name in files:
                forget(self._bucket, self._place.upload(upload_id, name))

    def probe(self) -> None:
        """Write and remove a small object. Its leftover, if any, is one of the upload `check`."""
        key = self._place.upload("check", secrets.token_hex(8))
        self.hold(key)
        try:
            self._bucket.put(key, b"check")
        finally:
            self._bucket.remove(key)
            self.release(key)

    def _by_upload(self, prefix: str) -> Iterator[tuple[str, dict[str, list[Entry]]]]:
        """Upload ids with the objects of their files, by the files' names."""
        for upload_id, entries in groupby(self._bucket.all(prefix), self._upload_id):
            if upload_id is not None:
                yield upload_id, self._by_name(upload_id, entries)

    def _upload_id(self, entry: Entry) -> str | None:
        found = self._place.upload_of(entry.key)
        return None if found is None else found[0]

    def _by_name(self, upload_id: str, entries: Iterable[Entry]) -> dict[str, list[Entry]]:
        files: dict[str, list[Entry]] = {}
        for entry in entries:
            found = self._place.upload_of(entry.key)
            assert found is not None, "it has an upload's id"
            if self._place.upload(upload_id, found[1]) not in self._in_flight:
                files.setdefault(found[1], []).append(entry)
        return files

    def _leftover(self, upload_id: str, name: str, entries: list[Entry]) -> Leftover:
        size = sum(entry.size for entry in entries)
        changed_at = max(entry.changed_at for entry in entries)
        key = self._place.upload(upload_id, name)
        for upload in self._bucket.unfinished(key):
            for part in self._bucket.parts(key, upload).values():
                size += part.size or 0
                changed_at = max(changed_at, part.last_modified or changed_at)
        return Leftover(upload_id, name, size, changed_at)
