"""Handles: they ask nothing before they are told to, go to the call that there is, and know no rule of their own."""

from __future__ import annotations

import contextlib
import inspect
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, assert_type

import httpx
import pytest

from registry_service.client import (
    AsyncListing,
    AsyncRegistryClient,
    CardNotFound,
    Comparison,
    FileNotInVersion,
    LineageKind,
    Listing,
    Metadata,
    ModelVersion,
    NewLineageEdge,
    NotApproved,
    NothingToRollBack,
    ObserveDeployment,
    Promotion,
    RegisteredModel,
    RegistryClient,
    StageVacant,
    StartDeployment,
)
from registry_service.client.handles import asynchronous, names, sync
from registry_service.domain.entities import ManifestFile
from tests.client.conftest import Connect
from tests.service_fixture import RunningService

KINDS = {
    "Model": names.ModelName,
    "Version": names.VersionName,
    "Stage": names.StageName,
    "Alias": names.AliasName,
    "Promotion": names.PromotionName,
}


@pytest.fixture
def registry(connect: Connect, shared_service: RunningService) -> Any:
    return connect(url=shared_service.url, token=shared_service.person)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", request.node.name).strip("-")[-60:].strip("-")


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    (tmp_path / "trained").mkdir()
    (tmp_path / "trained" / "weights").write_bytes(b"weights")
    return tmp_path / "trained"


def public(of: type) -> set[str]:
    return {name for name in vars(of) if not name.startswith("_")}


@pytest.mark.parametrize("kind", KINDS)
def test_what_can_be_asked_for_stands_once_and_both_handles_have_it(kind: str) -> None:
    described = {name for name in public(KINDS[kind]) if inspect.isfunction(getattr(KINDS[kind], name))} - {"fixed"}
    for prefix, module in (("", sync), ("Async", asynchronous)):
        handle = getattr(module, f"{prefix}{kind}Handle")
        assert described <= public(handle)
        for one in described:
            ours = getattr(handle, one)
            assert inspect.getdoc(ours) == inspect.getdoc(getattr(KINDS[kind], one))
            if callable(ours):
                assert inspect.signature(ours).parameters == inspect.signature(getattr(KINDS[kind], one)).parameters
    ours, twin = (getattr(module, f"{prefix}{kind}Handle") for prefix, module in (("", sync), ("Async", asynchronous)))
    assert public(ours) == public(twin)


def test_nothing_is_asked_for_before_it_is_told_to(connect: Connect) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(404)

    client = connect(answer)
    model = client.model("fraud")
    shown = [
        model,
        model.version("@production"),
        model.version("@production").model,
        model.stage("production"),
        model.alias("champion"),
        client.promotion("p-1"),
        client.models(filter="name = 'fraud'"),
        model.versions(order_by="number desc"),
    ]
    words = [repr(one).replace("Async", "") for one in shown]
    assert words == [
        "ModelHandle('fraud', at http://registry.test)",
        "VersionHandle('fraud', '@production', at http://registry.test)",
        "ModelHandle('fraud', at http://registry.test)",
        "StageHandle('fraud', 'production', at http://registry.test)",
        "AliasHandle('fraud', 'champion', at http://registry.test)",
        "PromotionHandle('p-1', at http://registry.test)",
        "Listing(GET /models?filter=name+%3D+%27fraud%27, at http://registry.test)",
        "Listing(GET /models/fraud/versions?order_by=number+desc, at http://registry.test)",
    ]
    assert not any("secret" in one for one in words)
    assert asked == []


def test_handles_of_the_same_names_and_client_are_the_same() -> None:
    with RegistryClient("http://registry.test", "secret") as one, RegistryClient("http://registry.test", "x") as other:
        assert one.model("fraud").version(1) == one.model("fraud").version(1) != one.model("fraud").version(2)
        assert one.model("fraud") != other.model("fraud")
        assert len({one.model("fraud"), one.model("fraud"), one.model("fraud").version(1).model}) == 1
        assert one.model("fraud") != "fraud"


