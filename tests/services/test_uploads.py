from __future__ import annotations

import pytest
from sqlalchemy import select

from registry_service.db.queries.uploads import LISTED, get_upload, list_uploads
from registry_service.db.tables import upload_files, uploads
from registry_service.db.view import View
from registry_service.domain.entities import Upload
from registry_service.domain.errors import (
    DigestMismatch,
    InvalidDigest,
    InvalidManifest,
    ModelNotFound,
    NotPermitted,
    SizeMismatch,
    TooLarge,
    TooManyUploads,
    UploadClosed,
    UploadIncomplete,
    UploadNotFound,
)
from registry_service.domain.manifest import digest_of
from registry_service.domain.permissions import Role
from registry_service.domain.requests import NewManifestFile, NewUploadFile, RegisterVersion, StartUpload
from registry_service.services.uploads import MAX_OPEN, abort_upload, start_upload
from registry_service.services.versions import register_version
from tests.services.world import ALL, DAY, World, _in_chunks

SECRET = b"weights of a secret model"


async def start(world: World, content: bytes, *, model: str = "fraud", by: str = "airflow", size: int = -1) -> Upload:
    file = NewUploadFile(digest=digest_of(content), size=len(content) if size < 0 else size)
    return await world.act(by, start_upload, StartUpload(model=model, files=[file]))


def manifest(content: bytes, **body: object) -> RegisterVersion:
    file = NewManifestFile(path="model.bin", digest=digest_of(content), size=len(content))
    return RegisterVersion(files=[file], **body)  # type: ignore[arg-type]  # as the test says


async def test_bytes_are_asked_for_until_they_have_arrived(world: World) -> None:
    await world.model()
    session = await start(world, b"weights")
    assert session.missing == [digest_of(b"weights")]
    with pytest.raises(UploadIncomplete) as refused:
        await world.act("airflow", register_version, "fraud", manifest(b"weights", upload=session.id))
    assert refused.value.details["missing"] == [digest_of(b"weights")]
    await world.send(session.id, b"weights")
    assert (await world.look("airflow", get_upload, session.id)).missing == []
    await world.act("airflow", register_version, "fraud", manifest(b"weights", upload=session.id))


async def test_a_list_of_sessions_tells_the_first_digests_alone_that_each_lacks(world: World) -> None:
    await world.model()
    contents = [bytes([number]) for number in range(LISTED + 1)]
    files = [NewUploadFile(digest=digest_of(content), size=1) for content in contents]
    many = await world.act("airflow", start_upload, StartUpload(model="fraud", files=files))
    few = await start(world, b"weights")
    assert (len(many.missing), many.more) == (LISTED + 1, False)
    listed = {one.id: one for one in (await world.look("airflow", list_uploads, ALL)).items}
    assert (listed[many.id].missing, listed[many.id].more) == (sorted(map(digest_of, contents))[:LISTED], True)
    assert listed[few.id] == few
    await world.send(many.id, contents[0])
    listed = {one.id: one for one in (await world.look("airflow", list_uploads, ALL)).items}
    assert (len(listed[many.id].missing), listed[many.id].more) == (LISTED, False)
    assert await world.look("airflow", get_upload, many.id) == listed[many.id]


async def test_a_session_serves_one_registration(world: World) -> None:
    await world.model()
    upload = await world.upload(b"weights")
    await world.act("airflow", register_version, "fraud", manifest(b"weights", upload=upload))
    with pytest.raises(UploadClosed):
        await world.act("airflow", register_version, "fraud", manifest(b"weights", upload=upload))


async def test_a_refused_registration_leaves_the_session_open(world: World) -> None:
    await world.model()
    upload = await world.upload(b"weights")
    with pytest.raises(UploadIncomplete):
        await world.act("airflow", register_version, "fraud", manifest(b"other", upload=upload))
    await world.act("airflow", register_version, "fraud", manifest(b"weights", upload=upload))


async def test_a_session_is_its_owners_alone(world: World) -> None:
    await world.model()
    upload = await world.upload(b"weights", by="airflow")
    for act in (
        world.look("carl", get_upload, upload),
        world.act("carl", abort_upload, upload),
        world.act("carl", register_version, "fraud", manifest(b"weights", upload=upload)),
        world.send(upload, b"weights", by="carl"),
    ):
        with pytest.raises(UploadNotFound):
            await act


async def test_a_session_takes_the_bytes_that_were_announced_and_no_others(world: World) -> None:
    await world.model()
    session = await start(world, b"weights")
    with pytest.raises(UploadNotFound):
        await world.send(session.id, b"something else")
    with pytest.raises(DigestMismatch):
        await world.store.receive(session.id, _in_chunks(b"WEIGHTS"), expected=digest_of(b"weights"), size=7)
    assert (await world.look("airflow", get_upload, session.id)).missing == [digest_of(b"weights")]


