from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import update

from registry_service.db.queries.policies import get_policy, list_attachments, list_policies, list_policy_changes
from registry_service.db.queries.promotions import test_policy as try_policy
from registry_service.db.tables import policies
from registry_service.domain.entities import PolicyChange
from registry_service.domain.errors import (
    Conflict,
    InvalidInput,
    InvalidPolicy,
    NotPermitted,
    PersonRequired,
    PolicyNotFound,
    RevisionMismatch,
    RevisionRequired,
)
from registry_service.domain.permissions import Role
from registry_service.domain.policies import OPEN, REGULATED, SOLO, TEAM, PolicyDocument, ReviewRule
from registry_service.domain.promotions import Phase
from registry_service.domain.requests import AttachPolicy, WritePolicy
from registry_service.domain.requests import TestPolicy as Trial
from registry_service.services.policies import (
    attach_policy,
    confirm_policy_change,
    detach_policy,
    withdraw_policy_change,
    write_policy,
)
from registry_service.services.principals import remove_grant
from tests.services.world import World

STRICTER = msgspec.structs.replace(TEAM, rules=(ReviewRule(name="another person", role="approver", count=2),))


async def write(
    world: World, document: PolicyDocument, *, by: str = "ada", force: bool = False, if_match: int | None = None
) -> PolicyChange:
    return await world.act(by, write_policy, WritePolicy(document=document, force=force), if_match=if_match)


async def detach(world: World, policy: str, *, by: str = "ada") -> PolicyChange:
    (held,) = [one for one in await world.look_at_all(by, list_attachments) if one.policy == policy]
    return await world.act(by, detach_policy, held.id)


@pytest.fixture
async def regulated(solo: World) -> World:
    """`regulated` holds everywhere; `olga` is a second admin."""

    await solo.person("olga", Role.ADMIN)
    await solo.attach("regulated")
    return solo


async def test_a_kept_demand_of_a_newer_release_is_not_judged_as_if_it_were_none(solo: World) -> None:
    await solo.registered(1)
    newer = {**msgspec.to_builtins(SOLO), "four_eyes": True}
    await solo.registry.database.write(
        lambda connection: connection.execute(update(policies).where(policies.c.name == "solo").values(document=newer))
    )
    with pytest.raises(msgspec.ValidationError, match="four_eyes"):
        await solo.promote(1)


async def test_policies_are_written_in_immutable_versions(world: World) -> None:
    with pytest.raises(RevisionRequired):
        await write(world, STRICTER)
    with pytest.raises(RevisionMismatch):
        await write(world, STRICTER, if_match=2)
    change = await write(world, STRICTER, if_match=1)
    assert (change.result_version, change.confirmed_by) == (2, "ada")
    assert (await world.look("rita", get_policy, "team")).document == STRICTER
    assert (await world.look("rita", get_policy, "team", version=1)).document == TEAM
    for version in (0, 3, 10**12):
        with pytest.raises(PolicyNotFound):
            await world.look("rita", get_policy, "team", version=version)
    newest = {policy.name: policy.version for policy in await world.look_at_all("rita", list_policies)}
    assert newest == {"open": 1, "regulated": 1, "solo": 1, "team": 2}


async def test_a_policy_is_for_people_who_are_admins(world: World) -> None:
    await world.grant("airflow", Role.ADMIN)
    with pytest.raises(PersonRequired):
        await write(world, STRICTER, by="airflow", if_match=1)
    with pytest.raises(NotPermitted):
        await write(world, STRICTER, by="ben", if_match=1)
    await world.person("otto", Role.ADMIN, "team-a.*")
    with pytest.raises(NotPermitted):
        await write(world, STRICTER, by="otto", if_match=1)


async def test_a_policy_that_asks_for_nothing_without_saying_so_is_refused(world: World) -> None:
    with pytest.raises(InvalidPolicy):
        await write(world, PolicyDocument(name="empty"))
    with pytest.raises(PolicyNotFound):
        await write(world, PolicyDocument(name="new", nobody_need_review=True), if_match=1)


# --------------------------------------------------------------------------------------------------- the pin


async def test_a_request_is_judged_by_the_version_that_it_was_made_under(world: World) -> None:
    await world.registered(2)
    promotion = await world.request(1)
    await write(world, STRICTER, if_match=1)
    assert (await world.approve("ben", promotion)).phase is Phase.APPROVED
    assert (await world.apply(promotion)).is_current
    later = await world.approved(2)
    assert [(pin.name, pin.version) for pin in later.policies] == [("team", 2)]
    assert later.phase is Phase.PENDING


async def test_a_forced_policy_makes_open_requests_under_it_stale(world: World) -> None:
    await world.registered(2)
    await world.promote(1)
    approved = await world.lease(await world.approved(2))
    change = await write(world, STRICTER, if_match=1, force=True)
    assert change.stale_promotions == [approved.id]
    stale = await world.promotion(approved)
    assert stale.phase is Phase.STALE
    assert stale.closure is not None and "version 2 of policy 'team'" in stale.closure.reason
    assert await world.current() == 1


