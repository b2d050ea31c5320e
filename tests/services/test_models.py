from __future__ import annotations

import pytest

from registry_service.db.queries.models import get_model, list_models
from registry_service.db.queries.promotions import get_promotion
from registry_service.db.queries.usages import get_version_use
from registry_service.domain.entities import DeploymentRole, DeploymentStatus
from registry_service.domain.errors import (
    AlreadyExists,
    InUse,
    InvalidInput,
    InvalidMetadata,
    InvalidName,
    MetadataRequired,
    ModelNotFound,
    NameClash,
    NameReserved,
    NotPermitted,
    RevisionMismatch,
    TooLarge,
)
from registry_service.domain.metadata import FieldType, Metadata, MetadataField
from registry_service.domain.promotions import Phase
from registry_service.domain.requests import (
    LiftLegalHold,
    MoveAlias,
    ObserveDeployment,
    PlaceLegalHold,
    StartDeployment,
    UpdateModel,
    VacateStage,
)
from registry_service.services import model_names, models
from registry_service.services.aliases import move_alias
from registry_service.services.deployments import observe_deployment, start_deployment
from registry_service.services.keeping import lift_legal_hold, place_legal_hold
from registry_service.services.stages import vacate_stage
from tests.services.world import HOUR, World


async def test_a_model_is_owned_by_the_person_behind_the_service_that_made_it(world: World) -> None:
    made = await world.model("fraud", by="airflow", tags={"team": "risk"})
    assert (made.owners, made.created_by) == (["ada"], "airflow")
    assert (made.stages, made.revision) == ({"staging": None, "production": None}, 1)
    assert await world.look("rita", get_model, "fraud") == made


async def test_names_that_differ_by_case_clash(world: World) -> None:
    await world.model("Fraud")
    with pytest.raises(NameClash):
        await world.model("fraud")
    with pytest.raises(AlreadyExists):
        await world.model("Fraud")


async def test_a_deleted_model_keeps_its_name_until_an_admin_releases_it(world: World) -> None:
    first = await world.model("fraud")
    await world.act("ada", models.delete_model, "fraud")
    for name in ("fraud", "FRAUD"):
        with pytest.raises(NameReserved):
            await world.model(name)
    with pytest.raises(NotPermitted):
        await world.act("ben", model_names.release_name, "fraud")
    await world.act("ada", model_names.release_name, "fraud")
    second = await world.model("fraud")
    assert second.id != first.id


async def test_why_a_model_was_deleted_stays_in_the_log(world: World) -> None:
    await world.model()
    with pytest.raises(InvalidInput):
        await world.act("ada", models.delete_model, "fraud", reason="x" * 100_000)
    await world.act("ada", models.delete_model, "fraud", reason="The pier is gone.")
    (event,) = await world.events("model.deleted")
    assert event.data["reason"] == "The pier is gone."


async def test_a_deleted_model_is_out_of_sight_and_comes_back_whole(world: World) -> None:
    await world.registered(2)
    await world.act("ada", models.delete_model, "fraud")
    with pytest.raises(ModelNotFound):
        await world.version(1)
    with pytest.raises(ModelNotFound):
        await world.register()
    assert await world.look_at_all("ada", list_models) == []
    await world.act("ada", models.restore_model, "fraud")
    assert (await world.version("latest")).number == 2
    assert (await world.register()).number == 3


async def test_a_released_tombstone_gives_its_versions_to_nobody(world: World) -> None:
    await world.registered(2)
    await world.act("ada", models.delete_model, "fraud")
    await world.act("ada", model_names.release_name, "fraud")
    await world.model("fraud")
    assert (await world.register()).number == 1


async def test_a_model_that_is_live_somewhere_is_not_deleted(world: World) -> None:
    await world.registered(1)
    await world.promote(1)
    with pytest.raises(InUse) as refused:
        await world.act("ada", models.delete_model, "fraud")
    assert refused.value.details["used_by"] == ["stage:production"]


async def used_by(world: World) -> list[str]:
    with pytest.raises(InUse) as refused:
        await world.act("ada", models.delete_model, "fraud")
    assert (await world.look("rita", get_model, "fraud")).name == "fraud"
    return list(refused.value.details["used_by"])


async def test_a_model_is_not_deleted_while_a_deployment_or_a_legal_hold_needs_a_version(world: World) -> None:
    first, second = await world.registered(2)
    runs = []
    for role in (DeploymentRole.PRIMARY, DeploymentRole.CANARY):
        body = StartDeployment(model="fraud", target="eu", version="1", role=role)
        runs.append(await world.act("airflow", start_deployment, body))
        world.clock.advance(HOUR)
    primary, canary = (f"deployment:{one.id}" for one in runs)
    await world.act("ada", place_legal_hold, "fraud", "2", PlaceLegalHold(reason="a case"))
    assert await used_by(world) == [primary, canary, "legal_hold:a case"]
    # What a target was seen to serve is named once, though two versions are meant by it.
    serves = ObserveDeployment(digest=second.digest)
    await world.act("airflow", observe_deployment, runs[0].id, serves)
    assert await used_by(world) == [primary, canary, "legal_hold:a case"]
    for one in runs:
        over = ObserveDeployment(digest=None, status=DeploymentStatus.ENDED)
        await world.act("airflow", observe_deployment, one.id, over)
    assert await used_by(world) == ["legal_hold:a case"]
    await world.act("ada", lift_legal_hold, "fraud", "2", LiftLegalHold(reason="closed"))
    await world.act("ada", models.delete_model, "fraud")
    assert first.number == 1


