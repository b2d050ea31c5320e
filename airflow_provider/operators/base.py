"""What all operators of the registry share."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider.hooks.registry import ModelRegistryHook


class ModelRegistryOperator(BaseOperator):
    """Base of the operators.

    :param registry_conn_id: the Airflow connection of the registry.
    """

    def __init__(self, *, registry_conn_id: str = ModelRegistryHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.registry_conn_id = registry_conn_id

    @cached_property
    def hook(self) -> ModelRegistryHook:
        return ModelRegistryHook(self.registry_conn_id)
