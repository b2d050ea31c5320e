from __future__ import annotations

from typing import Any

import pytest

from registry_service.db.paging import PageRequest
from registry_service.db.queries import provenance
from registry_service.db.queries.following import list_activity
from registry_service.domain.entities import DeploymentRole, LineageKind, SpellEnd, StageChange, VersionProvenance
from registry_service.domain.errors import DeploymentNotFound, InvalidDigest, InvalidFilter
from registry_service.domain.manifest import digest_of
from registry_service.domain.permissions import Role
from registry_service.domain.promotions import Phase
from registry_service.domain.requests import NewLineageEdge, ObserveDeployment, StartDeployment
from registry_service.services.deployments import observe_deployment, start_deployment
from tests.services.world import HOUR, START, World

COMMIT = NewLineageEdge(kind=LineageKind.CODE_COMMIT, ref="4f1c2d9")


async def of(world: World, digest: str, by: str = "rita", **page: Any) -> list[VersionProvenance]:
    return (await world.look(by, provenance.list_provenance, digest, PageRequest(**page))).items


async def served(world: World, by: str = "rita", **what: Any) -> list[VersionProvenance]:
    return (await world.look(by, provenance.list_served, "eu", PageRequest(), **what)).items


async def deploy(world: World, version: int, observed: str | None = None, model: str = "fraud", **body: Any) -> str:
    body = {"model": model, "target": "eu", "version": str(version)} | body
    started = await world.act("airflow", start_deployment, StartDeployment(**body))
    seen = ObserveDeployment(digest=observed or started.digest)
    await world.act("airflow", observe_deployment, started.id, seen)
    return started.id


async def test_a_digest_leads_to_run_data_checks_approvals_stages_and_deployments(world: World) -> None:
    await world.model()
    version = await world.register(lineage=[COMMIT], people=["carl"])
    await world.register()
    await world.check(1, passed=False)
    await world.check(1)
    rejected = await world.reject("maria", await world.request(1), "not on a Friday")
    world.clock.advance(HOUR)
    promotion = await world.promote(1)
    deployment = await deploy(world, 1, promotion=promotion.id)
    world.clock.advance(HOUR)
    await world.promote(2)

    [found] = await of(world, version.digest)

    assert found.version == await world.version(1)
    assert (found.version.created_by, found.people, found.files) == ("airflow", ["ada", "carl"], [])
    assert found.version.lineage[0].ref == "4f1c2d9"
    assert [(check.name, check.status) for check in found.checks] == [("evaluation", "passed")]
    applied, refused = found.promotions
    assert (applied.id, applied.phase, applied.applied_by) == (promotion.id, Phase.APPLIED, "airflow")
    assert [(pin.name, pin.version) for pin in applied.policies] == [("team", 1)]
    assert [(one.reviewer, one.verdict, one.digest) for one in applied.reviews] == [("ben", "approve", version.digest)]
    assert (refused.id, refused.phase) == (rejected.id, Phase.REJECTED)
    assert refused.closure is not None and refused.reviews[0].comment == "not on a Friday"
    [spell] = found.spells
    assert (spell.stage, spell.since, spell.until) == ("production", START + HOUR, START + 2 * HOUR)
    assert (spell.change, spell.promotion_id) == (StageChange.PROMOTED, promotion.id)
    assert [(one.id, one.observed_digest) for one in found.deployments] == [(deployment, version.digest)]


async def test_what_still_is_current_has_no_end_and_a_withdrawn_review_says_so(world: World) -> None:
    [version] = await world.registered(1)
    promotion = await world.approved(1)
    await world.withdraw("ben", promotion)
    await world.apply(await world.approve("maria", promotion))
    [found] = await of(world, version.digest)
    assert [spell.until for spell in found.spells] == [None]
    reviews = found.promotions[0].reviews
    assert [(one.reviewer, one.withdrawn_at is None) for one in reviews] == [("ben", False), ("maria", True)]


