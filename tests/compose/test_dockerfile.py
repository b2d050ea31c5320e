"""The Dockerfile, as far as it can be checked where nothing can build it."""

from __future__ import annotations

import json
import re
import shutil
import sys
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from tests.compose.file import COMPOSE, DOCKERFILE, ROOT
from tests.packaging.environments import make

INSTRUCTIONS = {"ARG", "CMD", "COPY", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "RUN", "USER", "WORKDIR"}
PINNED_IMAGE = re.compile(r"[a-z/-]+:\d[\w.-]+")


class Instruction(NamedTuple):
    stage: str
    name: str
    words: str


def instructions(text: str) -> Iterator[Instruction]:
    """Each with the name of its stage; before the first, of none."""
    stage = ""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        name, _, words = line.strip().partition(" ")
        if name == "FROM":
            stage = words.partition(" AS ")[2]
        if name:
            yield Instruction(stage, name, words)


def problems(text: str) -> list[str]:
    """What keeps the images from building, or from being what they should be. A sentence for each."""
    found = []
    parsed = list(instructions(text))
    arguments = dict(one.words.split("=", 1) for one in parsed if one.name == "ARG")
    stages = {one.stage for one in parsed if one.name == "FROM"}
    makefile = (ROOT / "Makefile").read_text()
    for stage, name, words in parsed:
        if name not in INSTRUCTIONS:
            found.append(f"{stage}: {name} isn't used here")  # ADD too: what it fetches nobody has pinned
        if name == "FROM" and not PINNED_IMAGE.fullmatch(_expanded(words.partition(" ")[0], arguments)):
            found.append(f"{stage}: its base isn't pinned")
        if name == "COPY":
            found += [f"{stage}: {problem}" for problem in _copies(words, stages)]
        if name == "RUN" and re.search(r"pip install", words):
            found += [f"{stage}: {problem}" for problem in _installs(words)]
    if f"MINIO := {arguments.get('MINIO')}\n" not in makefile:
        found.append("MinIO isn't of the commit that the Makefile names")
    for stage in ("registry", "minio", "airflow"):
        users = [one.words for one in parsed if one.stage == stage and one.name == "USER"]
        if not users or users[-1].startswith(("0", "root")):
            found.append(f"{stage}: runs as root")
    return found


def _expanded(text: str, arguments: dict[str, str]) -> str:
    return re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], text)


def _copies(words: str, stages: set[str]) -> Iterator[str]:
    *flags, _target = words.split()
    sources = [word for word in flags if not word.startswith("--")]
    [origin] = [word.removeprefix("--from=") for word in flags if word.startswith("--from=")] or [""]
    if origin:
        if origin not in stages:
            yield f"copies from {origin}, which is no stage"
        return
    for source in sources:
        if not (ROOT / source).exists():
            yield f"copies {source}, which isn't there"
        elif not _is_sent(source):
            yield f"copies {source}, which .dockerignore keeps out"


