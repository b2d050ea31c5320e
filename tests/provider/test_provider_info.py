"""What Airflow itself makes of the provider."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from airflow.providers.common.compat.sdk import Asset, conf, task
from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

import airflow_provider
from airflow_provider.assets import model_asset
from airflow_provider.get_provider_info import get_provider_info


def test_airflow_finds_the_connection_type() -> None:
    manager = ProvidersManagerTaskRuntime()  # type: ignore[no-untyped-call] # Airflow's own is untyped
    hook = manager.hooks["model_registry"]
    assert hook is not None
    assert hook.hook_class_name == "airflow_provider.hooks.registry.ModelRegistryHook"
    assert hook.connection_id_attribute_name == "registry_conn_id"
    assert hook.connection_testable


def test_airflow_finds_the_decorator() -> None:
    assert callable(task.register_model)


def test_airflow_knows_where_the_cache_is() -> None:
    assert conf.get("model_registry", "cache_directory").endswith("/model_registry_cache")


def test_every_module_that_the_info_names_is_there_and_none_is_left_out() -> None:
    info = get_provider_info()
    named = {
        module
        for kind in ("hooks", "operators", "sensors", "triggers")
        for entry in info[kind]  # type: ignore[attr-defined] # the shape of Airflow's schema
        for module in entry["python-modules"]
    }
    root = Path(airflow_provider.__file__).parent
    there = {
        f"airflow_provider.{kind}.{file.stem}"
        for kind in ("hooks", "operators", "sensors", "triggers")
        for file in (root / kind).glob("*.py")
        if file.stem not in ("__init__", "base", "feed")
    }
    assert named == there
    for module in named:
        import_module(module)


@pytest.mark.parametrize("uri", ["model-registry://churn", "model-registry://models/", "model-registry://models/a/b"])
def test_an_asset_uri_that_names_no_model_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="model-registry://models/<model name>"):
        Asset(name="x", uri=uri)


def test_a_model_is_an_asset_whatever_its_name() -> None:
    assert model_asset("fraud detector").uri == "model-registry://models/fraud%20detector"


def test_discovery_imports_nothing() -> None:
    source = (Path(airflow_provider.__file__).parent / "get_provider_info.py").read_text()
    assert [line for line in source.splitlines() if line.startswith(("import ", "from "))] == [
        "from __future__ import annotations"
    ]