async def test_what_only_names_something_within_a_model_does_not_keep_it(world: World) -> None:
    await world.registered(2)
    await world.promote(1)
    await world.revoke(1)
    vacate = VacateStage(from_version=1, reason="revoked")
    await world.act("ben", vacate_stage, "fraud", "production", vacate)
    await world.act("carl", move_alias, "fraud", "best", MoveAlias(version="2"))
    asked = await world.request(2)
    assert {use.kind for use in (await world.look("rita", get_version_use, "fraud", "2")).needed_for} == {
        "alias",
        "promotion",
    }
    assert [use.kind for use in (await world.look("rita", get_version_use, "fraud", "1")).needed_for] == [
        "rollback_window"
    ]
    await world.act("ada", models.delete_model, "fraud")
    await world.act("ada", models.restore_model, "fraud")
    assert (await world.look("rita", get_promotion, asked.id)).phase is Phase.STALE
    assert (await world.version("@best")).number == 2


async def test_a_refusal_names_so_many_uses_and_no_more(world: World) -> None:
    await world.registered(7)
    for number in range(1, 8):
        await world.act("ada", place_legal_hold, "fraud", str(number), PlaceLegalHold(reason=f"case {number}"))
    for target in range(100):
        body = StartDeployment(model="fraud", target=f"edge-{target}", version="1")
        await world.act("airflow", start_deployment, body)
    with pytest.raises(InUse) as refused:
        await world.act("ada", models.delete_model, "fraud")
    assert len(refused.value.details["used_by"]) == 100
    assert "version 5 is under a legal hold (case 5); and 2 further versions are in use." in refused.value.message
    assert len(refused.value.message) < 800


async def test_a_model_demands_metadata_of_its_versions(world: World) -> None:
    fields = [
        MetadataField(key="metrics.auc", type=FieldType.NUMBER),
        MetadataField(key="extra.country", type=FieldType.STRING, required=False),
    ]
    await world.model(metadata_fields=fields)
    with pytest.raises(MetadataRequired) as refused:
        await world.register()
    assert refused.value.details["missing"] == ["metrics.auc"]
    version = await world.register(metrics={"auc": 0.9})
    assert (version.number, version.recommended_missing) == (1, ["extra.country"])
    whole = await world.register(metadata=Metadata(metrics={"auc": 0.9}, extra={"country": "de"}))
    assert whole.recommended_missing == []


async def test_metadata_fields_are_distinct(world: World) -> None:
    with pytest.raises(InvalidMetadata):
        await world.model(metadata_fields=[MetadataField(key="format", type=FieldType.STRING)] * 2)


async def test_an_update_changes_what_it_names_and_nothing_else(world: World) -> None:
    made = await world.model("fraud", description="first", tags={"team": "risk"})
    world.clock.advance(HOUR)
    after = await world.act("carl", models.update_model, "fraud", UpdateModel(tags={"team": "core"}), if_match=1)
    assert (after.description, after.tags, after.owners) == ("first", {"team": "core"}, made.owners)
    assert (after.revision, after.updated_at) == (2, world.clock.now)
    with pytest.raises(RevisionMismatch):
        await world.act("carl", models.update_model, "fraud", UpdateModel(description="late"), if_match=1)


async def test_a_model_can_be_given_to_a_person_only(world: World) -> None:
    await world.model("fraud")
    given = await world.act("carl", models.update_model, "fraud", UpdateModel(owners=["carl", "ada", "carl"]))
    assert given.owners == ["carl", "ada"]
    with pytest.raises(NotPermitted):
        await world.act("carl", models.update_model, "fraud", UpdateModel(owners=["carl", "airflow"]))
    for owners in ([], [f"p{number}" for number in range(models.MAX_OWNERS + 1)]):
        with pytest.raises(InvalidInput):
            await world.act("carl", models.update_model, "fraud", UpdateModel(owners=owners))
    (found,) = await world.look_at_all("rita", list_models, filter="owner = 'carl' AND owner = 'ada'")
    assert found.owners == ["carl", "ada"]
    assert not await world.look_at_all("rita", list_models, filter="owner = 'ben'")


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"name": "../etc"}, InvalidName),
        ({"name": "fraud", "stages": ["latest"]}, InvalidName),
        ({"name": "fraud", "stages": ["live", "live"]}, NameClash),
        ({"name": "fraud", "stages": ["live", "Live"]}, NameClash),
        ({"name": "fraud", "stages": []}, InvalidInput),
        ({"name": "fraud", "description": "x" * 70_000}, TooLarge),
        ({"name": "fraud", "tags": {"": "x"}}, InvalidName),
    ],
)
async def test_a_model_that_can_not_be_leaves_nothing(
    world: World, body: dict[str, object], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await world.model(**body)  # type: ignore[arg-type]  # as the table says
    assert await world.look_at_all("ada", list_models) == []
    assert await world.kinds("model.*") == []
