from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select, update

from registry_service.db.queries.models import find_model
from registry_service.db.queries.usages import get_version_use, list_usages
from registry_service.db.queries.uses import last_used, models_last_used
from registry_service.db.queries.versions import list_versions
from registry_service.db.tables import usages, version_uses
from registry_service.db.view import View
from registry_service.domain.entities import Usage, Use, UseKind, VersionUse
from registry_service.domain.errors import DigestMismatch, InvalidInput, NotPermitted, VersionNotFound
from registry_service.domain.manifest import digest_of
from registry_service.domain.requests import ObserveDeployment, ReportUsage, StartDeployment
from registry_service.services.deployments import observe_deployment, start_deployment
from registry_service.services.usages import KEPT, report_usage
from registry_service.services.work import Work
from tests.services.world import HOUR, START, World


def since_start(view: View, model: str) -> dict[int, float]:
    """By version: hours after the start at which it was last used."""

    found = find_model(view, model)
    return {number: (at - START) / HOUR for number, at in last_used(view, found.id, [1, 2, 3]).items()}


async def test_a_version_is_used_from_the_start_of_a_deployment_for_as_long_as_its_target_serves_it(
    world: World,
) -> None:
    first, second = await world.registered(2)
    assert await world.look("rita", since_start, "fraud") == {}
    world.clock.advance(HOUR)
    started = await world.act("airflow", start_deployment, StartDeployment(model="fraud", target="eu", version="1"))
    assert await world.look("rita", since_start, "fraud") == {1: 1}
    # What is served counts, not what was authorised.
    for digest in (first.digest, second.digest, None, digest_of(b"of nobody")):
        world.clock.advance(HOUR)
        await world.act("airflow", observe_deployment, started.id, ObserveDeployment(digest=digest))
    assert await world.look("rita", since_start, "fraud") == {1: 2, 2: 3}


async def test_what_is_served_counts_for_every_version_of_that_content_and_for_no_other_model(world: World) -> None:
    (first,) = await world.registered(1)
    again = await world.register("fraud", content=b"same")
    twin = await world.register("fraud", content=b"same")
    await world.model("churn")
    other = await world.register("churn", content=b"same")
    assert again.digest == twin.digest == other.digest != first.digest
    started = await world.act("airflow", start_deployment, StartDeployment(model="fraud", target="eu", version="1"))
    world.clock.advance(HOUR)
    await world.act("airflow", observe_deployment, started.id, ObserveDeployment(digest=again.digest))
    assert await world.look("rita", since_start, "fraud") == {1: 0, 2: 1, 3: 1}
    assert await world.look("rita", since_start, "churn") == {}


async def test_a_model_was_last_used_when_one_of_its_versions_was(world: World) -> None:
    await world.registered(2)
    await world.registered(1, "churn")
    for number in (2, 1):
        world.clock.advance(HOUR)
        body = StartDeployment(model="fraud", target="eu", version=str(number))
        await world.act("airflow", start_deployment, body)

    def asked(view: View) -> dict[str, float]:
        ids = {find_model(view, name).id: name for name in ("fraud", "churn")}
        return {ids[one]: (at - START) / HOUR for one, at in models_last_used(view, list(ids)).items()}

    assert await world.look("rita", asked) == {"fraud": 2}


async def test_versions_that_nobody_used_lately_are_found(world: World) -> None:
    await world.registered(3)
    for number in (2, 1):
        world.clock.advance(HOUR)
        body = StartDeployment(model="fraud", target="eu", version=str(number))
        await world.act("airflow", start_deployment, body)

    async def numbers(where: str | None = None, order_by: str | None = None) -> list[int]:
        found = await world.look_at_all("rita", list_versions, "fraud", filter=where, order_by=order_by, limit=1)
        return [one.number for one in found]

    lately = (START + 2 * HOUR).isoformat()
    assert await numbers(f"last_used_at < '{lately}' OR last_used_at IS NULL") == [3, 2]
    assert await numbers(order_by="last_used_at") == [2, 1, 3]
    assert await numbers(order_by="last_used_at desc") == [1, 2, 3]


# ------------------------------------------------------------------------------------------------------- reports


async def report(world: World, selector: str = "1", *, by: str = "airflow", **said: Any) -> Usage:
    body = ReportUsage(**{"batch": "payments/2026-03-02", "run": "score/1"} | said)
    return await world.act(by, report_usage, "fraud", selector, body)


async def use_of(world: World, selector: str = "1") -> VersionUse:
    return await world.look("rita", get_version_use, "fraud", selector)