def test_a_version_lives_through_its_handles(registry: Any, name: str, trained: Path, tmp_path: Path) -> None:
    model = registry.model(name)
    assert model.create(description="of a test").description == "of a test"
    before = datetime.now(UTC)
    model.register(trained, metadata=Metadata(metrics={"auc": 0.9}))
    first = model.version("latest")
    assert first.get().number == 1
    assert first.metadata.metrics == {"auc": 0.9}
    assert [file.path for file in first.files] == ["weights"]
    assert first.read("weights") == b"weights"
    first.download(tmp_path / "live")
    with contextlib.chdir(tmp_path):
        manifest = first.download()
    placed = tmp_path / f"{manifest.model_name}-{manifest.number}"
    assert {file.path for file in manifest.files} == {
        path.relative_to(placed).as_posix() for path in placed.rglob("*") if path.is_file()
    }
    assert (tmp_path / "live" / "weights").read_bytes() == b"weights"
    with pytest.raises(FileNotInVersion):
        first.read("other")

    asked = first.request_promotion("production", reason="better")
    with pytest.raises(NotApproved) as caught:
        first.promote(to="production")
    assert caught.value.__notes__[-1] == f"The request is promotion {asked.id}: {asked.url}"
    promotion = registry.promotion(asked.id)
    promotion.approve(asked.digest, comment="looks good")
    applied = first.promote(to="production")
    assert applied.id == asked.id and applied.is_current and promotion.get() == applied

    stage = model.stage("production")
    assert stage.current() == first.get()
    assert stage.get().version == 1
    with pytest.raises(StageVacant):
        stage.current(as_of=before)

    edge = NewLineageEdge(kind=LineageKind.DATASET, ref="s3://data/march")
    model.register(trained, metadata=Metadata(metrics={"auc": 0.95}), lineage=[edge])
    second = model.version(2)
    assert [node.ref for node in second.lineage(direction="up").nodes if node.kind == "dataset"] == ["s3://data/march"]
    assert second.add_lineage(NewLineageEdge(kind=LineageKind.CODE_COMMIT, ref="4f1c2d9")).lineage[-1].ref == "4f1c2d9"
    for other in (model.version(1), "@production", 1, f"{name}/1"):
        found = second.compare(other)
        assert [side.number for side in found.versions] == [2, 1]
        assert found.metrics[0].differences[1] == pytest.approx(-0.05)

    asked = second.request_promotion(to="production")
    registry.promotion(asked.id).approve(asked.digest)
    second.promote(to="production")
    undone = stage.rollback("worse on Mondays", from_version=2)
    assert undone.kind == "rollback" and stage.current().number == 1
    assert [record.version for record in stage.history()] == [1, 2, 1]
    with pytest.raises(NothingToRollBack):
        stage.rollback("worse on Mondays", from_version=2)
    assert stage.clear_failure(2, "looked again").failed == []
    assert stage.hold("freeze").hold.reason == "freeze" and stage.release().hold is None
    assert [model.version(number).revoke("poisoned").status for number in (2, 1)] == ["revoked", "revoked"]
    assert stage.vacate(1, "nothing is good").version is None


def test_what_is_said_through_handles_is_kept(registry: Any, name: str, trained: Path) -> None:
    model = registry.model(name)
    model.register(trained, tags={"team": "a"})
    version = model.version(1)
    assert version.alias("champion").version == 1
    assert model.alias("champion").move(to="latest").version == model.alias("champion").get().version == 1
    model.alias("champion").remove()
    assert list(model.aliases()) == []
    assert version.update(description="of March").description == "of March" and version.get().tags == {"team": "a"}
    assert model.update(tags={"tier": "1"}).tags == model.get().tags == {"tier": "1"}
    assert version.report_check("evaluation", "passed", evidence={"auc": 0.9}) == version.checks().first()
    assert version.report_usage("payments/2026-03-02", "score/1", rows=7) == version.usages().first()
    assert version.use().usages == 1
    promotion = registry.promotion(version.request_promotion(to="staging").id)
    for of in (model, version, promotion):
        of.comment("first")
        of.comment("second")
        assert [one.text for one in of.comments(limit=1)] == ["first", "second"]
    assert promotion.cancel("no longer").closure.reason == "no longer"
    rejected = registry.promotion(version.request_promotion(to="production").id)
    assert rejected.reject(version.get().digest, comment="no").phase == "REJECTED"
    assert version.revoke("poisoned").status == "revoked"
    assert "version.revoked" in [one.event.kind for one in model.activity()]


def test_a_handle_is_resolved_once_and_stays_what_it_was(registry: Any, name: str, trained: Path) -> None:
    model = registry.model(name)
    model.register(trained, aliases=["champion"])
    named, fixed = model.version("@champion"), model.version("@champion").resolve()
    between = datetime.now(UTC)
    model.register(trained, metadata=Metadata(params={"n": 2}), aliases=["champion"])
    assert (named.get().number, fixed.get().number) == (2, 1)
    assert (fixed.selector, fixed.reference) == (1, f"{name}/1")
    assert named.get(as_of=between).number == named.resolve(as_of=between).selector == 1


def test_lists_page_by_themselves_and_can_be_gone_through_again(registry: Any, name: str, trained: Path) -> None:
    model = registry.model(name)
    for number in range(3):
        model.register(trained, metadata=Metadata(params={"n": number}))
    versions = model.versions(order_by="number", limit=1)
    assert [one.number for one in versions] == [one.number for one in versions] == [1, 2, 3]
    assert versions.first().number == 1 and [one.number for one in versions.page().items] == [1]
    assert model.versions(filter="params.n > 7").first() is None
    assert [one.name for one in registry.models(filter=f"name = '{name}'")] == [name]
    assert [one.number for one in registry.versions(filter=f"model = '{name}'", order_by="number", limit=2)] == [
        1,
        2,
        3,
    ]
    version = model.version(3)
    version.request_promotion(to="production")
    assert [one.version for one in registry.promotions(filter=f"model = '{name}'")] == [3]
    assert [one.name for one in model.stages()] == ["staging", "production"]


