from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

import pytest

from airflow_provider.cache import ModelCache, ModelFiles
from airflow_provider.exceptions import ModelRegistryException, ModelRegistryRefused
from airflow_provider.hooks.registry import ModelRegistryHook
from airflow_provider.operators.versions import DownloadModelOperator, ResolveModelOperator
from airflow_provider.references import VersionReference, version_reference
from registry_service.client import RevokeVersion
from tests.provider.contexts import a_context, pushed
from tests.provider.world import World


def download(version: object) -> Path:
    operator = DownloadModelOperator(task_id="download", version=version, registry_conn_id="registry")  # type: ignore[arg-type]
    return Path(operator.execute(a_context(operator)))


@pytest.fixture
def version(world: World) -> VersionReference:
    world.create_model(policy="open")
    return world.register("one")


def cut(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """From here on, the registry is away."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    connection = {"conn_type": "model_registry", "host": url, "password": world.token}
    monkeypatch.setenv("AIRFLOW_CONN_REGISTRY", json.dumps(connection))


def test_one_file_comes_back_as_that_file_and_several_as_their_directory(
    world: World, version: VersionReference
) -> None:
    assert download(version).read_text() == "one"
    directory = world.directory / "several"
    directory.mkdir()
    (directory / "a").write_text("a")
    (directory / "b").write_text("b")
    several = version_reference(world.person.register(world.model, directory))
    path = download(several)
    assert sorted(file.name for file in path.iterdir()) == ["a", "b"]


def test_the_link_leads_to_the_version_also_where_it_need_not_be_asked_for(
    world: World, version: VersionReference
) -> None:
    for given in (version, f"{world.model}/1"):
        operator = DownloadModelOperator(task_id="download", version=given, registry_conn_id="registry")
        context = a_context(operator)
        operator.execute(context)
        assert pushed(context) == {"model_registry_version_url": version["url"]}


def test_a_selector_is_resolved_and_a_fixed_version_stays_fixed(world: World, version: VersionReference) -> None:
    world.promote(version)
    operator = ResolveModelOperator(task_id="r", version=f"{world.model}@production", registry_conn_id="registry")
    resolved = operator.execute(a_context(operator))
    world.promote(world.register("two"))
    assert resolved == version
    assert download(resolved).read_text() == "one"
    assert download(f"{world.model}@production").read_text() == "two"


def test_a_run_says_once_that_it_uses_the_version(world: World, version: VersionReference) -> None:
    operator = DownloadModelOperator(task_id="download", version=version, registry_conn_id="registry")
    context = a_context(operator)
    operator.execute(context)
    operator.execute(context)  # a retry

    (usage,) = world.person.list_usages(world.model, 1).items
    ti = context["ti"]
    assert usage.run == f"airflow:{ti.dag_id}/{ti.run_id}"
    assert usage.batch == f"{usage.run}/download/-1"
    assert usage.digest == version["digest"]
    assert world.person.get_version_use(world.model, 1).usages == 1


def test_a_run_that_only_looks_reports_no_usage(world: World, version: VersionReference) -> None:
    resolve = ResolveModelOperator(task_id="r", version=version, registry_conn_id="registry")
    resolve.execute(a_context(resolve))
    operator = DownloadModelOperator(
        task_id="download", version=version, report_usage=False, registry_conn_id="registry"
    )
    operator.execute(a_context(operator))
    assert world.person.list_usages(world.model, 1).items == []


@pytest.mark.slow
def test_a_fixed_version_survives_an_outage(
    world: World, version: VersionReference, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = world.register("two")
    path = download(version)
    cut(monkeypatch, world)
    assert download(version) == path
    assert "That the version is used was not reported" in capsys.readouterr().out
    with pytest.raises(ModelRegistryException):
        download(other)


@pytest.mark.slow
def test_a_damaged_file_is_never_served(
    world: World, version: VersionReference, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = download(version)
    path.write_text("0ne")
    assert download(version).read_text() == "one"
    path.write_text("0ne")
    cut(monkeypatch, world)
    with pytest.raises(ModelRegistryException):
        download(version)


def test_a_revoked_version_is_not_served_while_the_registry_can_say_so(world: World, version: VersionReference) -> None:
    download(version)
    world.person.revoke_version(world.model, 1, RevokeVersion(reason="poisoned data"))
    with pytest.raises(ModelRegistryRefused, match="poisoned data"):
        download(version)


def test_what_a_dead_download_left_is_cleared_away(world: World, version: VersionReference) -> None:
    cache = ModelCache()
    parent = cache.directory / version["digest"].removeprefix("sha256:")[:2]
    dead, alive = parent / ".partial-dead", parent / ".partial-alive"
    for directory in (dead, alive):
        directory.mkdir(parents=True)
    long_ago = time.time() - 3 * 24 * 3600
    os.utime(dead, (long_ago, long_ago))
    download(version)
    assert not dead.exists() and alive.exists()


def test_files_are_fetched_when_they_are_first_asked_for_and_once(world: World, version: VersionReference) -> None:
    asked = []

    def fetch(wanted: VersionReference) -> Path:
        asked.append(wanted)
        return ModelCache().fetch(ModelRegistryHook("registry"), wanted)

    files = ModelFiles(version, fetch)
    assert str(files) == f"{world.model} version 1 ({version['digest']})" and not asked
    with open(files) as opened:  # noqa: PTH123 - what a function of others does with a path
        assert opened.read() == "one"
    assert Path(files) == files.path and len(asked) == 1


@pytest.mark.parametrize("digest", ["", "sha256:../../etc", "md5:" + "a" * 32, "sha256:" + "A" * 64])
def test_a_digest_becomes_a_path_only_if_it_is_one(digest: str) -> None:
    with pytest.raises(ModelRegistryRefused, match="no content digest"):
        ModelCache().find(digest)
