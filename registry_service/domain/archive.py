"""A version in one file, to be carried to another registry: what stands where in it, and what makes it sound.

The format is a promise, by its number: it never changes, and what changes gets another number. An archive is a plain
tar file (POSIX.1-1988, ustar; sizes from 8 GiB on in base 256, as GNU tar and libarchive write them) with these
members, in this order, and nothing else:

    archive.json     which format this is, and who exported it when (RFC 8785)
    version.json     the version: model, number, content digest, metadata, files by digest (RFC 8785)
    history.json     what the registry of origin says of it: a record, which counts for nothing elsewhere
    blobs/<hex>      each content once, by its SHA-256, in the order of the names
    SHA256SUMS       the digest of each member, as `sha256sum -c` reads it

There is one way only to write it: each byte follows from the documents and the contents. So a reader has nothing to
interpret. It computes what must stand there and compares, and links, devices, other names, other orders, padding with
something in it are all the same to it: another file than this one. Nothing is compressed, so nothing can swell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from registry_service.domain.canonical import MAX_SAFE_INTEGER, canonical
from registry_service.domain.entities import CheckStatus, LineageEdge, LineageKind, ManifestFile, Verdict
from registry_service.domain.entities.answer import Answer
from registry_service.domain.errors import InvalidArchive, InvalidInput, TooLarge
from registry_service.domain.lineage import MAX_DETAIL_VALUE, MAX_EDGES, MAX_REF, check_lineage
from registry_service.domain.manifest import canonical_files, check_digest, check_manifest, content_digest, digest_of
from registry_service.domain.metadata import Metadata, Signature, check_metadata
from registry_service.domain.names import check_model_name, check_tags, check_text
from registry_service.domain.policies import PolicyPin
from registry_service.domain.promotions import Phase, PromotionKind
from registry_service.domain.requests import Moment, NewLineageEdge, NewManifestFile, RegisterVersion
from registry_service.domain.strictness import UNDECODABLE, decode_strictly
from registry_service.domain.wording import moment, printable

T = TypeVar("T")

FORMAT: Final = "model-registry-archive"
FORMAT_VERSION: Final = 1
BLOCK: Final = 512
END: Final = bytes(2 * BLOCK)
MAX_RECORDED: Final = 100
"""Checks, and promotions, that an archive tells of: the newest."""

_MAX_DETAILED: Final = 20
_MAX_LINE: Final = 1024
_BEYOND_DOUBLES: Final = 2**1023
_SUMS: Final = "SHA256SUMS"
_OCTAL: Final = re.compile(rb"[0-7]{11}\0")

DOCUMENTS: Final[Mapping[str, int]] = {
    "archive.json": 64 * 1024,
    "version.json": 48 * 1024 * 1024,
    "history.json": 64 * 1024 * 1024,
}
"""The members that come first, and how many bytes each has at most."""


class ArchiveFault(StrEnum):
    """What is wrong with an archive.

    NOT_AN_ARCHIVE: it is something else. UNKNOWN_FORMAT: of a later release. TRUNCATED: its end is missing. TRAILING:
    something stands behind its end. UNEXPECTED: a member, or what describes it, is another than the one that belongs
    there. ALTERED: bytes aren't those that their digest names. INCONSISTENT: it says what no version can be.
    TOO_LARGE: a document is larger than any that an export writes. OTHER_CONTENT: sound, and not what was asked for.
    """

    NOT_AN_ARCHIVE = "not_an_archive"
    UNKNOWN_FORMAT = "unknown_format"
    TRUNCATED = "truncated"
    TRAILING = "trailing"
    UNEXPECTED = "unexpected"
    ALTERED = "altered"
    INCONSISTENT = "inconsistent"
    TOO_LARGE = "too_large"
    OTHER_CONTENT = "other_content"


class ArchiveRecord(msgspec.Struct, frozen=True, kw_only=True):
    """`archive.json`: all that differs between two exports of the same. `exported_with` is the release of the registry
    of origin."""

    format: str = FORMAT
    format_version: int = FORMAT_VERSION
    exported_at: Moment
    exported_by: str
    exported_with: str


class ArchivedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """`version.json`: the content, by which everything else is judged. `digest` covers `files` and `metadata`."""

    model_name: str
    number: int
    digest: str
    metadata: Metadata
    files: list[ManifestFile]


class ArchivedCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine measured there."""

    name: str
    status: CheckStatus
    summary: str
    evidence: dict[str, object]
    url: str | None
    reported_by: str
    reported_at: Moment


