"""What is written in a DAG file beside operators and sensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.providers.common.compat.sdk import XComArg

from airflow_provider.assets import model_asset
from airflow_provider.cache import ModelFiles
from airflow_provider.deploying import deployment
from airflow_provider.drafts import ModelDraft
from airflow_provider.operators.versions import ResolveModelOperator
from airflow_provider.references import PromotionReference, VersionReference
from airflow_provider.templated import Templated

__all__ = [
    "ModelDraft",
    "ModelFiles",
    "PromotionReference",
    "VersionReference",
    "deployment",
    "model_asset",
    "resolve_model",
]


def resolve_model(
    version: Templated[str | Mapping[str, Any]], *, task_id: str = "resolve_model", **kwargs: Any
) -> XComArg:
    """A task that resolves a selector once, so that all tasks of a run mean the same version.

        champion = resolve_model("fraud@production")
        score(DownloadModelOperator(task_id="model", version=champion).output)

    :param version: `model/7`, `model/latest`, `model@production`, `model/sha256:…`.
    :param task_id: the task's id.
    """
    return XComArg(ResolveModelOperator(task_id=task_id, version=version, **kwargs))