async def listed(world: World, selector: str = "1") -> list[Usage]:
    return await world.look_at_all("rita", list_usages, "fraud", selector, limit=1)


async def test_a_run_says_what_it_used_a_version_for(world: World) -> None:
    (version,) = await world.registered(1)
    assert await use_of(world) == VersionUse(
        model_name="fraud", version=1, digest=version.digest, needed_for=[], usages=0, last_used_at=None
    )
    world.clock.advance(HOUR)
    used = await report(world, rows=40_000, digest=version.digest)
    assert (used.version, used.digest, used.ordinal, used.rows) == (1, version.digest, 1, 40_000)
    assert (used.reported_at, used.reported_by) == (world.clock.now, "airflow")
    assert await listed(world) == [used]
    await world.promote(1)
    found = await use_of(world)
    assert (found.usages, found.last_used_at) == (1, used.reported_at)
    assert Use(kind=UseKind.STAGE, name="production") in found.needed_for
    (told,) = await world.events("version.used")
    assert (told.subject, told.actor, told.data) == (
        "1",
        "airflow",
        {
            "version": 1,
            "digest": version.digest,
            "batch": "payments/2026-03-02",
            "run": "score/1",
            "rows": 40_000,
        },
    )


async def test_a_usage_that_is_reported_again_is_the_same_one(world: World) -> None:
    await world.registered(1)
    first = await report(world)
    world.clock.advance(HOUR)
    assert await report(world) == first
    assert (await use_of(world)).last_used_at == first.reported_at
    counted = await report(world, rows=7)
    assert (counted.ordinal, counted.rows, counted.reported_at) == (1, 7, world.clock.now)
    assert await report(world) == counted, "what isn't said changes nothing"
    assert await listed(world) == [counted]
    assert (await use_of(world)).usages == 1
    assert len(await world.events("version.used")) == 2


async def test_other_batches_and_runs_are_other_usages_the_newest_first(world: World) -> None:
    await world.registered(2)
    for said in ({}, {"batch": "payments/2026-03-03"}, {"run": "score/2"}, {"run": "score", "batch": "1 payments"}):
        await report(world, **said)
    await report(world, "2")
    assert [one.ordinal for one in await listed(world)] == [4, 3, 2, 1]
    assert [one.ordinal for one in await listed(world, "2")] == [1]
    assert (await use_of(world)).usages == 4


async def test_the_version_is_the_one_that_was_used_or_nothing_is_noted(world: World) -> None:
    first, second = await world.registered(2)
    with pytest.raises(DigestMismatch):
        await report(world, "1", digest=second.digest)
    with pytest.raises(VersionNotFound):
        await report(world, digest_of(b"of nobody"))
    assert (await report(world, first.digest)).version == 1
    assert (await use_of(world)).usages == 1


async def test_that_a_revoked_version_was_used_is_worth_knowing(world: World) -> None:
    await world.registered(1)
    await world.revoke(1)
    await report(world)
    assert (await use_of(world)).usages == 1


async def test_who_only_reads_reports_nothing_and_what_is_no_usage_is_refused(world: World) -> None:
    await world.registered(1)
    with pytest.raises(NotPermitted):
        await report(world, by="rita")
    with pytest.raises(InvalidInput):
        await report(world, run="https://me:secret@scheduler.example/7")
    assert await world.kinds("version.used") == []


async def test_the_oldest_usages_are_let_go_and_the_count_stays(world: World) -> None:
    await world.registered(2)
    await report(world)
    await report(world, "2")

    def age(work: Work) -> None:
        found = find_model(work, "fraud")
        kept = dict(work.connection.execute(select(usages).where(usages.c.number == 1)).one()._mapping)
        more = [
            kept | {"ordinal": ordinal, "batch": f"b{ordinal}", "fingerprint": f"{ordinal}"}
            for ordinal in range(2, KEPT + 1)
        ]
        work.connection.execute(insert(usages), more)
        own = (version_uses.c.model_id == found.id) & (version_uses.c.number == 1)
        work.connection.execute(update(version_uses).where(own).values(usages=KEPT))

    await world.act("ada", age)
    newest = await report(world, run="score/newest")
    assert newest.ordinal == KEPT + 1

    def ordinals(view: View) -> list[tuple[int, int]]:
        found = select(usages.c.number, usages.c.ordinal).order_by(usages.c.number, usages.c.ordinal)
        return [tuple(row) for row in view.connection.execute(found)]

    assert await world.look("rita", ordinals) == [*((1, ordinal) for ordinal in range(2, KEPT + 2)), (2, 1)]
    assert (await use_of(world)).usages == KEPT + 1