class ArchivedReview(msgspec.Struct, frozen=True, kw_only=True):
    """What a person said there."""

    reviewer: str
    verdict: Verdict
    comment: str
    digest: str
    at: Moment
    withdrawn_at: Moment | None
    waived: bool


class ArchivedPromotion(msgspec.Struct, frozen=True, kw_only=True):
    """What was requested there, and what came of it."""

    id: str
    kind: PromotionKind
    stage: str
    phase: Phase
    policies: list[PolicyPin]
    reason: str
    requested_by: str
    requested_at: Moment
    reviews: list[ArchivedReview]
    closed: str | None
    applied_by: str | None
    applied_at: Moment | None


class ArchivedHistory(msgspec.Struct, frozen=True, kw_only=True):
    """`history.json`: what the registry of origin said of the version when it was exported, as far as whoever exported
    it might read that. `complete`: there are no more checks and promotions than these."""

    registry: str
    url: str
    model_id: str
    registered_by: str
    registered_at: Moment
    identity: str | None
    source_uri: str | None
    description: str
    tags: dict[str, str]
    aliases: list[str]
    stages: list[str]
    card: str | None
    lineage: list[LineageEdge]
    checks: list[ArchivedCheck]
    promotions: list[ArchivedPromotion]
    complete: bool


class Member(NamedTuple):
    """A member of the tar file. `offset` is where its header begins; its bytes stand a block behind that."""

    name: str
    digest: str
    size: int
    offset: int

    @property
    def start(self) -> int:
        return self.offset + BLOCK

    @property
    def end(self) -> int:
        """Behind its padding."""
        return self.start + padded(self.size)


class Layout(NamedTuple):
    """What stands where. `size` is that of the whole file."""

    members: list[Member]
    sums: bytes
    size: int


class Archive(Answer, frozen=True, kw_only=True):
    """What an archive says. `size` is in bytes, of the whole file; `blobs`: how many different contents it has."""

    record: ArchiveRecord
    version: ArchivedVersion
    history: ArchivedHistory
    history_digest: str
    blobs: int
    size: int


# ----------------------------------------------------------------------------------------------------- its bytes


def padded(size: int) -> int:
    return size + -size % BLOCK


def header(name: str, size: int) -> bytes:
    """The block in front of a member: a regular file of nobody's, from the beginning of time.

    :param name: ASCII, at most 100 characters
    """

    length = b"%011o\0" % size if size < 8**11 else b"\x80" + size.to_bytes(11, "big")
    block = bytearray(
        name.encode("ascii").ljust(100, b"\0")
        + b"0000644\0" + b"0000000\0" + b"0000000\0"  # mode, owner, group
        + length + b"00000000000\0"  # and time of modification
        + b" " * 8 + b"0"  # where the sum goes; a regular file
        + bytes(100) + b"ustar\00000" + bytes(64) + b"0000000\0" + b"0000000\0"
    ).ljust(BLOCK, b"\0")  # fmt: skip
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def size_in_header(block: bytes, name: str) -> int:
    """How many bytes a document has, by what stands in front of it.

    :raises InvalidArchive: this isn't that document's header, or says that it is larger than any.
    """

    size = int(block[124:135], 8) if _OCTAL.fullmatch(block[124:136]) else 0
    if block != header(name, size):
        raise unexpected(block, name)
    if size > DOCUMENTS[name]:
        raise refused(ArchiveFault.TOO_LARGE, f"{name} has {size} bytes; {DOCUMENTS[name]} are the limit.", name)
    return size


