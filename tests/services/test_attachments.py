"""Files attached to checks: whose they are, who gets them, and what keeps their bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from registry_service.care.backup import back_up, restore
from registry_service.care.fsck import check_registry
from registry_service.db.queries import checks as queries
from registry_service.db.tables import check_attachments
from registry_service.db.view import View
from registry_service.domain.entities import Check, CheckStatus
from registry_service.domain.errors import (
    AttachmentNotFound,
    InvalidManifest,
    InvalidPath,
    ModelNotFound,
    SizeMismatch,
    TooLarge,
    UploadIncomplete,
    UploadNotFound,
    VersionDeleted,
    VersionRevoked,
)
from registry_service.domain.manifest import digest_of
from registry_service.domain.permissions import Role
from registry_service.domain.requests import DeleteVersion, NewAttachment, ReportCheck
from registry_service.services import checks as use_cases
from registry_service.services import keeping
from registry_service.services.collection import find_garbage
from registry_service.services.idempotency import Idempotency
from registry_service.storage.filesystem import FilesystemStore
from tests.services.world import DAY, HOUR, World

PLOT = b"<svg onload='alert(1)'/>"
REPORT = b"<h1>{{7*7}}</h1>"


def file(name: str, content: bytes, media_type: str = "image/svg+xml") -> NewAttachment:
    return NewAttachment(name=name, digest=digest_of(content), size=len(content), media_type=media_type)


def report(*files: NewAttachment, upload: str | None = None, name: str = "evaluation") -> ReportCheck:
    return ReportCheck(name=name, status=CheckStatus.PASSED, attachments=list(files), upload=upload)


async def attach(world: World, *contents: bytes, number: int = 1, model: str = "fraud") -> Check:
    upload = await world.upload(*contents, model=model)
    files = [file(f"plot {at}.svg", content) for at, content in enumerate(contents)]
    return await world.act("airflow", use_cases.report_check, model, str(number), report(*files, upload=upload))


async def unneeded(world: World) -> set[str]:
    """What a collection would take, whatever its age."""
    world.clock.advance(2 * DAY)
    await world.registry.sweep()
    found = await world.look("ada", find_garbage, grace=HOUR, after="", until=None, limit=100)
    return {artifact.digest for artifact in found}


async def test_a_check_lists_what_was_attached_to_it(world: World) -> None:
    await world.registered(1)
    check = await attach(world, PLOT, REPORT)
    assert [(one.name, one.digest, one.size, one.media_type) for one in check.attachments] == [
        ("plot 0.svg", digest_of(PLOT), len(PLOT), "image/svg+xml"),
        ("plot 1.svg", digest_of(REPORT), len(REPORT), "image/svg+xml"),
    ]
    await world.check(1, name="bare")
    bare, listed = await world.look_at_all("rita", queries.list_checks, "fraud", "1")
    assert (listed, bare.attachments) == (check, [])
    (event, _) = await world.events("check.reported")
    assert event.data["attachments"] == {"plot 0.svg": digest_of(PLOT), "plot 1.svg": digest_of(REPORT)}


async def test_one_content_may_be_attached_under_several_names_and_to_several_checks(world: World) -> None:
    await world.registered(2)
    upload = await world.upload(PLOT)
    body = report(file("a.svg", PLOT), file("b.svg", PLOT), upload=upload)
    await world.act("airflow", use_cases.report_check, "fraud", "1", body)
    again = await attach(world, PLOT, number=2)
    assert again.attachments[0].digest == digest_of(PLOT)


async def test_what_has_not_arrived_is_not_attached(world: World) -> None:
    await world.registered(1)
    upload = await world.upload(PLOT)
    for body, refused in (
        (report(file("a", REPORT)), UploadIncomplete),
        # What others attached is nobody's to attach by its digest alone.
        (report(file("a", PLOT)), UploadIncomplete),
        (report(file("a", REPORT), upload=upload), UploadIncomplete),
        (report(file("a", PLOT), upload="aaaaaaaaaaaaaaaa"), UploadNotFound),
        (report(NewAttachment(name="a", digest=digest_of(PLOT), size=1), upload=upload), SizeMismatch),
        (report(file("a/b", PLOT), upload=upload), InvalidPath),
        (report(file("a", PLOT), file("a", PLOT), upload=upload), InvalidManifest),
        (report(*(file(str(at), PLOT) for at in range(17)), upload=upload), TooLarge),
    ):
        with pytest.raises(refused):
            await world.act("airflow", use_cases.report_check, "fraud", "1", body)
    assert await world.kinds("check.*") == []
    # A refusal ended nothing.
    body = report(file("a", PLOT), upload=upload)
    check = await world.act("airflow", use_cases.report_check, "fraud", "1", body)
    assert [one.name for one in check.attachments] == ["a"]
    await world.revoke(1)
    with pytest.raises(VersionRevoked):
        await attach(world, PLOT)


async def test_a_file_of_a_version_in_sight_is_attached_without_sending_it_again(world: World) -> None:
    await world.model()
    await world.register(content=PLOT)
    check = await world.act("airflow", use_cases.report_check, "fraud", "1", report(file("a", PLOT)))
    assert check.attachments[0].digest == digest_of(PLOT)


async def test_a_report_that_is_sent_again_has_one_effect(world: World) -> None:
    await world.registered(1)
    body = report(file("a", PLOT), upload=await world.upload(PLOT))
    key = Idempotency("once", "0" * 64)
    first = await world.act_once(key, "airflow", use_cases.report_check, "fraud", "1", body)
    again = await world.act_once(key, "airflow", use_cases.report_check, "fraud", "1", body)
    assert (again.body, again.replayed) == (first.body, True)
    assert len(await world.look_at_all("rita", queries.list_checks, "fraud", "1")) == 1


async def test_who_may_read_the_version_gets_what_is_attached(world: World) -> None:
    await world.registered(2)
    await world.registered(1, "other")
    check = await attach(world, PLOT)
    asked = ("fraud", "1", str(check.id), "plot 0.svg")
    assert (await world.look("rita", queries.get_attachment, *asked)).digest == digest_of(PLOT)
    await world.person("otto", Role.READER, "other")
    with pytest.raises(ModelNotFound):
        await world.look("otto", queries.get_attachment, *asked)
    for wrong in (
        ("fraud", "2", str(check.id), "plot 0.svg"),
        ("other", "1", str(check.id), "plot 0.svg"),
        ("fraud", "1", str(check.id + 1), "plot 0.svg"),
        ("fraud", "1", "9" * 400, "plot 0.svg"),
        ("fraud", "1", "\u0661", "plot 0.svg"),
        ("fraud", "1", str(check.id), "plot"),
    ):
        with pytest.raises(AttachmentNotFound):
            await world.look("rita", queries.get_attachment, *wrong)
    # Evidence against a version outlives its use.
    await world.revoke(1)
    assert (await world.look("rita", queries.get_attachment, *asked)).name == "plot 0.svg"


async def test_bytes_are_kept_while_the_check_is_there(world: World) -> None:
    await world.registered(1)
    await attach(world, PLOT)
    await world.revoke(1)
    assert await unneeded(world) == set()


async def test_a_version_that_is_let_go_lets_go_what_was_attached(world: World) -> None:
    await world.registered(2)
    check = await attach(world, PLOT, REPORT)
    await attach(world, REPORT, number=2)
    await world.act("ada", keeping.delete_version, "fraud", "1", DeleteVersion(reason="x"))
    with pytest.raises(VersionDeleted):
        await world.look("ada", queries.get_attachment, "fraud", "1", str(check.id), "plot 0.svg")
    assert await unneeded(world) == set()
    await world.act("ada", keeping.restore_version, "fraud", "1")
    assert (await world.look("ada", queries.get_attachment, "fraud", "1", str(check.id), "plot 0.svg")).size
    await world.act("ada", keeping.delete_version, "fraud", "1", DeleteVersion(reason="x"))
    world.clock.advance(keeping.GRACE + DAY)
    assert digest_of(PLOT) in await unneeded(world)
    assert digest_of(REPORT) not in await unneeded(world)

    def kept(view: View) -> list[bool]:
        return list(view.connection.execute(select(check_attachments.c.kept)).scalars())

    assert sorted(await world.look("ada", kept)) == [False, False, True]


async def test_a_backup_has_what_is_attached(world: World, database_url: str, tmp_path: Path) -> None:
    await world.registered(2)
    await attach(world, PLOT)
    await attach(world, REPORT, number=2)
    await world.act("ada", keeping.delete_version, "fraud", "2", DeleteVersion(reason="x"))
    world.clock.advance(keeping.GRACE + DAY)
    await world.registry.sweep()
    done = await back_up(database_url, world.store, tmp_path / "backup", now=world.clock())
    assert done.missing == []
    elsewhere = FilesystemStore(tmp_path / "elsewhere")
    restored = await restore(
        f"sqlite:///{tmp_path / 'restored' / 'registry.db'}", elsewhere, tmp_path / "backup", now=world.clock
    )
    assert (restored.artifacts, restored.missing, restored.report.sound) == (2, [], True)
    assert await elsewhere.stat(digest_of(PLOT)) == len(PLOT)
    assert await elsewhere.stat(digest_of(REPORT)) is None
    await elsewhere.close()


async def test_lost_bytes_are_told_by_the_name_of_the_check(world: World, database_url: str, tmp_path: Path) -> None:
    await world.registered(1)
    await attach(world, PLOT)
    await world.store.remove(digest_of(PLOT))
    found = await check_registry(database_url, world.store)
    assert "'plot 0.svg' of the check evaluation of version 1 of fraud" in " ".join(
        finding.message for finding in found.faults
    )
