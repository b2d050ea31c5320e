from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import task
from jinja2.sandbox import SandboxedEnvironment

from airflow_provider.assets import REGISTERED_VERSIONS, model_asset
from airflow_provider.decorators.register_model import RegisterModelDecoratedOperator
from airflow_provider.exceptions import ModelRegistryException, ModelRegistryRefused
from airflow_provider.operators.versions import RegisterModelOperator
from airflow_provider.registration import OnClear
from airflow_provider.sdk import ModelDraft
from registry_service.client import (
    CreateToken,
    LineageKind,
    NewUploadFile,
    RegistryClient,
    StartUpload,
    TooManyUploads,
)
from tests.provider.contexts import StubStateStore, a_context, pushed
from tests.provider.world import World


def an_operator(world: World, **changes: Any) -> RegisterModelOperator:
    given: dict[str, Any] = {
        "task_id": "register",
        "model_name": world.model,
        "files": str(world.a_file()),
        "registry_conn_id": "registry",
        "retries": 2,
    }
    return RegisterModelOperator(**{**given, **changes})


def test_a_version_carries_what_the_task_knows(world: World) -> None:
    operator = an_operator(
        world,
        metrics={"auc": 0.9},
        model_params={"depth": 3},
        framework="sklearn",
        metadata={"format": "pickle", "directions": {"loss": "lower_is_better"}},
        tags={"team": "risk"},
        lineage=[{"kind": "dataset", "ref": "s3://data/churn"}],
    )
    context = a_context(operator)
    reference = operator.execute(context)
    version = world.person.get_version(world.model, 1)
    assert reference == {
        "model_name": world.model, "version": 1, "digest": version.digest, "url": version.url,
    }  # fmt: skip
    assert version.metadata.metrics == {"auc": 0.9} and version.metadata.params == {"depth": 3}
    assert version.metadata.framework == "sklearn" and version.metadata.format == "pickle"
    assert version.tags == {"team": "risk"}
    assert {edge.kind for edge in version.lineage} == {LineageKind.DAG_RUN, LineageKind.TASK, LineageKind.DATASET}
    assert version.created_by == "airflow"
    assert pushed(context) == {"model_registry_version_url": version.url}


def test_a_retry_answers_with_the_version_of_the_first_try_and_a_clear_makes_another(world: World) -> None:
    operator = an_operator(world)
    first = operator.execute(a_context(operator))
    world.a_file("trained again, with another outcome")
    assert operator.execute(a_context(operator)) == first
    assert operator.execute(a_context(operator, clear=1))["version"] == 2
    assert operator.execute(a_context(operator, clear=1))["version"] == 2
    assert operator.execute(a_context(operator, clear=2))["version"] == 3


def test_a_cleared_task_reuses_its_version_where_asked_to(world: World) -> None:
    operator = an_operator(world, on_clear="reuse")
    first = operator.execute(a_context(operator))
    world.a_file("other")
    assert operator.execute(a_context(operator, clear=1)) == first


def test_a_cleared_task_fails_where_asked_to_and_its_retry_does_not(world: World) -> None:
    operator = an_operator(world, on_clear="fail")
    first = operator.execute(a_context(operator))
    assert operator.execute(a_context(operator)) == first
    with pytest.raises(ModelRegistryRefused, match="before it was cleared"):
        operator.execute(a_context(operator, clear=1))


def test_runs_and_mapped_tasks_register_a_version_each(world: World) -> None:
    operator = an_operator(world)
    numbers = [operator.execute(a_context(operator, map_index=index))["version"] for index in range(3)]
    numbers.append(operator.execute(a_context(operator, run_id="manual__1"))["version"])
    assert numbers == [1, 2, 3, 4]


def test_an_event_of_the_model_is_emitted(world: World) -> None:
    operator = an_operator(world)
    context = a_context(operator)
    reference = operator.execute(context)
    (event,) = context["outlet_events"][REGISTERED_VERSIONS].asset_alias_events
    assert event.dest_asset_key.uri == model_asset(world.model).uri
    assert event.extra == reference


