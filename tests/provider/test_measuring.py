from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider.exceptions import CheckFailed, ModelRegistryRefused
from airflow_provider.operators.versions import EvaluateModelOperator, ModelCheckOperator
from airflow_provider.references import VersionReference
from registry_service.client import Check, CheckStatus, Metadata
from tests.provider.contexts import a_context
from tests.provider.world import World

CONTENT = {"good": 0.93, "fair": 0.90, "poor": 0.85}


def score(path: Path) -> dict[str, float]:
    """Reads the file that it is given: the path of a version of one file is that file."""
    return {"auc": CONTENT[path.read_text()]}


def run(world: World, version: VersionReference | str, **changes: Any) -> Check:
    changes = {"max_regression": {"auc": 0.01}, **changes}
    operator = EvaluateModelOperator(task_id="evaluate", version=version, registry_conn_id="registry", **changes)
    reference = operator.execute(a_context(operator))
    return world.person.list_checks(world.model, reference["version"]).items[0]


@pytest.fixture
def champion(world: World) -> VersionReference:
    world.create_model(policy="open")
    version = world.register("fair", auc=0.5)
    world.promote(version)
    return version


@pytest.mark.parametrize(("content", "status"), [("good", CheckStatus.PASSED), ("poor", CheckStatus.FAILED)])
def test_both_are_measured_by_the_same_code(
    world: World, champion: VersionReference, content: str, status: CheckStatus
) -> None:
    candidate = world.register(content, auc=0.99)
    check = run(world, candidate, evaluate=score)
    assert check.status is status and check.name == "evaluation"
    assert check.evidence["candidate"] == {"version": 2, "metrics": {"auc": CONTENT[content]}}
    assert check.evidence["champion"] == {"version": 1, "metrics": {"auc": 0.90}}
    assert "version 1" in check.summary


def test_figures_are_rounded_in_words_and_exact_in_the_evidence(world: World, champion: VersionReference) -> None:
    check = run(world, world.register("poor"), evaluate=lambda path: {"auc": CONTENT[path.read_text()] / 1.1})
    assert check.summary == "against version 1 (@production): auc is 0.7727, was 0.8182: worse by 0.04545, allowed 0.01"
    assert check.evidence["candidate"]["metrics"] == {"auc": 0.85 / 1.1}  # type: ignore[index] # it is JSON
    assert check.evidence["champion"]["metrics"] == {"auc": 0.90 / 1.1}  # type: ignore[index] # it is JSON


def test_without_code_the_registered_metrics_are_compared(world: World, champion: VersionReference) -> None:
    assert run(world, world.register("good", auc=0.48)).status is CheckStatus.FAILED
    assert run(world, world.register("poor", auc=0.49)).status is CheckStatus.PASSED


def test_a_metric_that_the_candidate_lacks_is_a_regression(world: World, champion: VersionReference) -> None:
    check = run(world, world.register("good"))
    assert check.status is CheckStatus.FAILED and "missing" in check.summary


def test_lower_is_better_where_the_metadata_says_so(world: World) -> None:
    world.create_model(policy="open")
    metadata = Metadata(metrics={"loss": 0.2}, directions={"loss": "lower_is_better"})  # type: ignore[dict-item]
    world.promote(world.register("fair", metadata))
    worse = world.register("poor", Metadata(metrics={"loss": 0.4}))
    operator = EvaluateModelOperator(
        task_id="evaluate", version=worse, max_regression={"loss": 0.1}, registry_conn_id="registry"
    )
    operator.execute(a_context(operator))
    assert world.person.list_checks(world.model, 2).items[0].status is CheckStatus.FAILED


def test_a_pointer_that_is_not_there_is_refused_unless_it_may_come_later(world: World) -> None:
    world.create_model()
    version = world.register("good", auc=0.9)
    assert run(world, version).status is CheckStatus.PASSED, "the stage is there, and vacant"
    for pointer in ("@prodution", "@champion"):
        with pytest.raises(ModelRegistryRefused, match=pointer[1:]):
            run(world, version, compare_to=pointer)
    assert run(world, version, compare_to="@champion", no_champion="pass").status is CheckStatus.PASSED


@pytest.mark.parametrize(("no_champion", "status"), [("pass", CheckStatus.PASSED), ("fail", CheckStatus.FAILED)])
def test_where_there_is_no_champion_the_task_says_what_counts(
    world: World, no_champion: str, status: CheckStatus
) -> None:
    world.create_model()
    version = world.register("good", auc=0.9)
    check = run(world, version, no_champion=no_champion)
    assert check.status is status and "nothing is @production" in check.summary


