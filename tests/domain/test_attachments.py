from __future__ import annotations

import pytest

from registry_service.domain.attachments import MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS, check_attachments
from registry_service.domain.errors import InvalidDigest, InvalidManifest, InvalidPath, RegistryError, TooLarge
from registry_service.domain.manifest import digest_of
from registry_service.domain.requests import NewAttachment


def attachment(name: str, *, digest: str = digest_of(b"x"), size: int = 1, media_type: str = "a/b") -> NewAttachment:
    return NewAttachment(name=name, digest=digest, size=size, media_type=media_type)


def test_a_few_files_of_plain_names_may_be_attached() -> None:
    check_attachments([])
    check_attachments([attachment(f"plot {number}.png") for number in range(MAX_ATTACHMENTS)])
    check_attachments([attachment("räport.html", size=MAX_ATTACHMENT_BYTES, media_type="text/html; charset=utf-8")])


@pytest.mark.parametrize(
    ("files", "refusal"),
    [
        ([attachment(str(number)) for number in range(MAX_ATTACHMENTS + 1)], TooLarge),
        ([attachment("a", size=MAX_ATTACHMENT_BYTES + 1)], TooLarge),
        ([attachment("a", size=-1)], InvalidManifest),
        ([attachment("a/b")], InvalidPath),
        ([attachment("..")], InvalidPath),
        ([attachment("a\r\nb")], InvalidPath),
        ([attachment("")], InvalidPath),
        ([attachment("x" * 256)], InvalidPath),
        ([attachment("a"), attachment("A")], InvalidManifest),
        ([attachment("a", digest="sha256:0")], InvalidDigest),
        ([attachment("a", media_type="text/html\r\nx: y")], InvalidManifest),
    ],
)
def test_what_no_download_could_be_called_or_hold_is_refused(
    files: list[NewAttachment], refusal: type[RegistryError]
) -> None:
    with pytest.raises(refusal):
        check_attachments(files)