async def test_a_session_ends_when_aborted_or_after_its_time(world: World) -> None:
    await world.model()
    aborted, late = await start(world, b"one"), await start(world, b"two")
    await world.act("airflow", abort_upload, aborted.id)
    with pytest.raises(UploadClosed):
        await world.send(aborted.id, b"one")
    world.clock.advance(DAY)
    with pytest.raises(UploadClosed):
        await world.send(late.id, b"two")


async def test_bytes_that_the_caller_may_read_are_not_asked_for_again_and_are_pinned(world: World) -> None:
    await world.model()
    await world.register(content=b"weights")
    session = await start(world, b"weights", by="carl")
    assert session.missing == []

    def pins(view: View) -> list[str]:
        held = select(upload_files.c.digest).join(uploads, uploads.c.id == upload_files.c.upload_id)
        return list(view.connection.execute(held.where(uploads.c.closed_at.is_(None))).scalars())

    assert await world.look("ada", pins) == [digest_of(b"weights")]
    again = await world.act("carl", register_version, "fraud", manifest(b"weights", upload=session.id))
    assert again.number == 2


async def test_knowing_a_digest_is_not_holding_the_bytes(world: World) -> None:
    """Who can't read any version with these bytes must bring them, and learns nothing about whether they are here."""

    await world.model("secret")
    await world.register("secret", content=SECRET)
    await world.model("fraud")
    await world.person("mallory", Role.CONTRIBUTOR, "fraud")
    session = await start(world, SECRET, by="mallory")
    assert session.missing == [digest_of(SECRET)]
    for upload in (session.id, None):
        with pytest.raises(UploadIncomplete):
            await world.act("mallory", register_version, "fraud", manifest(SECRET, upload=upload))
    with pytest.raises(ModelNotFound):
        await start(world, SECRET, model="secret", by="mallory")


async def test_bytes_of_a_deleted_or_revoked_version_must_be_brought_again(world: World) -> None:
    await world.registered(1, content=b"weights")
    await world.revoke(1)
    assert (await start(world, b"weights")).missing == [digest_of(b"weights")]


async def test_a_size_that_is_not_the_bytes_is_refused(world: World) -> None:
    await world.model()
    await world.register(content=b"weights")
    session = await start(world, b"weights", size=8)
    file = NewManifestFile(path="model.bin", digest=digest_of(b"weights"), size=8)
    with pytest.raises(SizeMismatch):
        await world.act("airflow", register_version, "fraud", RegisterVersion(files=[file], upload=session.id))


async def test_a_version_may_have_more_files_than_a_statement_takes_parameters(world: World) -> None:
    await world.model()
    digests = [digest_of(str(number).encode()) for number in range(35_000)]
    files = [NewUploadFile(digest=digest, size=1) for digest in digests]
    session = await world.act("airflow", start_upload, StartUpload(model="fraud", files=files))
    assert len(session.missing) == len(digests)
    body = RegisterVersion(
        files=[NewManifestFile(path=f"{index}.bin", digest=digest, size=1) for index, digest in enumerate(digests)],
        upload=session.id,
    )
    with pytest.raises(UploadIncomplete):
        await world.act("airflow", register_version, "fraud", body)


async def test_more_files_than_a_version_may_have_are_refused_at_the_start(world: World) -> None:
    await world.model()
    files = [NewUploadFile(digest=digest_of(b"weights"), size=1)] * 100_001
    with pytest.raises(TooLarge):
        await world.act("airflow", start_upload, StartUpload(model="fraud", files=files))


async def test_what_is_announced_must_be_possible(world: World) -> None:
    await world.model()
    digest = digest_of(b"weights")
    for files, refusal in (
        ([NewUploadFile(digest="sha256:x", size=1)], InvalidDigest),
        ([NewUploadFile(digest=digest, size=-1)], TooLarge),
        ([NewUploadFile(digest=digest, size=1), NewUploadFile(digest=digest, size=2)], InvalidManifest),
    ):
        with pytest.raises(refusal):
            await world.act("airflow", start_upload, StartUpload(model="fraud", files=files))
    with pytest.raises(NotPermitted):
        await start(world, b"weights", by="rita")


async def test_open_sessions_are_bounded_per_principal(world: World) -> None:
    await world.model()
    for number in range(MAX_OPEN):
        await start(world, str(number).encode())
    with pytest.raises(TooManyUploads, match="abort some") as refusal:
        await start(world, b"one more")
    assert refusal.value.details == {"open": MAX_OPEN, "limit": MAX_OPEN}
    await start(world, b"one more", by="carl")
    world.clock.advance(DAY)
    await start(world, b"one more")