def test_an_event_goes_to_the_models_own_asset_where_the_task_has_it_as_an_outlet(world: World) -> None:
    asset = model_asset(world.model)
    operator = an_operator(world, outlets=[asset])
    context = a_context(operator)
    reference = operator.execute(context)
    assert context["outlet_events"][asset].extra == reference
    assert not context["outlet_events"][REGISTERED_VERSIONS].asset_alias_events


def test_a_directory_and_an_object_store_path_are_registered(world: World) -> None:
    from airflow.sdk import ObjectStoragePath
    from airflow.sdk.io import attach
    from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped] # it ships none

    attach("memory", fs=MemoryFileSystem())
    directory = world.directory / "model"
    (directory / "weights").mkdir(parents=True)
    (directory / "weights" / "a.bin").write_text("a")
    (directory / "config.json").write_text("{}")
    operator = an_operator(world, files=directory)
    operator.execute(a_context(operator))
    paths = [file.path for file in world.person.get_manifest(world.model, 1).files]
    assert paths == ["config.json", "weights/a.bin"]

    remote = ObjectStoragePath("memory://bucket/model.onnx")
    with remote.open("wb") as file:  # type: ignore[no-untyped-call] # Airflow's own is untyped
        file.write(b"onnx")
    operator = an_operator(world, files=remote, task_id="other")
    operator.execute(a_context(operator))
    assert [file.path for file in world.person.get_manifest(world.model, 2).files] == ["model.onnx"]


@pytest.mark.parametrize(
    ("draft", "words"),
    [
        ({"metadata": {"colour": "red"}}, "colour"),
        ({"signature": {"inptus": {}}}, "inptus"),
        ({"metrics": {"auc": float("nan")}}, "auc"),
        ({"files": "/nowhere/model.bin"}, "nowhere"),
    ],
)
def test_a_draft_that_is_not_accepted_fails_for_good_and_says_why(
    world: World, draft: dict[str, Any], words: str
) -> None:
    operator = an_operator(world, **draft)
    with pytest.raises(ModelRegistryRefused, match=words):
        operator.execute(a_context(operator))


