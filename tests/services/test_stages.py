from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime

import pytest

from registry_service.db.queries.stages import list_stages
from registry_service.domain.entities import PrincipalKind, StageChange
from registry_service.domain.errors import (
    Conflict,
    InUse,
    InvalidInput,
    NothingToRollBack,
    NotPermitted,
    PersonRequired,
    RevisionMismatch,
    RevisionRequired,
    StageHeld,
    StageNotFound,
    StageVacant,
    VersionNotFound,
)
from registry_service.domain.permissions import Role
from registry_service.domain.promotions import Phase
from registry_service.domain.requests import ArrangeStages, ClearFailure, UpdateModel, UpdatePrincipal, VacateStage
from registry_service.services.models import update_model
from registry_service.services.principals import update_principal
from registry_service.services.stages import arrange_stages, clear_failure, release_stage, vacate_stage
from tests.services.world import HOUR, MINUTE, World


async def vacate(world: World, from_version: int, by: str = "ben") -> None:
    body = VacateStage(from_version=from_version, reason="nothing good is left")
    await world.act(by, vacate_stage, "fraud", "production", body)


async def clear(world: World, version: int, by: str = "ben", reason: str = "the endpoint was at fault") -> None:
    await world.act(by, clear_failure, "fraud", "production", ClearFailure(version=version, reason=reason))


# ------------------------------------------------------------------------------------------------- arranging


async def test_stages_are_arranged_by_who_saw_the_model(world: World) -> None:
    made = await world.model()
    body = ArrangeStages(stages=["production", "shadow"])
    with pytest.raises(RevisionRequired):
        await world.act("ada", arrange_stages, "fraud", body)
    arranged = await world.act("ada", arrange_stages, "fraud", body, if_match=made.revision)
    assert [(stage.name, stage.position) for stage in arranged.items] == [("production", 0), ("shadow", 1)]
    with pytest.raises(RevisionMismatch):
        await world.act("ada", arrange_stages, "fraud", body, if_match=made.revision)
    assert [stage.name for stage in await world.look_at_all("rita", list_stages, "fraud")] == ["production", "shadow"]
    with pytest.raises(StageNotFound):
        await world.stage("staging")


async def test_a_stage_with_a_past_or_a_request_is_not_left_out(world: World) -> None:
    await world.registered(2)
    await world.promote(1, "production")
    await world.request(2, "staging")
    revision = (await world.version(1)).revision
    with pytest.raises(InUse) as refused:
        await world.act("ada", arrange_stages, "fraud", ArrangeStages(stages=["live"]), if_match=revision)
    assert refused.value.details["used_by"] == ["production", "staging"]


async def test_only_admins_arrange_stages(world: World) -> None:
    made = await world.model()
    with pytest.raises(NotPermitted):
        await world.act("ben", arrange_stages, "fraud", ArrangeStages(stages=["live"]), if_match=made.revision)


# --------------------------------------------------------------------------------------------------- holding


async def test_nothing_enters_a_held_stage_until_it_is_released(world: World) -> None:
    await world.registered(1)
    promotion = await world.approved(1)
    held = await world.hold()
    assert held.hold is not None and (held.hold.by, held.hold.reason) == ("carl", "frozen")
    for act in (world.apply(promotion), world.lease(promotion)):
        with pytest.raises(StageHeld):
            await act
    assert (await world.promotion(promotion)).phase is Phase.APPROVED
    await world.act("carl", release_stage, "fraud", "production")
    assert (await world.apply(promotion)).phase is Phase.APPLIED


async def test_a_hold_with_an_end_ends_by_itself(world: World) -> None:
    await world.registered(1)
    promotion = await world.approved(1)
    await world.hold(until=world.clock.now + HOUR)
    world.clock.advance(HOUR - MINUTE)
    with pytest.raises(StageHeld):
        await world.apply(promotion)
    world.clock.advance(MINUTE)
    assert (await world.stage()).hold is None
    assert (await world.apply(promotion)).is_current