def unexpected(block: bytes, name: str) -> InvalidArchive:
    """Where the header of `name` belongs, there is something else."""

    found = block[:100].rstrip(b"\0").decode("ascii", "backslashreplace")
    what = f"there is {printable(found)[:100]!r}"
    if found == name:
        kind = block[156:157]
        what = "it is described otherwise" if kind == b"0" else "it is a link or another special member"
    elif not any(block):
        what = "the archive ends"
    return refused(
        ArchiveFault.NOT_AN_ARCHIVE if name == "archive.json" and found != name else ArchiveFault.UNEXPECTED,
        f"Where the member {name} belongs, {what}. An export has each member once, in a fixed order, and no other.",
        name,
    )


def layout(documents: Sequence[bytes], files: Iterable[ManifestFile]) -> Layout:
    """Where everything stands in the archive of these documents, which are in the order of `DOCUMENTS`."""

    contents = {file.digest: file.size for file in files}
    known = [(name, digest_of(data), len(data)) for name, data in zip(DOCUMENTS, documents, strict=True)]
    known += [(f"blobs/{digest.partition(':')[2]}", digest, contents[digest]) for digest in sorted(contents)]
    sums = "".join(f"{digest.partition(':')[2]}  {name}\n" for name, digest, _ in known).encode()
    members: list[Member] = []
    offset = 0
    for name, digest, size in (*known, (_SUMS, digest_of(sums), len(sums))):
        members.append(Member(name, digest, size, offset))
        offset = members[-1].end
    return Layout(members, sums, offset + len(END))


# ------------------------------------------------------------------------------------------------- its documents


def write_documents(record: ArchiveRecord, version: ArchivedVersion, history: ArchivedHistory) -> list[bytes]:
    """The documents of an archive, in their order.

    :raises TooLarge: the history is larger than an archive takes.
    """

    written = [
        canonical(msgspec.to_builtins(record)),
        _canonical_version(version),
        # Evidence of checks may hold what has no canonical form, so this is only the same for the same.
        msgspec.json.encode(history, order="sorted"),
    ]
    for (name, limit), document in zip(DOCUMENTS.items(), written, strict=True):
        if len(document) > limit:
            raise TooLarge(f"{name} would have {len(document)} bytes; {limit} are the limit of an archive.", name=name)
    return written


def read_documents(documents: Sequence[bytes]) -> Archive:
    """What the documents say, having been checked for all that a registry would refuse.

    :raises InvalidArchive: they aren't as an export writes them, or can't be a version.
    """

    record, version, history = documents
    _check_format(record)
    names = list(DOCUMENTS)
    said = _decoded(names[0], record, ArchiveRecord)
    content = _decoded(names[1], version, ArchivedVersion)
    content = msgspec.structs.replace(content, metadata=_with_doubles(content.metadata))
    past = _decoded(names[2], history, ArchivedHistory)
    plan = layout(documents, content.files)
    archive = Archive(
        record=said,
        version=content,
        history=past,
        history_digest=digest_of(history),
        blobs=len(plan.members) - len(DOCUMENTS) - 1,
        size=plan.size,
    )
    _checked(names[0], lambda: _same(names[0], record, canonical(msgspec.to_builtins(said))))
    _checked(names[1], lambda: _check_version(content))
    _checked(names[1], lambda: _same(names[1], version, _canonical_version(content)))
    _checked(names[2], lambda: _check_history(archive))
    return archive


def _canonical_version(version: ArchivedVersion) -> bytes:
    """As RFC 8785 has it. The names of models are ASCII without anything to escape."""

    return b'{"digest":"%b","files":%b,"metadata":%b,"model_name":"%b","number":%d}' % (
        version.digest.encode(),
        canonical_files(version.files),
        canonical(msgspec.to_builtins(version.metadata)),
        version.model_name.encode(),
        version.number,
    )


