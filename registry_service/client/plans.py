"""What takes several calls, written once for both clients.

A plan is a generator: it yields steps (a call, calls side by side, blocking work) and is sent their results. The
clients differ only in how they take a step. A refusal is thrown into the plan, which may have an answer to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final, Generic, TypeVar, cast

import msgspec

from registry_service.client import calls
from registry_service.client.calls import Call
from registry_service.client.errors import UnexpectedAnswer
from registry_service.client.files import LocalFile, collect
from registry_service.client.transfer import FileContent, FileSink, PartsReport, Progress, ProgressReport, measured
from registry_service.domain.attachments import check_attachments
from registry_service.domain.entities import (
    Attachment,
    Check,
    EventPage,
    Manifest,
    ManifestFile,
    ModelVersion,
    Upload,
    UploadPart,
)
from registry_service.domain.errors import (
    AlreadyExists,
    AttachmentNotFound,
    DigestMismatch,
    InvalidInput,
    ModelNotFound,
    OffsetMismatch,
    RegistryError,
    Unavailable,
    UploadClosed,
    UploadIncomplete,
)
from registry_service.domain.manifest import check_manifest, content_digest
from registry_service.domain.metadata import Metadata
from registry_service.domain.names import check_model_name
from registry_service.domain.requests import (
    CreateModel,
    NewAttachment,
    NewLineageEdge,
    NewManifestFile,
    NewUploadFile,
    RegisterVersion,
    ReportCheck,
    StartUpload,
)

T = TypeVar("T")

AT_ONCE: Final = 4  # plans that a client follows side by side
CONTINUED_FROM: Final = 64 * 1024 * 1024  # bytes of a file, or of all together, which can be gone on with
CONTINUED_FILES: Final = 1_000  # files, however small, that can be gone on with
DIRECT_FROM: Final = 16 * 1024 * 1024  # bytes of a file that goes straight to the store, where that takes it
PART: Final = 256 * 1024 * 1024
TRIES_IN_VAIN: Final = 5
_LONGEST_WAIT: Final = 60.0  # seconds that the service waits in one call at most
_SHORTEST_ROUND: Final = 0.5
_KEPT: Final = "What has arrived of large files is kept for a day: register again to go on with it."

PathText = str | PathLike[str]
Files = PathText | Mapping[str, PathText]


@dataclass(frozen=True, slots=True)
class SideBySide(Generic[T]):
    """Plans that don't depend on each other; their results come in the same order."""

    plans: Sequence[Plan[T]]


@dataclass(frozen=True, slots=True)
class Blocking(Generic[T]):
    """Work that holds up its thread, such as hashing files."""

    functions: Sequence[Callable[[], T]]


@dataclass(frozen=True, slots=True)
class Pause:
    """Do nothing for a while."""

    seconds: float


Step = Pause | Call[Any] | SideBySide[Any] | Blocking[Any]
Plan = Generator[Step, Any, T]


def ask(call: Call[T]) -> Plan[T]:
    return cast("T", (yield call))


def follow_all(several: Sequence[Plan[T]]) -> Plan[list[T]]:
    return cast("list[T]", (yield SideBySide(several)))


def run(*functions: Callable[[], T]) -> Plan[list[T]]:
    return cast("list[T]", (yield Blocking(functions)))


def register(
    model_name: str,
    files: Files,
    *,
    metadata: Metadata | None = None,
    description: str = "",
    tags: Mapping[str, str] | None = None,
    aliases: Sequence[str] = (),
    lineage: Sequence[NewLineageEdge] = (),
    identity: str | None = None,
    source_uri: str | None = None,
    people: Sequence[str] = (),
    create_model: bool = True,
    progress: Progress | None = None,
) -> Plan[ModelVersion]:
    """Register files as the next version of a model: hash them, send what the registry lacks, make the version.

    `files` is a file, a directory, or {path in the version: file or directory here}. `identity` makes it safe to
    repeat: where a version of this identity exists it is the answer, and no file is read. The model is made where it
    doesn't exist, unless `create_model` is off. `progress` is called with (path, bytes done, bytes in all).

    :raises InvalidPath: a file isn't there, or its path can't be one of a version.
    :raises InvalidMetadata: a value has no place in JSON, such as NaN.
    :raises SizeMismatch, DigestMismatch: a file changed while it was sent.
    """

    if identity is not None:
        known = yield from _find_identity(model_name, identity)
        if known is not None:
            return known
    report = ProgressReport(progress)
    (found,) = yield from run(lambda: collect(files))
    manifest = yield from run(*(_measuring(file) for file in found))
    metadata = metadata or Metadata()
    # Before gigabytes are sent: the service would refuse what has no digest, such as a metric that is NaN.
    yield from run(lambda: check_manifest(manifest), lambda: content_digest(manifest, metadata))
    contents = {
        entry.digest: FileContent(file.source, entry, report) for file, entry in zip(found, manifest, strict=True)
    }
    version = RegisterVersion(
        files=manifest,
        metadata=metadata,
        description=description,
        tags=dict(tags or {}),
        aliases=list(aliases),
        lineage=list(lineage),
        identity=identity,
        source_uri=source_uri,
        people=list(people),
    )
    return (yield from register_contents(model_name, contents, version, create_model=create_model, report=report))


