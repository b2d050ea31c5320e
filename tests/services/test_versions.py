from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest
from sqlalchemy import Table, func, select

from registry_service.db import tables
from registry_service.db.queries.versions import get_file, get_manifest, list_versions
from registry_service.db.view import View
from registry_service.domain.entities import LineageKind, VersionStatus
from registry_service.domain.errors import (
    AlreadyExists,
    AmbiguousDigest,
    Conflict,
    InvalidInput,
    InvalidManifest,
    InvalidMetadata,
    InvalidName,
    NotPermitted,
    StageProtected,
    StageVacant,
    VersionNotFound,
    VersionRevoked,
)
from registry_service.domain.manifest import digest_of
from registry_service.domain.metadata import Metadata
from registry_service.domain.requests import (
    ArrangeStages,
    MoveAlias,
    NewLineageEdge,
    NewManifestFile,
    RegisterVersion,
    RevokeVersion,
    UpdateModel,
    UpdateVersion,
)
from registry_service.services import revoking, versions
from registry_service.services.aliases import move_alias, remove_alias
from registry_service.services.models import update_model
from registry_service.services.stages import arrange_stages
from tests.services.world import FILE, HOUR, World

OF_VERSIONS = (
    tables.versions,
    tables.version_files,
    tables.version_tags,
    tables.version_metrics,
    tables.version_params,
    tables.version_lineage,
    tables.aliases,
)


async def rows(world: World) -> dict[str, int]:
    def count(view: View) -> dict[str, int]:
        def one(table: Table) -> int:
            return view.connection.execute(select(func.count()).select_from(table)).scalar_one()

        return {table.name: one(table) for table in OF_VERSIONS}

    return await world.look("ada", count)


async def test_a_version_keeps_what_was_registered(world: World) -> None:
    await world.model()
    metadata = Metadata(metrics={"auc": 0.9}, params={"depth": 3, "kind": "tree", "fast": True}, format="onnx")
    edge = NewLineageEdge(kind=LineageKind.CODE_COMMIT, ref="abc123", details={"branch": "main"})
    made = await world.register(
        content=b"weights",
        metadata=metadata,
        tags={"country": "de"},
        aliases=["champion", "newest"],
        lineage=[edge],
        identity="dag/run/task",
        description="the first",
    )
    assert (made.number, made.status, made.created_by) == (1, VersionStatus.READY, "airflow")
    assert (made.metadata, made.tags, made.aliases) == (metadata, {"country": "de"}, ["champion", "newest"])
    assert [(one.kind, one.ref, one.details) for one in made.lineage] == [
        (LineageKind.CODE_COMMIT, "abc123", {"branch": "main"})
    ]
    assert (made.file_count, made.size) == (1, len(b"weights"))
    manifest = await world.look("rita", get_manifest, "fraud", "1")
    assert [(file.path, file.digest) for file in manifest.files] == [(FILE, digest_of(b"weights"))]
    assert manifest.digest == made.digest
    assert await world.version(1) == made


async def test_the_digest_covers_files_and_metadata_and_nothing_else(world: World) -> None:
    await world.model()
    first = await world.register(content=b"weights", metrics={"auc": 0.9})
    same = await world.register(content=b"weights", metrics={"auc": 0.9}, tags={"a": "b"}, description="again")
    other = await world.register(content=b"weights", metrics={"auc": 0.8})
    assert first.digest == same.digest != other.digest
    assert (first.number, same.number) == (1, 2)


async def test_numbers_are_never_used_again(world: World) -> None:
    await world.registered(3)
    await world.revoke(3)
    assert (await world.register()).number == 4


async def test_a_refused_registration_uses_no_number(world: World) -> None:
    await world.registered(1)
    with pytest.raises(StageProtected):
        await world.register(aliases=["production"])
    assert (await world.register()).number == 2


async def test_concurrent_registrations_get_numbers_in_a_row(world: World) -> None:
    await world.model()
    made = await asyncio.gather(*(world.register() for _ in range(8)))
    assert sorted(version.number for version in made) == list(range(1, 9))


async def test_a_registration_under_a_known_identity_answers_with_the_first(world: World) -> None:
    await world.model()
    first = await world.register(identity="run-1", metrics={"auc": 0.9})
    again = await world.register(identity="run-1", metrics={"auc": 0.1})
    assert (again.number, again.digest) == (first.number, first.digest)
    assert len(await world.kinds("version.registered")) == 1
    assert (await world.register(identity="run-2")).number == 2