async def test_a_time_in_a_stage_says_what_ended_it(world: World) -> None:
    await world.registered(2)
    await world.promote(1)
    await world.promote(2)
    back = await world.roll_back(from_version=2, reason="worse in Spain")
    [spell] = (await world.look("rita", provenance.get_version_provenance, "fraud", "2")).spells
    assert spell.ended == SpellEnd(
        change=StageChange.ROLLED_BACK, by="airflow", reason="worse in Spain", version=1, promotion_id=back.id
    )
    now, before = (await world.look("rita", provenance.get_version_provenance, "fraud", "1")).spells
    assert (now.until, now.ended) == (None, None)
    assert before.ended is not None
    assert (before.ended.change, before.ended.version) == (StageChange.PROMOTED, 2)
    # What gave way is told of as well, not only what came.
    told = await world.look("rita", list_activity, PageRequest(limit=10), model="fraud", version=2)
    came = [one.event.kind for one in told.items if one.event.data["version"] == 1]
    assert came == ["stage.moved", "promotion.rolled_back"]


async def test_the_digest_of_a_file_leads_to_every_version_that_has_it(solo: World) -> None:
    await solo.model("fraud")
    await solo.model("churn")
    for model in ("fraud", "fraud", "churn"):
        await solo.register(model, content=b"shared", metrics={"at": float(solo.clock.now.timestamp())})
        solo.clock.advance(HOUR)
    await solo.register("churn")

    found = await of(solo, digest_of(b"shared"))
    assert [(one.version.model_name, one.version.number, one.files) for one in found] == [
        ("churn", 1, ["model.bin"]),
        ("fraud", 2, ["model.bin"]),
        ("fraud", 1, ["model.bin"]),
    ]
    first = await solo.look("rita", provenance.list_provenance, digest_of(b"shared"), PageRequest(limit=2))
    rest = await of(solo, digest_of(b"shared"), limit=2, cursor=first.next_cursor)
    assert [one.version for one in (*first.items, *rest)] == [one.version for one in found]
    assert await of(solo, digest_of(b"nothing")) == []
    with pytest.raises(InvalidDigest):
        await of(solo, "sha256:0")
    with pytest.raises(InvalidFilter):
        await of(solo, digest_of(b"shared"), filter="number = 1")


async def test_a_target_that_serves_it_by_mistake_is_among_the_deployments(solo: World) -> None:
    meant, instead = await solo.registered(2)
    await deploy(solo, 1, observed=instead.digest)
    [found] = await of(solo, instead.digest)
    assert [(one.version, one.drifted) for one in found.deployments] == [(1, True)]
    assert len((await of(solo, meant.digest))[0].deployments) == 1


async def test_a_deployment_leads_to_the_same(solo: World) -> None:
    [version] = await solo.registered(1)
    deployment = await deploy(solo, 1)
    assert [await solo.look("rita", provenance.get_deployment_provenance, deployment)] == await of(solo, version.digest)


async def test_what_a_target_served_at_a_time_is_found_again(solo: World) -> None:
    await solo.registered(2)
    await deploy(solo, 1)
    solo.clock.advance(HOUR)
    await deploy(solo, 2)
    await deploy(solo, 1, role=DeploymentRole.CANARY)

    assert [one.version.number for one in await served(solo)] == [2]
    assert [one.version.number for one in await served(solo, as_of=START)] == [1]
    assert [one.version.number for one in await served(solo, role=DeploymentRole.CANARY)] == [1]
    assert await served(solo, as_of=START - HOUR) == []


async def test_what_one_may_not_read_is_not_there(solo: World) -> None:
    await solo.model("team.fraud")
    await solo.model("secret")
    for model in ("team.fraud", "secret"):
        await solo.register(model, content=b"shared")
    mine, theirs = [await deploy(solo, 1, model=model) for model in ("team.fraud", "secret")]
    await solo.person("erin", Role.READER, "team.*")

    assert [one.version.model_name for one in await of(solo, digest_of(b"shared"), "erin")] == ["team.fraud"]
    digest = (await solo.version(1, "secret")).digest
    [found] = await of(solo, digest, "erin")
    assert [one.model_name for one in found.deployments] == ["team.fraud"]
    assert [one.version.model_name for one in await served(solo, "erin")] == ["team.fraud"]
    assert {one.version.model_name for one in await served(solo)} == {"team.fraud", "secret"}
    await solo.look("erin", provenance.get_deployment_provenance, mine)
    with pytest.raises(DeploymentNotFound):
        await solo.look("erin", provenance.get_deployment_provenance, theirs)