def _check_format(document: bytes) -> None:
    try:
        found = msgspec.json.decode(document)
    except UNDECODABLE as error:
        raise refused(ArchiveFault.ALTERED, f"archive.json can't be read: {error}.", "archive.json") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise refused(ArchiveFault.NOT_AN_ARCHIVE, "archive.json is that of something else.", "archive.json")
    if found.get("format_version") != FORMAT_VERSION:
        raise refused(
            ArchiveFault.UNKNOWN_FORMAT,
            f"The archive has format {printable(str(found.get('format_version')))[:20]}, and this release reads"
            f" {FORMAT_VERSION}. Use the release that made it, or a newer one.",
            "archive.json",
        )


def _decoded(name: str, document: bytes, of: type[T]) -> T:
    try:
        return decode_strictly(document, of)
    except UNDECODABLE as error:
        raise refused(ArchiveFault.ALTERED, f"{name} can't be read: {printable(str(error))}.", name) from error


def _checked(name: str, check: Callable[[], None]) -> None:
    """Whatever else would be refused at registration is refused as the archive's fault."""

    try:
        check()
    except InvalidArchive:
        raise
    except InvalidInput as error:
        raise refused(ArchiveFault.INCONSISTENT, f"{name} can't be a version's: {error.message}", name) from error


def _same(name: str, found: bytes, expected: bytes) -> None:
    if found != expected:
        raise refused(ArchiveFault.ALTERED, f"{name} isn't written as an export writes it.", name)


def _check_version(version: ArchivedVersion) -> None:
    check_model_name(version.model_name)
    check_digest(version.digest)
    if not 1 <= version.number <= MAX_SAFE_INTEGER:
        raise InvalidInput(f"{version.number} is no number of a version.")
    check_manifest(version.files)
    if not version.files:
        raise InvalidInput("It has no files.")
    if len({(file.digest, file.size) for file in version.files}) != len({file.digest for file in version.files}):
        raise InvalidInput("One digest stands with two sizes.")
    check_metadata(version.metadata)
    computed = content_digest(version.files, version.metadata)
    if computed != version.digest:
        raise refused(
            ArchiveFault.ALTERED,
            f"Files and metadata make up {computed}, and version.json says {version.digest}.",
            "version.json",
        )


def _check_history(archive: Archive) -> None:
    history = archive.history
    check_tags(history.tags)
    for what, text in (("url", history.url), ("registered_by", history.registered_by)):
        check_text(text, what, limit=_MAX_LINE)
    if not history.registered_by:
        raise InvalidInput("registered_by is empty.")
    check_lineage(_lineage(archive))


def _with_doubles(metadata: Metadata) -> Metadata:
    """Canonical JSON writes 1e20 as a whole number, which it isn't to whoever reads it."""

    signature = metadata.signature
    return msgspec.structs.replace(
        metadata,
        params=_doubles(metadata.params),
        extra=_doubles(metadata.extra),
        signature=signature
        and Signature(
            inputs=_doubles(signature.inputs),
            outputs=_doubles(signature.outputs),
        ),
    )


