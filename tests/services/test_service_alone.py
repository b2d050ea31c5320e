"""Whoever holds nothing but a service's token gets no version into a stage under `team`, whatever the service's role.

Every use case there is gets tried, in rounds, so that one act may prepare the ground for the next. A use case that is
added later must be added here: the first test tells.
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import select

from registry_service.db.queries.models import get_model
from registry_service.db.queries.policies import list_attachments, list_policy_changes
from registry_service.db.tables import aliases as alias_table
from registry_service.db.tables import models as model_table
from registry_service.db.tables import principals as principal_table
from registry_service.db.tables import reviews as review_table
from registry_service.db.tables import stage_history
from registry_service.db.view import View
from registry_service.domain.entities import (
    CheckStatus,
    DeploymentStatus,
    ModelVersion,
    PrincipalKind,
    Promotion,
    Verdict,
)
from registry_service.domain.errors import RegistryError
from registry_service.domain.manifest import digest_of
from registry_service.domain.permissions import Role
from registry_service.domain.policies import OPEN
from registry_service.domain.requests import (
    ApplyPromotion,
    ArrangeStages,
    AttachPolicy,
    CancelPromotion,
    ClearFailure,
    CreateGrant,
    CreateLoginLink,
    CreateModel,
    CreatePrincipal,
    CreateToken,
    DeleteVersion,
    FailPromotion,
    GiveReview,
    HoldStage,
    LiftLegalHold,
    MoveAlias,
    MoveConsumer,
    ObserveDeployment,
    PlaceLegalHold,
    ReleaseLease,
    RenameModel,
    ReportCheck,
    ReportUsage,
    RequestPromotion,
    RevokeVersion,
    RollBack,
    StartDeployment,
    TakeLease,
    UpdateModel,
    UpdatePrincipal,
    UpdateVersion,
    VacateStage,
    WriteGroup,
    WritePolicy,
)
from registry_service.services import (
    aliases,
    checks,
    deployments,
    events,
    keeping,
    model_names,
    models,
    policies,
    principals,
    promotions,
    revoking,
    rollback,
    sessions,
    stages,
    tokens,
    uploads,
    usages,
    versions,
)
from tests.services.world import HOUR, World

ROOMS: tuple[ModuleType, ...] = (
    aliases,
    checks,
    deployments,
    events,
    keeping,
    model_names,
    models,
    policies,
    principals,
    promotions,
    revoking,
    rollback,
    sessions,
    stages,
    tokens,
    uploads,
    usages,
    versions,
)
# Parts that use cases share: they take rows, which no caller has, or what another use case has checked.
PARTS = {
    "let_go",
    "mark_deleted",
    "refuse_model_in_use",
    "refuse_taken",
    "take_in",
    "apply_to_stage",
    "begin_session",
    "insert_attachment",
    "insert_policy",
    "end_of",
    "end_tokens",
    "lock_token",
    "issue_login",
    "issue_token",
    "note_served",
    "note_use",
    "plan_rollback",
    "point_alias",
}

SERVICE = "airflow"


class Attacker:
    """Holds the service's token, and remembers what it has seen."""

    def __init__(self, world: World, wanted: ModelVersion) -> None:
        self.world = world
        self.wanted = wanted
        self.promotions: list[Promotion] = []
        self.deployments: list[str] = []
        self.consumer = "mine"

    async def act(self, use_case: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await self.world.act(SERVICE, use_case, *args, **kwargs)

    async def each_promotion(self, use_case: Callable[..., Any], *body: Any) -> None:
        for promotion in self.promotions:
            try:
                await self.act(use_case, promotion.id, *body)
            except RegistryError:
                continue

    async def request(self) -> None:
        for stage in ("staging", "production"):
            body = RequestPromotion(
                model="fraud", version=str(self.wanted.number), stage=stage, people=["ben", "maria", SERVICE]
            )
            self.promotions.append(await self.act(promotions.request_promotion, body))

    async def review(self) -> None:
        body = GiveReview(verdict=Verdict.APPROVE, digest=self.wanted.digest, comment="approved by ben")
        await self.each_promotion(promotions.review_promotion, body)

    async def register_again(self) -> None:
        """The content that was approved once, and the wanted content under other names."""

        await self.world.register(content=b"wanted", identity="again", aliases=["champion"], people=["ben"])

    async def upload(self) -> None:
        await self.world.upload(b"anything", by=SERVICE)

    async def arrange(self) -> None:
        found = await self.world.look(SERVICE, get_model, "fraud")
        body = ArrangeStages(stages=["staging", "production", "live"])
        await self.act(stages.arrange_stages, "fraud", body, if_match=found.revision)
        asked = RequestPromotion(model="fraud", version=str(self.wanted.number), stage="live")
        self.promotions.append(await self.act(promotions.request_promotion, asked))

    async def deploy(self) -> None:
        for stage in (None, "production"):
            body = StartDeployment(model="fraud", target="eu", version=str(self.wanted.number), stage=stage)
            self.deployments.append((await self.act(deployments.start_deployment, body)).id)

    async def observe(self) -> None:
        for deployment in self.deployments:
            body = ObserveDeployment(digest=self.wanted.digest, status=DeploymentStatus.RUNNING)
            await self.act(deployments.observe_deployment, deployment, body)

    async def detach(self) -> None:
        for held in await self.world.look_at_all(SERVICE, list_attachments):
            await self.act(policies.detach_policy, held.id)

    async def confirm(self) -> None:
        for change in await self.world.look_at_all(SERVICE, list_policy_changes):
            await self.act(policies.confirm_policy_change, change.id)

    async def withdraw(self) -> None:
        for change in await self.world.look_at_all(SERVICE, list_policy_changes):
            await self.act(policies.withdraw_policy_change, change.id)

    async def remove_grants(self) -> None:
        await self.act(principals.remove_grant, await self.world.grant_id("ada"))

    async def roll_back(self) -> None:
        for bound in ({"from_version": 1, "to": str(self.wanted.number)}, {"from_version": 1}):
            await self.act(rollback.roll_back, "fraud", "production", RollBack(reason="x", **bound))

    async def rename(self) -> None:
        """To a name that other policies hold for, and back, so that the rounds after it find the model."""

        for before, after in (("fraud", "free"), ("free", "fraud")):
            await self.act(model_names.rename_model, before, RenameModel(name=after, drop_policies=True))

    async def new_model(self) -> None:
        """A model of its own, with stages of its own, and one under a name that looks like another."""

        for name in ("fraud-copy", "fraud.copy"):
            await self.act(models.create_model, CreateModel(name=name, stages=["production", "anything"]))
            await self.world.register(name, content=b"wanted")
            for stage in ("production", "anything"):
                body = RequestPromotion(model=name, version="1", stage=stage)
                self.promotions.append(await self.act(promotions.request_promotion, body))


Attack = Callable[[Attacker], Awaitable[object]]

ATTACKS: dict[str, Attack] = {
    "move_alias": lambda a: a.act(aliases.move_alias, "fraud", "production", MoveAlias(version="2")),
    "remove_alias": lambda a: a.act(aliases.remove_alias, "fraud", "champion"),
    "report_check": lambda a: a.act(
        checks.report_check, "fraud", "2", ReportCheck(name="evaluation", status=CheckStatus.PASSED)
    ),
    "report_usage": lambda a: a.act(usages.report_usage, "fraud", "2", ReportUsage(batch="x", run="y")),
    "start_deployment": Attacker.deploy,
    "observe_deployment": Attacker.observe,
    "move_consumer": lambda a: a.act(events.move_consumer, a.consumer, MoveConsumer(cursor="start")),
    "remove_consumer": lambda a: a.act(events.remove_consumer, a.consumer),
    "create_model": Attacker.new_model,
    "update_model": lambda a: a.act(models.update_model, "fraud", UpdateModel(owners=[SERVICE])),
    "rename_model": Attacker.rename,
    "delete_model": lambda a: a.act(models.delete_model, "fraud"),
    "restore_model": lambda a: a.act(models.restore_model, "fraud"),
    "release_name": lambda a: a.act(model_names.release_name, "fraud"),
    "write_policy": lambda a: a.act(policies.write_policy, WritePolicy(document=OPEN, force=True), if_match=1),
    "attach_policy": lambda a: a.act(
        policies.attach_policy, AttachPolicy(policy="open", model_pattern="*", force=True)
    ),
    "detach_policy": Attacker.detach,
    "confirm_policy_change": Attacker.confirm,
    "withdraw_policy_change": Attacker.withdraw,
    "create_principal": lambda a: a.act(
        principals.create_principal, CreatePrincipal(name="friend", kind=PrincipalKind.PERSON)
    ),
    "update_principal": lambda a: a.act(principals.update_principal, SERVICE, UpdatePrincipal(owners=["rita"])),
    "create_grant": lambda a: a.act(principals.create_grant, CreateGrant(principal="rita", role="admin")),
    "remove_grant": Attacker.remove_grants,
    "write_group": lambda a: a.act(principals.write_group, "approvers", WriteGroup(members=[SERVICE])),
    "remove_group": lambda a: a.act(principals.remove_group, "approvers"),
    "request_promotion": Attacker.request,
    "review_promotion": Attacker.review,
    "withdraw_review": lambda a: a.each_promotion(promotions.withdraw_review),
    "take_lease": lambda a: a.each_promotion(promotions.take_lease, TakeLease(holder="run-1")),
    "release_lease": lambda a: a.each_promotion(promotions.release_lease, ReleaseLease(holder="run-1")),
    "apply_promotion": lambda a: a.each_promotion(promotions.apply_promotion, ApplyPromotion(holder="run-1")),
    "fail_promotion": lambda a: a.each_promotion(promotions.fail_promotion, FailPromotion(holder="run-1", reason="x")),
    "cancel_promotion": lambda a: a.each_promotion(promotions.cancel_promotion, CancelPromotion()),
    "roll_back": Attacker.roll_back,
    "arrange_stages": Attacker.arrange,
    "hold_stage": lambda a: a.act(stages.hold_stage, "fraud", "staging", HoldStage(reason="x")),
    "release_stage": lambda a: a.act(stages.release_stage, "fraud", "production"),
    "vacate_stage": lambda a: a.act(
        stages.vacate_stage, "fraud", "production", VacateStage(from_version=1, reason="x")
    ),
    "clear_failure": lambda a: a.act(stages.clear_failure, "fraud", "production", ClearFailure(version=2, reason="x")),
    "create_token": lambda a: a.act(tokens.create_token, CreateToken(name="x", principal="ben")),
    "revoke_token": lambda a: a.act(tokens.revoke_token, a.world.token("ben")),
    "create_login_link": lambda a: a.act(sessions.create_login_link, CreateLoginLink()),
    "open_session": lambda a: a.act(sessions.open_session, a.world.token("ben")),
    "end_session": lambda a: a.act(sessions.end_session),
    "end_sessions": lambda a: a.act(sessions.end_sessions),
    "start_upload": Attacker.upload,
    "file_received": Attacker.upload,
    "file_continued": lambda a: a.act(uploads.file_continued, "anything", digest_of(b"anything"), len(b"anything")),
    "keep_open": lambda a: a.act(uploads.keep_open, "anything", digest_of(b"anything")),
    "abort_upload": lambda a: a.act(uploads.abort_upload, "anything"),
    "register_version": Attacker.register_again,
    "update_version": lambda a: a.act(versions.update_version, "fraud", "2", UpdateVersion(tags={"risk": "low"})),
    "delete_version": lambda a: a.act(keeping.delete_version, "fraud", "1", DeleteVersion(reason="x")),
    "restore_version": lambda a: a.act(keeping.restore_version, "fraud", "2"),
    "place_legal_hold": lambda a: a.act(keeping.place_legal_hold, "fraud", "1", PlaceLegalHold(reason="x")),
    "lift_legal_hold": lambda a: a.act(keeping.lift_legal_hold, "fraud", "1", LiftLegalHold(reason="x")),
    "examine_file": lambda a: a.act(revoking.examine_file, "fraud", "1", "model.bin", "x"),
    "revoke_version": lambda a: a.act(revoking.revoke_version, "fraud", "1", RevokeVersion(reason="x")),
}


# After these there is little left to attack: they come in the later rounds.
RUINOUS = {"delete_model", "release_name", "revoke_version", "vacate_stage"}


def use_cases() -> set[str]:
    found = set()
    for room in ROOMS:
        for name, function in inspect.getmembers(room, inspect.isfunction):
            first = next(iter(inspect.signature(function).parameters), None)
            if function.__module__ == room.__name__ and not name.startswith("_") and first == "work":
                found.add(name)
    return found - PARTS


def test_every_use_case_is_tried() -> None:
    assert use_cases() == ATTACKS.keys()


async def what_was_ever_current(world: World) -> set[str]:
    def look(view: View) -> set[str]:
        return {
            digest for digest in view.connection.execute(select(stage_history.c.digest)).scalars() if digest is not None
        }

    return await world.look("ada", look)


async def who_spoke(world: World) -> set[str]:
    def look(view: View) -> set[str]:
        people = view.connection.execute(select(principal_table.c.name).where(principal_table.c.kind == "person"))
        return set(view.connection.execute(select(review_table.c.reviewer)).scalars()) - set(people.scalars())

    return await world.look("ada", look)


async def pointers_named_as_stages(world: World) -> set[str]:
    def look(view: View) -> set[str]:
        joined = select(alias_table.c.name).join(model_table, model_table.c.id == alias_table.c.model_id)
        return {name for name in view.connection.execute(joined).scalars() if name.lower() == "production"}

    return await world.look("ada", look)


@pytest.mark.parametrize("role", [Role.CONTRIBUTOR, Role.APPROVER, Role.ADMIN])
async def test_a_service_alone_gets_nothing_into_a_stage(world: World, role: Role) -> None:
    await world.model()
    good = await world.register(content=b"good")
    await world.promote(1)
    wanted = await world.register(content=b"wanted")
    if role is not Role.CONTRIBUTOR:
        await world.grant(SERVICE, role)
    attacker = Attacker(world, wanted)
    chance = random.Random(20260303)
    worked: set[str] = set()
    for names in (ATTACKS.keys() - RUINOUS, ATTACKS.keys() - RUINOUS, ATTACKS.keys(), ATTACKS.keys()):
        for name in chance.sample(sorted(names), len(names)):
            try:
                await ATTACKS[name](attacker)
            except RegistryError:
                continue
            finally:
                assert await what_was_ever_current(world) == {good.digest}, name
                assert await who_spoke(world) == set(), name
                assert await pointers_named_as_stages(world) == set(), name
            worked.add(name)
        world.clock.advance(HOUR)
        await world.registry.sweep()
    assert {"register_version", "request_promotion", "report_check"} <= worked  # it did try in earnest
    personal = {"write_policy", "attach_policy", "create_principal", "create_grant", "write_group", "create_token"}
    assert not personal & worked


async def test_the_same_attacks_do_find_a_gate_that_stands_open(world: World) -> None:
    """Proof that the attacks would be seen: where an admin has opened the gate, they get through."""

    await world.act("ada", policies.write_policy, WritePolicy(document=OPEN), if_match=1)
    for held in await world.look_at_all("ada", list_attachments):
        await world.act("ada", policies.detach_policy, held.id)
    await world.attach("open")
    await world.model()
    attacker = Attacker(world, await world.register(content=b"wanted"))
    for name in ("request_promotion", "apply_promotion"):
        await ATTACKS[name](attacker)
    assert await what_was_ever_current(world) == {attacker.wanted.digest}
