"""Deleting versions: what needs one, what a tombstone keeps, how long the way back is open."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from registry_service.care.checks import CHECKS
from registry_service.care.findings import Look
from registry_service.db.queries.versions import get_manifest, get_version, list_versions
from registry_service.db.tables import version_files
from registry_service.db.view import View
from registry_service.domain.entities import DeploymentStatus, LineageKind, ModelVersion
from registry_service.domain.errors import (
    Conflict,
    InUse,
    InvalidInput,
    NotPermitted,
    PersonRequired,
    UploadIncomplete,
    VersionDeleted,
    VersionNotFound,
    VersionRevoked,
)
from registry_service.domain.manifest import digest_of
from registry_service.domain.permissions import Role
from registry_service.domain.requests import (
    DeleteVersion,
    LiftLegalHold,
    MoveAlias,
    NewLineageEdge,
    NewManifestFile,
    ObserveDeployment,
    PlaceLegalHold,
    RegisterVersion,
    StartDeployment,
)
from registry_service.services import keeping, versions
from registry_service.services.aliases import move_alias, remove_alias
from registry_service.services.collection import find_garbage
from registry_service.services.deployments import observe_deployment, start_deployment
from registry_service.services.revoking import revoke_impact
from tests.care.lived import sizes
from tests.services.world import DAY, FILE, HOUR, World


async def delete(world: World, number: int, *, by: str = "ada", reason: str = "never used") -> ModelVersion:
    return await world.act(by, keeping.delete_version, "fraud", str(number), DeleteVersion(reason=reason))


async def restore(world: World, number: int) -> ModelVersion:
    return await world.act("ada", keeping.restore_version, "fraud", str(number))


async def hold(world: World, number: int, *, by: str = "ada") -> ModelVersion:
    return await world.act(by, keeping.place_legal_hold, "fraud", str(number), PlaceLegalHold(reason="a case"))


async def used_by(world: World, number: int) -> list[str]:
    with pytest.raises(InUse) as refused:
        await delete(world, number)
    found: list[str] = refused.value.details["used_by"]
    return found


async def garbage(world: World) -> list[str]:
    found = await world.look("ada", find_garbage, grace=HOUR, after="", until=None, limit=100)
    return [artifact.digest for artifact in found]


async def check_all(world: World) -> None:
    stored = await sizes(world)

    def look(view: View) -> list[str]:
        looked = Look(view.connection, stored=stored)
        return [finding.message for check in CHECKS for finding in check.run(looked)]

    assert await world.look("ada", look) == []


async def test_what_a_target_was_seen_to_serve_is_needed_whatever_it_should_serve(world: World) -> None:
    served, authorised, _ = await world.registered(3)
    runs = await world.act("airflow", start_deployment, StartDeployment(model="fraud", target="eu", version="2"))

    async def observe(digest: str | None, status: DeploymentStatus = DeploymentStatus.RUNNING) -> None:
        body = ObserveDeployment(digest=digest, status=status)
        await world.act("airflow", observe_deployment, runs.id, body)

    await observe(authorised.digest)
    assert await used_by(world, 2) == [f"deployment:{runs.id}"]
    await delete(world, 1)
    await restore(world, 1)
    # Somebody put the old one back by hand.
    await observe(served.digest)
    assert await used_by(world, 1) == [f"deployment:{runs.id}"]
    assert await used_by(world, 2) == [f"deployment:{runs.id}"]
    await observe(None, DeploymentStatus.ENDED)
    await delete(world, 1)


async def test_a_tombstone_keeps_the_number_and_says_what_happened(world: World) -> None:
    await world.registered(3)
    gone = await delete(world, 3)
    assert gone.deletion is not None
    assert (gone.deletion.by, gone.deletion.reason, gone.deletion.restorable) == ("ada", "never used", True)
    for selector in ("3", gone.digest):
        with pytest.raises(VersionNotFound):
            await world.look("rita", get_version, "fraud", selector)
    with pytest.raises(VersionDeleted) as told:
        await world.look("rita", get_manifest, "fraud", "3")
    assert told.value.details["restorable"] is True
    assert (await world.version("latest")).number == 2
    assert [one.number for one in await world.look_at_all("rita", list_versions, "fraud")] == [2, 1]
    assert (await world.register()).number == 4
    (event,) = await world.events("version.deleted")
    assert (event.subject, event.data["digest"], event.data["reason"]) == ("3", gone.digest, "never used")


async def test_the_past_still_has_what_was_deleted_since(world: World) -> None:
    await world.registered(1)
    world.clock.advance(HOUR)
    before = world.clock.now
    world.clock.advance(HOUR)
    await delete(world, 1)
    assert (await world.version(1, as_of=before)).deletion is None
    assert (await world.version("latest", as_of=before)).number == 1
    with pytest.raises(VersionDeleted):
        await world.version(1, as_of=world.clock.now)


async def test_whatever_needs_a_version_is_in_the_way(world: World) -> None:
    await world.registered(2)
    await world.promote(1)
    assert await used_by(world, 1) == ["stage:production"]
    await world.promote(2)
    assert await used_by(world, 1) == ["rollback_window:production"]
    await world.register()
    await world.act("carl", move_alias, "fraud", "best", MoveAlias(version="3"))
    asked = await world.request(3)
    runs = await world.act("airflow", start_deployment, StartDeployment(model="fraud", target="eu", version="3"))
    await hold(world, 3)
    assert await used_by(world, 3) == [
        "alias:best",
        f"promotion:{asked.id}",
        f"deployment:{runs.id}",
        "legal_hold:a case",
    ]
    await world.act("carl", remove_alias, "fraud", "best")
    await world.reject("ben", asked)
    await world.act(
        "airflow", observe_deployment, runs.id, ObserveDeployment(digest=None, status=DeploymentStatus.ENDED)
    )
    assert await used_by(world, 3) == ["legal_hold:a case"]
    await world.act("ada", keeping.lift_legal_hold, "fraud", "3", LiftLegalHold(reason="closed"))
    await delete(world, 3)
    await check_all(world)


async def test_deleting_is_for_admins_and_needs_a_reason(world: World) -> None:
    await world.registered(1)
    for who in ("rita", "carl", "ben"):
        with pytest.raises(NotPermitted):
            await delete(world, 1, by=who)
        with pytest.raises(NotPermitted):
            await hold(world, 1, by=who)
    with pytest.raises(InvalidInput):
        await delete(world, 1, reason=" ")
    await world.grant("airflow", Role.ADMIN)
    with pytest.raises(PersonRequired):
        await hold(world, 1, by="airflow")
    await delete(world, 1, by="airflow")


async def test_a_legal_hold_is_told_and_lifted_once(world: World) -> None:
    await world.registered(1)
    held = (await hold(world, 1)).legal_hold
    assert held is not None and (held.by, held.reason) == ("ada", "a case")
    lifted = await world.act("ada", keeping.lift_legal_hold, "fraud", "1", LiftLegalHold(reason="closed"))
    assert lifted.legal_hold is None
    with pytest.raises(Conflict):
        await world.act("ada", keeping.lift_legal_hold, "fraud", "1", LiftLegalHold(reason="closed"))
    assert await world.kinds("version.*") == [
        "version.registered",
        "version.legal_hold_placed",
        "version.legal_hold_lifted",
    ]


async def test_a_deleted_version_comes_back_whole_within_the_grace(world: World) -> None:
    await world.registered(1)
    before = await world.version(1)
    await delete(world, 1)
    world.clock.advance(keeping.GRACE - HOUR)
    await world.registry.sweep()
    assert await garbage(world) == []
    back = await restore(world, 1)
    assert (back.digest, back.deletion) == (before.digest, None)
    world.clock.advance(10 * DAY)
    await world.registry.sweep()
    assert await garbage(world) == []
    with pytest.raises(VersionNotFound):
        await restore(world, 1)
    await check_all(world)


async def test_after_the_grace_its_bytes_are_nobodys_and_it_stays_gone(world: World) -> None:
    await world.model()
    await world.register(content=b"own")
    await world.register(content=b"shared")
    await world.model("other")
    await world.register("other", content=b"shared")
    await delete(world, 1)
    await delete(world, 2)
    world.clock.advance(keeping.GRACE)
    await world.registry.sweep()
    assert await garbage(world) == [digest_of(b"own")]
    with pytest.raises(VersionDeleted) as refused:
        await restore(world, 1)
    assert refused.value.details["restorable"] is False
    await check_all(world)

    def manifest(view: View) -> list[str]:
        rows = select(version_files.c.digest).where(version_files.c.number == 1, ~version_files.c.kept)
        return list(view.connection.execute(rows).scalars())

    assert await world.look("ada", manifest) == [digest_of(b"own")]


async def test_bytes_of_a_deleted_version_alone_spare_nobody_an_upload(world: World) -> None:
    await world.model()
    await world.register(content=b"own")
    await delete(world, 1)
    files = [NewManifestFile(path=FILE, digest=digest_of(b"own"), size=3)]
    with pytest.raises(UploadIncomplete):
        await world.act("airflow", versions.register_version, "fraud", RegisterVersion(files=files))


async def test_a_run_whose_version_was_deleted_is_told_so_when_it_registers_again(world: World) -> None:
    await world.model()
    await world.register(identity="run 1")
    await delete(world, 1)
    with pytest.raises(VersionDeleted):
        await world.register(identity="run 1")


async def test_revoked_content_stays_revoked_where_its_version_is_deleted(world: World) -> None:
    await world.model()
    await world.register(content=b"bad")
    await world.revoke(1)
    await delete(world, 1)
    with pytest.raises(VersionRevoked):
        await world.register(content=b"bad")


async def test_a_deleted_version_is_no_longer_said_to_be_made_from_another(world: World) -> None:
    await world.registered(1)
    await world.register(lineage=[NewLineageEdge(kind=LineageKind.PARENT_VERSION, ref="fraud/1")])
    await delete(world, 2)
    assert (await world.look("ada", revoke_impact, "fraud", "1")).derived == []
