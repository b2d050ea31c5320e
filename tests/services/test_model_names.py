"""Renaming: what stays, what goes by the new name, and whom the old name tells what."""

from __future__ import annotations

import pytest

from registry_service.db.queries.events import read_events
from registry_service.db.queries.models import get_model
from registry_service.domain.entities import LineageKind
from registry_service.domain.errors import (
    AlreadyExists,
    InvalidName,
    ModelNotFound,
    ModelRenamed,
    NameClash,
    NameReserved,
    NotPermitted,
    PersonRequired,
    PoliciesDropped,
    PoliciesGained,
)
from registry_service.domain.permissions import Role
from registry_service.domain.policies import PolicyDocument, ReviewRule, RollbackRule
from registry_service.domain.promotions import Phase
from registry_service.domain.requests import NewLineageEdge, RenameModel, UpdateModel, VacateStage, WritePolicy
from registry_service.services import model_names, models, policies
from registry_service.services.revoking import revoke_impact
from registry_service.services.stages import vacate_stage
from tests.services.world import World


async def rename(
    world: World, model: str, name: str, *, by: str = "ada", drop: bool = False, keep: bool = False
) -> None:
    body = RenameModel(name=name, reason="why", drop_policies=drop, keep_current=keep)
    await world.act(by, model_names.rename_model, model, body)


def rule(name: str, *, firm: bool = False) -> PolicyDocument:
    rules = (ReviewRule(name="two", count=2, role="approver"),)
    return PolicyDocument(name=name, rules=rules, change_needs_second_person=firm)


async def second_version(world: World, document: PolicyDocument) -> None:
    """Written by one, and confirmed by another where that is asked for."""

    change = await world.act("ada", policies.write_policy, WritePolicy(document=document), if_match=1)
    if change.confirmed_by is None:
        await world.person("olga", Role.ADMIN)
        await world.act("olga", policies.confirm_policy_change, change.id)


async def test_a_renamed_model_keeps_id_versions_stages_and_identities(world: World) -> None:
    before = await world.model()
    first = await world.register(identity="run 1")
    await world.promote(1)
    await rename(world, "fraud", "swindle")
    after = await world.look("ada", get_model, "swindle")
    assert (after.id, after.name, after.former_names) == (before.id, "swindle", ["fraud"])
    assert await world.current(model="swindle") == 1
    again = await world.register("swindle", identity="run 1")
    assert (again.number, again.digest) == (1, first.digest)
    assert (await world.register("swindle")).number == 2


async def test_the_old_name_leads_to_the_new_one_and_takes_no_writes(world: World) -> None:
    await world.registered(1)
    await rename(world, "fraud", "swindle")
    with pytest.raises(ModelRenamed) as told:
        await world.look("rita", get_model, "fraud")
    assert told.value.details == {"model": "fraud", "renamed_to": "swindle"}
    for write in (
        world.register(),
        world.request(1),
        world.revoke(1),
        world.act("carl", models.update_model, "fraud", UpdateModel(description="x")),
        world.act("ada", models.delete_model, "fraud"),
    ):
        with pytest.raises(ModelRenamed):
            await write


async def test_who_may_read_one_of_the_names_only_learns_nothing_of_the_other(world: World) -> None:
    await world.model("team-a.fraud", by="ada")
    await world.person("anna", Role.READER, "team-a.*")
    await world.person("bert", Role.READER, "team-b.*")
    await rename(world, "team-a.fraud", "team-b.fraud")
    with pytest.raises(ModelNotFound) as refused:
        await world.look("anna", get_model, "team-a.fraud")
    with pytest.raises(ModelNotFound) as unknown:
        await world.look("anna", get_model, "team-a.other")
    assert type(refused.value) is ModelNotFound
    assert refused.value.message == unknown.value.message.replace("other", "fraud")
    assert (await world.look("bert", get_model, "team-b.fraud")).former_names == []
    assert (await world.look("ada", get_model, "team-b.fraud")).former_names == ["team-a.fraud"]
    for who in ("anna", "bert"):
        page = await world.look(who, read_events, limit=100)
        assert {event.model_name for event in page.events} <= {f"team-{who[0]}.fraud"}
        assert "team" not in str([event.data for event in page.events])