async def test_what_somebody_else_registered_under_an_identity_is_not_answered_as_ones_own(world: World) -> None:
    await world.model()
    await world.register(identity="airflow:nightly/2026-03-03/train/-1/0", by="carl")
    with pytest.raises(AlreadyExists, match="'carl' registered version 1"):
        await world.register(identity="airflow:nightly/2026-03-03/train/-1/0", by="airflow")


async def test_concurrent_registrations_under_one_identity_make_one_version(world: World) -> None:
    await world.model()
    made = await asyncio.gather(*(world.register(identity="run-1") for _ in range(5)))
    assert {version.number for version in made} == {1}
    assert (await rows(world))["versions"] == 1


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"aliases": ["champion", "production"]}, StageProtected),
        ({"aliases": ["not an alias"]}, InvalidName),
        ({"tags": {"a": "x" * 200_000}}, InvalidInput),
        ({"metadata": Metadata(metrics={"auc": float("nan")})}, InvalidMetadata),
        ({"identity": ""}, InvalidInput),
        ({"identity": "x" * 1025}, InvalidInput),
        ({"people": ["p"] * 101}, InvalidInput),
        ({"description": "x" * 70_000}, InvalidInput),
    ],
)
async def test_a_refused_registration_leaves_nothing(
    world: World, body: dict[str, object], refusal: type[Exception]
) -> None:
    await world.model()
    before = await world.events()
    with pytest.raises(refusal):
        await world.register(metrics={"auc": 0.9} if "metadata" not in body else None, **body)  # type: ignore[arg-type]  # as the table says
    assert set((await rows(world)).values()) == {0}
    assert await world.events() == before


async def test_a_digest_stands_with_one_size(world: World) -> None:
    await world.model()
    upload = await world.upload(b"weights")
    digest = digest_of(b"weights")
    files = [NewManifestFile(path="a", digest=digest, size=7), NewManifestFile(path="b", digest=digest, size=8)]
    with pytest.raises(InvalidManifest):
        await world.act("airflow", versions.register_version, "fraud", RegisterVersion(files=files, upload=upload))


async def test_description_and_tags_may_change_and_content_never(world: World) -> None:
    (made,) = await world.registered(1, metrics={"auc": 0.9}, tags={"a": "b"})
    body = UpdateVersion(description="better known", tags={"c": "d"})
    after = await world.act("carl", versions.update_version, "fraud", "1", body)
    assert (after.description, after.tags) == ("better known", {"c": "d"})
    assert (after.digest, after.metadata) == (made.digest, made.metadata)
    assert after.revision > made.revision
    with pytest.raises(NotPermitted):
        await world.act("rita", versions.update_version, "fraud", "1", body)


# -------------------------------------------------------------------------------------------------- selectors


async def test_latest_is_the_highest_number_that_is_not_revoked(world: World) -> None:
    await world.registered(3)
    assert (await world.version("latest")).number == 3
    await world.revoke(3)
    assert (await world.version("latest")).number == 2


async def test_a_digest_names_a_version_unless_two_share_it(world: World) -> None:
    await world.model()
    first = await world.register(content=b"weights")
    assert (await world.version(first.digest)).number == 1
    await world.register(content=b"weights")
    with pytest.raises(AmbiguousDigest) as refused:
        await world.version(first.digest)
    assert refused.value.details["versions"] == [1, 2]


async def test_a_pointer_names_what_it_points_to(world: World) -> None:
    await world.registered(1, aliases=["champion"])
    with pytest.raises(StageVacant):
        await world.version("@production")
    with pytest.raises(VersionNotFound):
        await world.version("@nobody")
    with pytest.raises(VersionNotFound):
        await world.version(2)
    await world.promote(1)
    assert (await world.version("@production")).number == 1
    assert (await world.version("@champion")).stages == ["production"]


async def test_selectors_answer_for_the_past(world: World) -> None:
    await world.registered(1, aliases=["champion"])
    start = world.clock.now
    world.clock.advance(HOUR)
    await world.register(aliases=["champion"])
    middle = world.clock.now
    world.clock.advance(HOUR)
    await world.revoke(2)
    assert (await world.version("latest")).number == 1
    assert (await world.version("latest", as_of=middle)).number == 2
    assert (await world.version("latest", as_of=start)).number == 1
    assert (await world.version("@champion", as_of=start)).number == 1
    assert (await world.version("@champion", as_of=middle)).number == 2
    with pytest.raises(VersionNotFound):
        await world.version(2, as_of=start)
    with pytest.raises(VersionNotFound):
        await world.version("@champion", as_of=start - HOUR)
    with pytest.raises(StageVacant):
        await world.version("@production", as_of=start)