def _is_sent(path: str) -> bool:
    """Whether .dockerignore lets a path through: the last line that fits decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if line and not line.startswith("#") and (fnmatch(path, pattern) or path.startswith(f"{pattern}/")):
            sent = line.startswith("!")
    return sent


def _installs(words: str) -> Iterator[str]:
    """What is installed is a checked-in file of pins, our own wheel, or what the user names beside a fixed Airflow."""
    for command in re.findall(r"pip install ([^&;]+)", words):
        named = [word for word in command.split() if not word.startswith("-")]
        for word in named:
            file = re.fullmatch(r"/(requirements/(?:client|service)\.txt)", word)
            if file is not None and (ROOT / file[1]).exists():
                continue
            if word not in {"/wheels/*.whl", "${PACKAGES}", '"apache-airflow==${AIRFLOW_VERSION}"'}:
                yield f"installs {word}"
        if "/wheels/*.whl" in named and "--no-deps" not in command:
            yield "installs what nobody pinned along with the wheel"


def test_nothing_is_wrong_with_it() -> None:
    assert problems(DOCKERFILE.read_text()) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("COPY requirements/service.txt", "COPY requirements/server.txt", "which isn't there"),
        ("COPY requirements/service.txt", "COPY requirements/dev.txt", "keeps out"),
        ("COPY requirements/service.txt", "ADD https://example.org/service.txt", "ADD isn't used"),
        ("--from=minio-program", "--from=minio-build", "no stage"),
        ("-7aac2a2c5b7c", "-000000000000", "isn't of the commit"),
        ("USER 50001:50001", "USER 0", "minio: runs as root"),
        ("USER airflow\n", "", "airflow: runs as root"),
        ("python:3.11.17-slim", "python:latest", "isn't pinned"),
        ("--requirement /requirements/service.txt", "litestar", "installs litestar"),
        ("--no-deps /wheels/*.whl \\", "/wheels/*.whl \\", "nobody pinned"),
    ],
)
def test_what_is_wrong_in_a_copy_is_seen(old: str, new: str, problem: str) -> None:
    text = DOCKERFILE.read_text()
    assert old in text
    found = problems(text.replace(old, new, 1))
    assert any(problem in one for one in found), found


@pytest.mark.slow
def test_the_wheel_builds_of_what_is_copied_and_nothing_else(tmp_path: Path) -> None:
    for one in instructions(DOCKERFILE.read_text()):
        if (one.stage, one.name) == ("wheel", "COPY"):
            *sources, target = one.words.split()
            for source in sources:
                place = tmp_path / "src" / (target if target != "./" else source)
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    place.parent.mkdir(exist_ok=True)
                    shutil.copy(ROOT / source, place)
    make(
        sys.executable, "-m", "build", "--installer", "uv", "--wheel", "--outdir", str(tmp_path), str(tmp_path / "src")
    )
    [wheel] = tmp_path.glob("*.whl")
    held = zipfile.ZipFile(wheel).namelist()
    assert {"registry_service/cli/__init__.py", "airflow_provider/get_provider_info.py"} <= set(held)


def test_no_secret_nor_history_is_sent_to_the_builder() -> None:
    sent = [path.name for path in ROOT.iterdir() if _is_sent(path.name)]
    assert set(sent) == {"pyproject.toml", "README.md", "LICENSE", "registry_service", "airflow_provider"}


def test_compose_builds_stages_that_are_there_and_asks_for_health_as_the_image_does() -> None:
    parsed = list(instructions(DOCKERFILE.read_text()))
    compose = yaml.safe_load(re.sub(r"\$\{[^}]*\}", "x", COMPOSE.read_text()))
    services = compose["services"].values()
    targets = {service["build"]["target"] for service in services if "build" in service}
    assert targets == {"registry", "minio", "airflow"} <= {one.stage for one in parsed}
    [asked] = [one.words.partition("CMD ")[2] for one in parsed if one.name == "HEALTHCHECK"]
    assert compose["services"]["registry"]["healthcheck"]["test"] == ["CMD", *json.loads(asked)]
    [command] = [one.words for one in parsed if (one.stage, one.name) == ("registry", "CMD")]
    assert compose["services"]["registry"]["command"] == json.loads(command)


def test_the_registry_is_airflows_user_by_number_or_its_token_file_could_not_be_read() -> None:
    users = {one.stage: one.words for one in instructions(DOCKERFILE.read_text()) if one.name == "USER"}
    compose = yaml.safe_load(re.sub(r"\$\{[^}]*\}", "x", COMPOSE.read_text()))
    assert users["registry"].partition(":")[0] == compose["x-airflow"]["user"].partition(":")[0]


def test_directories_of_volumes_are_in_the_images_with_their_owner() -> None:
    """A new volume takes over owner and mode of what it is mounted on; where there is nothing, it is root's."""
    made = {
        stage: " ".join(one.words for one in instructions(DOCKERFILE.read_text()) if one.stage == stage)
        for stage in ("registry", "minio", "airflow")
    }
    compose = yaml.safe_load(re.sub(r"\$\{[^}]*\}", "x", COMPOSE.read_text()))
    for service in compose["services"].values():
        for mount in service.get("volumes", []) if "build" in service else []:
            if mount["type"] == "volume" and not mount.get("read_only"):
                assert mount["target"] in made[service["build"]["target"]]


def test_versions_in_the_tags_are_those_that_the_tests_run() -> None:
    pins = (ROOT / "requirements" / "dev.txt").read_text()
    project = (ROOT / "pyproject.toml").read_text()
    for tag in re.findall(r"image: (\S+)", COMPOSE.read_text()):
        name, version = tag.split(":")
        if name == "model-registry":
            assert f'\nversion = "{version}"\n' in project
        if name == "model-registry-airflow":
            assert f"\napache-airflow=={version}\n" in pins
            assert f"apache/airflow:{version}-" in DOCKERFILE.read_text()
        if name == "model-registry-minio":
            assert f"-{version}" in DOCKERFILE.read_text()