def register_contents(
    model_name: str,
    contents: Mapping[str, FileContent],
    version: RegisterVersion,
    *,
    create_model: bool,
    report: ProgressReport,
) -> Plan[ModelVersion]:
    """Send what the registry lacks of the contents, by digest, and make the version of them."""

    announced = [NewUploadFile(digest=digest, size=content.size) for digest, content in contents.items()]
    resume = len(announced) >= CONTINUED_FILES or sum(file.size for file in announced) >= CONTINUED_FROM
    start = StartUpload(model=model_name, files=announced, resume=resume)
    try:
        upload = yield from ask(calls.start_upload(start))
    except ModelNotFound:
        if not create_model:
            raise
        yield from _create_model(model_name)
        upload = yield from ask(calls.start_upload(start))
    version = msgspec.structs.replace(version, upload=upload.id)
    try:
        try:
            return (yield from _bring(upload, contents, version, report))
        except UploadClosed:
            if not resume:
                raise
        # A twin went on with the same session and was done first.
        upload = yield from ask(calls.start_upload(msgspec.structs.replace(start, resume=False)))
        version = msgspec.structs.replace(version, upload=upload.id)
        return (yield from _bring(upload, contents, version, report))
    except Unavailable as absence:
        # The session ends by itself; asking an absent service to end it only takes longer.
        absence.add_note(_KEPT if resume else "Register again once the service is back.")
        raise
    except RegistryError as refusal:
        # What took long to send is kept for a day: the next try may do better.
        if not resume:
            yield from _abort(upload.id, refusal)
        raise


def _bring(
    upload: Upload, contents: Mapping[str, FileContent], version: RegisterVersion, report: ProgressReport
) -> Plan[ModelVersion]:
    """Send what the session lacks, and register."""

    sent = [(digest, contents[digest]) for digest in upload.missing if digest in contents]
    yield from follow_all([_send(upload.id, digest, content) for digest, content in sent])
    _report_kept(version.files, {content.path for _, content in sent}, report)
    return (yield from ask(calls.register_version(upload.model_name, version)))


def _send(upload: str, digest: str, content: FileContent) -> Plan[None]:
    """Send a file; a large one in parts, so that no break costs more than a part: straight to the store where it takes
    them, else each behind what the service keeps.

    :raises Unavailable: the service stays away, or nothing arrives any more.
    """

    if content.size >= DIRECT_FROM and (yield from _send_straight(upload, digest, content)):
        return
    if content.size < CONTINUED_FROM:
        yield from ask(calls.send_upload_file(upload, digest, content))
        return
    file = yield from ask(calls.get_upload_file(upload, digest))
    in_vain = 0
    while not file.received:
        part = content.part(file.kept, PART)
        try:
            file = yield from ask(calls.continue_upload_file(upload, digest, part, offset=file.kept))
        except (Unavailable, OffsetMismatch):
            before, file = file, (yield from ask(calls.get_upload_file(upload, digest)))
            in_vain = in_vain + 1 if file.kept <= before.kept else 0
            if in_vain == TRIES_IN_VAIN:
                raise
            if in_vain:
                yield Pause(in_vain)


def _send_straight(upload: str, digest: str, content: FileContent) -> Plan[bool]:
    """Send the parts that haven't arrived to the store, side by side, and have the file verified; False where its bytes
    have to go through the service.

    :raises DigestMismatch: the file changed while it was sent.
    :raises Unavailable, UnexpectedAnswer: the store takes nothing.
    """

    arrived, in_vain = -1, 0
    while True:
        parts = yield from ask(calls.sign_upload_parts(upload, digest))
        if parts.received:
            return True
        if parts.part_size is None:
            return False
        in_vain = in_vain + 1 if parts.kept <= arrived else 0
        arrived = parts.kept
        report = content.parts_report(parts.kept)
        if parts.missing:
            refused = yield from follow_all([_send_part(part, content, report) for part in parts.missing])
        else:
            refused = [(yield from _complete(upload, digest, content))]
        if in_vain == TRIES_IN_VAIN:
            raise next(filter(None, refused), Unavailable("Parts that were sent don't arrive. Try again later."))
        if in_vain:
            yield Pause(in_vain)