async def test_the_log_keeps_the_name_of_the_time_and_tells_under_both_that_it_changed(world: World) -> None:
    await world.registered(1)
    await rename(world, "fraud", "swindle")
    await world.register("swindle")
    by_old, by_new = await world.events(model="fraud"), await world.events(model="swindle")
    assert [event.kind for event in by_old] == ["model.created", "version.registered", "model.renamed"]
    assert [event.kind for event in by_new] == ["model.renamed", "version.registered"]
    assert (by_old[-1].data, by_new[0].data) == ({"former": True}, {"former": False, "reason": "why"})
    assert [event.revision for event in by_old + by_new] == [1, 2, 3, 4, 5]


async def test_it_takes_an_admin_of_both_names(world: World) -> None:
    await world.model("team-a.fraud", by="ada")
    await world.person("anna", Role.ADMIN, "team-a.*")
    for who in ("ben", "carl"):
        with pytest.raises(NotPermitted):
            await rename(world, "team-a.fraud", "team-a.swindle", by=who)
    with pytest.raises(ModelNotFound):
        await rename(world, "team-a.fraud", "team-b.fraud", by="anna")
    await world.grant("anna", Role.CONTRIBUTOR, "team-b.*")
    with pytest.raises(NotPermitted):
        await rename(world, "team-a.fraud", "team-b.fraud", by="anna")
    await rename(world, "team-a.fraud", "team-a.swindle", by="anna")


async def test_a_name_that_is_taken_or_kept_or_too_like_is_refused(world: World) -> None:
    for name in ("fraud", "churn", "gone"):
        await world.model(name)
    await world.act("ada", models.delete_model, "gone")
    for name, why in (("churn", AlreadyExists), ("Churn", NameClash), ("gone", NameReserved), ("a/b", InvalidName)):
        with pytest.raises(why):
            await rename(world, "fraud", name)
    await rename(world, "fraud", "swindle")
    for name in ("fraud", "FRAUD"):
        with pytest.raises(NameReserved) as kept:
            await world.model(name)
        assert kept.value.details["renamed_to"] == "swindle"
        with pytest.raises(NameReserved):
            await rename(world, "churn", name)


async def test_the_old_name_is_free_once_an_admin_releases_it(world: World) -> None:
    first = await world.model()
    await rename(world, "fraud", "swindle")
    with pytest.raises(NotPermitted):
        await world.act("ben", model_names.release_name, "fraud")
    released = await world.act("ada", model_names.release_name, "fraud")
    assert (released.id, released.name, released.former_names) == (first.id, "swindle", [])
    assert (await world.model()).id != first.id
    with pytest.raises(ModelNotFound):
        await world.act("ada", model_names.release_name, "swindle")


async def test_a_model_may_take_an_own_former_name_again_and_change_the_case_of_its_name(world: World) -> None:
    await world.model()
    await rename(world, "fraud", "swindle")
    await rename(world, "swindle", "fraud")
    assert (await world.look("ada", get_model, "fraud")).former_names == ["swindle"]
    await rename(world, "fraud", "Fraud")
    assert (await world.look("ada", get_model, "Fraud")).former_names == ["swindle", "fraud"]


async def test_renamed_to_the_name_that_it_has_nothing_happens(world: World) -> None:
    await world.model()
    await rename(world, "fraud", "fraud")
    assert await world.kinds("model.renamed") == []


async def test_no_name_leads_out_from_under_a_policy_unless_that_is_confirmed(world: World) -> None:
    await world.model()
    await world.policy(rule("strict"), attach=False)
    await world.attach("strict", "fraud*", "Production")
    with pytest.raises(PoliciesDropped) as refused:
        await rename(world, "fraud", "swindle")
    assert refused.value.details["policies"] == ["strict"]
    await world.person("anna", Role.ADMIN, "*ud*")
    await world.grant("anna", Role.ADMIN, "swindle")
    with pytest.raises(NotPermitted):
        await rename(world, "fraud", "swindle", by="anna", drop=True)
    await world.grant("airflow", Role.ADMIN)
    with pytest.raises(PersonRequired):
        await rename(world, "fraud", "swindle", by="airflow", drop=True)
    assert (await world.look("ada", get_model, "fraud")).name == "fraud"
    await rename(world, "fraud", "fraud-eu", by="anna")
    await rename(world, "fraud-eu", "swindle", drop=True)


