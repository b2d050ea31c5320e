"""The stores that other tests count on do what S3 promises."""

from __future__ import annotations

import io

from minio.commonconfig import CopySource

from tests.object_stores.server import ObjectStore


def test_what_is_put_is_found_listed_copied_and_removed(object_store: ObjectStore, a_prefix: str) -> None:
    client, bucket = object_store.client(), object_store.bucket
    client.put_object(bucket, f"{a_prefix}/a", io.BytesIO(b"abc"), 3)
    client.copy_object(bucket, f"{a_prefix}/b", CopySource(bucket, f"{a_prefix}/a"))
    assert object_store.keys(a_prefix) == [f"{a_prefix}/a", f"{a_prefix}/b"]
    client.remove_object(bucket, f"{a_prefix}/a")
    assert object_store.keys(a_prefix) == [f"{a_prefix}/b"]
    answer = client.get_object(bucket, f"{a_prefix}/b", offset=1, length=1)
    try:
        assert answer.read() == b"b"
    finally:
        answer.close()
