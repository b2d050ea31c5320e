"""Tasks as a worker process runs them, for `kill_everywhere`. Everything that outlives the process is in a file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator
from airflow.sdk.execution_time.context import set_current_context

from airflow_provider.decorators.register_model import RegisterModelDecoratedOperator
from airflow_provider.operators.promotions import PromoteModelOperator, RollbackModelOperator
from airflow_provider.operators.versions import (
    DownloadModelOperator,
    EvaluateModelOperator,
    ModelCheckOperator,
    RegisterModelOperator,
)
from airflow_provider.sdk import ModelDraft, ModelFiles, deployment
from airflow_provider.sensors.approvals import ModelApprovedSensor
from tests.provider.contexts import a_context


class FileStateStore:
    """Airflow's task state store, as far as it outlives a worker."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def get(self, key: str) -> object:
        return json.loads(self.file.read_text()).get(key) if self.file.exists() else None

    def set(self, key: str, value: str) -> None:
        self.file.write_text(json.dumps({key: value}))


def append(file: Path, line: str) -> None:
    with file.open("a") as opened:
        opened.write(f"{line}\n")


def connect(url: str, token: str, directory: str) -> Path:
    connection = {"conn_type": "model_registry", "host": url, "password": token}
    os.environ["AIRFLOW_CONN_REGISTRY"] = json.dumps(connection)
    os.environ["AIRFLOW__MODEL_REGISTRY__CACHE_DIRECTORY"] = f"{directory}/cache"
    return Path(directory)


def execute(operator: BaseOperator, **given: Any) -> None:
    operator.execute(a_context(operator, **given))


def register(url: str, token: str, directory: str, model: str) -> None:
    place = connect(url, token, directory)
    (place / "weights.bin").write_text(model)
    execute(
        RegisterModelOperator(
            task_id="register", model_name=model, files=str(place / "weights.bin"), registry_conn_id="registry"
        )
    )


def train(url: str, token: str, directory: str, model: str) -> None:
    place = connect(url, token, directory)

    def fit() -> ModelDraft:
        append(place / "trained", "once more")
        (place / "weights.bin").write_text(f"{os.getpid()}")  # no two trainings have the same result
        return ModelDraft(model, place / "weights.bin")

    execute(
        RegisterModelDecoratedOperator(task_id="train", python_callable=fit, registry_conn_id="registry"),
        state=FileStateStore(place / "state.json"),
    )


def evaluate(url: str, token: str, directory: str, model: str) -> None:
    connect(url, token, directory)
    execute(
        EvaluateModelOperator(
            task_id="evaluate",
            version=f"{model}/2",
            evaluate=lambda path: {"auc": len(path.read_text())},
            max_regression={"auc": 0.0},
            registry_conn_id="registry",
        )
    )


def check(url: str, token: str, directory: str, model: str) -> None:
    connect(url, token, directory)
    execute(
        ModelCheckOperator(
            task_id="scan",
            version=f"{model}/2",
            check="scan",
            test=lambda path: path.read_text() != "evil",
            registry_conn_id="registry",
        )
    )


def approve(url: str, token: str, directory: str, model: str) -> None:
    connect(url, token, directory)
    execute(
        ModelApprovedSensor(
            task_id="approved",
            version=f"{model}/2",
            stage="production",
            poke_interval=0.1,
            timeout=30,
            registry_conn_id="registry",
        )
    )


def download(url: str, token: str, directory: str, model: str) -> None:
    connect(url, token, directory)
    execute(DownloadModelOperator(task_id="download", version=f"{model}/2", registry_conn_id="registry"))


def promote(url: str, token: str, directory: str, model: str) -> None:
    connect(url, token, directory)
    execute(
        PromoteModelOperator(task_id="promote", version=f"{model}/2", stage="production", registry_conn_id="registry")
    )


def deploy(url: str, token: str, directory: str, model: str, promotion: str) -> None:
    place = connect(url, token, directory)
    context = a_context(BaseOperator(task_id="deploy"))
    with (
        set_current_context(context),
        deployment(promotion, target=f"endpoint of {model}", registry_conn_id="registry") as running,
    ):
        append(place / "serves", running.path.read_text())
        running.observed(running.digest)


def roll_back(url: str, token: str, directory: str, promotion: str) -> None:
    place = connect(url, token, directory)

    def undo(files: ModelFiles) -> str:
        append(place / "serves", Path(files).read_text())
        return files.digest

    execute(
        RollbackModelOperator(
            task_id="restore",
            promotion=promotion,
            reason="smoke test failed",
            undo=undo,
            target="endpoint",
            fail_after=False,
            registry_conn_id="registry",
        )
    )
