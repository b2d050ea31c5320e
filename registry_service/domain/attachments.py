"""What may be attached to a check: a few small files, each under a plain name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from registry_service.domain.errors import InvalidPath, TooLarge
from registry_service.domain.manifest import File, check_manifest

MAX_ATTACHMENTS: Final = 16
MAX_ATTACHMENT_BYTES: Final = 64 * 1024 * 1024


def check_attachments(files: Sequence[File]) -> None:
    """Whether these can be the attachments of one check. What holds for files of a version holds for them.

    :raises TooLarge: more than 16, or one of more than 64 MiB.
    :raises InvalidPath: a name leads into a directory, or can't stand on every file system.
    :raises InvalidDigest, InvalidManifest: a digest or media type that is none, or two of one name.
    """

    if len(files) > MAX_ATTACHMENTS:
        raise TooLarge(
            f"{len(files)} attachments are too many; {MAX_ATTACHMENTS} are the limit. Pack them, or register them as"
            " files of a version.",
            attachments=len(files),
        )
    check_manifest(files)
    for file in files:
        if "/" in file.path:
            raise InvalidPath(f"'{file.path}' is no name for an attachment: leave out the '/'.", path=file.path)
        if file.size > MAX_ATTACHMENT_BYTES:
            raise TooLarge(
                f"'{file.path}' has {file.size} bytes; {MAX_ATTACHMENT_BYTES} are the limit. Link to it with `url`.",
                size=file.size,
            )