def _complete(upload: str, digest: str, content: FileContent) -> Plan[RegistryError | None]:
    """What stood in the way, if anything: a twin may have been faster, which only the service can tell."""

    try:
        yield from ask(calls.complete_upload_file(upload, digest, size=content.size))
    except (UploadIncomplete, OffsetMismatch) as refusal:
        return refusal
    return None


def _send_part(part: UploadPart, content: FileContent, report: PartsReport) -> Plan[RegistryError | None]:
    """What stood in the way, if anything: whether the part arrived, only the service can tell."""

    piece = content.part(part.offset, part.size).reported_by(report.of_part(part.offset))
    try:
        yield from ask(Call(method="PUT", path="", url=part.url, answer=type(None), content=piece))
    except (Unavailable, UnexpectedAnswer) as refusal:
        return refusal
    return None


def report_with_attachments(
    model: str,
    selector: str | int,
    body: ReportCheck,
    attachments: Files,
    *,
    progress: Progress | None = None,
    idempotency_key: str | None = None,
) -> Plan[Check]:
    """Report a check with files, such as plots and reports: send what the registry lacks of them, then report.

    `attachments` is a file, a directory of files, or {name: file}; at most 16 of at most 64 MiB.

    :raises InvalidPath: a file isn't there, or stands in a directory within the directory.
    :raises SizeMismatch, DigestMismatch: a file changed while it was sent.
    """

    report = ProgressReport(progress)
    (found,) = yield from run(lambda: collect(attachments))
    measured_ = yield from run(*(_measuring(file) for file in found))
    yield from run(lambda: check_attachments(measured_))
    contents = {
        entry.digest: FileContent(file.source, entry, report) for file, entry in zip(found, measured_, strict=True)
    }
    announced = [NewUploadFile(digest=digest, size=content.size) for digest, content in contents.items()]
    upload = yield from ask(calls.start_upload(StartUpload(model=model, files=announced)))
    complete = msgspec.structs.replace(
        body,
        upload=upload.id,
        attachments=[
            NewAttachment(name=file.path, digest=file.digest, size=file.size, media_type=file.media_type)
            for file in measured_
        ],
    )
    try:
        yield from follow_all([_send(upload.id, digest, contents[digest]) for digest in upload.missing])
        return (yield from ask(calls.report_check(model, selector, complete, idempotency_key=idempotency_key)))
    except Unavailable:
        raise  # the session ends by itself
    except RegistryError as refusal:
        yield from _abort(upload.id, refusal)
        raise


def download(
    model: str,
    selector: str | int,
    destination: PathText | None = None,
    *,
    progress: Progress | None = None,
    reason: str | None = None,
) -> Plan[Manifest]:
    """Bring all files of a version to `destination`, verified, each placed in one step. None: to a directory named
    after model and version (`fraud-3`) where one is.

    The selector is resolved once, so that all files are of one version; the answer says which. Files and metadata are
    held against the version's digest, so that a digest which people approved vouches for every byte. What is there
    already with the right bytes isn't fetched again, and what else is there stays. With `reason`, an admin gets a
    revoked version too, and the log says so.

    :raises SizeMismatch, DigestMismatch: the registry sent something else than the version has.
    :raises InvalidPath: the version names a file that would land elsewhere.
    """

    report = ProgressReport(progress)
    manifest = yield from ask(calls.get_manifest(model, selector))
    version = yield from ask(calls.get_version(model, manifest.number))
    yield from run(lambda: check_manifest(manifest.files), lambda: check_content(manifest, version))
    yield from _fetch(
        manifest.files,
        directory_of(manifest) if destination is None else Path(destination),
        report,
        lambda file, sink: calls.download_file(model, manifest.number, file.path, sink=sink, reason=reason),
    )
    return manifest


def directory_of(manifest: Manifest) -> Path:
    """Where a version goes of which nobody said where.

    :raises InvalidName: the registry calls it by a name that no model can have, and that might lead elsewhere.
    """
    return Path(f"{check_model_name(manifest.model_name)}-{manifest.number}")