def _doubles(value: Any) -> Any:  # noqa: ANN401 - any value of JSON
    if isinstance(value, dict):
        return {key: _doubles(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_doubles(inner) for inner in value]
    # Larger than any double, it stays what it is, and is refused.
    if isinstance(value, int) and MAX_SAFE_INTEGER < abs(value) < _BEYOND_DOUBLES:
        return float(value)
    return value


# ------------------------------------------------------------------------------------------------ into a registry


def identity_of(digest: str) -> str:
    """Under which the import of a content is registered, so that two at the same time make one version."""
    return f"archive:{digest}"


def registration(archive: Archive) -> RegisterVersion:
    """What importing registers, but for the upload: the same content, with where it comes from.

    What was said and decided there becomes text in the edge of lineage that leads there, and nothing else: a review, a
    check or a stage of another registry is none of this one. Whoever registered it there took part, so that they don't
    review it here; that is all that is believed of people.
    """

    version, history = archive.version, archive.history
    return RegisterVersion(
        files=[
            NewManifestFile(path=file.path, digest=file.digest, size=file.size, media_type=file.media_type)
            for file in version.files
        ],
        metadata=version.metadata,
        description=history.description,
        tags=history.tags,
        lineage=_lineage(archive),
        identity=identity_of(version.digest),
        source_uri=history.url,
        people=[history.registered_by],
    )


def _lineage(archive: Archive) -> list[NewLineageEdge]:
    """Where it comes from, and what it was made of there. What is a parent there is text here."""

    version, history = archive.version, archive.history
    edges = [
        NewLineageEdge(
            kind=LineageKind.OTHER,
            ref=_fitting(history.url, MAX_REF) or f"{version.model_name}/{version.number}",
            digest=version.digest,
            url=history.url or None,
            details=_details(archive),
        )
    ]
    for edge in history.lineage:
        if edge.hidden:
            continue
        if edge.kind is LineageKind.PARENT_VERSION:
            edges.append(
                NewLineageEdge(
                    kind=LineageKind.OTHER,
                    ref=_fitting(f"{edge.ref} in {history.registry}", MAX_REF) or edge.ref,
                    digest=edge.digest,
                    details={"relation": "parent_version"},
                )
            )
        else:
            edges.append(
                NewLineageEdge(kind=edge.kind, ref=edge.ref, digest=edge.digest, url=edge.url, details=edge.details)
            )
    different: dict[tuple[LineageKind, str], NewLineageEdge] = {}
    for found in edges:
        different.setdefault((found.kind, found.ref), found)
    return list(different.values())[:MAX_EDGES]


def _details(archive: Archive) -> dict[str, str]:
    record, version, history = archive.record, archive.version, archive.history
    said = {
        "relation": "imported_from",
        "registry": history.registry,
        "model": version.model_name,
        "version": str(version.number),
        "registered": f"by {history.registered_by}, {moment(history.registered_at)}",
        "exported": f"by {record.exported_by}, {moment(record.exported_at)}",
        "history": f"{archive.history_digest}; what it says of checks and promotions counts for nothing here",
    }
    if history.card is not None:
        said["card"] = f"{digest_of(history.card.encode())}; its text is in the archive"
    for number, check in enumerate(history.checks[:_MAX_DETAILED], 1):
        said[f"check {number}"] = f"{check.name}: {check.status} by {check.reported_by}, {moment(check.reported_at)}"
    for number, promotion in enumerate(history.promotions[:_MAX_DETAILED], 1):
        said[f"promotion {number}"] = _promotion_text(promotion)
    return {key: _line(text) for key, text in said.items() if text}


def _promotion_text(promotion: ArchivedPromotion) -> str:
    parts = [f"to {promotion.stage}: {promotion.phase}, requested by {promotion.requested_by}"]
    parts += [
        f"{review.verdict} by {review.reviewer}, {moment(review.at)}"
        for review in promotion.reviews
        if review.withdrawn_at is None
    ]
    return "; ".join(parts)


def _line(text: str) -> str:
    line = " ".join(printable(text).split())
    return line.encode()[:MAX_DETAIL_VALUE].decode(errors="ignore")


def _fitting(text: str, limit: int) -> str | None:
    return text if text and len(text.encode(errors="replace")) <= limit else None


def refused(fault: ArchiveFault, message: str, member: str | None = None) -> InvalidArchive:
    remedy = "" if fault is ArchiveFault.UNKNOWN_FORMAT else " Nothing of it was used. Export it anew."
    return InvalidArchive(message + remedy, fault=fault, member=member)
