"""Databases, store and registry of docker-compose.yml as processes; Airflow's part is in `test_story`."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import minio
import pytest
import urllib3

from registry_service.client import RegistryClient
from registry_service.client.credentials import find
from tests.compose.composition import Composition, NotUp
from tests.compose.conftest import OWN
from tests.compose.file import COMPOSE, PAGE, ROOT, make_env, read_compose
from tests.docs.pages import blocks

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.object_store]


def after(change: Callable[[str], str], composition: Composition) -> Composition:
    """The same services after a change of the file, with the same volumes and secrets."""
    read = composition.directory / "read"
    variables = make_env(read) | OWN
    changed = read_compose(composition.directory / "changed", variables, text=change(COMPOSE.read_text()))
    return Composition(changed, composition.directory, beside=composition)


def query(composition: Composition, database: str, sql: str) -> str:
    """What PostgreSQL answers to the superuser, who needs no password on the socket."""
    words = ["psql", "--no-psqlrc", "--tuples-only", "--no-align", "--host", "/var/run/postgresql"]
    done = composition.run("postgres", *words, "--username", "postgres", "--dbname", database, "--command", sql)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def keys(composition: Composition) -> list[str]:
    """What is in the bucket, seen with the store's own root."""
    environment = composition.environment("minio")
    client = minio.Minio(
        f"{composition.addresses['minio']}:9000",
        environment["MINIO_ROOT_USER"],
        environment["MINIO_ROOT_PASSWORD"],
        secure=False,
        http_client=urllib3.PoolManager(timeout=10.0, retries=False),
    )
    return [entry.object_name or "" for entry in client.list_objects("models", recursive=True)]


@pytest.fixture(scope="module")
def databases(composition: Composition) -> Composition:
    composition.up("databases", "bucket")
    return composition


@pytest.fixture
def registry(databases: Composition) -> Composition:
    databases.up("registry")
    return databases


# These before the sound one is started: they would listen where it does.


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("${REGISTRY_DB_PASSWORD:?run make env}@", "${AIRFLOW_DB_PASSWORD:?run make env}@", "database_unavailable"),
        ("ARTIFACTS: s3://models/registry", "ARTIFACTS: s3://model/registry", "'model' can't be used"),
        ("S3_ACCESS_KEY: registry", "S3_ACCESS_KEY: registrar", "can't be used"),
    ],
    ids=["password", "bucket", "key"],
)
def test_with_a_wrong_variable_it_does_not_get_healthy(databases: Composition, old: str, new: str, said: str) -> None:
    assert old in COMPOSE.read_text()
    with after(lambda text: text.replace(old, new), databases) as changed:
        changed.start("registry")
        with pytest.raises(NotUp, match=said):
            changed.wait_until_healthy("registry")


def test_the_person_gets_a_token_and_airflow_another(registry: Composition) -> None:
    who = json.loads(registry.run("registry", "model-registry", "--json", "whoami").stdout)["principal"]
    assert (who["name"], who["kind"]) == ("ada", "person")

    # As the provider does in a task: from the file on its volume, at the address that stands in it.
    inside = registry.mounts("airflow-scheduler")["/srv/airflow-token"]
    assert registry.environment("airflow-scheduler")["MODEL_REGISTRY_HOME"] == str(inside)
    found = find(profile="airflow", environment={"MODEL_REGISTRY_HOME": str(inside)})
    assert found.url == registry.inside("airflow-scheduler", "http://registry:8470")
    with RegistryClient(found.url, found.token) as client:
        assert client.who_am_i().principal.name == "airflow"
    assert [path.name for path in inside.rglob("*.json")] == ["airflow.json"]


def test_bytes_are_in_the_bucket_and_rows_in_postgresql(registry: Composition, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights" * 1000)
    person = find(environment={"MODEL_REGISTRY_HOME": str(registry.mounts("registry")["/var/lib/model-registry"])})
    with RegistryClient(person.url, person.token) as client:
        version = client.register("churn", tmp_path / "model.bin")
        client.download("churn", "latest", tmp_path / "back")
    assert (tmp_path / "back" / "model.bin").read_bytes() == b"weights" * 1000
    assert query(registry, "registry", "SELECT digest FROM versions") == version.digest
    assert len([key for key in keys(registry) if key.startswith("registry/blobs/")]) == 1


def test_each_reaches_only_its_own(registry: Composition) -> None:
    def psql(role: str, password: str, database: str) -> subprocess.CompletedProcess[str]:
        url = f"postgresql://{role}:{password}@postgres:5432/{database}"
        return registry.run("databases", "psql", "--no-psqlrc", "--command", "SELECT 1", url)

    given = registry.environment("databases")
    assert psql("registry", given["REGISTRY_DB_PASSWORD"], "registry").returncode == 0
    assert "password authentication failed" in psql("registry", given["AIRFLOW_DB_PASSWORD"], "registry").stderr
    assert "permission denied" in psql("registry", given["REGISTRY_DB_PASSWORD"], "airflow").stderr
    assert "permission denied" in psql("airflow", given["AIRFLOW_DB_PASSWORD"], "registry").stderr

    keys = registry.environment("registry")
    store = minio.Minio(
        f"{registry.addresses['minio']}:9000",
        keys["MODEL_REGISTRY_S3_ACCESS_KEY"],
        keys["MODEL_REGISTRY_S3_SECRET_KEY"],
        secure=False,
    )
    with pytest.raises(minio.S3Error, match="Access Denied"):
        store.make_bucket("elsewhere")


def test_what_makes_databases_and_bucket_may_run_again(registry: Composition) -> None:
    for name in ("databases", "bucket"):
        registry.start(name)
    assert registry.run("registry", "model-registry", "whoami").returncode == 0


def test_what_the_page_says_to_run_inside_runs_and_the_backup_is_on_its_volume(registry: Composition) -> None:
    lines = [line.strip() for block in blocks(PAGE, "bash") for line in block.splitlines()]
    inside = [shlex.split(line) for line in lines if line.startswith("docker compose exec registry ")]
    assert len(inside) >= 5
    for _, _, _, name, *words in inside:
        done = registry.run(name, *words)
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    backups = registry.mounts("registry")["/var/backups/model-registry"]
    assert backups == registry.directory / "volumes" / "backups"
    assert list(backups.glob("nightly/snapshots/*/manifest.json"))


def test_what_reads_the_dags_is_this_checkout(registry: Composition) -> None:
    assert registry.mounts("airflow-scheduler")["/opt/airflow/dags"] == ROOT / "dags_examples"