async def test_a_hold_says_why_and_ends_in_the_future(world: World) -> None:
    await world.model()
    with pytest.raises(InvalidInput):
        await world.hold(until=world.clock.now)
    with pytest.raises(NotPermitted):
        await world.hold(by="rita")


# `paul` contributes like carl, `sven` is a service whose role is approver, `otto` approves models of other names only.
HOLDS = [
    ("airflow", {"airflow", "ben", "maria", "sven", "ada"}),
    ("carl", {"carl", "ben", "maria", "sven", "ada"}),
    ("ben", {"ben", "maria", "ada"}),
    ("sven", {"sven", "ben", "maria", "ada"}),
    ("ada", {"ada"}),
]


@pytest.mark.parametrize(("maker", "may"), HOLDS, ids=[maker for maker, _ in HOLDS])
async def test_a_hold_is_ended_by_its_maker_or_by_approvers_who_may_do_as_much(
    world: World, maker: str, may: set[str]
) -> None:
    await world.model()
    await world.person("paul", Role.CONTRIBUTOR)
    await world.person("otto", Role.APPROVER, "churn*")
    await world.grant("otto", Role.CONTRIBUTOR)
    await world.principal("sven", PrincipalKind.SERVICE, owners=["ada"])
    await world.grant("sven", Role.APPROVER)
    await world.token_of("sven")
    for who in ("airflow", "sven", "carl", "paul", "otto", "ben", "maria", "ada"):
        held = await world.hold(by=maker)
        assert held.hold is not None and held.hold.by == maker
        if who in may:
            assert (await world.act(who, release_stage, "fraud", "production")).hold is None
            await world.hold(by=maker)
            assert (await world.hold(by=who)).hold is not None
            await world.act("ada", release_stage, "fraud", "production")
        else:
            # To replace a hold by one that ends in a minute is to release it.
            for act in (
                world.act(who, release_stage, "fraud", "production"),
                world.hold(by=who, until=world.clock.now + MINUTE),
            ):
                with pytest.raises(NotPermitted, match=f"'{maker}' holds"):
                    await act
            assert await world.stage() == held


async def test_a_narrowed_token_ends_no_hold_that_it_could_not_have_made(world: World) -> None:
    await world.model()
    await world.hold(by="carl")
    narrowed = await world.actor("ada", token=await world.token_of("ada", Role.CONTRIBUTOR))
    with pytest.raises(NotPermitted):
        await world.act(narrowed, release_stage, "fraud", "production")


async def test_a_hold_of_somebody_who_left_is_released_by_approvers(world: World) -> None:
    await world.model()
    await world.person("olga", Role.ADMIN)
    await world.hold(by="olga")
    await world.act("ada", update_principal, "olga", UpdatePrincipal(disabled=True))
    with pytest.raises(NotPermitted):
        await world.act("carl", release_stage, "fraud", "production")
    await world.act("ben", release_stage, "fraud", "production")


async def test_a_hold_whose_time_is_over_is_in_nobodys_way(world: World) -> None:
    await world.model()
    await world.hold(by="ada", until=world.clock.now + HOUR)
    world.clock.advance(HOUR)
    held = await world.hold(by="carl")
    assert held.hold is not None and held.hold.by == "carl"


async def test_releasing_what_is_not_held_does_nothing(world: World) -> None:
    await world.model()
    await world.act("carl", release_stage, "fraud", "production")
    assert await world.kinds("stage.*") == []


async def test_a_hold_ends_a_lease_no_sooner_than_its_run_asks(world: World) -> None:
    """A run that is deploying when the stage is held must not commit either."""

    await world.registered(1)
    promotion = await world.lease(await world.approved(1))
    await world.hold()
    with pytest.raises(StageHeld):
        await world.apply(promotion, "run-1")


# ------------------------------------------------------------------------------------------- history and past