async def test_a_policy_of_a_stage_that_the_model_may_get_yet_counts_too(world: World) -> None:
    await world.model()
    await world.policy(rule("strict"), attach=False)
    await world.attach("strict", "fraud", "canary")
    with pytest.raises(PoliciesDropped):
        await rename(world, "fraud", "swindle")


async def test_no_name_leads_around_the_second_person_whom_a_policy_asks_for(world: World) -> None:
    await world.model()
    await world.policy(rule("firm", firm=True), attach=False)
    await world.attach("firm", "fraud")
    with pytest.raises(PoliciesDropped):
        await rename(world, "fraud", "swindle", drop=True)


async def test_no_name_leads_in_under_a_policy_that_never_judged_what_is_current(world: World) -> None:
    await world.registered(2)
    await world.promote(1)
    await world.policy(rule("strict"), attach=False)
    await world.attach("strict", "regulated*", "Production")
    with pytest.raises(PoliciesGained) as refused:
        await rename(world, "fraud", "regulated")
    assert refused.value.details == {"policies": ["strict"], "versions": {"production": [1]}}
    await world.person("anna", Role.ADMIN, "fraud")
    await world.grant("anna", Role.ADMIN, "regulated")
    with pytest.raises(NotPermitted):
        await rename(world, "fraud", "regulated", by="anna", keep=True)
    await rename(world, "fraud", "regulated", keep=True)
    assert await world.current(model="regulated") == 1


async def test_a_policy_that_holds_by_both_names_and_came_later_is_no_reason(world: World) -> None:
    await world.registered(1)
    await world.promote(1)
    await world.policy(rule("strict"), attach=False)
    await world.attach("strict", "*", "production")
    await rename(world, "fraud", "swindle")


async def test_a_policy_of_stages_in_which_nothing_was_ever_current_is_no_reason(world: World) -> None:
    await world.registered(1)
    await world.promote(1, "staging")
    await world.policy(rule("firm", firm=True), attach=False)
    await world.attach("firm", "regulated", "production")
    await rename(world, "fraud", "regulated")


async def test_who_was_promoted_under_a_firm_policy_may_get_a_name_for_which_it_holds(world: World) -> None:
    await world.registered(3)
    await world.promote(1)
    await world.policy(rule("firm", firm=True), attach=False)
    await world.attach("firm", "regulated", "production")
    with pytest.raises(PoliciesGained, match="two people"):
        await rename(world, "fraud", "regulated", keep=True)
    # That it holds for the present name from now on doesn't say that it judged what came before.
    await world.attach("firm", "fraud", "production")
    with pytest.raises(PoliciesGained):
        await rename(world, "fraud", "regulated", keep=True)
    await world.person("anna", Role.APPROVER, "fraud")
    await world.grant("anna", Role.APPROVER, "regulated")
    asked = await world.approve("ben", await world.request(2))
    asked = await world.approve("maria", asked)
    await world.apply(await world.approve("anna", asked))
    # Version 1 could come back by a rollback, after the model has the name.
    with pytest.raises(PoliciesGained) as refused:
        await rename(world, "fraud", "regulated", keep=True)
    assert refused.value.details["versions"] == {"production": [1]}
    await world.revoke(1)
    await rename(world, "fraud", "regulated", keep=True)


async def test_of_a_firm_policy_only_the_version_in_force_has_judged(world: World) -> None:
    """What was asked for under an earlier one may be applied by the present name, and doesn't count by another."""
    await world.registered(1, "sandbox.fraud")
    lax = PolicyDocument(name="firm", nobody_need_review=True, change_needs_second_person=True)
    await world.policy(lax, attach=False)
    await world.attach("firm", "sandbox.*", "production")
    asked = await world.approve("ben", await world.request(1, model="sandbox.fraud"))
    await second_version(world, rule("firm", firm=True))
    await world.attach("firm", "*", "production")
    await world.apply(asked)
    with pytest.raises(PoliciesGained) as refused:
        await rename(world, "sandbox.fraud", "credit.fraud", keep=True)
    assert refused.value.details["versions"] == {"production": [1]}


