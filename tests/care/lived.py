"""A registry that has lived: something of everything that the checks look at."""

from __future__ import annotations

from registry_service.domain.entities import CheckStatus
from registry_service.domain.manifest import digest_of
from registry_service.domain.requests import (
    CreateGrant,
    CreateModel,
    MoveAlias,
    MoveConsumer,
    NewAttachment,
    RenameModel,
    ReportCheck,
    StartDeployment,
    VacateStage,
    WriteCard,
    WriteGroup,
)
from registry_service.services import aliases, events, principals, stages
from registry_service.services.cards import write_card
from registry_service.services.checks import report_check
from registry_service.services.deployments import start_deployment
from registry_service.services.idempotency import Idempotency
from registry_service.services.model_names import rename_model
from registry_service.services.models import create_model
from tests.services.world import HOUR, World

PLOT = b"<svg/>"


async def live(world: World) -> None:
    await world.model()
    await world.act("carl", write_card, "fraud", WriteCard(text="# Use"))
    for _ in range(4):
        await world.register(metrics={"auc": 0.9}, aliases=["newest"])
    await world.check(1)
    plot = await world.upload(PLOT)
    attached = NewAttachment(name="plot.svg", digest=digest_of(PLOT), size=len(PLOT))
    check = ReportCheck(name="evaluation", status=CheckStatus.PASSED, attachments=[attached], upload=plot)
    await world.act("airflow", report_check, "fraud", "2", check)
    await world.act("airflow", aliases.move_alias, "fraud", "champion", MoveAlias(version="1"))
    await world.act("airflow", aliases.move_alias, "fraud", "gone", MoveAlias(version="1"))
    await world.act("airflow", aliases.remove_alias, "fraud", "gone")
    await world.promote(1)
    world.clock.advance(HOUR)
    await world.promote(2)
    await world.roll_back(from_version=2)
    await world.promote(1, "staging")
    await world.act("carl", write_card, "fraud", WriteCard(text="---\nlicense: mit\n---\n# Use"))
    await world.revoke(1)
    await world.act("ada", stages.vacate_stage, "fraud", "staging", VacateStage(from_version=1, reason="revoked"))
    await world.reject("ben", await world.request(3, "staging"))
    leased = await world.lease(await world.approved(4, "staging"))
    await world.act("airflow", start_deployment, StartDeployment(model="fraud", target="eu", promotion=leased.id))
    await world.upload(b"on its way")
    await world.act("carl", events.move_consumer, "reader", MoveConsumer(cursor="latest"))
    await world.act("ada", principals.write_group, "risk", WriteGroup(members=["ben"]))
    await world.act("ada", principals.create_grant, CreateGrant(group="risk", role="approver", pattern="*"))
    await world.act_once(Idempotency("key-1", "0" * 64), "airflow", create_model, CreateModel(name="churn"))
    await world.act("ada", rename_model, "churn", RenameModel(name="churn-eu"))
    await world.registry.sweep()


async def sizes(world: World) -> dict[str, int]:
    found = {}
    async for digest in world.store.digests():
        size = await world.store.stat(digest)
        assert size is not None
        found[digest] = size
    return found
