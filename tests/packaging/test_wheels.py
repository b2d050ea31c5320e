"""The distributions as people get them: built, opened, installed where nothing else is, and used."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import tarfile
import time
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest

from registry_service.services.credentials import read_credentials
from tests.packaging.environments import ROOT, Environment, make
from tests.processes import ServerProcess, stop_all

pytestmark = pytest.mark.slow

RELEASE = version("airflow-model-registry")

# What each extra is allowed to weigh, in MB, with everything it brings and its bytecode.
CLIENT_MB = 15
SERVICE_MB = 130


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with sdist and wheel; the wheel is built from the sdist, so the sdist is complete."""
    directory = tmp_path_factory.mktemp("built")
    make(sys.executable, "-m", "build", "--installer", "uv", "--outdir", str(directory), str(ROOT))
    return directory


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    [wheel] = built.glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def client(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    with Environment(tmp_path_factory.mktemp("client"), wheel, extra=None, pins="client") as environment:
        yield environment


@pytest.fixture(scope="session")
def service(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    with Environment(tmp_path_factory.mktemp("service"), wheel, extra="service", pins="service") as environment:
        yield environment


@pytest.fixture(scope="session")
def airflow(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    with Environment(tmp_path_factory.mktemp("airflow"), wheel, extra="airflow", pins="dev") as environment:
        yield environment


@contextmanager
def serving(service: Environment) -> Iterator[str]:
    """`model-registry serve` on a port that the system picks; its URL once it is ready."""
    server = ServerProcess(
        "serve",
        [str(service.program("model-registry")), "serve"],
        environment=service.variables(MODEL_REGISTRY_PORT="0"),
        output=service.directory / "serve.log",
        directory=service.directory,
    )
    try:
        deadline = time.monotonic() + 60
        while (found := read_credentials(service.directory / "registry/credentials/person.json")) is None:
            assert server.exit_code is None and time.monotonic() < deadline, server.tail()
            time.sleep(0.05)
        yield found.url
        server.signal(signal.SIGTERM)
        while server.exit_code is None:
            assert time.monotonic() < deadline, server.tail()
            time.sleep(0.05)
        assert server.exit_code == 0, server.tail()
    finally:
        stop_all([server], grace=0)


def test_the_wheel_holds_both_packages_whole_and_nothing_else(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry_points = ConfigParser()
        entry_points.read_string(archive.read(f"airflow_model_registry-{RELEASE}.dist-info/entry_points.txt").decode())
    about = {name for name in names if name.startswith(f"airflow_model_registry-{RELEASE}.dist-info/")}
    assert f"airflow_model_registry-{RELEASE}.dist-info/licenses/LICENSE" in about
    assert {"registry_service/py.typed", "airflow_provider/py.typed"} <= names
    assert "registry_service/db/migrations/script.py.mako" in names

    packages = [ROOT / "registry_service", ROOT / "airflow_provider"]
    there = {path.relative_to(ROOT).as_posix() for package in packages for path in package.rglob("*") if path.is_file()}
    assert names - about == {name for name in there if "__pycache__" not in name}

    assert {group: dict(entry_points[group]) for group in entry_points.sections()} == {
        "console_scripts": {"model-registry": "registry_service.cli:main"},
        "apache_airflow_provider": {"provider_info": "airflow_provider.get_provider_info:get_provider_info"},
        "airflow.plugins": {"model_registry": "airflow_provider.plugins.registry:ModelRegistryPlugin"},
    }


def test_the_sdist_holds_what_is_needed_to_build_test_and_read_it(built: Path, wheel: Path) -> None:
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    with ZipFile(wheel) as archive:
        assert {name for name in archive.namelist() if ".dist-info/" not in name} <= names
    assert {"LICENSE", "README.md", "Makefile", "pyproject.toml", "requirements/dev.txt", "docs/openapi.json"} <= names
    assert {"tests/conftest.py", "dags_examples/quickstart.py"} <= names
    assert [name for name in names if name.startswith((".venv", "data/")) or "__pycache__" in name] == []


def test_the_client_alone_is_small(client: Environment) -> None:
    assert client.megabytes <= CLIENT_MB
    assert not {"alembic", "apache-airflow", "apache-airflow-core", "litestar", "sqlalchemy", "uvicorn"} & set(
        client.distributions
    )
    assert client.run("python", "-c", "from registry_service.client import RegistryClient").returncode == 0
    assert client.run("model-registry", "--version").stdout == f"model-registry, version {RELEASE}\n"


def test_the_client_alone_says_what_is_not_there(client: Environment) -> None:
    nobody = {"MODEL_REGISTRY_URL": "http://127.0.0.1:1", "MODEL_REGISTRY_TOKEN": "t"}
    listed = client.run("model-registry", "models", "list", **nobody)
    assert listed.returncode == 3
    assert listed.stderr.startswith("Error: ") and "http://127.0.0.1:1" in listed.stderr

    served = client.run("model-registry", "serve")
    assert served.returncode == 1
    assert "pip install 'airflow-model-registry[service]'" in served.stderr
    assert "Traceback" not in listed.stderr + served.stderr


def test_a_bucket_without_its_client_says_what_to_install(service: Environment) -> None:
    keys = {"MODEL_REGISTRY_S3_ACCESS_KEY": "key", "MODEL_REGISTRY_S3_SECRET_KEY": "secret"}
    served = service.run("model-registry", "serve", MODEL_REGISTRY_ARTIFACTS="s3://models", **keys)
    assert served.returncode != 0
    assert "pip install 'airflow-model-registry[service,s3]'" in served.stderr
    assert "Traceback" not in served.stderr


def test_the_service_serves_and_a_version_goes_live(service: Environment, client: Environment) -> None:
    assert service.megabytes <= SERVICE_MB
    assert [name for name in service.distributions if name.startswith("apache-airflow")] == []

    (service.directory / "weights.bin").write_bytes(b"weights")
    with serving(service) as url:
        assert httpx.get(f"{url}/health/ready", trust_env=False).status_code == 200

        registry = partial(service.answer, "model-registry", "--json")
        registry("models", "create", "churn")
        registry("versions", "register", "churn", "weights.bin", "--metric", "auc=0.9")
        promotion = registry("promotions", "request", "churn", "1", "--stage", "production")["id"]
        registry("approve", promotion, "--yes")
        assert registry("promotions", "apply", promotion)["phase"] == "APPLIED"

        # Somebody elsewhere, with no more than the client.
        found = read_credentials(service.directory / "registry/credentials/person.json")
        assert found is not None
        somebody = {"MODEL_REGISTRY_URL": url, "MODEL_REGISTRY_TOKEN": found.token}
        fetched = client.run("model-registry", "versions", "download", "churn", "@production", "live", **somebody)
        assert fetched.returncode == 0, fetched.stderr
        assert (client.directory / "live/weights.bin").read_bytes() == b"weights"


# Runs where only the wheel with its extra `airflow` is. Airflow logs to stdout, so the answer goes to a file.
IN_AIRFLOW = """
import importlib, json, pathlib, pkgutil, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime
import airflow_provider

folder, answer = map(pathlib.Path, sys.argv[1:])
sys.path.insert(0, str(folder))  # as Airflow's DAG processor does
bag = DagBag(folder)
for found in pkgutil.walk_packages(airflow_provider.__path__, "airflow_provider."):
    importlib.import_module(found.name)
answer.write_text(json.dumps({
    "decorators": sorted(ProvidersManagerTaskRuntime().taskflow_decorators),
    "dags": {dag_id: sorted(dag.task_ids) for dag_id, dag in bag.dags.items()},
    "errors": bag.import_errors,
    "modules": sorted(name for name in sys.modules if name.startswith("registry_service")),
}))
"""


def test_airflow_finds_the_provider(airflow: Environment) -> None:
    assert not {"asyncpg", "litestar"} & set(airflow.distributions)
    providers = airflow.answer("airflow", "providers", "list", "--output", "json")
    assert {"airflow-model-registry": RELEASE}.items() <= {p["package_name"]: p["version"] for p in providers}.items()
    hooks = airflow.answer("airflow", "providers", "hooks", "--output", "json")
    [hook] = [hook for hook in hooks if hook["connection_type"] == "model_registry"]
    assert hook["class"] == "airflow_provider.hooks.registry.ModelRegistryHook"
    plugins = airflow.answer("airflow", "plugins", "--output", "json")
    [plugin] = [plugin for plugin in plugins if plugin["name"] == "model_registry"]
    assert len(plugin["operator_extra_links"]) == 2


def test_airflow_parses_dags_with_the_client_alone(airflow: Environment) -> None:
    (airflow.directory / "probe.py").write_text(IN_AIRFLOW)
    shutil.copytree(ROOT / "dags_examples", airflow.directory / "dags")
    probed = airflow.run("python", "probe.py", "dags", "seen.json")
    assert probed.returncode == 0, probed.stdout + probed.stderr
    seen = json.loads((airflow.directory / "seen.json").read_text())
    assert seen["errors"] == {}
    assert seen["dags"]["quickstart"] == ["approved", "promote", "train"]
    assert "register_model" in seen["decorators"]
    floors = {".".join(name.split(".")[:2]) for name in seen["modules"]}
    assert floors == {"registry_service", "registry_service.client", "registry_service.domain"}
