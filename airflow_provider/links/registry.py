"""From a task to its page in the registry."""

from __future__ import annotations

from typing import Final

from airflow.providers.common.compat.sdk import BaseOperator, BaseOperatorLink, Context, TaskInstanceKey, XCom

VERSION_KEY: Final = "model_registry_version_url"
PROMOTION_KEY: Final = "model_registry_promotion_url"


class _RegistryLink(BaseOperatorLink):
    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow passes it
        return XCom.get_value(ti_key=ti_key, key=self.xcom_key) or ""


class ModelVersionLink(_RegistryLink):
    """To the version that the task made or read."""

    name = "Model version"

    @property
    def xcom_key(self) -> str:
        return VERSION_KEY


class PromotionLink(_RegistryLink):
    """To the promotion that the task waits for or moved: where its reviews and checks are."""

    name = "Promotion"

    @property
    def xcom_key(self) -> str:
        return PROMOTION_KEY


def push_version_url(context: Context, url: str) -> None:
    context["ti"].xcom_push(key=VERSION_KEY, value=url)


def push_promotion_url(context: Context, url: str) -> None:
    context["ti"].xcom_push(key=PROMOTION_KEY, value=url)
