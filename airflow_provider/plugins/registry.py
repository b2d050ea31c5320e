"""The plugin, loaded by an entry point of its own: Airflow doesn't load the plugins that provider info names."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import AirflowPlugin

from airflow_provider.links.registry import ModelVersionLink, PromotionLink


class ModelRegistryPlugin(AirflowPlugin):
    """Makes the operators' links known to Airflow's web server."""

    name = "model_registry"
    operator_extra_links = [ModelVersionLink(), PromotionLink()]  # noqa: RUF012 - as Airflow declares it