class Training:
    """A function under the decorator that counts how often it trains."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.count = 0

    def __call__(self, code: str) -> ModelDraft:
        self.count += 1
        return ModelDraft(self.world.model, self.world.a_file(f"{code} {self.count}"), metrics={"auc": 0.9})

    def operator(self, **changes: Any) -> RegisterModelDecoratedOperator:
        def train(code: str) -> ModelDraft:
            return self(code)

        return RegisterModelDecoratedOperator(
            task_id="train", python_callable=train, op_args=["de"], registry_conn_id="registry", **changes
        )


def test_a_retry_does_not_train_again(world: World) -> None:
    training, state = Training(world), StubStateStore()
    operator = training.operator()
    first = operator.execute(a_context(operator, state=state))
    assert operator.execute(a_context(operator, state=state)) == first
    assert training.count == 1
    assert operator.execute(a_context(operator, state=state, clear=1))["version"] == 2
    assert training.count == 2


@pytest.mark.parametrize("on_clear", ["reuse", "fail"])
def test_a_cleared_task_looks_before_it_trains(world: World, on_clear: OnClear) -> None:
    training, state = Training(world), StubStateStore()
    operator = training.operator(on_clear=on_clear)
    first = operator.execute(a_context(operator, state=state))
    assert operator.execute(a_context(operator, state=state)) == first
    cleared = a_context(operator, state=state, clear=1)
    if on_clear == "reuse":
        assert operator.execute(cleared) == first
    else:
        with pytest.raises(ModelRegistryRefused, match="before it was cleared"):
            operator.execute(cleared)
    assert training.count == 1


@pytest.mark.parametrize(
    ("connection", "failure"),
    [
        (None, ModelRegistryRefused),
        ({"conn_type": "model_registry", "host": "http://127.0.0.1:1"}, ModelRegistryRefused),
        ({"conn_type": "model_registry", "host": "{url}", "password": "mreg_p_nobody"}, ModelRegistryRefused),
        (
            {"conn_type": "model_registry", "host": "http://127.0.0.1:1", "password": "x"},
            ModelRegistryException,
        ),
    ],
    ids=["no connection", "no token", "unknown token", "registry away"],
)
def test_nothing_is_trained_for_a_registry_that_would_not_have_it(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    connection: dict[str, str] | None,
    failure: type[Exception],
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_REGISTRY")
    if connection is not None:
        fields = {name: value.format(url=world.url) for name, value in connection.items()}
        monkeypatch.setenv("AIRFLOW_CONN_REGISTRY", json.dumps(fields))
    training = Training(world)
    operator = training.operator(model_name=world.model)
    with pytest.raises(failure):
        operator.execute(a_context(operator))
    assert training.count == 0


def test_where_too_many_uploads_are_open_another_try_may_find_some_ended(world: World) -> None:
    world.create_model()
    operator = an_operator(world)
    with RegistryClient(world.url, world.token) as airflow:
        with suppress(TooManyUploads):
            for number in range(101):
                file = NewUploadFile(digest=f"sha256:{number:064x}", size=1)
                airflow.start_upload(StartUpload(model=world.model, files=[file]))
        with pytest.raises(ModelRegistryException, match="uploads abort") as failure:
            operator.execute(a_context(operator))
        assert failure.value.code == "too_many_uploads"
        for upload in list(airflow.iterate_uploads()):
            airflow.abort_upload(upload.id)
    assert operator.execute(a_context(operator))["version"] == 1


def test_nothing_is_trained_for_somebody_who_may_only_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    token = world.person.create_token(CreateToken(name="dashboard", principal="airflow", role="reader")).token
    connection = {"conn_type": "model_registry", "host": world.url, "password": token}
    monkeypatch.setenv("AIRFLOW_CONN_REGISTRY", json.dumps(connection))
    training = Training(world)
    operator = training.operator()
    with pytest.raises(ModelRegistryRefused, match="may not version:register"):
        operator.execute(a_context(operator, state=StubStateStore()))
    assert training.count == 0


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_refused_when_it_is_rendered(world: World, number: float) -> None:
    for changes in ({"metrics": {"auc": number}}, {"metadata": {"extra": {"folds": [0.9, number]}}}):
        operator = an_operator(world, **changes)
        with pytest.raises(ModelRegistryRefused, match=r"(auc|folds).*is (nan|-?inf)"):
            operator.render_template_fields(a_context(operator), SandboxedEnvironment())


def test_where_airflow_keeps_no_state_a_retry_trains_again_and_still_registers_once(world: World) -> None:
    training = Training(world)
    operator = training.operator()
    first = operator.execute(a_context(operator))
    assert operator.execute(a_context(operator)) == first
    assert training.count == 2
    assert len(world.versions()) == 1


def test_a_model_name_given_to_the_decorator_is_looked_up_without_any_state(world: World) -> None:
    training = Training(world)
    operator = training.operator(model_name=world.model)
    first = operator.execute(a_context(operator))
    assert operator.execute(a_context(operator)) == first
    assert training.count == 1


def test_a_function_that_returns_no_draft_is_told_so(world: World) -> None:
    operator = RegisterModelDecoratedOperator(
        task_id="train",
        python_callable=lambda: "model.bin",  # type: ignore[arg-type,return-value] # that is the mistake
        registry_conn_id="registry",
    )
    with pytest.raises(ModelRegistryRefused, match="returned str"):
        operator.execute(a_context(operator))


def test_the_decorator_is_there_under_its_name() -> None:
    @task.register_model(model_name="churn")
    def train() -> ModelDraft:
        return ModelDraft("churn", Path("x"))

    assert vars(train)["operator_class"] is RegisterModelDecoratedOperator


def test_a_mapped_operator_keeps_the_outlets_of_airflow() -> None:
    mapped = RegisterModelOperator.partial(task_id="register", files="model.bin").expand(model_name=["de", "fr"])
    assert list(mapped.outlets) == []
