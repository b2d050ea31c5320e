"""A whole service whose artifacts are in a bucket."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from registry_service.client import RegistryClient, StorageUnavailable
from registry_service.domain.errors import InvalidInput
from tests.object_stores.server import ObjectStore, free_ports
from tests.object_stores.settings import in_bucket
from tests.service_fixture import RunningService, StartService

NOWHERE = ObjectStore("http://127.0.0.1:1", "us-east-1", "key", "secret", "models")


def client_of(service: RunningService, retries: int = 3) -> RegistryClient:
    return RegistryClient(service.url, service.person, retries=retries)


@pytest.mark.parametrize("presign", [True, False], ids=["presigned", "through the service"])
def test_what_is_registered_comes_back(
    object_store: ObjectStore, a_prefix: str, start_service: StartService, tmp_path: Path, presign: bool
) -> None:
    files = tmp_path / "files"
    (files / "weights").mkdir(parents=True)
    (files / "weights" / "model.bin").write_bytes(bytes(range(256)) * 40_000)
    (files / "empty").touch()
    service = start_service(**in_bucket(object_store, a_prefix, s3_presign=presign))
    with client_of(service) as registry:
        registry.register("churn", files)
        registry.download("churn", "latest", tmp_path / "back")
    assert (tmp_path / "back" / "weights" / "model.bin").read_bytes() == bytes(range(256)) * 40_000
    assert (tmp_path / "back" / "empty").read_bytes() == b""
    assert [key.split("/")[1] for key in object_store.keys(f"{a_prefix}/")] == ["blobs", "blobs"]


def test_without_its_store_a_service_answers_whatever_takes_no_files(
    start_service: StartService, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    (tmp_path / "model.bin").write_bytes(b"weights")
    service = start_service(**in_bucket(replace(NOWHERE, endpoint=f"http://127.0.0.1:{port}"), "registry"))
    with client_of(service, retries=0) as registry, service.http() as http:
        with pytest.raises(StorageUnavailable):
            registry.register("churn", tmp_path / "model.bin")
        assert registry.get_model("churn").name == "churn"
        ready = http.get("/health/ready")
        assert (ready.status_code, ready.json()["components"]["store"]) == (503, "storage_unavailable")
        assert http.get("/health/live").status_code == 200


def test_a_service_does_not_start_without_its_bucket(object_store: ObjectStore, start_service: StartService) -> None:
    with pytest.raises(InvalidInput, match="'no-such-bucket' can't be used"):
        start_service(**in_bucket(replace(object_store, bucket="no-such-bucket"), "registry"))