@pytest.mark.parametrize("compare_to", ["production", "77", "sha256:" + "0" * 64])
def test_what_names_no_version_is_not_taken_for_a_missing_champion(
    world: World, champion: VersionReference, compare_to: str
) -> None:
    with pytest.raises(ModelRegistryRefused):
        run(world, champion, compare_to=compare_to)
    assert world.person.list_checks(world.model, 1).items == []


def test_an_alias_that_comes_later_is_a_missing_champion(world: World, champion: VersionReference) -> None:
    check = run(world, champion, compare_to="@champion", no_champion="pass")
    assert check.status is CheckStatus.PASSED and "nothing is @champion" in check.summary


@pytest.mark.parametrize("nothing", [None, {}])
def test_a_comparison_of_nothing_is_refused_and_not_reported(
    world: World, champion: VersionReference, nothing: dict[str, float] | None
) -> None:
    candidate = world.register("poor", auc=0.1)
    with pytest.raises(ModelRegistryRefused, match="max_regression"):
        run(world, candidate, max_regression=nothing)
    assert world.person.list_checks(world.model, 2).items == []


def test_what_could_not_be_measured_is_refused_and_not_reported(world: World, champion: VersionReference) -> None:
    candidate = world.register("good", auc=0.9)
    with pytest.raises(ModelRegistryRefused, match=r"version 2.*auc.*nan"):
        run(world, candidate, evaluate=lambda path: {"auc": float("nan")})
    assert world.person.list_checks(world.model, 2).items == []


def test_the_task_fails_with_the_check_only_where_asked_to(world: World, champion: VersionReference) -> None:
    candidate = world.register("poor", auc=0.1)
    with pytest.raises(CheckFailed, match="auc"):
        run(world, candidate, fail_on_regression=True)
    assert world.person.list_checks(world.model, 2).items[0].status is CheckStatus.FAILED


def test_a_retry_that_measured_the_same_reports_once_and_one_that_did_not_is_heard(
    world: World, champion: VersionReference
) -> None:
    candidate = world.register("good", auc=0.9)
    run(world, candidate, evaluate=score)
    run(world, candidate, evaluate=score)
    assert len(world.person.list_checks(world.model, 2).items) == 1
    run(world, candidate, evaluate=lambda path: {"auc": 0.1})
    assert [check.status for check in world.person.list_checks(world.model, 2).items] == ["passed", "passed"]
    run(world, candidate, evaluate=lambda path: {"auc": 0.1 if path.read_text() == "good" else 0.9})
    assert world.person.list_checks(world.model, 2).items[0].status is CheckStatus.FAILED


@pytest.mark.parametrize(
    ("passed", "status"),
    [(True, "passed"), (False, "failed"), ("True", "passed"), (" false ", "failed")],
)
def test_a_check_is_reported_with_its_evidence(world: World, passed: bool | str, status: str) -> None:
    world.create_model()
    version = world.register("good")
    operator = ModelCheckOperator(
        task_id="scan",
        version=version,
        check="scan",
        passed=passed,
        summary="nothing found",
        evidence={"files": 1},
        check_url="http://scanner/1",
        registry_conn_id="registry",
    )
    assert operator.execute(a_context(operator)) == version
    (check,) = world.person.list_checks(world.model, 1).items
    assert (check.status, check.summary, check.evidence, check.url) == (
        status, "nothing found", {"files": 1}, "http://scanner/1",
    )  # fmt: skip


def test_a_check_may_look_at_the_files_itself(world: World) -> None:
    world.create_model()
    version = world.register("good")
    operator = ModelCheckOperator(
        task_id="scan",
        version=version,
        check="scan",
        test=lambda path: path.read_text() == "evil",
        fail_on_failed=True,
        registry_conn_id="registry",
    )
    with pytest.raises(CheckFailed):
        operator.execute(a_context(operator))
    assert world.person.list_checks(world.model, 1).items[0].status is CheckStatus.FAILED


def test_a_version_that_is_not_what_was_handed_on_is_never_measured(world: World) -> None:
    world.create_model()
    version = world.register("good")
    with pytest.raises(ModelRegistryRefused, match="was expected"):
        run(world, {**version, "digest": "sha256:" + "0" * 64})