def test_a_notebook_shows_the_first_page_of_a_list_and_of_a_handle_nothing_that_is_to_be_asked_for(
    shared_service: RunningService, name: str, trained: Path
) -> None:
    with RegistryClient(shared_service.url, shared_service.person) as registry:
        model = registry.model(name)
        for number in range(2):
            model.register(trained, metadata=Metadata(params={"n": number}), tags={"team": "<script>"})
        shown = model.versions(limit=1)._repr_html_()
        assert shown.count("<tr>") == 2 and "team &lt;script&gt;" in shown and "There are more." in shown
        assert not hasattr(model, "_repr_html_")


def test_the_types_are_those_of_the_calls() -> None:
    """Nothing runs: the type checker reads this."""

    def blocking(registry: RegistryClient) -> None:
        model = registry.model("fraud")
        assert_type(registry.models(filter="name = 'a'"), Listing[RegisteredModel])
        assert_type(model.versions(limit=1).first(), ModelVersion | None)
        assert_type([version.number for version in model.versions()], list[int])
        assert_type(model.version(1).metadata, Metadata)
        assert_type(model.version(1).files, list[ManifestFile])
        assert_type(model.version(1).compare(2, "@a", everything=True), Comparison)
        assert_type(model.version(1).promote("production"), Promotion)
        assert_type(model.stage("production").current(), ModelVersion)
        model.version(1).promote(too="production")  # type: ignore[call-arg]
        model.version(1).compare(2.5)  # type: ignore[arg-type]

    async def awaiting(registry: AsyncRegistryClient) -> None:
        model = registry.model("fraud")
        assert_type(registry.models(filter="name = 'a'"), AsyncListing[RegisteredModel])
        assert_type(await model.versions(limit=1).first(), ModelVersion | None)
        assert_type([version.number async for version in model.versions()], list[int])
        assert_type(await model.version(1).metadata, Metadata)
        assert_type(await (await model.version(1).resolve()).promote("production"), Promotion)
        assert_type(await model.stage("production").current(), ModelVersion)

    assert [blocking.__name__, awaiting.__name__] == ["blocking", "awaiting"]


def test_a_card_and_what_answers_for_a_version_by_its_handles(
    registry: Any, name: str, trained: Path, tmp_path: Path
) -> None:
    model = registry.model(name)
    model.register(trained, lineage=[NewLineageEdge(kind=LineageKind.DATASET, ref="s3://lake/march")])
    first = model.version(1)
    with pytest.raises(CardNotFound):
        model.card()
    written = model.write_card("# What it is for")
    again = model.write_card("# What it is for\n\nTests.", revision=written.revision)
    assert model.card().text == again.text
    assert [one.digest for one in model.card_history()] == [again.digest, written.digest]
    assert first.card().current.digest == again.digest

    (tmp_path / "roc.svg").write_bytes(b"<svg/>")
    check = first.report_check_with(tmp_path / "roc.svg", "evaluation", "passed", summary="fine")
    (attached,) = first.download_attachments(check.id, tmp_path / "brought")
    assert (tmp_path / "brought" / "roc.svg").read_bytes() == b"<svg/>"
    assert attached.name == "roc.svg"

    first.request_promotion("staging")
    answers = model.version("latest").provenance()
    assert answers.version.number == 1
    assert [edge.ref for edge in answers.version.lineage if edge.kind is LineageKind.DATASET] == ["s3://lake/march"]
    assert [one.name for one in answers.checks] == ["evaluation"]
    assert [one.stage for one in answers.promotions] == ["staging"]


def test_provenance_is_that_of_the_version_and_not_of_another_with_its_content(
    registry: Any, name: str, trained: Path
) -> None:
    for model in (f"{name}-a", f"{name}-b"):
        registry.model(model).register(trained)
    assert registry.model(f"{name}-a").version(1).provenance().version.model_name == f"{name}-a"
    assert registry.model(f"{name}-b").version(1).provenance().version.model_name == f"{name}-b"


def test_where_versions_of_a_model_run(registry: Any, name: str, trained: Path) -> None:
    model = registry.model(name)
    model.register(trained)
    model.register({"weights": trained / "weights"}, metadata=Metadata(metrics={"auc": 1.0}))
    assert model.live() is None
    for number, target in ((1, "eu"), (2, "us")):
        body = StartDeployment(model=model.name, version=str(number), target=target)
        registry.observe_deployment(
            registry.start_deployment(body).id, ObserveDeployment(digest=model.version(number).get().digest)
        )
    assert sorted(one.target for one in model.deployments()) == ["eu", "us"]
    assert [one.version for one in model.deployments(filter="target = 'us' OR target = 'eu-2'")] == [2]
    live = model.live()
    assert live.model_name == model.name
    assert {one.target for one in live.deployments} == {"eu", "us"}