async def test_an_open_promotion_under_an_earlier_version_of_a_firm_policy_goes_stale(world: World) -> None:
    await world.registered(1, "sandbox.fraud")
    await world.policy(rule("lax"), attach=False)
    await world.policy(rule("firm", firm=True), attach=False)
    for name in ("lax", "firm"):
        await world.attach(name, "*", "production")
    asked = await world.request(1, model="sandbox.fraud")
    await second_version(world, rule("lax"))
    await rename(world, "sandbox.fraud", "credit.fraud")
    assert (await world.promotion(asked.id)).phase is Phase.PENDING
    await second_version(world, rule("firm", firm=True))
    await rename(world, "credit.fraud", "sandbox.fraud")
    assert (await world.promotion(asked.id)).phase is Phase.STALE


async def test_how_far_back_is_asked_is_a_matter_of_each_policy(world: World) -> None:
    """One that shortens the way back may be detached as soon as the model has the name."""
    await world.registered(3)
    await world.promote(1)
    await world.person("anna", Role.APPROVER)
    await world.policy(rule("firm", firm=True), attach=False)
    await world.attach("firm", "fraud", "production")
    for number in (2, 3):
        asked = await world.request(number)
        for who in ("ben", "maria", "anna"):
            asked = await world.approve(who, asked)
        await world.apply(asked)
    await world.attach("firm", "regulated", "production")
    short = PolicyDocument(name="short", nobody_need_review=True, rollback=RollbackRule(within=1))
    await world.policy(short, attach=False)
    await world.attach("short", "*", "production")
    with pytest.raises(PoliciesGained) as refused:
        await rename(world, "fraud", "regulated", keep=True)
    assert refused.value.details["versions"] == {"production": [1]}


async def test_a_name_in_the_way_is_told_to_those_alone_who_may_read_the_model(world: World) -> None:
    await world.model("Secret")
    await world.model("Gone")
    await world.act("ada", models.delete_model, "Gone")
    await world.person("mallory", Role.CONTRIBUTOR, "secret")
    await world.grant("mallory", Role.CONTRIBUTOR, "gone")
    for name, why in (("secret", NameClash), ("gone", NameReserved)):
        for who, details in (("mallory", {}), ("carl", {"model": name.title()})):
            with pytest.raises(why) as refused:
                await world.model(name, by=who)
            assert refused.value.details == details
            assert (name.title() in refused.value.message) == bool(details)
    await world.model("Former")
    await rename(world, "Former", "now")
    await world.grant("mallory", Role.CONTRIBUTOR, "former")
    with pytest.raises(NameReserved) as refused:
        await world.model("former", by="mallory")
    assert refused.value.details == {}
    assert "Former" not in refused.value.message


async def test_approvals_of_people_who_may_not_approve_under_the_new_name_are_none(world: World) -> None:
    """The same policy holds for both names, and asks other people."""
    await world.registered(2, "sandbox.fraud")
    await world.policy(rule("firm", firm=True), attach=False)
    await world.attach("firm", "*", "production")
    for friend in ("anna", "otto", "rosa"):
        await world.person(friend, Role.APPROVER, "sandbox.*")
    asked = await world.request(1, model="sandbox.fraud")
    for friend in ("anna", "otto", "rosa"):
        asked = await world.approve(friend, asked)
    await world.apply(asked)
    with pytest.raises(PoliciesGained) as refused:
        await rename(world, "sandbox.fraud", "credit.fraud", keep=True)
    assert refused.value.details == {"policies": ["firm", "team"], "versions": {"production": [1]}}
    await rename(world, "sandbox.fraud", "sandbox.fraud-eu")
    # Those who approved it for both names are as good under the other.
    asked = await world.request(2, model="sandbox.fraud-eu")
    await world.person("olga", Role.APPROVER)
    for both in ("ben", "maria", "olga"):
        asked = await world.approve(both, asked)
    await world.apply(asked)
    await world.revoke(1, "sandbox.fraud-eu")
    await rename(world, "sandbox.fraud-eu", "credit.fraud")


