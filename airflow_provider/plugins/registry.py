"""The plugin that Airflow loads through its own entry point, since plugins named in provider info aren't loaded by default."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import AirflowPlugin


class ModelRegistryPlugin(AirflowPlugin):
    """Adds the registry to Airflow."""

    name = "model_registry"
