"""The calls to an S3-compatible store, narrowed to what the artifact store needs: the one module that uses parts of
minio's client which it doesn't promise to keep (so its version is bounded in pyproject.toml)."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, urlsplit

import minio
import urllib3
from minio.datatypes import ListMultipartUploadsResult, Part
from minio.error import S3Error

from registry_service.domain.errors import ArtifactMissing, InvalidInput
from registry_service.storage.s3.place import S3Place
from registry_service.storage.s3.refusals import is_wrongly_set, store_errors

CONNECT_SECONDS: Final = 5.0
# Copies on the side of the store are silent for long on some of them.
SILENT_SECONDS: Final = 120.0
# The most that one copy may have (AWS, MinIO and Swift alike).
COPY_LIMIT: Final = 5 * 1024**3
COPY_PART: Final = 1024**3
PAGE: Final = 1_000

# The client's own type of headers and queries.
Headers = dict[str, str | list[str] | tuple[str]]


@dataclass(frozen=True, slots=True)
class Entry:
    """An object of a listing: its size in bytes, and when it was written (aware)."""

    key: str
    size: int
    changed_at: datetime


class Bucket:
    """Every method blocks. Each raises StorageUnavailable or StorageFull; those that name an object or an unfinished
    upload raise ArtifactMissing where it isn't there, unless they say otherwise."""

    def __init__(
        self,
        place: S3Place,
        *,
        connections: int = 20,
        copy_limit: int = COPY_LIMIT,
        copy_part: int = COPY_PART,
        page_length: int = PAGE,
    ) -> None:
        self._name = place.bucket
        self._page_length = page_length
        self._copy_limit = copy_limit
        self._copy_part = copy_part
        retry = urllib3.Retry(
            total=2,
            read=1,
            redirect=0,
            raise_on_redirect=False,
            backoff_factor=0.2,
            status_forcelist=(500, 502, 503, 504),
        )
        self._pool = urllib3.PoolManager(
            maxsize=connections,
            block=False,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=SILENT_SECONDS),
            retries=retry,
            ssl_context=ssl.create_default_context(),
        )
        self._client = _client(place, place.endpoint, self._pool)
        # Only signs: what a URL says of its host is part of the signature.
        self._signer = _client(place, place.public_endpoint or place.endpoint, self._pool)

    def check_exists(self) -> None:
        """:raises InvalidInput: there is no such bucket, or these keys don't open it."""
        with store_errors():
            try:
                reason = None if self._client.bucket_exists(self._name) else "it doesn't exist"
            except S3Error as error:
                if not is_wrongly_set(error):
                    raise
                reason = f"the store answers {error.code}"
        if reason is None:
            return
        raise InvalidInput(
            f"The bucket '{self._name}' can't be used: {reason}. Make it, or check MODEL_REGISTRY_ARTIFACTS and the"
            " MODEL_REGISTRY_S3_ variables.",
            field="artifacts",
        )

    # ----------------------------------------------------------------------------------------------- objects

    def size(self, key: str) -> int | None:
        """None where it isn't there."""
        with suppress(ArtifactMissing), store_errors():
            return self._client.stat_object(self._name, key).size
        return None

    def etag(self, key: str) -> str:
        """What tells the bytes that are there now from others that take their place."""
        with store_errors():
            return self._client.stat_object(self._name, key).etag or ""

    def put(self, key: str, data: bytes | bytearray) -> None:
        """Write it whole; the store checks that all of it arrived unchanged, by the digest in the request."""
        with store_errors():
            # The type of the client's argument is narrower than what it and urllib3 take.
            self._client._put_object(self._name, key, data)  # type: ignore[arg-type]  # noqa: SLF001 - see above

    def open(self, key: str, start: int, length: int, *, etag: str | None = None) -> urllib3.BaseHTTPResponse:
        """An answer that gives `length` bytes, 1 or more, from `start` on, and is closed by the caller. With `etag`,
        others than those bytes aren't there."""
        same: Headers | None = None if etag is None else {"If-Match": f'"{etag}"'}
        with store_errors():
            return self._client.get_object(self._name, key, offset=start, length=length, request_headers=same)

    def read(self, key: str) -> bytes:
        """A small object."""
        with store_errors():
            answer = self._client.get_object(self._name, key)
            try:
                return answer.read()
            finally:
                answer.close()

    def remove(self, key: str) -> None:
        """What isn't there is gone as well."""
        with suppress(ArtifactMissing), store_errors():
            self._client.remove_object(self._name, key)

    def page(self, prefix: str, after: str = "") -> list[Entry]:
        """A page of the objects below a prefix, in the order of their keys; empty after the last."""
        with store_errors():
            listing = self._client.list_objects(self._name, prefix, recursive=True, start_after=after or None)
            page: list[Entry] = []
            for found in listing:
                if found.object_name is not None and found.last_modified is not None and not found.is_dir:
                    page.append(Entry(found.object_name, found.size or 0, found.last_modified))
                if len(page) == self._page_length:
                    break
            return page

    def all(self, prefix: str) -> Iterator[Entry]:
        after = ""
        while page := self.page(prefix, after):
            yield from page
            after = page[-1].key

    def copy(self, source: str, target: str, size: int, *, etag: str | None = None) -> None:
        """Copy on the store's side. The target appears whole or not at all. `etag` as for `open`."""
        with store_errors():
            origin: Headers = {"x-amz-copy-source": quote(f"/{self._name}/{source}")}
            if etag is not None:
                origin["x-amz-copy-source-if-match"] = f'"{etag}"'
            if size <= self._copy_limit:
                self._client._execute("PUT", self._name, target, headers=dict(origin))  # noqa: SLF001 - see above
                return
            upload = self._client._create_multipart_upload(self._name, target, {})  # noqa: SLF001 - likewise
            try:
                parts: list[Part] = []
                for number, start in enumerate(range(0, size, self._copy_part), 1):
                    stop = min(size, start + self._copy_part)
                    piece: Headers = origin | {"x-amz-copy-source-range": f"bytes={start}-{stop - 1}"}
                    etag, _ = self._client._upload_part_copy(self._name, target, upload, number, piece)  # noqa: SLF001
                    parts.append(Part(number, etag))
                self._client._complete_multipart_upload(self._name, target, upload, parts)  # noqa: SLF001
            except BaseException:
                self.abort(target, upload)
                raise

    # ---------------------------------------------------------------------------------------- multipart uploads

    def begin(self, key: str) -> str:
        """Begin an upload in parts; its id."""
        with store_errors():
            return self._client._create_multipart_upload(self._name, key, {})  # noqa: SLF001 - see above

    def unfinished(self, key: str) -> list[str]:
        """The ids of the uploads in parts that were begun for a key, the oldest first."""
        with store_errors():
            # Not the client's own method: it sends an empty delimiter, which Swift takes for one. And MinIO lists
            # nothing but the uploads of one whole key.
            answer = self._client._execute("GET", self._name, query_params={"uploads": "", "prefix": key})  # noqa: SLF001
            found = [upload for upload in ListMultipartUploadsResult(answer).uploads if upload.object_name == key]
            found.sort(key=lambda upload: (str(upload.initiated_time), upload.upload_id or ""))
            return [upload.upload_id for upload in found if upload.upload_id]

    def parts(self, key: str, upload: str) -> dict[int, Part]:
        """The parts that arrived, by number."""
        found: dict[int, Part] = {}
        marker = None
        with store_errors():
            while True:
                page = self._client._list_parts(  # noqa: SLF001 - see above
                    self._name, key, upload, part_number_marker=marker
                )
                found |= {part.part_number: part for part in page.parts}
                if not page.is_truncated or not page.parts:
                    return found
                marker = str(page.parts[-1].part_number)

    def put_part(self, key: str, upload: str, number: int, data: bytes | bytearray) -> Part:
        with store_errors():
            etag = self._client._upload_part(  # noqa: SLF001 - see above
                self._name,
                key,
                data,  # type: ignore[arg-type] # as in `put`
                None,
                upload,
                number,
            )
            return Part(number, etag, size=len(data))

    def complete(self, key: str, upload: str, parts: list[Part]) -> None:
        """Make an object of these parts. Some stores report a failure with a success's status: look at the object."""
        with store_errors():
            self._client._complete_multipart_upload(self._name, key, upload, parts)  # noqa: SLF001 - see above

    def abort(self, key: str, upload: str) -> None:
        with suppress(ArtifactMissing), store_errors():
            self._client._abort_multipart_upload(self._name, key, upload)  # noqa: SLF001 - see above

    # --------------------------------------------------------------------------------------------- signed URLs

    def part_url(self, key: str, upload: str, number: int, lifetime: timedelta) -> str:
        """Who has it may send this part, until it expires."""
        query: Headers = {"partNumber": str(number), "uploadId": upload}
        return self._signer.get_presigned_url("PUT", self._name, key, lifetime, extra_query_params=query)

    def download_url(self, key: str, filename: str, lifetime: timedelta) -> str:
        """Who has it may read the object, as a file to save, until it expires."""
        answer: Headers = {
            "response-content-disposition": f"attachment; filename*=UTF-8''{quote(filename, safe='')}",
            "response-content-type": "application/octet-stream",
        }
        return self._signer.get_presigned_url("GET", self._name, key, lifetime, response_headers=answer)

    def close(self) -> None:
        self._pool.clear()


def _client(place: S3Place, endpoint: str, pool: urllib3.PoolManager) -> minio.Minio:
    parts = urlsplit(endpoint)
    try:
        return minio.Minio(
            parts.netloc,
            place.access_key,
            place.secret_key,
            secure=parts.scheme == "https",
            region=place.region,
            http_client=pool,
        )
    except ValueError as error:
        raise InvalidInput(f"The S3 store can't be used as it is set: {error}.", field="artifacts") from error
