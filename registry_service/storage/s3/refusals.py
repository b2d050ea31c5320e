"""What goes wrong between the service and the store, as refusals of the registry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from xml.etree.ElementTree import ParseError

import urllib3
from minio.error import InvalidResponseError, MinioException, S3Error

from registry_service.domain.errors import ArtifactMissing, StorageFull, StorageUnavailable

_FULL: Final = frozenset(
    {"QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "XMinioAdminBucketQuotaExceeded"}
)
# Also where other bytes are there than those that were asked for.
_MISSING: Final = frozenset({"NoSuchKey", "NoSuchUpload", "PreconditionFailed"})
_WRONGLY_SET: Final = frozenset(
    {
        "AccessDenied",
        "AuthorizationHeaderMalformed",
        "InvalidAccessKeyId",
        "NoSuchBucket",
        "PermanentRedirect",
        "Redirect",
        "SignatureDoesNotMatch",
    }
)


def is_wrongly_set(error: S3Error) -> bool:
    """Whether trying again can't help before somebody changes settings."""
    return error.code in _WRONGLY_SET


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn what a call raises into ArtifactMissing, StorageFull or StorageUnavailable. Addresses and keys stay out of
    all three."""
    try:
        yield
    except S3Error as error:
        if error.code in _MISSING:
            raise ArtifactMissing("The object store doesn't have these bytes.") from error
        if error.code in _FULL:
            raise StorageFull(
                "The object store has no room left; nothing was kept. Free space there, then send it again.",
                code=error.code,
            ) from error
        raise _unavailable(error.code or "unknown") from error
    except InvalidResponseError as error:
        raise _unavailable("an answer that isn't S3's") from error
    except MinioException as error:
        raise _unavailable("a failure of the server") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise StorageUnavailable(
            f"The object store can't be reached ({type(error).__name__}); nothing was changed. Try again, and if it"
            " stays so, let the operator look at the store and the network."
        ) from error
    except (ParseError, ValueError) as error:
        raise _unavailable("an answer that can't be understood") from error


def _unavailable(what: str) -> StorageUnavailable:
    return StorageUnavailable(
        f"The object store doesn't work ({what}); nothing was changed. Try again, and if it stays so, let the operator"
        " look at the store and the registry's settings of it.",
        code=what,
    )