async def test_history_says_exactly_what_was_current_when(world: World) -> None:
    await world.registered(3)
    moments: list[tuple[datetime, int | None]] = [(world.clock.now, None)]

    async def then(number: int | None) -> None:
        moments.append((world.clock.now, number))

    for number in (1, 2):
        world.clock.advance(HOUR)
        await world.promote(number)
        await then(number)
    world.clock.advance(HOUR)
    await world.roll_back(from_version=2)
    await then(1)
    world.clock.advance(HOUR)
    await world.promote(3)
    await then(3)
    for (moment, current), (following, _) in zip(moments, [*moments[1:], (world.clock.now + HOUR, None)], strict=True):
        assert (await world.stage(as_of=moment)).version == current
        assert (await world.stage(as_of=following - MINUTE)).version == current
        if current is not None:
            assert (await world.version("@production", as_of=moment)).number == current
    history = await world.history()
    assert [(one.change, one.version, one.previous) for one in history] == [
        (StageChange.PROMOTED, 3, 1),
        (StageChange.ROLLED_BACK, 1, 2),
        (StageChange.PROMOTED, 2, 1),
        (StageChange.PROMOTED, 1, None),
    ]
    assert [one.revision for one in history] == sorted((one.revision for one in history), reverse=True)


async def test_of_several_changes_at_one_moment_the_last_counts(world: World) -> None:
    await world.registered(2)
    await world.promote(1)
    await world.promote(2)
    assert (await world.stage(as_of=world.clock.now)).version == 2


async def test_a_stage_of_the_past_is_what_the_registry_answered_then(world: World) -> None:
    """Whatever happens to a stage: asked later for that moment, it is told as it was told at that moment."""

    await world.registered(2)
    told = {world.clock.now: await world.stage()}

    async def then(act: Awaitable[object]) -> None:
        await act
        told[world.clock.now] = await world.stage()
        world.clock.advance(HOUR)
        # Time alone ends a hold.
        told[world.clock.now] = await world.stage()
        world.clock.advance(MINUTE)

    world.clock.advance(HOUR)
    await then(world.promote(1))
    await then(world.promote(2))
    await then(world.hold(until=world.clock.now + 30 * MINUTE))
    await then(world.hold())
    await then(world.act("carl", release_stage, "fraud", "production"))
    await then(world.roll_back(from_version=2))
    await then(clear(world, 2))
    await then(world.attach("regulated", "fraud", "production"))
    await then(world.revoke(2))
    await then(world.revoke(1))
    await then(vacate(world, 1))
    revision = (await world.version(1)).revision
    stages = ArrangeStages(stages=["production", "staging", "shadow"])
    await then(world.act("ada", arrange_stages, "fraud", stages, if_match=revision))
    assert {(stage.version, stage.hold is None, tuple(stage.failed)) for stage in told.values()} >= {
        (2, False, ()),
        (2, True, ()),
        (1, True, (2,)),
        (1, True, ()),
        (None, True, ()),
    }
    for moment, stage in told.items():
        assert await world.stage(as_of=moment) == stage, moment


async def test_a_stage_that_there_was_not_yet_was_not_vacant(world: World) -> None:
    made = await world.model()
    with pytest.raises(StageNotFound):
        await world.stage(as_of=world.clock.now - MINUTE)
    before = world.clock.now
    world.clock.advance(HOUR)
    body = ArrangeStages(stages=["production", "shadow"])
    await world.act("ada", arrange_stages, "fraud", body, if_match=made.revision)
    assert (await world.stage("shadow", as_of=world.clock.now)).version is None
    for selector in (world.stage("shadow", as_of=before), world.stage("staging", as_of=world.clock.now)):
        with pytest.raises(StageNotFound):
            await selector
    assert (await world.stage("staging", as_of=before)).position == 0
    with pytest.raises(VersionNotFound):
        await world.version("@shadow", as_of=before)


async def test_a_version_may_be_current_in_several_stages(world: World) -> None:
    await world.registered(1)
    await world.promote(1, "staging")
    await world.promote(1, "production")
    assert (await world.version(1)).stages == ["staging", "production"]


# -------------------------------------------------------------------------------------------------- vacating


