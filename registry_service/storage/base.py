"""Where the bytes of versions live, as the rest of the service sees it.

Bytes are addressed by their SHA-256 and by nothing else. "It is there" means: every byte was verified and has reached
the disk. Who may read what is decided elsewhere; a store never knows names, models or people.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Leftover:
    """Bytes under an upload that nobody is sending at this moment: kept to go on with, or left by a process that died.
    Whether the upload still lives is known elsewhere. `size` in bytes; `changed_at` is aware, in UTC."""

    upload_id: str
    name: str
    size: int
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class PresignedPart:
    """Part `number` (from 1 on) has `size` bytes of the file, from `offset` on. Who has the URL may PUT just these."""

    number: int
    offset: int
    size: int
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PresignedParts:
    """What is still to be sent of a file: `kept` of its bytes have arrived. `missing` are the first of the missing
    parts, empty where none is; their URLs hold until `expires_at` (aware, UTC)."""

    part_size: int
    kept: int
    missing: list[PresignedPart]
    expires_at: datetime


class ArtifactStore(Protocol):
    """A store of artifacts. tests/storage/test_contract.py holds each one to what its methods promise.

    Every method raises StorageUnavailable where the store doesn't work, StorageFull where it has no room, and
    InvalidDigest for a digest that isn't `sha256:` and 64 lowercase hexadecimal digits.
    """

    async def prepare(self) -> None:
        """Look, before the first use, whether the place is there. Raises InvalidInput where only other settings help;
        whatever can help itself is left for later."""

    async def receive(self, upload_id: str, chunks: AsyncIterator[bytes], *, expected: str, size: int) -> None:
        """Take a body in. Once this returns, the bytes are there and survive a loss of power.

        `expected` is the digest and `size` the number of bytes that were announced. Otherwise (refused, failed,
        cancelled) nothing of this body can be seen. Memory stays flat, whatever the size. Bytes that are there
        already are sent and verified all the same, so that nobody gets a digest accepted without having its bytes, and
        these take the place of those, which may have changed unseen.

        Raises SizeMismatch, DigestMismatch, and whatever `chunks` raises.
        """

    async def kept(self, upload_id: str, digest: str, size: int) -> int:
        """How many of the `size` bytes are kept under this upload, from the first on: where `append` goes on."""

    async def append(self, upload_id: str, digest: str, offset: int, chunks: AsyncIterator[bytes], *, size: int) -> int:
        """Take in bytes of a file from `offset` on; how many are kept then. What arrived before a body broke off is
        kept as well, as far as the store can. What is kept survives a loss of power.

        Once all `size` bytes are there they are verified, and are there as after `receive`; where they are something
        else, nothing of them is kept. Whole, they are kept under this upload until they are settled, as far as the
        store can: whoever dies before goes on with no byte at the offset `size`, and they are verified once more. A
        later call for the same file ends an earlier one that is still under way.

        Raises OffsetMismatch unless `offset` is what is kept, SizeMismatch for bytes beyond `size`, DigestMismatch,
        and whatever `chunks` raises.
        """

    async def settle(self, upload_id: str, digest: str) -> None:
        """It is noted elsewhere, for good, that this upload has brought these bytes: what is kept of them to prove that
        goes."""

    async def presigned_parts(self, upload_id: str, digest: str, size: int) -> PresignedParts | None:
        """Where to send the parts of a file that haven't arrived, straight to the store; None where its bytes have to
        go through the service. Parts may come in any order and at once; one that comes twice counts once.

        What may be written with the URLs is never seen before `complete` has verified it.
        """

    async def complete(self, upload_id: str, digest: str, size: int) -> None:
        """All bytes of a file are kept: verify them, and they are there as after `receive`, and kept until they are
        settled. It takes as long as reading them; asked again meanwhile, it waits for the same outcome.

        Raises UploadIncomplete where some are missing, and DigestMismatch where they are something else: then nothing
        of them is kept.
        """

    async def presigned_download(self, digest: str, *, filename: str) -> str | None:
        """A URL that gives the artifact to whoever has it, as a file to save, for a short time; ranges of it as well.
        None where its bytes have to go through the service. Whether it is there isn't looked at."""

    async def discard(self, upload_id: str) -> None:
        """Forget what is kept under an upload. What is being sent at this moment stays."""

    async def stat(self, digest: str) -> int | None:
        """The size in bytes, or None where the artifact isn't there."""

    async def open_range(self, digest: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Bytes `start` to before `stop` (None: the end), in pieces of bounded size.

        Awaiting this opens the artifact, so that its refusals come before the first byte of an answer is sent:
        ArtifactMissing, and InvalidRange unless 0 ≤ start ≤ stop ≤ size.
        """

    async def remove(self, digest: str) -> bool:
        """Forget an artifact; False where it wasn't there. Readers that have it open finish undisturbed."""

    async def set_aside(self, digest: str) -> bool:
        """Forget an artifact as `remove` does, and keep its bytes where nobody finds them under the digest, for people
        to look at: they aren't what it says. False where it wasn't there."""

    def digests(self, after: str | None = None) -> AsyncIterator[str]:
        """All artifacts (those behind `after`), in the order of their digests."""

    def leftovers(self) -> AsyncIterator[Leftover]:
        """What is kept under uploads, or was left there. What this process is receiving is not among it."""

    async def check(self) -> int | None:
        """Show that the store can be written. The free space in bytes, None where the store knows no limit."""

    async def close(self) -> None:
        """Let go of threads and connections, after what they are doing. The store isn't used afterwards."""