def download_attachments(
    model: str, selector: str | int, check: int, destination: PathText, *, progress: Progress | None = None
) -> Plan[list[Attachment]]:
    """Bring what is attached to a report of a check of the version, by the report's id, to `destination`, verified.

    :raises AttachmentNotFound: nothing is attached to it, or the version has no such report.
    :raises SizeMismatch, DigestMismatch: the registry sent something else than was attached.
    """

    version = yield from ask(calls.get_version(model, selector))
    attached = yield from _attachments_of(model, version.number, check)
    files = [ManifestFile(path=one.name, digest=one.digest, size=one.size) for one in attached]
    yield from run(lambda: check_attachments(files))
    yield from _fetch(
        files,
        Path(destination),
        ProgressReport(progress),
        lambda file, sink: calls.download_attachment(model, version.number, check, file.path, sink=sink),
    )
    return attached


def _attachments_of(model: str, number: int, check: int) -> Plan[list[Attachment]]:
    page = yield from ask(calls.list_checks(model, number, limit=200))
    while True:
        for reported in page.items:
            if reported.id == check and reported.attachments:
                return list(reported.attachments)
        if page.next_cursor is None:
            raise AttachmentNotFound(f"Nothing is attached to check {check} of version {number} of '{model}'.")
        page = yield from ask(calls.list_checks(model, number, limit=200, cursor=page.next_cursor))


def _fetch(
    files: Sequence[ManifestFile],
    root: Path,
    report: ProgressReport,
    call: Callable[[ManifestFile, FileSink], Call[bytes]],
) -> Plan[None]:
    """Bring what isn't there yet, each file placed in one step."""

    sinks: list[FileSink] = []
    try:
        (sinks,) = yield from run(lambda: [FileSink(root, file, report) for file in files])
        there = yield from run(*(sink.already_there for sink in sinks))
        yield from follow_all(
            [ask(call(file, sink)) for file, sink, is_there in zip(files, sinks, there, strict=True) if not is_there]
        )
    finally:
        for sink in sinks:
            sink.discard()


def wait_for_events(
    *,
    after: str | None = None,
    kinds: Sequence[str] = (),
    model: str | None = None,
    consumer: str | None = None,
    timeout: float = 60.0,
) -> Plan[EventPage]:
    """The next events after a cursor, or after what a named consumer has read, however long they take, up to `timeout`
    seconds (then a page without events).

    Continue with the page's cursor, which moves on also past events that aren't asked for. A consumer's own cursor
    stays until `move_consumer` says that they were dealt with.

    :raises CursorFromOtherEpoch: the log was reset since the cursor was made.
    """

    if timeout < 0:
        raise InvalidInput("timeout is a number of seconds, 0 or more.", field="timeout")
    deadline = time.monotonic() + timeout
    while True:
        asked = time.monotonic()
        wait = round(min(_LONGEST_WAIT, max(0.0, deadline - asked)), 3)
        page = yield from ask(
            calls.read_events(after=after, kinds=kinds, model=model, consumer=consumer, wait=wait or None)
        )
        if page.events or time.monotonic() >= deadline:
            return page
        after, consumer = page.cursor, None
        # A page full of what the caller may not see comes at once; so may one through a proxy that doesn't wait.
        if time.monotonic() - asked < _SHORTEST_ROUND:
            yield Pause(_SHORTEST_ROUND)


def check_content(manifest: Manifest, version: ModelVersion) -> None:
    """:raises DigestMismatch: files and metadata aren't those that the version's digest covers."""

    digest = content_digest(manifest.files, version.metadata)
    if not digest == manifest.digest == version.digest:
        raise DigestMismatch(
            f"The files and metadata that the registry names for '{manifest.model_name}' {manifest.number} don't make"
            f" up its digest {version.digest}. Nothing was fetched. Tell the registry's operator.",
            model=manifest.model_name,
            version=manifest.number,
        )


def _find_identity(model_name: str, identity: str) -> Plan[ModelVersion | None]:
    quoted = identity.replace("'", "''")
    try:
        page = yield from ask(calls.list_versions(model_name, filter=f"identity = '{quoted}'", limit=1))
    except ModelNotFound:
        return None
    return page.items[0] if page.items else None


def _create_model(name: str) -> Plan[None]:
    try:
        yield from ask(calls.create_model(CreateModel(name=name)))
    except AlreadyExists:
        return  # somebody else was faster


def _abort(upload: str, because: RegistryError) -> Plan[None]:
    try:
        yield from ask(calls.abort_upload(upload))
    except RegistryError as error:
        because.add_note(f"The upload {upload} couldn't be ended either ({error}); it expires by itself.")


def _measuring(file: LocalFile) -> Callable[[], NewManifestFile]:
    return lambda: measured(file)


def _report_kept(manifest: Sequence[NewManifestFile], sent: AbstractSet[str], report: ProgressReport) -> None:
    """Files whose bytes the registry had count as done."""
    for file in manifest:
        if file.path not in sent:
            report(file.path, file.size, file.size)
