"""What all operators of the registry share."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider.figures import check_figures
from airflow_provider.hooks.registry import ModelRegistryHook


class ModelRegistryOperator(BaseOperator):
    """Base of the operators.

    :param registry_conn_id: the Airflow connection of the registry.
    """

    def __init__(self, *, registry_conn_id: str = ModelRegistryHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.registry_conn_id = registry_conn_id

    # Not `render_template_fields`: of mapped tasks, Airflow calls this one.
    def _do_render_template_fields(self, parent: object, *args: Any, **kwargs: Any) -> None:
        """Render, and refuse figures that Airflow would fail to write down: it takes that for a fault of the moment and
        tries again.
        """
        super()._do_render_template_fields(parent, *args, **kwargs)
        if parent is self:
            for name in self.template_fields:
                check_figures(getattr(self, name), name)

    @cached_property
    def hook(self) -> ModelRegistryHook:
        return ModelRegistryHook(self.registry_conn_id)
