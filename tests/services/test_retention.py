"""Retention: what rules let go, what never goes, and that nothing is deleted but what a preview showed and may still
go."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from registry_service.care import retention as care
from registry_service.db.queries import retention as queries
from registry_service.db.queries.deployments import list_deployments
from registry_service.db.queries.models import find_model
from registry_service.db.queries.uses import uses_of
from registry_service.db.view import View
from registry_service.domain.entities import (
    DeploymentStatus,
    Fate,
    KeepKind,
    LineageKind,
    PreviewedVersion,
    PreviewPhase,
    RetentionPreview,
    RetentionRule,
)
from registry_service.domain.errors import (
    Conflict,
    InvalidFilter,
    InvalidName,
    InvalidRule,
    NotPermitted,
    PersonRequired,
    PreviewNotFound,
    PreviewOutdated,
    RevisionMismatch,
    RevisionRequired,
    RuleNotFound,
    TooLarge,
    VersionDeleted,
)
from registry_service.domain.permissions import Role
from registry_service.domain.requests import (
    DeleteVersion,
    LiftLegalHold,
    MoveAlias,
    NewLineageEdge,
    ObserveDeployment,
    PlaceLegalHold,
    StartDeployment,
    StartPreview,
    WriteRetentionRule,
)
from registry_service.domain.retention_rules import RetentionDocument
from registry_service.services import keeping
from registry_service.services import models as model_use_cases
from registry_service.services import retention as use_cases
from registry_service.services.aliases import move_alias
from registry_service.services.deployments import observe_deployment, start_deployment
from tests.services.test_attachments import attach
from tests.services.world import DAY, HOUR, World


async def rule(
    world: World, name: str = "nightly", *, by: str = "ada", if_match: int | None = None, **body: Any
) -> RetentionRule:
    document = RetentionDocument(name=name, **{"pattern": "*", **body})
    return await world.act(by, use_cases.write_rule, WriteRetentionRule(document=document), if_match=if_match)


async def judge(world: World, preview: str, *, by: str = "ada") -> RetentionPreview:
    while True:
        found = await care.continue_preview(world.registry, await world.actor(by), preview)
        if found.phase is not PreviewPhase.JUDGING:
            return found


async def preview(world: World, pattern: str = "*", *, by: str = "ada") -> RetentionPreview:
    begun = await world.act(by, use_cases.start_preview, StartPreview(pattern=pattern))
    return await judge(world, begun.id, by=by)


async def apply(world: World, of: RetentionPreview, *, by: str = "ada") -> RetentionPreview:
    while True:
        found = await care.apply_preview(world.registry, await world.actor(by), of.id)
        if found.phase is PreviewPhase.APPLIED:
            return found


async def shown(
    world: World, of: RetentionPreview, fate: Fate | None = None, limit: int = 200
) -> list[PreviewedVersion]:
    def query(view: View, page: Any) -> Any:
        return queries.list_previewed_versions(view, of.id, page, fate=fate)

    return await world.look_at_all("ada", query, limit=limit)


async def going(world: World, of: RetentionPreview) -> list[int]:
    return [one.version for one in await shown(world, of, Fate.GOES)]


async def reasons(world: World, of: RetentionPreview) -> dict[int, list[str]]:
    return {
        one.version: [f"{keep.kind}:{keep.name}" for keep in one.kept_by] for one in await shown(world, of, Fate.STAYS)
    }


# --------------------------------------------------------------------------------------------------------- rules


async def test_a_rule_is_written_in_versions_and_ended(world: World) -> None:
    first = await rule(world, keep_last=3)
    assert (first.version, first.created_by, first.next_at) == (1, "ada", None)
    with pytest.raises(RevisionRequired):
        await rule(world, keep_last=2)
    with pytest.raises(RevisionMismatch):
        await rule(world, keep_last=2, if_match=7)
    second = await rule(world, keep_last=2, if_match=1, every=3600)
    assert (second.version, second.next_at) == (2, world.clock.now + HOUR)
    assert await world.look_at_all("rita", queries.list_rules) == [second]
    assert await world.look("rita", queries.get_rule, "nightly", version=1) == first
    ended = await world.act("ada", use_cases.end_rule, "nightly")
    assert (ended.ended_by, ended.next_at) == ("ada", None)
    assert await world.look_at_all("rita", queries.list_rules) == []
    with pytest.raises(Conflict):
        await world.act("ada", use_cases.end_rule, "nightly")
    third = await rule(world, keep_last=1)
    assert (third.version, third.ended_at) == (3, None)
    assert await world.kinds("retention.*") == [
        "retention.rule_written",
        "retention.rule_written",
        "retention.rule_ended",
        "retention.rule_written",
    ]


async def test_what_can_not_be_a_rule_is_refused(world: World) -> None:
    with pytest.raises(InvalidRule):
        await rule(world)
    with pytest.raises(InvalidFilter):
        await rule(world, keep_where="metrics.auc >")
    with pytest.raises(RuleNotFound):
        await rule(world, keep_last=1, if_match=1)
    with pytest.raises(RuleNotFound):
        await world.act("ada", use_cases.end_rule, "absent")
    for version in (None, 7, 2**40):
        with pytest.raises(RuleNotFound):
            await world.look("ada", queries.get_rule, "absent", version=version)
    with pytest.raises(InvalidName):
        await world.act("ada", use_cases.start_preview, StartPreview(pattern="a/b"))
    for missing in ("absent", "x" * 40):
        with pytest.raises(PreviewNotFound):
            await world.look("ada", queries.get_preview, missing)


async def test_rules_are_for_admins_and_previews_too(world: World) -> None:
    await rule(world, keep_last=1)
    for who in ("rita", "carl", "ben"):
        with pytest.raises(NotPermitted):
            await rule(world, "other", by=who, keep_last=1)
        with pytest.raises(NotPermitted):
            await preview(world, by=who)
        with pytest.raises(NotPermitted):
            await world.look_at_all(who, queries.list_previews)
    await world.grant("airflow", Role.ADMIN)
    with pytest.raises(PersonRequired):
        await rule(world, "other", by="airflow", keep_last=1)
    await preview(world, by="airflow")
    await world.person("olga", Role.ADMIN, "own-*")
    with pytest.raises(NotPermitted):
        await preview(world, "own-*", by="olga")
    await rule(world, "secret", pattern="hidden-*", keep_last=1)
    assert [one.name for one in await world.look_at_all("olga", queries.list_rules)] == ["nightly"]
    with pytest.raises(RuleNotFound):
        await world.look("olga", queries.get_rule, "secret")


async def test_there_are_not_endlessly_many_rules(world: World) -> None:
    for number in range(use_cases.MAX_RULES):
        await rule(world, f"r{number}", keep_last=1)
    with pytest.raises(TooLarge):
        await rule(world, "more", keep_last=1)
    await rule(world, "r7", keep_last=2, if_match=1)


# ------------------------------------------------------------------------------------------------------- preview


async def test_a_preview_says_what_goes_what_stays_and_why(world: World) -> None:
    await world.registered(5)
    await world.model("untouched")
    await world.register("untouched")
    await world.act("carl", move_alias, "fraud", "best", MoveAlias(version="1"))
    await rule(world, pattern="fraud", keep_last=2)
    before = await world.kinds()
    found = await preview(world)
    assert (found.phase, found.models, found.versions, found.going) == (PreviewPhase.READY, 1, 5, 2)
    assert await going(world, found) == [3, 2]
    assert await reasons(world, found) == {5: ["keep_last:nightly"], 4: ["keep_last:nightly"], 1: ["alias:best"]}
    assert [one.rules for one in await shown(world, found)] == [["nightly@1"]] * 5
    assert [one.version for one in await shown(world, found, limit=1)] == [3, 2, 5, 4, 1]
    assert await world.kinds() == before
    assert await world.look_at_all("ada", queries.list_previews) == [found]


async def test_whatever_needs_a_version_keeps_it_whatever_rules_say(world: World) -> None:
    await world.registered(8)
    await world.promote(1)
    await world.promote(2)
    asked = await world.request(3)
    runs = await world.act("airflow", start_deployment, StartDeployment(model="fraud", target="eu", version="4"))
    await world.act("ada", keeping.place_legal_hold, "fraud", "5", PlaceLegalHold(reason="a case"))
    await world.model("other")
    await world.register("other", lineage=[NewLineageEdge(kind=LineageKind.PARENT_VERSION, ref="fraud/6")])
    await rule(world, pattern="fraud", keep_last=1)
    found = await preview(world)
    assert await reasons(world, found) == {
        8: ["keep_last:nightly"],
        6: ["lineage:other/1"],
        5: ["legal_hold:a case"],
        4: [f"deployment:{runs.id}"],
        3: [f"promotion:{asked.id}"],
        2: ["stage:production"],
        1: ["rollback_window:production"],
    }
    assert await going(world, found) == [7]
    assert (await apply(world, found)).deleted == 1


async def test_all_rules_that_match_apply_together(world: World) -> None:
    await world.model()
    for auc in (0.95, 0.5, 0.6):
        await world.register(metrics={"auc": auc})
    world.clock.advance(8 * DAY)
    await world.register()
    await rule(world, "last", keep_last=1)
    await rule(world, "good", pattern="fr?ud", keep_where="metrics.auc > 0.9")
    await rule(world, "elsewhere", pattern="churn", keep_younger_than=10**9)
    found = await preview(world)
    assert await reasons(world, found) == {4: ["keep_last:last"], 1: ["keep_where:good"]}
    assert await going(world, found) == [3, 2]
    assert (await shown(world, found))[0].rules == ["good@1", "last@1"]


async def test_a_filter_may_keep_what_was_used_or_registered_of_late(world: World) -> None:
    await world.registered(3)
    world.clock.advance(8 * DAY)
    await world.act("airflow", start_deployment, StartDeployment(model="fraud", target="eu", version="1"))
    deployment = (await world.look_at_all("ada", list_deployments))[0]
    ended = ObserveDeployment(digest=None, status=DeploymentStatus.ENDED)
    await world.act("airflow", observe_deployment, deployment.id, ended)
    await world.register()
    await rule(world, keep_where="last_used_at > now-7d OR created_at > now-7d")
    assert await going(world, await preview(world)) == [3, 2]
    world.clock.advance(7 * DAY)
    assert await going(world, await preview(world)) == [4, 3, 2, 1]


async def test_revoked_versions_take_no_place_among_the_newest(world: World) -> None:
    await world.registered(4)
    for number in (2, 4):
        await world.revoke(number)
    await rule(world, keep_last=2)
    found = await preview(world)
    assert await going(world, found) == []
    await rule(world, keep_last=1, if_match=1)
    # What is newer than the newest good one stays with it.
    assert await going(world, await preview(world)) == [2, 1]


async def test_bytes_are_counted_once_and_only_where_nothing_else_needs_them(world: World) -> None:
    await world.model()
    await world.model("other")
    for content in (b"a" * 10, b"b" * 100, b"b" * 100, b"c" * 1000, b"d" * 7):
        await world.register(content=content)
    await world.register("other", content=b"c" * 1000)
    await rule(world, pattern="fraud", keep_last=1)
    # a and b, once; c is the other model's too.
    assert (await preview(world)).bytes_freed == 110
    await rule(world, "theirs", pattern="other", keep_younger_than=1)
    world.clock.advance(HOUR)
    assert (await preview(world)).bytes_freed == 1110
    assert (await preview(world, "fraud")).bytes_freed == 110
    assert (await preview(world, "nothing")).bytes_freed == 0


async def test_bytes_of_attachments_are_counted_as_those_of_files(world: World) -> None:
    await world.model()
    for content in (b"a" * 10, b"b" * 100, b"c" * 1000):
        await world.register(content=content)
    await attach(world, b"b" * 100, b"p" * 500, number=1)
    await attach(world, b"p" * 500, b"a" * 10, number=3)
    await rule(world, keep_last=1)
    # The newest version's check needs p and a.
    assert (await preview(world)).bytes_freed == 100


async def test_lineage_within_a_model_is_followed_however_far_back(world: World) -> None:
    await world.registered(1)
    for parent in (1, 2, 1):
        await world.register(lineage=[NewLineageEdge(kind=LineageKind.PARENT_VERSION, ref=f"fraud/{parent}")])
    await world.register()
    await world.act("carl", move_alias, "fraud", "best", MoveAlias(version="3"))
    await rule(world, keep_last=1)
    found = await preview(world)
    assert await reasons(world, found) == {
        5: ["keep_last:nightly"],
        3: ["alias:best"],
        2: ["lineage:fraud/3"],
        1: ["lineage:fraud/2"],
    }
    await world.act("carl", move_alias, "fraud", "best", MoveAlias(version="5"))
    again = await preview(world)
    assert await going(world, again) == [4, 3, 2, 1]
    done = await apply(world, again)
    assert (done.deleted, done.skipped) == (4, 0)


async def test_many_models_and_versions_are_judged_in_steps(world: World) -> None:
    for name in "abcdef":
        await world.registered(3, name)
    await rule(world, keep_last=1)
    begun = await world.act("ada", use_cases.start_preview, StartPreview())
    seen = []
    while True:
        found = await care.continue_preview(
            world.registry, await world.actor("ada"), begun.id, at_once=4, kept_at_once=2
        )
        seen.append(found.models)
        if found.phase is PreviewPhase.READY:
            break
    assert seen == [2, 4, 6, 6]
    assert (found.versions, found.going) == (18, 12)
    assert len(await shown(world, found)) == 18
    with pytest.raises(Conflict):
        await apply(world, await world.act("ada", use_cases.start_preview, StartPreview()))


# --------------------------------------------------------------------------------------------------------- apply


async def test_what_was_shown_is_deleted_and_each_deletion_names_the_rules(world: World) -> None:
    await world.registered(3)
    await rule(world, keep_last=1)
    found = await preview(world)
    done = await apply(world, found)
    assert (done.phase, done.deleted, done.skipped) == (PreviewPhase.APPLIED, 2, 0)
    assert done.finished_at == world.clock.now
    events = await world.events("version.deleted")
    assert [(event.subject, event.actor, event.data["rules"], event.data["preview"]) for event in events] == [
        ("2", "ada", ["nightly@1"], found.id),
        ("1", "ada", ["nightly@1"], found.id),
    ]
    (told,) = await world.events("retention.applied")
    assert (told.subject, told.data["deleted"], told.data["skipped"]) == (found.id, 2, 0)
    with pytest.raises(VersionDeleted):
        await world.version(1)
    # Applied again, nothing happens; and for a while they can be brought back.
    assert await apply(world, found) == done
    restored = await world.act("ada", keeping.restore_version, "fraud", "1")
    assert restored.deletion is None
    assert await world.kinds("retention.applied") == ["retention.applied"]


async def test_what_is_used_since_the_preview_is_skipped_and_said(world: World) -> None:
    await world.registered(6)
    await rule(world, keep_last=1)
    found = await preview(world)
    assert await going(world, found) == [5, 4, 3, 2, 1]
    await world.act("carl", move_alias, "fraud", "best", MoveAlias(version="5"))
    await world.act("ada", keeping.place_legal_hold, "fraud", "4", PlaceLegalHold(reason="a case"))
    await world.model("other")
    await world.register("other", lineage=[NewLineageEdge(kind=LineageKind.PARENT_VERSION, ref="fraud/3")])
    await world.act("ada", keeping.delete_version, "fraud", "2", DeleteVersion(reason="by hand"))
    done = await apply(world, found)
    assert (done.deleted, done.skipped) == (1, 4)
    skipped = {one.version: [keep.kind for keep in one.kept_by] for one in await shown(world, found, Fate.SKIPPED)}
    assert skipped == {5: [KeepKind.ALIAS], 4: [KeepKind.LEGAL_HOLD], 3: [KeepKind.LINEAGE], 2: []}
    assert [one.version for one in await shown(world, found, Fate.DELETED)] == [1]


async def test_nothing_goes_that_was_not_shown(world: World) -> None:
    await world.registered(3)
    await rule(world, keep_last=2)
    found = await preview(world)
    await rule(world, keep_last=1, if_match=1)
    await world.register()
    assert (await apply(world, found)).deleted == 1
    assert [one.version for one in await shown(world, found, Fate.DELETED)] == [1]
    await world.version(2)


async def test_the_rules_of_the_moment_count(world: World) -> None:
    await world.registered(3)
    await rule(world, keep_last=1)
    found, other = await preview(world), await preview(world)
    await rule(world, keep_last=3, if_match=1)
    assert (await apply(world, found)).skipped == 2
    await world.act("ada", use_cases.end_rule, "nightly")
    assert (await apply(world, other)).skipped == 2
    assert {keep.kind for one in await shown(world, other, Fate.SKIPPED) for keep in one.kept_by} == {KeepKind.NO_RULE}


async def test_versions_of_a_model_that_was_deleted_meanwhile_stay(world: World) -> None:
    await world.registered(3)
    await rule(world, keep_last=1)
    found = await preview(world)
    await world.act("ada", model_use_cases.delete_model, "fraud")
    done = await apply(world, found)
    assert (done.deleted, done.skipped) == (0, 2)
    assert (await preview(world)).models == 0


async def test_a_preview_holds_for_a_day(world: World) -> None:
    await world.registered(2)
    await rule(world, keep_last=1)
    found = await preview(world)
    begun = await world.act("ada", use_cases.start_preview, StartPreview())
    world.clock.advance(use_cases.HOLDS_FOR)
    with pytest.raises(PreviewOutdated):
        await apply(world, found)
    with pytest.raises(PreviewOutdated):
        await judge(world, begun.id)
    await world.version(1)


async def test_old_previews_are_forgotten_in_pieces(world: World) -> None:
    await world.registered(5)
    await rule(world, keep_last=1)
    found = await preview(world)
    world.clock.advance(use_cases.FORGOTTEN_AFTER)
    young = await preview(world)
    await world.act("ada", use_cases.forget_old_previews, at_once=3)
    assert len(await shown(world, found)) == 2
    await world.registry.sweep()
    assert await world.look_at_all("ada", queries.list_previews) == [young]
    assert len(await shown(world, young)) == 5


async def test_a_legal_hold_that_ended_keeps_nothing(world: World) -> None:
    await world.registered(2)
    await world.act("ada", keeping.place_legal_hold, "fraud", "1", PlaceLegalHold(reason="a case"))
    await rule(world, keep_last=1)
    assert await going(world, await preview(world)) == []
    await world.act("ada", keeping.lift_legal_hold, "fraud", "1", LiftLegalHold(reason="over"))
    assert await going(world, await preview(world)) == [1]


# ----------------------------------------------------------------------------------------------------- by itself


async def take_turns(world: World, rounds: int = 20) -> None:
    """What a service does in some rounds: each ends after a while, done or not."""
    for _ in range(rounds):
        await care.take_turns(world.registry)


async def test_the_service_applies_only_rules_that_say_so(world: World) -> None:
    await world.registered(3)
    await rule(world, keep_last=1)
    for _ in range(3):
        world.clock.advance(10 * DAY)
        await take_turns(world)
    assert await world.look_at_all("ada", queries.list_previews) == []
    await rule(world, keep_last=1, every=86_400, if_match=1)
    world.clock.advance(DAY - timedelta(seconds=1))
    await take_turns(world)
    assert await world.look_at_all("ada", queries.list_previews) == []
    world.clock.advance(timedelta(seconds=1))
    await take_turns(world)
    (done,) = await world.look_at_all("ada", queries.list_previews)
    assert (done.phase, done.rule, done.created_by, done.deleted) == (PreviewPhase.APPLIED, "nightly", "registry", 2)
    assert [event.actor for event in await world.events("version.deleted")] == ["registry"] * 2
    await take_turns(world)
    assert len(await world.look_at_all("ada", queries.list_previews)) == 1
    assert (await world.look("ada", queries.get_rule, "nightly")).next_at == world.clock.now + DAY


async def test_a_rule_takes_its_turn_on_all_models_that_it_is_about_whatever_the_case(world: World) -> None:
    await world.registered(3, "Fraud.eu")
    await rule(world, keep_last=1, pattern="fraud.*", every=86_400)
    world.clock.advance(DAY)
    await take_turns(world)
    (done,) = await world.look_at_all("ada", queries.list_previews)
    assert (done.pattern, done.models, done.deleted) == ("fraud.*", 1, 2)


async def test_the_service_goes_on_with_what_it_began(world: World) -> None:
    await world.registered(3)
    await rule(world, keep_last=1, every=86_400)
    world.clock.advance(DAY)
    begun = (await world.registry.write(await world.actor("ada"), use_cases.take_turn, None)).result
    assert begun is not None and begun.phase is PreviewPhase.JUDGING
    await take_turns(world)
    found = await world.look("ada", queries.get_preview, begun.id)
    assert (found.phase, found.deleted) == (PreviewPhase.APPLIED, 2)


async def test_two_who_judge_at_once_write_nothing_twice(world: World) -> None:
    await world.registered(3)
    await rule(world, keep_last=1)
    begun = await world.act("ada", use_cases.start_preview, StartPreview())
    slow = await world.act("ada", use_cases.begin_step, begun.id)
    assert slow is not None
    row = await world.look("ada", queries.find_preview, begun.id)
    judged = await world.look("ada", queries.judge_next, row)
    await world.act("ada", use_cases.keep_judged, begun.id, slow, 0, judged.versions[:1])
    found = await judge(world, begun.id)
    await world.act("ada", use_cases.keep_judged, begun.id, slow, 1, judged.versions[1:])
    await world.act("ada", use_cases.end_step, begun.id, slow, after=judged.after, models=1, versions=3, going=2)
    await world.act("ada", use_cases.end_judging, begun.id, slow, 7)
    assert await world.look("ada", queries.get_preview, begun.id) == found
    assert len(await shown(world, found)) == 3


async def test_uses_of_all_versions_are_those_of_each(world: World) -> None:
    await world.registered(5)
    await world.promote(1)
    await world.promote(2)
    await world.act("carl", move_alias, "fraud", "best", MoveAlias(version="3"))

    def both(view: View) -> bool:
        model = find_model(view, "fraud")
        return dict(uses_of(view, model)) == {
            number: uses for number in range(1, 6) if (uses := uses_of(view, model, [number])[number])
        }

    assert await world.look("ada", both)