async def test_a_forced_attachment_makes_open_requests_where_it_holds_stale(world: World) -> None:
    await world.registered(1)
    await world.registered(1, "churn")
    here, elsewhere = await world.approved(1), await world.approved(1, model="churn")
    staging = await world.approved(1, "staging")
    change = await world.attach("regulated", "fraud", "production", force=True)
    assert change.stale_promotions == [here.id]
    assert (await world.promotion(here)).phase is Phase.STALE
    for untouched in (elsewhere, staging):
        assert (await world.promotion(untouched)).phase is Phase.APPROVED


async def test_an_attachment_that_is_not_forced_leaves_open_requests_alone(world: World) -> None:
    await world.registered(1)
    promotion = await world.approved(1)
    await world.attach("regulated")
    assert (await world.apply(promotion)).is_current


# ---------------------------------------------------------------------------------------------- where it holds


async def test_a_default_holds_only_where_nothing_else_does(solo: World) -> None:
    await solo.attach("regulated", "fraud")
    await solo.attach("team", "*", "staging")
    await solo.registered(1)
    await solo.registered(1, "churn")
    pins = {
        (model, stage): [pin.name for pin in (await solo.stage(stage, model=model)).policies]
        for model in ("fraud", "churn")
        for stage in ("staging", "production")
    }
    assert pins == {
        ("fraud", "staging"): ["regulated", "team"],
        ("fraud", "production"): ["regulated"],
        ("churn", "staging"): ["team"],
        ("churn", "production"): ["solo"],
    }


async def test_attaching_twice_is_one_attachment(world: World) -> None:
    first = await world.attach("team", "churn")
    second = await world.attach("team", "churn")
    assert first.attachment_id == second.attachment_id
    flipped = await world.attach("team", "churn", default=True)
    assert flipped.attachment_id != first.attachment_id
    held = [one for one in await world.look_at_all("rita", list_attachments) if one.model_pattern == "churn"]
    assert [(one.policy, one.default) for one in held] == [("team", True)]


async def test_what_is_not_there_is_neither_attached_nor_detached(world: World) -> None:
    with pytest.raises(PolicyNotFound):
        await world.attach("nobody")
    with pytest.raises(PolicyNotFound):
        await world.act("ada", detach_policy, "nobody")
    with pytest.raises(InvalidInput):
        await world.attach("team", "[a-z]")
    await detach(world, "team")
    with pytest.raises(ValueError, match="unpack"):
        await detach(world, "team")


# -------------------------------------------------------------------------------------------- a second person


async def test_a_change_of_a_regulated_policy_waits_for_a_second_person(regulated: World) -> None:
    weaker = msgspec.structs.replace(REGULATED, rules=REGULATED.rules[:1])
    change = await write(regulated, weaker, if_match=1)
    assert (change.confirmed_by, change.result_version) == (None, None)
    assert (await regulated.look("ada", get_policy, "regulated")).version == 1
    assert (await regulated.kinds("policy.*"))[-1] == "policy.change_proposed"
    with pytest.raises(NotPermitted):
        await regulated.act("ada", confirm_policy_change, change.id)
    with pytest.raises(NotPermitted):
        await regulated.act("ben", confirm_policy_change, change.id)
    confirmed = await regulated.act("olga", confirm_policy_change, change.id)
    assert (confirmed.confirmed_by, confirmed.result_version) == ("olga", 2)
    again = await regulated.act("olga", confirm_policy_change, change.id)
    assert again == confirmed
    changes = await regulated.look_at_all("rita", list_policy_changes)
    assert [(one.id, one.confirmed_by) for one in changes if one.id == change.id] == [(change.id, "olga")]


async def test_no_person_reports_the_check_that_a_regulated_stage_asks_for(regulated: World) -> None:
    """Not even on their own version: the same hands would have done the work and measured it."""

    await regulated.model()
    await regulated.register(by="carl")
    promotion = await regulated.request(1, by="carl")
    for who in ("ben", "ada"):
        await regulated.approve(who, promotion)
    for who in ("carl", "ada"):
        await regulated.check(1, by=who)
    found = await regulated.promotion(promotion)
    assert (found.phase, [reason.code for reason in found.decision.reasons]) == (Phase.PENDING, ["check_missing"])
    await regulated.check(1, by="airflow")
    await regulated.check(1, by="carl", passed=False)
    assert (await regulated.apply(promotion)).is_current


async def test_a_service_is_no_second_person(regulated: World) -> None:
    change = await detach(regulated, "regulated")
    await regulated.grant("airflow", Role.ADMIN)
    with pytest.raises(PersonRequired):
        await regulated.act("airflow", confirm_policy_change, change.id)


async def test_a_confirmed_change_still_fits_what_its_author_saw(regulated: World) -> None:
    first = await write(regulated, msgspec.structs.replace(REGULATED, description="first"), if_match=1)
    second = await write(regulated, msgspec.structs.replace(REGULATED, description="second"), if_match=1)
    await regulated.act("olga", confirm_policy_change, first.id)
    with pytest.raises(RevisionMismatch):
        await regulated.act("olga", confirm_policy_change, second.id)


