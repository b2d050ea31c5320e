"""The plugin, loaded by an entry point of its own: Airflow doesn't load the plugins that provider info names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import AirflowPlugin, conf

from airflow_provider.links.registry import ModelVersionLink, PromotionLink
from airflow_provider.plugins.places import PREFIX, SCRIPT

_SUBJECTS: Final = ("dag", "dag_run", "task", "task_instance")

_Message = MutableMapping[str, Any]


class PluginPages:
    """The plugin's pages, imported when the first one is asked for: every process of Airflow loads plugins, and only
    the API server has pages."""

    async def __call__(
        self,
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        from airflow_provider.plugins.pages import pages  # noqa: PLC0415 - see above

        await pages(scope, receive, send)


def views() -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Frames, and components of Airflow's pages: an entry in the navigation, and a tab of each DAG, run and task.

    They list links. The registry's own pages stand in a frame only where an admin has said so, as the registry must
    allow it too. A component and not an external view, as Airflow 3.3 opens no plain link of those: its entries in the
    navigation do nothing, it has no tabs of them, and what is in its frames can't open a page.
    """
    base = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/") + PREFIX
    tabs = [_component(f"models-of-{subject.replace('_', '-')}", base, subject) for subject in _SUBJECTS]
    entry = {"name": "Models", "url_route": "model-registry", "destination": "nav", "nav_top_level": True}
    if conf.getboolean("model_registry", "embed_pages", fallback=False):
        return [entry | {"href": f"{base}/open"}], tabs
    return [], [entry | {"bundle_url": f"{base}/{SCRIPT}"}, *tabs]


def _component(route: str, base: str, destination: str) -> dict[str, object]:
    return {"name": "Models", "url_route": route, "destination": destination, "bundle_url": f"{base}/{SCRIPT}"}


class ModelRegistryPlugin(AirflowPlugin):
    """Brings the operators' links, and the registry, into Airflow's pages."""

    name = "model_registry"
    operator_extra_links = [ModelVersionLink(), PromotionLink()]  # noqa: RUF012 - as Airflow declares it
    fastapi_apps = [{"app": PluginPages(), "url_prefix": PREFIX, "name": "Model registry"}]  # noqa: RUF012
    external_views, react_apps = views()
