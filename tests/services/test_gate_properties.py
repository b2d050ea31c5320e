"""No order of requests, reviews, delegations, leases, rollbacks, revocations, holds, role changes and passing time lets
a version become current that was not approved, at that very moment, for exactly its digest.

What is asserted is read from the tables and judged here by plain counting, not by the code that decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Row, Select, select

from registry_service.db.engine import open_database
from registry_service.db.paging import PageRequest
from registry_service.db.queries.delegations import list_delegations
from registry_service.db.queries.models import find_model
from registry_service.db.queries.promotions import find_promotion, get_promotion
from registry_service.db.tables import (
    checks,
    delegations,
    grants,
    models,
    policies,
    principals,
    promotions,
    reviews,
    stage_failures,
    stage_history,
    stages,
    versions,
)
from registry_service.db.view import View
from registry_service.domain.entities import Promotion, StageChange
from registry_service.domain.errors import PromotionNotFound, RegistryError
from registry_service.domain.permissions import Action, Role
from registry_service.domain.policies import TEAM, PolicyDocument, RequiredCheck, ReviewRule
from registry_service.domain.requests import (
    ApplyPromotion,
    CancelPromotion,
    Delegate,
    FailPromotion,
    ReleaseLease,
    UpdatePrincipal,
    WriteGroup,
    WritePolicy,
)
from registry_service.services.delegations import delegate, end_delegation
from registry_service.services.policies import write_policy
from registry_service.services.principals import remove_grant, update_principal, write_group
from registry_service.services.promotions import (
    apply_promotion,
    apply_to_stage,
    cancel_promotion,
    fail_promotion,
    release_lease,
)
from registry_service.services.stages import release_stage
from registry_service.services.work import Work
from tests.services.world import DAY, HOUR, World

PAIR = PolicyDocument(
    name="pair",
    rules=(ReviewRule(name="approvers", role="approver", count=2),),
    checks=(RequiredCheck(name="evaluation"),),
)
AWAY = PolicyDocument(name="away", rules=(ReviewRule(name="risk", group="risk", count=2),), delegation=True)
MEMBERS = ("ben", "maria")
PEOPLE = ("ben", "maria", "olga", "ada")
MAKERS = ("airflow", "ben", "carl")
HOLDERS = ("run-1", "run-2", None)
STAGE = "production"

ApplyCase = Callable[[Work, str, ApplyPromotion], Promotion]


def apply_that_trusts_the_phase(work: Work, promotion: str, body: ApplyPromotion) -> Promotion:
    """The planted fault: what was APPROVED once may go ahead, whatever the facts say by now."""

    row = find_promotion(work, promotion)
    model = find_model(work, row.model_name, Action.PROMOTION_APPLY, lock=True)
    apply_to_stage(work, model, row, StageChange.PROMOTED, row.reason)
    return get_promotion(work, promotion)


# ------------------------------------------------------------------------------------------------------- the story


class Act(NamedTuple):
    """`what` is done; the numbers choose by whom and to what of what there is by then."""

    what: str
    one: int
    two: int


OFTEN = ("ask", "push", "stand_in", "apply", "apply", "apply", "lease", "roll_back", "approve")
SOMETIMES = (
    "request", "withdraw", "release", "hold", "unhold", "pass_check", "fail_check", "hour", "enable", "demote",
    "delegate", "end_delegation",
)  # fmt: skip
SELDOM = ("reject", "fail", "cancel", "revoke", "days", "sweep", "disable", "register", "tighten")


def acts_of(seed: int, length: int) -> list[Act]:
    """A story drawn by chance: lists of Hypothesis repeat themselves too much to get a version through the gate."""

    chance = Random(seed)
    words = OFTEN * 6 + SOMETIMES * 2 + SELDOM
    acts = [Act(chance.choice(words), chance.randrange(12), chance.randrange(12)) for _ in range(length)]
    return [each for act in acts for each in _whole(act)]


def _whole(act: Act) -> list[Act]:
    """A push is a new version on its whole way; it may need somebody who stands in for another."""

    match act.what:
        case "push":
            return [Act("ask", 11, act.two), Act("apply", 2, 0)]
        case "stand_in":
            return [act._replace(what="delegate"), Act("ask", 11, act.two), Act("apply", 2, 0)]
    return [act]


ACTS = st.builds(acts_of, st.integers(0, 2**64), st.integers(25, 40))


class Story:
    """One model's life under one policy, in a registry that has seen other stories before."""

    def __init__(self, world: World, model: str, apply: ApplyCase) -> None:
        self.world = world
        self.model = model
        self.apply_case = apply
        self.promotions: list[Promotion] = []
        self.versions = 0

    async def begin(self, policy: str) -> None:
        for name in PEOPLE:
            await self.enable(name)
        await self.world.attach(policy, self.model)
        await self.world.model(self.model)
        for number in range(3):
            await self.register(number)

    async def end(self) -> None:
        """Leave nothing open that later stories would have to look at."""

        for promotion in self.promotions:
            with suppress(RegistryError):
                await self.world.act("ada", cancel_promotion, promotion.id, CancelPromotion())

    async def register(self, number: int) -> None:
        maker = MAKERS[number % len(MAKERS)]
        people = ["maria"] if number == 4 else []
        await self.world.register(self.model, by=maker, people=people)
        self.versions += 1

    async def enable(self, name: str) -> None:
        if name != "ada":
            await self.world.act("ada", update_principal, name, UpdatePrincipal(disabled=False))
            await self.world.grant(name, Role.APPROVER)

    async def do(self, act: Act) -> None:
        await getattr(self, f"do_{act.what}")(act)

    def some_version(self, act: Act) -> int:
        return act.one % self.versions + 1

    def somebody(self, act: Act) -> str:
        return PEOPLE[act.one % len(PEOPLE)]

    def some_promotion(self, act: Act) -> Promotion:
        if not self.promotions:
            raise PromotionNotFound("Nothing has been asked for yet.")
        return self.promotions[-1 - (act.two // 4) % len(self.promotions)]

    def some_run(self, act: Act) -> str:
        return HOLDERS[act.one % len(HOLDERS)] or "run-3"

    async def do_request(self, act: Act) -> None:
        maker = MAKERS[act.two % len(MAKERS)]
        self.promotions.append(await self.world.request(self.some_version(act), STAGE, model=self.model, by=maker))

    async def do_ask(self, act: Act) -> None:
        """Ask for a version, more often than not a new one, and find two people who say yes."""

        if act.one > 3:
            await self.register(act.one)
            act = act._replace(one=self.versions - 1)
        await self.do_request(act)
        await self.do_pass_check(act)
        for person in (PEOPLE[act.two % 3], PEOPLE[(act.two + 1) % 3]):
            with suppress(RegistryError):
                await self.world.approve(person, self.promotions[-1])

    async def do_approve(self, act: Act) -> None:
        await self.world.approve(self.somebody(act), self.some_promotion(act))

    async def do_reject(self, act: Act) -> None:
        await self.world.reject(self.somebody(act), self.some_promotion(act))

    async def do_withdraw(self, act: Act) -> None:
        await self.world.withdraw(self.somebody(act), self.some_promotion(act))

    async def do_lease(self, act: Act) -> None:
        seconds = 600 if act.one % 2 else None
        await self.world.lease(self.some_promotion(act), self.some_run(act), seconds=seconds)

    async def do_release(self, act: Act) -> None:
        body = ReleaseLease(holder=self.some_run(act))
        await self.world.act("airflow", release_lease, self.some_promotion(act).id, body)

    async def do_apply(self, act: Act) -> None:
        body = ApplyPromotion(holder=HOLDERS[act.one % len(HOLDERS)])
        await self.world.act("airflow", self.apply_case, self.some_promotion(act).id, body)

    async def do_fail(self, act: Act) -> None:
        body = FailPromotion(holder=self.some_run(act), reason="endpoint refused it")
        await self.world.act("airflow", fail_promotion, self.some_promotion(act).id, body)

    async def do_cancel(self, act: Act) -> None:
        await self.world.act("airflow", cancel_promotion, self.some_promotion(act).id, CancelPromotion())

    async def do_roll_back(self, act: Act) -> None:
        current = await self.world.current(STAGE, model=self.model)
        named = self.some_version(act) if act.two % 4 == 0 else current
        await self.world.roll_back(STAGE, model=self.model, from_version=named)

    async def do_register(self, act: Act) -> None:
        await self.register(act.one)

    async def do_revoke(self, act: Act) -> None:
        await self.world.revoke(self.some_version(act), self.model)

    async def do_pass_check(self, act: Act) -> None:
        await self.world.check(self.some_version(act), model=self.model)

    async def do_fail_check(self, act: Act) -> None:
        await self.world.check(self.some_version(act), passed=False, model=self.model)

    async def do_hold(self, act: Act) -> None:
        until = self.world.clock.now + HOUR if act.two % 2 else None
        await self.world.hold(STAGE, model=self.model, until=until)

    async def do_unhold(self, _: Act) -> None:
        await self.world.act("carl", release_stage, self.model, STAGE)

    async def do_hour(self, _: Act) -> None:
        self.world.clock.advance(HOUR)

    async def do_days(self, act: Act) -> None:
        self.world.clock.advance((act.one + 1) * DAY)

    async def do_sweep(self, _: Act) -> None:
        await self.world.registry.sweep()

    async def do_demote(self, act: Act) -> None:
        await self.world.act("ada", remove_grant, await self.world.grant_id(self.somebody(act)))

    async def do_disable(self, act: Act) -> None:
        await self.world.act("ada", update_principal, self.somebody(act), UpdatePrincipal(disabled=True))

    async def do_enable(self, act: Act) -> None:
        await self.enable(self.somebody(act))

    async def do_delegate(self, act: Act) -> None:
        body = Delegate(to=PEOPLE[act.two % len(PEOPLE)], until=self.world.clock.now + (act.two + 1) * HOUR)
        await self.world.act(self.somebody(act), delegate, body)

    async def do_end_delegation(self, act: Act) -> None:
        given = (await self.world.look("ada", list_delegations, PageRequest(), in_force=True)).items
        if given:
            await self.world.act("ada", end_delegation, given[act.one % len(given)].id)

    async def do_tighten(self, act: Act) -> None:
        document = PolicyDocument(name="team", rules=TEAM.rules, description=f"{act.one}")
        body = WritePolicy(document=document, force=bool(act.two % 2))
        await self.world.act("ada", write_policy, body, if_match=await self.newest_team())

    async def newest_team(self) -> int:
        def look(view: View) -> int:
            newest = select(policies.c.version).where(policies.c.name == "team").order_by(policies.c.version.desc())
            return int(view.connection.execute(newest.limit(1)).scalar_one())

        return await self.world.look("ada", look)

    async def facts(self) -> Facts:
        return await self.world.look("ada", lambda view: Facts(view, self.model))


# ------------------------------------------------------------------------------------------- the independent judge


class Facts:
    """Rows as they are, of one model."""

    def __init__(self, view: View, model: str) -> None:
        self.now: datetime = view.now

        def rows(statement: Select[Any]) -> list[Row[Any]]:
            return list(view.connection.execute(statement))

        (self.model,) = rows(select(models).where(models.c.name == model))
        of_model = self.model.id
        (self.stage,) = rows(select(stages).where(stages.c.model_id == of_model, stages.c.name == STAGE))
        self.history = rows(
            select(stage_history)
            .where(stage_history.c.model_id == of_model, stage_history.c.stage == STAGE)
            .order_by(stage_history.c.id)
        )
        self.versions = {row.number: row for row in rows(select(versions).where(versions.c.model_id == of_model))}
        self.promotions = {row.id: row for row in rows(select(promotions).where(promotions.c.model_id == of_model))}
        self.reviews = rows(select(reviews).where(reviews.c.promotion_id.in_(list(self.promotions))))
        self.delegations = rows(select(delegations))
        self.checks = rows(select(checks).where(checks.c.model_id == of_model).order_by(checks.c.id))
        self.failed = {
            row.number
            for row in rows(
                select(stage_failures).where(
                    stage_failures.c.model_id == of_model, stage_failures.c.cleared_at.is_(None)
                )
            )
        }
        self.able = {
            row.name
            for row in rows(
                select(principals.c.name)
                .join(grants, grants.c.principal == principals.c.name)
                .where(
                    principals.c.disabled.is_(False),
                    principals.c.kind == "person",
                    grants.c.role.in_(["approver", "admin"]),
                )
            )
        }


def judge(before: Facts, after: Facts) -> None:
    """What has become current since `before`, if anything, had the right to."""

    assert [row.revision for row in after.history] == sorted({row.revision for row in after.history})
    numbers = [None, *(row.number for row in after.history)]
    assert [row.previous for row in after.history] == numbers[:-1]
    assert after.history[: len(before.history)] == before.history
    newest = after.history[-1] if after.history else None
    assert after.stage.number == (newest.number if newest else None)
    assert after.stage.promotion_id == (newest.promotion_id if newest else None)
    assert after.model.revision >= before.model.revision
    new = after.history[len(before.history) :]
    assert len(new) <= 1
    for record in new:
        promotion = after.promotions[record.promotion_id]
        version = after.versions[record.number]
        assert record.digest == promotion.digest == version.digest
        assert promotion.phase == "APPLIED"
        assert version.revoked_at is None
        if record.change == "promoted":
            judge_promoted(before, after, promotion)
        else:
            judge_rolled_back(before, record)


def judge_promoted(before: Facts, after: Facts, promotion: Row[Any]) -> None:
    now, stage = after.now, after.stage
    assert stage.hold_at is None or (stage.hold_until is not None and stage.hold_until <= now), "the stage is held"
    was = before.promotions[promotion.id]
    assert was.phase in {"PENDING", "APPROVED", "APPLYING"}, "it was over"
    deploying = was.phase == "APPLYING"
    if not deploying:
        assert now < was.deadline_at, "its time is over"
    for other in before.promotions.values():
        leased = other.stage == STAGE and other.phase == "APPLYING" and other.lease_expires_at > now
        assert not leased or other.id == promotion.id, "another run deploys"
    assert promotion.number not in before.failed, "it failed here"
    standing = [
        row.number
        for row in before.history
        if row.change == "promoted"
        and row.number not in before.failed
        and before.versions[row.number].revoked_at is None
    ]
    assert not standing or promotion.number >= max(standing), "a newer one was here"
    judge_reviews(after, promotion)


def judge_reviews(after: Facts, promotion: Row[Any]) -> None:
    version = after.versions[promotion.number]
    own = {promotion.requested_by, version.created_by, *promotion.people, *version.people}
    if "airflow" in own:
        own.add("ada")
    standing = [
        row
        for row in after.reviews
        if row.promotion_id == promotion.id
        and row.withdrawn_at is None
        and row.digest == promotion.digest
        and row.reviewer in after.able
    ]
    spoken = {row.reviewer: row.verdict for row in standing}
    assert "reject" not in spoken.values(), "somebody said no"
    asked = {"team": 1, "pair": 2, "away": 2}
    wanted = sum(asked[pin["name"]] for pin in promotion.policies)
    assert wanted > 0
    names = {pin["name"] for pin in promotion.policies}
    assert len({name for name, verdict in spoken.items() if verdict == "approve"} - own) >= wanted, "too few said yes"
    if "away" in names:
        said_yes = [row for row in standing if row.verdict == "approve" and row.reviewer not in own]
        assert any(speak_for_all(after, rows, own) for rows in permutations(said_yes, len(MEMBERS))), (
            "not for the group"
        )
    if "pair" in names:
        reports = [row for row in after.checks if row.number == promotion.number and row.name == "evaluation"]
        assert reports and reports[-1].status == "passed", "the check didn't pass"


def speak_for_all(after: Facts, rows: Sequence[Row[Any]], own: set[str]) -> bool:
    """Whether each of these reviews is that of another member of the group, or of one who stood in for that member."""

    return all(
        member in after.able
        and member not in own
        and (
            row.reviewer == member
            or any(
                (given.principal, given.delegate) == (member, row.reviewer)
                and given.starts_at <= row.at < (given.ended_at or given.until)
                for given in after.delegations
            )
        )
        for member, row in zip(MEMBERS, rows, strict=True)
    )


def judge_rolled_back(before: Facts, record: Row[Any]) -> None:
    assert before.stage.number is not None
    assert record.previous == before.stage.number
    assert record.number != record.previous
    assert record.number in {row.number for row in before.history}, "it never was here"
    assert record.number not in before.failed, "it failed here"


# -------------------------------------------------------------------------------------------------------- the test


async def play(world: World, model: str, policy: str, acts: list[Act], apply: ApplyCase) -> int:
    """Tell the story and judge after each act. Answers how often something became current."""

    story = Story(world, model, apply)
    await story.begin(policy)
    before = await story.facts()
    for act in acts:
        try:
            await story.do(act)
        except RegistryError:
            continue
        finally:
            # Also a refused act must have left everything right.
            after = await story.facts()
            judge(before, after)
            before = after
    await story.end()
    return len(before.history)


class Stage(NamedTuple):
    """Where the stories are played: one registry for all of them, each with a model of its own."""

    run: Callable[[Awaitable[int]], int]
    world: World


@contextmanager
def playing(url: str, directory: Path) -> Iterator[Stage]:
    with asyncio.Runner() as runner:
        database = open_database(url)
        world = World(database, directory)

        async def begin() -> None:
            await database.start()
            await world.open()
            await world.person("olga", Role.APPROVER)
            await world.policy(PAIR, attach=False)
            await world.policy(AWAY, attach=False)
            await world.act("ada", write_group, "risk", WriteGroup(members=list(MEMBERS)))

        async def end() -> None:
            await world.store.close()
            await database.stop()

        async def one(story: Awaitable[int]) -> int:
            return await story

        runner.run(begin())
        try:
            yield Stage(lambda story: runner.run(one(story)), world)
        finally:
            runner.run(end())


def play_many(url: str, directory: Path, *, examples: int, apply: ApplyCase, phases: tuple[Phase, ...]) -> int:
    """How often something became current, over all stories."""

    moved: list[int] = []
    with playing(url, directory) as stage:

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        )
        @given(acts=ACTS, policy=st.sampled_from(["team", "pair", "away"]))
        def tell(acts: list[Act], policy: str) -> None:
            model = f"model-{len(moved)}"
            moved.append(0)
            moved[-1] = stage.run(play(stage.world, model, policy, acts, apply))

        tell()
    return sum(moved)


@pytest.mark.slow
def test_nothing_becomes_current_that_was_not_approved(anyio_backend: str, database_url: str, tmp_path: Path) -> None:
    # Each story takes PostgreSQL three times as long.
    examples = 40 if database_url.startswith("sqlite") else 15
    moved = play_many(
        database_url, tmp_path, examples=examples, apply=apply_promotion, phases=(Phase.generate, Phase.shrink)
    )
    assert moved > examples  # the stories are not all refusals


@pytest.mark.slow
def test_the_property_finds_an_apply_that_trusts_the_phase(
    anyio_backend: str, database_url: str, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError):
        play_many(database_url, tmp_path, examples=60, apply=apply_that_trusts_the_phase, phases=(Phase.generate,))