async def test_what_nobody_confirmed_may_be_withdrawn(regulated: World) -> None:
    weaker = msgspec.structs.replace(REGULATED, rules=REGULATED.rules[:1])
    change = await write(regulated, weaker, if_match=1)
    assert (change.document, change.replaces, change.force) == (weaker, 1, False)
    with pytest.raises(NotPermitted):
        await regulated.act("ben", withdraw_policy_change, change.id)
    withdrawn = await regulated.act("ada", withdraw_policy_change, change.id)
    assert (withdrawn.withdrawn_by, withdrawn.withdrawn_at) == ("ada", regulated.clock.now)
    assert await regulated.act("olga", withdraw_policy_change, change.id) == withdrawn
    assert await regulated.kinds("policy.change_withdrawn") == ["policy.change_withdrawn"]
    with pytest.raises(Conflict, match="ada withdrew"):
        await regulated.act("olga", confirm_policy_change, change.id)
    assert (await regulated.look("ada", get_policy, "regulated")).version == 1
    in_force = await write(regulated, weaker, if_match=1)
    await regulated.act("olga", confirm_policy_change, in_force.id)
    with pytest.raises(Conflict, match="in force"):
        await regulated.act("ada", withdraw_policy_change, in_force.id)


async def test_where_a_change_holds_is_for_those_who_have_it_in_sight(regulated: World) -> None:
    change = await detach(regulated, "regulated")
    assert (change.model_pattern, change.stage) == ("*", "*")
    await regulated.act("olga", withdraw_policy_change, change.id)
    secret = await regulated.act(
        "ada", attach_policy, AttachPolicy(policy="solo", model_pattern="secret*", default=True)
    )
    assert (secret.model_pattern, secret.default) == ("secret*", True)
    await regulated.act("ada", remove_grant, await regulated.grant_id("rita"))
    await regulated.grant("rita", Role.READER, "fraud*")
    seen = {one.id: one for one in await regulated.look_at_all("rita", list_policy_changes)}
    assert (seen[secret.id].policy, seen[secret.id].model_pattern, seen[secret.id].stage) == ("solo", None, None)


async def test_detaching_it_waits_as_well(regulated: World) -> None:
    change = await detach(regulated, "regulated")
    await regulated.registered(1)
    assert [pin.name for pin in (await regulated.stage()).policies] == ["regulated"]
    await regulated.act("olga", confirm_policy_change, change.id)
    assert [pin.name for pin in (await regulated.stage()).policies] == ["solo"]


async def test_another_policy_beside_it_takes_nothing_away(regulated: World) -> None:
    assert (await regulated.attach(OPEN.name)).confirmed_by == "ada"
    await regulated.registered(1)
    assert [pin.name for pin in (await regulated.stage()).policies] == ["open", "regulated"]
    assert (await regulated.request(1)).phase is Phase.PENDING


async def test_no_attachment_is_a_way_around_the_second_person(solo: World) -> None:
    """Where `regulated` is the default, one that isn't would put it out of force; made a default itself, it would give
    way to any other."""

    await solo.person("olga", Role.ADMIN)
    await detach(solo, SOLO.name)
    await solo.attach("regulated", default=True)
    assert (await solo.attach(OPEN.name)).confirmed_by is None
    assert (await solo.attach(OPEN.name, "fraud", "production")).confirmed_by is None
    await solo.registered(1)
    assert [pin.name for pin in (await solo.stage()).policies] == ["regulated"]
    await solo.attach("regulated", "churn")
    assert (await solo.attach("regulated", "churn", default=True)).confirmed_by is None


async def test_an_attachment_that_does_not_hold_yet_needs_nobody_else(solo: World) -> None:
    """`regulated` is attached nowhere: who writes it is free."""
    assert (await write(solo, msgspec.structs.replace(REGULATED, description="ours"), if_match=1)).result_version == 2


# ------------------------------------------------------------------------------------------------ trying it out


async def test_a_policy_is_tried_without_effect(world: World) -> None:
    await world.registered(1)
    before = await world.events()
    body = Trial(model="fraud", version="1", stage="production")
    decision = await world.look("rita", try_policy, body)
    assert [reason.code for reason in decision.reasons] == ["review_missing"]
    tried = await world.look("rita", try_policy, msgspec.structs.replace(body, document=OPEN))
    assert tried.outcome == "applicable"
    assert await world.events() == before


async def test_a_policy_that_could_not_be_kept_is_not_tried_either(world: World) -> None:
    await world.registered(1)
    broken = PolicyDocument(name="broken", rules=(ReviewRule(name="x", role="nobody"),))
    with pytest.raises(InvalidPolicy):
        await world.look("rita", try_policy, Trial(model="fraud", version="1", stage="production", document=broken))


async def test_attaching_is_for_admins_of_the_whole_registry(world: World) -> None:
    for who in ("ben", "carl", "rita"):
        with pytest.raises(NotPermitted):
            await world.act(who, attach_policy, AttachPolicy(policy="open", model_pattern="*"))
