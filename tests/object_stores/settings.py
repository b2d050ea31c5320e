"""Settings of a service that keeps its artifacts in a bucket."""

from __future__ import annotations

from typing import Any

from registry_service.settings import BucketAddress, Secret
from tests.object_stores.server import ObjectStore


def in_bucket(store: ObjectStore, prefix: str, **changes: Any) -> dict[str, Any]:
    """Changes for `start_service` and `settings_for`."""
    return {
        "artifacts": BucketAddress(store.bucket, f"{prefix}/"),
        "s3_endpoint": store.endpoint,
        "s3_region": store.region,
        "s3_access_key": store.access_key,
        "s3_secret_key": Secret(store.secret_key),
        **changes,
    }
