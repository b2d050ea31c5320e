"""What the plugin declares, and what it tells of what tasks left behind. Real pages: tests/airflow/test_pages.py."""

from __future__ import annotations

import re
from importlib.resources import files
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import conf

from airflow_provider.plugins.places import PREFIX, SCRIPT
from airflow_provider.plugins.registry import ModelRegistryPlugin, views

DESTINATIONS = ["nav", "dag", "dag_run", "task", "task_instance"]


def test_there_is_an_entry_in_the_navigation_and_a_tab_of_each_dag_run_and_task() -> None:
    assert ModelRegistryPlugin.external_views == []
    assert [view["destination"] for view in ModelRegistryPlugin.react_apps] == DESTINATIONS
    assert {view["bundle_url"] for view in ModelRegistryPlugin.react_apps} == {f"{PREFIX}/{SCRIPT}"}
    # Airflow leaves out what shares its place with something else.
    assert len({view["url_route"] for view in ModelRegistryPlugin.react_apps}) == len(DESTINATIONS)


def test_all_of_it_stands_below_the_path_at_which_airflow_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://tools.example.com/airflow/")
    _, apps = views()
    assert {app["bundle_url"] for app in apps} == {f"/airflow{PREFIX}/{SCRIPT}"}


def test_the_registry_stands_in_a_frame_only_where_an_admin_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__MODEL_REGISTRY__EMBED_PAGES", "True")
    frames, apps = views()
    assert [(frame["destination"], frame["href"]) for frame in frames] == [("nav", f"{PREFIX}/open")]
    assert [app["destination"] for app in apps] == DESTINATIONS[1:]


def test_nothing_heavy_is_imported_by_processes_without_pages() -> None:
    source = files("airflow_provider.plugins").joinpath("registry.py").read_text()
    assert not re.search(r"^(from|import) (fastapi|sqlalchemy|airflow_provider.plugins.pages)", source, re.MULTILINE)


@pytest.mark.parametrize(
    ("key", "value", "name"),
    [
        ("model_registry_version_url", "https://r.example/models/fraud%20x/versions/3", "fraud x 3"),
        ("model_registry_version_url", "https://r.example/models/fraud", "fraud"),
        ("model_registry_promotion_url", '"https://r.example/promotions/abc"', "abc"),
        ("model_registry_version_url", "javascript:alert(1)", None),
        ("model_registry_version_url", "s3://bucket/xcom/1", None),
        ("model_registry_version_url", {"is": "elsewhere"}, None),
        ("model_registry_version_url", "http://[", None),
        ("model_registry_version_url", '"http://["', None),
        ("model_registry_version_url", '"http://\u2100.x/"', None),
        ("model_registry_version_url", '"abc', None),
    ],
)
def test_only_addresses_become_links(key: str, value: object, name: str | None) -> None:
    from airflow_provider.plugins.pages import _link

    left = SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=-1, key=key, value=value)
    link = _link(left)  # type: ignore[arg-type] # like a row
    assert (link and link["name"]) == name


@pytest.mark.parametrize(
    ("configured", "connection", "address"),
    [
        ("https://models.example.com", None, "https://models.example.com"),
        (None, "model-registry://:token@http%3A%2F%2F127.0.0.1%3A8470", "http://127.0.0.1:8470"),
        (None, None, None),
        ("javascript:alert(1)", None, None),
    ],
)
def test_the_registry_is_where_the_configuration_or_the_connection_says(
    monkeypatch: pytest.MonkeyPatch, configured: str | None, connection: str | None, address: str | None
) -> None:
    from airflow_provider.plugins import pages

    for name, value in (
        ("AIRFLOW__MODEL_REGISTRY__URL", configured),
        ("AIRFLOW_CONN_MODEL_REGISTRY_DEFAULT", connection),
    ):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert pages.registry_address() == address


def test_the_configuration_is_declared() -> None:
    assert conf.getboolean("model_registry", "embed_pages") is False
    assert not conf.get("model_registry", "url", fallback=None)