async def test_a_version_of_the_past_is_what_the_registry_answered_then(world: World) -> None:
    await world.registered(2, aliases=["champion"])
    told = {world.clock.now: await world.version(2)}

    async def then(act: Awaitable[object]) -> None:
        world.clock.advance(HOUR)
        await act
        told[world.clock.now] = await world.version(2)

    await then(world.promote(1))
    await then(world.promote(2))
    await then(world.act("carl", move_alias, "fraud", "champion", MoveAlias(version="1")))
    await then(world.act("carl", move_alias, "fraud", "challenger", MoveAlias(version="2")))
    await then(world.act("carl", remove_alias, "fraud", "challenger"))
    await then(world.roll_back(from_version=2))
    await then(world.revoke(2))
    assert {(version.status, *version.aliases, *version.stages) for version in told.values()} == {
        ("ready", "champion"),
        ("ready", "champion", "production"),
        ("ready", "production"),
        ("ready", "challenger", "production"),
        ("ready",),
        ("revoked",),
    }
    for moment, version in told.items():
        assert await world.version(2, as_of=moment) == version, moment
        latest = await world.version("latest", as_of=moment)
        assert latest.number == (1 if version.status is VersionStatus.REVOKED else 2)


async def test_an_alias_of_the_past_is_found_after_a_stage_took_its_name(world: World) -> None:
    await world.registered(1, aliases=["shadow"])
    before = world.clock.now
    world.clock.advance(HOUR)
    await world.act("carl", remove_alias, "fraud", "shadow")
    revision = (await world.version(1)).revision
    body = ArrangeStages(stages=["staging", "production", "shadow"])
    await world.act("ada", arrange_stages, "fraud", body, if_match=revision)
    assert (await world.version("@shadow", as_of=before)).number == 1
    with pytest.raises(StageVacant):
        await world.version("@shadow", as_of=world.clock.now)


# -------------------------------------------------------------------------------------------------- revocation


async def test_a_revoked_version_is_neither_downloaded_nor_promoted_nor_named(world: World) -> None:
    await world.registered(2)
    await world.revoke(2, reason="trained on leaked data")
    assert (await world.version(2)).status is VersionStatus.REVOKED
    with pytest.raises(VersionRevoked) as download:
        await world.look("airflow", get_file, "fraud", "2", FILE)
    assert "leaked data" in download.value.message
    with pytest.raises(VersionRevoked):
        await world.request(2)
    with pytest.raises(VersionRevoked):
        await world.check(2)


async def test_revoking_needs_an_approver_and_a_reason_and_is_for_good(world: World) -> None:
    await world.registered(1)
    with pytest.raises(NotPermitted):
        await world.revoke(1, by="carl")
    with pytest.raises(InvalidInput):
        await world.revoke(1, reason=" ")
    await world.revoke(1, reason="first")
    await world.act("maria", revoking.revoke_version, "fraud", "1", RevokeVersion(reason="second"))
    revoked = (await world.version(1)).revoked
    assert revoked is not None
    assert (revoked.reason, revoked.by) == ("first", "ben")
    assert len(await world.kinds("version.revoked")) == 1


# ------------------------------------------------------------------------------------------------------ filters


async def test_versions_are_found_by_what_was_registered(world: World) -> None:
    await world.model()
    await world.register(metrics={"auc": 0.9}, tags={"country": "de"})
    await world.register(metrics={"auc": 0.7})
    await world.register(metadata=Metadata(params={"depth": 3}, framework="sklearn"))
    await world.revoke(2)

    async def found(text: str) -> list[int]:
        return [one.number for one in await world.look_at_all("rita", list_versions, "fraud", filter=text)]

    assert await found("metrics.auc > 0.8") == [1]
    assert await found("tags.country = 'de' OR params.depth >= 3") == [3, 1]
    assert await found("NOT tags.country = 'de'") == [3, 2]
    assert await found("framework = 'sklearn'") == [3]
    assert await found("status = 'revoked'") == [2]


async def test_an_archived_model_takes_no_version_and_answers_with_those_that_it_has(world: World) -> None:
    await world.model()
    first = await world.register(identity="run")
    await world.act("carl", update_model, "fraud", UpdateModel(archived=True))
    before = await world.kinds()
    for identity in (None, "another run"):
        with pytest.raises(Conflict, match=r"'fraud' is archived\. Unarchive it before registering"):
            await world.register(identity=identity)
    assert (await world.register(identity="run")).number == first.number
    assert await world.kinds() == before
    await world.act("carl", update_model, "fraud", UpdateModel(archived=False))
    assert (await world.register()).number == 2
