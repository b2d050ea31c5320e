"""Whatever text or number comes in, it is a refusal or an answer and never a fault, on both databases alike."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import update

from registry_service.db.queries import (
    aliases,
    checks,
    comments,
    deployments,
    events,
    models,
    policies,
    principals,
    promotions,
    stages,
    tokens,
    uploads,
    versions,
)
from registry_service.db.tables import versions as version_rows
from registry_service.domain.entities import CheckStatus, LineageKind, Verdict
from registry_service.domain.errors import InvalidInput, NotFound, NothingToRollBack, RevisionMismatch, TooLarge
from registry_service.domain.metadata import Metadata
from registry_service.domain.requests import (
    AddLineage,
    CancelPromotion,
    ClearFailure,
    CreateModel,
    CreateToken,
    FailPromotion,
    GiveReview,
    HoldStage,
    NewLineageEdge,
    ReportCheck,
    ReportUsage,
    RevokeVersion,
    StartDeployment,
    UpdateModel,
    UpdatePrincipal,
    UpdateVersion,
    VacateStage,
)
from registry_service.services import checks as check_cases
from registry_service.services import deployments as deployment_cases
from registry_service.services import models as model_cases
from registry_service.services import promotions as promotion_cases
from registry_service.services import revoking
from registry_service.services import stages as stage_cases
from registry_service.services import tokens as token_cases
from registry_service.services import versions as version_cases
from registry_service.services.lineage import add_lineage
from registry_service.services.principals import update_principal
from registry_service.services.usages import report_usage
from registry_service.services.work import Work
from tests.services.world import ALL, World

LOOKUPS: dict[str, Callable[[World, str], Awaitable[object]]] = {
    "model": lambda world, text: world.look("ada", models.get_model, text),
    "version": lambda world, text: world.look("ada", versions.get_version, "fraud", text),
    "pointer": lambda world, text: world.look("ada", versions.get_version, "fraud", f"@{text}"),
    "file": lambda world, text: world.look("ada", versions.get_file, "fraud", "1", text),
    "alias": lambda world, text: world.look("ada", aliases.get_alias, "fraud", text),
    "stage": lambda world, text: world.look("ada", stages.get_stage, "fraud", text),
    "checks": lambda world, text: world.look("ada", checks.list_checks, "fraud", text, ALL),
    "promotion": lambda world, text: world.look("ada", promotions.get_promotion, text),
    "comment": lambda world, text: world.look("ada", comments.get_comment, text),
    "deployment": lambda world, text: world.look("ada", deployments.get_deployment, text),
    "policy": lambda world, text: world.look("ada", policies.get_policy, text),
    "principal": lambda world, text: world.look("ada", principals.get_principal, text),
    "tokens": lambda world, text: world.look("ada", tokens.list_tokens, ALL, principal=text or "nobody"),
    "upload": lambda world, text: world.look("ada", uploads.get_upload, text),
    "consumer": lambda world, text: world.look("ada", events.get_consumer, text),
}


async def test_what_no_name_can_be_is_not_found(world: World) -> None:
    await world.registered(1)
    for what, look in LOOKUPS.items():
        for text in ("a\0b", "x" * 10_000, "%", "'; --", "é", ""):
            with pytest.raises((NotFound, InvalidInput)):
                pytest.fail(f"{what}: {await look(world, text)}")


def edge(ref: str, **more: Any) -> NewLineageEdge:
    return NewLineageEdge(kind=LineageKind.DATASET, ref=ref, **more)


WRITES: dict[str, Callable[[World, str], Awaitable[object]]] = {
    "description of a model": lambda w, text: w.act(
        "ada", model_cases.create_model, CreateModel(name="churn", description=text)
    ),
    "its update": lambda w, text: w.act("ada", model_cases.update_model, "fraud", UpdateModel(description=text)),
    "a tag": lambda w, text: w.act("ada", model_cases.update_model, "fraud", UpdateModel(tags={"a": text})),
    "description of a version": lambda w, text: w.register(description=text),
    "its change": lambda w, text: w.act(
        "ada", version_cases.update_version, "fraud", "1", UpdateVersion(description=text)
    ),
    "identity": lambda w, text: w.register(identity=text),
    "source_uri": lambda w, text: w.register(source_uri=text),
    "people": lambda w, text: w.register(people=[text]),
    "a param": lambda w, text: w.register(metadata=Metadata(params={"a": text})),
    "framework": lambda w, text: w.register(metadata=Metadata(framework=text)),
    "revocation": lambda w, text: w.act("ada", revoking.revoke_version, "fraud", "1", RevokeVersion(reason=text)),
    "summary": lambda w, text: w.act(
        "ada", check_cases.report_check, "fraud", "1", ReportCheck(name="a", status=CheckStatus.PASSED, summary=text)
    ),
    "url": lambda w, text: w.act(
        "ada", check_cases.report_check, "fraud", "1", ReportCheck(name="a", status=CheckStatus.PASSED, url=text)
    ),
    "name of a check": lambda w, text: w.check(1, name=text),
    "request": lambda w, text: w.request(1, "staging", reason=text),
    "hold": lambda w, text: w.act("ada", stage_cases.hold_stage, "fraud", "production", HoldStage(reason=text)),
    "rollback": lambda w, text: w.roll_back(from_version=2, reason=text),
    "vacating": lambda w, text: w.act(
        "ben", stage_cases.vacate_stage, "fraud", "production", VacateStage(from_version=2, reason=text)
    ),
    "cleared failure": lambda w, text: w.act(
        "ben", stage_cases.clear_failure, "fraud", "production", ClearFailure(version=1, reason=text)
    ),
    "ref": lambda w, text: w.register(lineage=[edge(text)]),
    "details": lambda w, text: w.register(lineage=[edge("s3://data", details={"a": text})]),
    "target": lambda w, text: w.act(
        "airflow", deployment_cases.start_deployment, StartDeployment(model="fraud", target=text, version="1")
    ),
    "run": lambda w, text: w.act(
        "airflow", deployment_cases.start_deployment, StartDeployment(model="fraud", target="eu", version="1", run=text)
    ),
    "name of a token": lambda w, text: w.act("ada", token_cases.create_token, CreateToken(name=text)),
    "display name": lambda w, text: w.act("ada", update_principal, "ben", UpdatePrincipal(display_name=text)),
}


REFERENCES: dict[str, Callable[[World, str], Awaitable[object]]] = {
    **{what: WRITES[what] for what in ("identity", "source_uri", "url", "ref", "details", "run")},
    "url of an edge": lambda w, text: w.register(lineage=[edge("s3://data", url=text)]),
    "edge added later": lambda w, text: w.act("airflow", add_lineage, "fraud", "1", AddLineage(edges=[edge(text)])),
    "batch": lambda w, text: w.act("airflow", report_usage, "fraud", "1", ReportUsage(batch=text, run="nightly")),
    "run of a batch": lambda w, text: w.act("airflow", report_usage, "fraud", "1", ReportUsage(batch="b", run=text)),
}


async def test_a_reference_that_carries_a_secret_is_kept_nowhere(world: World) -> None:
    await world.registered(1)
    await world.promote(1)
    promotion = await world.approved(1, "staging")
    before = await world.events()

    for what, write in (REFERENCES | {"holder": lambda w, text: w.lease(promotion, text)}).items():
        for text in ("https://user:hunter2@host/x", "https://host/x?X-Amz-Signature=hunter2"):
            with pytest.raises(InvalidInput, match="carries a password") as refused:
                pytest.fail(f"{what}: {await write(world, text)}")
            assert "hunter2" not in refused.value.message + repr(refused.value.details)
    assert await world.events() == before


async def test_a_check_links_to_nothing_that_runs(world: World) -> None:
    await world.registered(1)
    for text in ("javascript:alert(1)", "data:text/html,x", "", "s3://bucket/report"):
        with pytest.raises(InvalidInput, match="url is no link"):
            await WRITES["url"](world, text)
    assert await world.kinds("check.*") == []
    await WRITES["url"](world, "https://reports.example/1?run=2")
    assert await world.kinds("check.*") == ["check.reported"]


async def test_a_retry_is_answered_whatever_its_identity_was_taken_with(world: World) -> None:
    (first,) = await world.registered(1, identity="run")
    pasted = "https://user:hunter2@host/run"

    def taken_earlier(work: Work) -> None:
        work.connection.execute(update(version_rows).values(identity=pasted))

    await world.act("ada", taken_earlier)
    assert (await world.register(identity=pasted)).number == first.number


UNKEPT = ["a\0b", "a\ud800b", "x" * 2_000_000]


async def test_text_that_can_not_be_kept_is_refused(world: World) -> None:
    await world.registered(2)
    await world.promote(1)
    await world.promote(2)
    before = [event.kind for event in await world.events("model.*", "version.*", "promotion.*", "stage.*", "check.*")]
    for what, write in WRITES.items():
        for text in UNKEPT:
            with pytest.raises(InvalidInput):
                pytest.fail(f"{what}: {await write(world, text)}")
    assert await world.kinds("model.*", "version.*", "promotion.*", "stage.*", "check.*") == before


async def test_comments_reasons_and_holders_that_can_not_be_kept_are_refused(world: World) -> None:
    (version,) = await world.registered(1)
    promotion = await world.request(1)
    for text in UNKEPT:
        body = GiveReview(verdict=Verdict.APPROVE, digest=version.digest, comment=text)
        for act in (
            world.act("ben", promotion_cases.review_promotion, promotion.id, body),
            world.act("ben", promotion_cases.cancel_promotion, promotion.id, CancelPromotion(reason=text)),
            world.lease(promotion, text),
        ):
            with pytest.raises(InvalidInput):
                await act
    held = await world.lease(await world.approve("ben", promotion))
    for text in UNKEPT:
        with pytest.raises(InvalidInput):
            await world.act(
                "airflow", promotion_cases.fail_promotion, held.id, FailPromotion(holder="run-1", reason=text)
            )


async def test_what_databases_look_up_is_limited_in_bytes(world: World) -> None:
    (version,) = await world.registered(1)
    promotion = await world.approved(version.number)
    longest = wide_text(341) + "x"
    assert len(longest.encode()) == 1024
    # By characters, all of these would be short enough; PostgreSQL has no room for the longest.
    for text in (longest + "x", wide_text(342), wide_text(1024)):
        for act in (
            world.register(identity=text),
            world.register(lineage=[edge(text)]),
            world.lease(promotion, text),
        ):
            with pytest.raises(TooLarge):
                await act
    made = await world.register(identity=longest, lineage=[edge(longest)])
    assert (made.identity, made.lineage[0].ref) == (longest, longest)
    held = await world.lease(promotion, longest)
    assert held.lease is not None and held.lease.holder == longest


def wide_text(length: int) -> str:
    """Characters of three bytes each, without repetitions, which PostgreSQL would compress away."""
    found = random.Random(length)
    return "".join(chr(found.randrange(0x4E00, 0x9F00)) for _ in range(length))


async def test_a_number_that_no_version_has_is_a_refusal(world: World) -> None:
    await world.registered(1)
    await world.promote(1)
    act: Any
    for number in (-1, 0, 2**31, 2**63, 10**40):
        vacate = VacateStage(from_version=number, reason="x")
        clear = ClearFailure(version=number, reason="x")
        for act in (
            world.version(number),
            world.roll_back(from_version=number),
            world.act("ben", stage_cases.vacate_stage, "fraud", "production", vacate),
            world.act("ben", stage_cases.clear_failure, "fraud", "production", clear),
            world.act("ben", model_cases.update_model, "fraud", UpdateModel(description="x"), if_match=number),
        ):
            with pytest.raises((InvalidInput, NotFound, NothingToRollBack, RevisionMismatch)):
                await act


async def test_a_time_without_a_zone_is_refused(world: World) -> None:
    await world.registered(1)
    naive = datetime(2030, 1, 1)  # noqa: DTZ001 -- that is the point
    with pytest.raises(InvalidInput):
        await world.hold(until=naive)
