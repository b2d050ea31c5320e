"""The plugin, loaded by an entry point of its own: Airflow doesn't load the plugins that provider info names."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import AirflowPlugin


class ModelRegistryPlugin(AirflowPlugin):
    """Adds the registry to Airflow."""

    name = "model_registry"