async def test_a_stage_is_vacated_when_its_version_is_revoked_and_nothing_good_is_left(world: World) -> None:
    await world.registered(1)
    await world.promote(1)
    with pytest.raises(Conflict, match="not revoked"):
        await vacate(world, 1)
    await world.revoke(1)
    assert await world.current() == 1  # the registry doesn't stop what runs
    with pytest.raises(NotPermitted):
        await vacate(world, 1, by="carl")
    await vacate(world, 1)
    assert await world.current() is None
    with pytest.raises(StageVacant):
        await world.version("@production")
    with pytest.raises(StageVacant):
        await vacate(world, 1)
    assert [(one.change, one.version) for one in await world.history()] == [
        (StageChange.VACATED, None),
        (StageChange.PROMOTED, 1),
    ]
    assert await world.kinds("stage.vacated") == ["stage.vacated"]


async def test_a_stage_with_a_good_version_behind_is_rolled_back_instead(world: World) -> None:
    await world.registered(2)
    await world.promote(1)
    await world.promote(2)
    await world.revoke(2)
    with pytest.raises(Conflict, match="Roll back"):
        await vacate(world, 2)
    with pytest.raises(NothingToRollBack):
        await vacate(world, 1)
    await world.roll_back(from_version=2)
    assert await world.current() == 1


async def test_a_stage_of_an_archived_model_may_be_vacated(world: World) -> None:
    await world.registered(1)
    await world.promote(1)
    await world.act("carl", update_model, "fraud", UpdateModel(archived=True))
    await vacate(world, 1, by="ada")
    assert await world.current() is None


async def test_nothing_enters_an_archived_model(world: World) -> None:
    """What was approved before is over: the model is to serve nobody any more."""

    await world.registered(2)
    promotion = await world.approved(1)
    await world.act("carl", update_model, "fraud", UpdateModel(archived=True))
    assert (await world.promotion(promotion)).phase is Phase.STALE
    with pytest.raises(Conflict):
        await world.apply(promotion)
    with pytest.raises(Conflict):
        await world.request(2)
    await world.act("carl", update_model, "fraud", UpdateModel(archived=False))
    await world.promote(2)


async def test_after_a_vacancy_a_promotion_enters_again(world: World) -> None:
    await world.registered(2)
    await world.promote(2)
    await world.revoke(2)
    await vacate(world, 2)
    await world.promote(1)
    assert await world.current() == 1


# -------------------------------------------------------------------------------------------- clearing failures


async def test_a_version_that_failed_here_comes_back_only_after_a_person_cleared_it(world: World) -> None:
    await world.registered(2)
    await world.promote(1)
    await world.promote(2)
    await world.roll_back(from_version=2)
    again = await world.approved(2)
    assert [reason.code for reason in again.decision.reasons] == ["version_failed_here"]
    with pytest.raises(Conflict):
        await world.apply(again)
    with pytest.raises(NotPermitted):
        await clear(world, 2, by="carl")
    with pytest.raises(InvalidInput):
        await clear(world, 2, reason="")
    await clear(world, 2)
    assert (await world.stage()).failed == []
    assert (await world.apply(again)).is_current


async def test_content_that_failed_here_is_no_better_under_another_number(world: World) -> None:
    await world.registered(1)
    failed = await world.register(content=b"as bad as ever")
    await world.promote(1)
    await world.promote(failed.number)
    await world.roll_back(from_version=failed.number)
    again = await world.register(content=b"as bad as ever")
    assert again.digest == failed.digest
    promotion = await world.approved(again.number)
    assert [reason.code for reason in promotion.decision.reasons] == ["version_failed_here"]
    with pytest.raises(Conflict):
        await world.apply(promotion)
    assert (await world.stage()).failed == [failed.number, again.number]
    await clear(world, again.number)
    assert (await world.stage()).failed == []
    assert (await world.apply(promotion)).is_current


async def test_a_service_clears_no_failure_whatever_its_role(world: World) -> None:
    await world.registered(2)
    await world.promote(1)
    await world.promote(2)
    await world.roll_back(from_version=2)
    await world.grant("airflow", Role.ADMIN)
    with pytest.raises(PersonRequired):
        await clear(world, 2, by="airflow")


async def test_what_did_not_fail_is_not_cleared(world: World) -> None:
    await world.registered(1)
    with pytest.raises(VersionNotFound):
        await clear(world, 1)
