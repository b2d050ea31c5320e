"""What docker-compose.yml says, read by a Compose tool; nothing is started."""

from __future__ import annotations

import base64
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.compose.faults import faults
from tests.compose.file import COMPOSE, PAGE, Config, NotReadable, make_env, read_compose
from tests.docs.pages import blocks, table_rows

SECRETS = sorted(set(re.findall(r"\$\{(\w+):\?", COMPOSE.read_text())))
SECRET_NAMES = re.compile("PASSWORD$|SECRET|FERNET|SQL_ALCHEMY_CONN|DATABASE_URL")


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return make_env(tmp_path_factory.mktemp("env"))


@pytest.fixture(scope="module")
def config(variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Config:
    return read_compose(tmp_path_factory.mktemp("read"), variables)


def test_a_compose_tool_reads_it_and_nothing_is_wrong_with_it(config: Config) -> None:
    assert {"postgres", "minio", "registry", "airflow-api-server", "airflow-triggerer"} <= set(config["services"])
    assert faults(config) == []


def test_without_a_secret_it_is_refused_with_what_to_do(variables: dict[str, str], tmp_path: Path) -> None:
    every = re.findall(r"\$\{(\w+)(:\?run make env|:-[^}]*)\}", COMPOSE.read_text())
    assert len(every) == COMPOSE.read_text().count("${")
    assert {name for name, otherwise in every if otherwise.startswith(":?")} == set(SECRETS)
    given = {name: value for name, value in variables.items() if name != "S3_SECRET_KEY"}
    with pytest.raises(NotReadable, match="S3_SECRET_KEY is missing a value: run make env"):
        read_compose(tmp_path, given)


def test_no_secret_stands_in_it_nor_follows_from_it(config: Config, tmp_path: Path) -> None:
    other = read_compose(tmp_path / "read", make_env(tmp_path))
    seen = 0
    for name, service in config["services"].items():
        for variable, value in service.get("environment", {}).items():
            if SECRET_NAMES.search(variable) and not variable.endswith("_FILE"):
                seen += 1
                assert value != other["services"][name]["environment"][variable], f"{name} {variable}"
    assert seen >= len(SECRETS)


def test_no_secret_is_on_a_command_line(config: Config, variables: dict[str, str]) -> None:
    words = [word for service in config["services"].values() for word in service["command"]]
    words += [
        word for service in config["services"].values() for word in service.get("healthcheck", {}).get("test", [])
    ]
    assert [word for word in words if any(secret in word for secret in variables.values())] == []


def test_make_env_makes_each_secret_once_for_its_owner_alone(tmp_path: Path) -> None:
    first = make_env(tmp_path)
    file = tmp_path / ".env"
    assert sorted(first) == SECRETS
    assert len(set(first.values())) == len(SECRETS)
    # The form of a Fernet key, for all of them: 32 bytes.
    assert {len(base64.urlsafe_b64decode(value)) for value in first.values()} == {32}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    # A person's own line stays, and so does a secret; one that is new is added.
    kept = [line for line in file.read_text().splitlines() if not line.startswith("S3_SECRET_KEY=")]
    file.write_text("\n".join(["REGISTRY_PERSON=ada", *kept, ""]))
    second = make_env(tmp_path)
    assert second.pop("REGISTRY_PERSON") == "ada"
    assert second.pop("S3_SECRET_KEY") != first.pop("S3_SECRET_KEY")
    assert second == first


def test_volumes_are_declared_and_used(config: Config) -> None:
    mounts = [mount for service in config["services"].values() for mount in service.get("volumes", [])]
    assert {mount["source"] for mount in mounts if mount["type"] == "volume"} == set(config["volumes"])
    # Nothing of the image is copied into a volume that another service fills, and nobody but that one writes it.
    apart = [mount for mount in mounts if mount["source"] == "airflow-token"]
    assert [mount.get("read_only", False) for mount in apart].count(False) == 1
    assert all(mount["volume"]["nocopy"] for mount in apart if mount.get("read_only"))


def test_behind_the_databases_there_is_no_way_out(config: Config) -> None:
    assert config["networks"]["back"]["internal"] is True
    for name in ("postgres", "minio"):
        assert config["services"][name]["networks"] == ["back"]
        assert "ports" not in config["services"][name]


def test_the_proxy_that_is_believed_is_the_gateway_of_the_network(config: Config) -> None:
    [subnet] = config["networks"]["front"]["ipam"]["config"]
    assert config["services"]["registry"]["environment"]["MODEL_REGISTRY_BEHIND_PROXY"] == subnet["gateway"]


# Each place of the file with what may be written there by mistake, and a part of what is said of it. All of a list in
# one copy: it takes a second to read.
PLANTED = {
    "values": [
        ("MODEL_REGISTRY_HOST: 0.0.0.0", "MODEL_REGISTRY_HOST: 127.0.0.1", "listens where nobody"),
        ("MODEL_REGISTRY_S3_PRESIGN", "MODEL_REGISTRY_PRESIGN", "MODEL_REGISTRY_PRESIGN is no setting"),
        ("MODEL_REGISTRY_HOME: /var/lib/model-registry", "MODEL_REGISTRY_HOME: /var/lib/registry", "is on no mount"),
        ("MODEL_REGISTRY_HOME: /srv/airflow-token", "MODEL_REGISTRY_HOME: /opt/airflow", "looks for its token in None"),
        ("AIRFLOW_URL: http://registry:8470", "AIRFLOW_URL: http://models:8470", "speaks to models, which is no"),
        ("S3_ACCESS_KEY: registry", "S3_ACCESS_KEY: minio-root", "as minio-root, which nobody makes"),
        ("MODEL_REGISTRY_S3_SECRET_KEY: ${S3_SECRET_KEY", "MODEL_REGISTRY_S3_SECRET_KEY: ${MINIO_ROOT_PASSWORD",
         "has another key"),
        ("ARTIFACTS: s3://models/", "ARTIFACTS: s3://model/", "s3://model/registry, which nobody makes"),
        ("S3_ENDPOINT: http://minio:9000", "S3_ENDPOINT: http://minio:9001", "minio:9001, where nothing listens"),
        ("@postgres:5432/airflow", "@postgresql:5432/airflow", "speaks to postgresql, which is no service"),
        ("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "AIRFLOW__API__EXECUTION_API_SERVER_URL", "is no option of"),
        ("AIRFLOW__CORE__EXECUTOR: LocalExecutor", 'AIRFLOW__CORE__EXECUTOR: ""', "AIRFLOW__CORE__EXECUTOR is empty"),
    ],
    "hardening": [
        ("      MODEL_REGISTRY_BEHIND_PROXY: 172.30.84.1\n", "", "in the clear"),
        ("/srv/airflow-token/credentials/airflow.json", "/srv/airflow-token/airflow.json", "registry writes it into"),
        ('"127.0.0.1:8080:8080"', '"8080:8080"', "can be reached from other machines"),
        ("source: airflow-logs", "source: registry", "can read the person's token"),
        ("minio: {condition: service_healthy}", "minio: {condition: service_started}", "waits for minio"),
        ("postgres:18.6-trixie", "postgres:latest", "isn't pinned"),
        ('user: "50000:0"', 'user: "0:0"', "may run as root"),
        ("cap_drop: [ALL]", "cap_drop: []", "has capabilities"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_what_is_wrong_in_a_copy_is_seen(
    planted: list[tuple[str, str, str]], variables: dict[str, str], tmp_path: Path
) -> None:
    text = COMPOSE.read_text()
    for old, new, _ in planted:
        assert old in text, old
        text = text.replace(old, new, 1)
    found = faults(read_compose(tmp_path, variables, text=text))
    assert [said for _, _, said in planted if not any(said in one for one in found)] == [], found


def test_the_page_names_each_variable_with_its_default_and_services_and_volumes_that_are_there(config: Config) -> None:
    rows = [row for row in table_rows(PAGE) if row[0].startswith("`")]
    told = {row[0].strip("`"): row[1].strip("`") for row in rows}
    assert told == dict(re.findall(r"\$\{(\w+):-([^}]*)\}", COMPOSE.read_text()))
    page = PAGE.read_text()
    lines = [line.strip() for block in blocks(PAGE, "bash") for line in block.splitlines()]
    named = [found[1] for line in lines if (found := re.search(r"compose (?:exec|run)(?: -\S+)* ([a-z-]+)", line))]
    assert len(named) >= 8
    assert set(named) <= set(config["services"])
    assert set(re.findall(r"the volume `([\w-]+)`", page)) <= set(config["volumes"])
    settings = set(re.findall(r"`(MODEL_REGISTRY_\w+[A-Z])`", page))
    assert settings <= set(config["services"]["registry"]["environment"])


def test_docker_compose_reads_it_too_where_there_is_one(variables: dict[str, str], tmp_path: Path) -> None:
    tools = [["docker", "compose"], ["docker-compose"]]
    there = [tool for tool in tools if shutil.which(tool[0]) and _release(tool) >= 2]
    if not there:
        pytest.skip("there is no Docker Compose 2")
    read_compose(tmp_path, variables)
    command = [*there[0], "--file", COMPOSE.name, "config", "--quiet"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def _release(tool: list[str]) -> int:
    told = subprocess.run([*tool, "version", "--short"], capture_output=True, text=True, timeout=60, check=False)
    found = re.match(r"v?(\d+)\.", told.stdout)
    return int(found[1]) if told.returncode == 0 and found else 0
