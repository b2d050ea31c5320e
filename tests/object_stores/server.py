"""What a test needs to know of an object store that speaks S3."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass

import minio
import urllib3

from registry_service.storage.s3.place import S3Place
from tests.processes import ServerProcess

START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """A bucket of a running store, and the keys to it. `endpoint` is its URL."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str
    bucket: str

    def place(self, prefix: str = "") -> S3Place:
        """The same for the service."""
        return S3Place(self.endpoint, self.region, self.access_key, self.secret_key, self.bucket, prefix)

    def client(self) -> minio.Minio:
        """A client of the test's own, to look at what the service made of the bucket. It is quick to give up."""
        return minio.Minio(
            self.endpoint.removeprefix("http://"),
            self.access_key,
            self.secret_key,
            secure=False,
            region=self.region,
            http_client=urllib3.PoolManager(timeout=10.0, retries=False),
        )

    def keys(self, prefix: str = "") -> list[str]:
        found = self.client().list_objects(self.bucket, prefix or None, recursive=True)
        return [entry.object_name or "" for entry in found]


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on at this moment."""
    with ExitStack() as stack:
        held = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [sock.getsockname()[1] for sock in held]


def make_bucket(store: ObjectStore, process: ServerProcess) -> None:
    """Wait for a store that is starting, and make its bucket."""
    deadline = time.monotonic() + START_SECONDS
    client = store.client()
    while True:
        try:
            if not client.bucket_exists(store.bucket):
                client.make_bucket(store.bucket)
        except (urllib3.exceptions.HTTPError, minio.error.MinioException) as error:
            if process.exit_code is not None or time.monotonic() > deadline:
                raise AssertionError(f"{process.name} did not start: {error}\n{process.tail()}") from error
            time.sleep(0.1)
        else:
            return