async def test_what_came_back_by_a_rollback_counts_by_what_it_was_promoted_under(world: World) -> None:
    await world.registered(2)
    await world.promote(1)
    await world.promote(2)
    await world.policy(rule("firm", firm=True), attach=False)
    await world.attach("firm", "fraud", "production")
    await world.attach("firm", "regulated", "production")
    # The rollback pins what holds now, and nobody was asked.
    await world.roll_back(from_version=2)
    with pytest.raises(PoliciesGained) as refused:
        await rename(world, "fraud", "regulated")
    assert refused.value.details["versions"] == {"production": [1, 2]}


async def test_an_emptied_stage_keeps_what_may_come_back(world: World) -> None:
    await world.registered(1)
    await world.promote(1)
    await world.act("ada", models.update_model, "fraud", UpdateModel(archived=True))
    await world.act("ada", vacate_stage, "fraud", "production", VacateStage(from_version=1, reason="room"))
    await world.policy(rule("firm", firm=True), attach=False)
    await world.attach("firm", "regulated", "production")
    with pytest.raises(PoliciesGained):
        await rename(world, "fraud", "regulated")


async def test_open_promotions_go_stale_where_other_policies_hold_by_the_new_name(world: World) -> None:
    await world.registered(1)
    await world.policy(rule("strict"), attach=False)
    await world.attach("strict", "swindle", "production")
    await world.attach("team", "fraud", "production")
    await world.attach("team", "swindle", "production")
    staging, production = await world.request(1, "staging"), await world.approved(1)
    await rename(world, "fraud", "swindle")
    assert (await world.promotion(production)).phase is Phase.STALE
    assert (await world.promotion(staging)).phase is not Phase.STALE
    assert (await world.promotion(staging)).model_name == "swindle"


async def test_an_open_promotion_goes_stale_by_what_it_pinned_not_by_what_came_to_hold_since(world: World) -> None:
    await world.registered(1)
    approved = await world.approved(1)
    await world.policy(rule("firm", firm=True), attach=False)
    await world.attach("firm", "*", "production")
    # What is open goes on under what it pinned; by another name as little as anything else may.
    assert (await world.promotion(approved)).phase is Phase.APPROVED
    await rename(world, "fraud", "swindle")
    assert (await world.promotion(approved)).phase is Phase.STALE


async def test_reviews_count_by_what_the_reviewer_may_do_under_the_new_name(world: World) -> None:
    await world.registered(1)
    await world.person("anna", Role.APPROVER, "fraud")
    await world.grant("anna", Role.READER, "swindle")
    approved = await world.approve("anna", await world.request(1))
    assert approved.phase is Phase.APPROVED
    await rename(world, "fraud", "swindle")
    assert (await world.promotion(approved)).phase is Phase.PENDING


async def test_lineage_that_names_a_version_by_an_old_name_still_leads_to_it(world: World) -> None:
    await world.registered(1)
    await world.model("small")
    parent = NewLineageEdge(kind=LineageKind.PARENT_VERSION, ref="fraud/1")
    await world.register("small", lineage=[parent])
    await rename(world, "fraud", "swindle")
    impact = await world.look("ada", revoke_impact, "swindle", "1")
    assert [(one.model_name, one.parent) for one in impact.derived] == [("small", "fraud/1")]
    await world.act("ada", model_names.release_name, "fraud")
    await world.registered(1)
    assert (await world.look("ada", revoke_impact, "fraud", "1")).derived == []
    assert len((await world.look("ada", revoke_impact, "swindle", "1")).derived) == 1


async def test_a_deleted_model_keeps_its_former_names_too(world: World) -> None:
    await world.model()
    await rename(world, "fraud", "swindle")
    await world.act("ada", models.delete_model, "swindle")
    with pytest.raises(ModelNotFound) as refused:
        await world.look("ada", get_model, "fraud")
    assert type(refused.value) is ModelNotFound
    with pytest.raises(NameReserved):
        await world.model("fraud")
