"""What `pyproject.toml` asks for, what `requirements/` pins, and what the code imports: three lists that must agree."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT, GROUPS = PYPROJECT["project"], PYPROJECT["dependency-groups"]

# Which extras each file of pins is for; without any: the client and the command.
PINNED = {"client": (), "service": ("service", "s3"), "dev": ("service", "s3", "airflow", "dev")}

# Where code lives, and the extras that it may count on. The longest path that fits decides.
CODE: dict[str, tuple[str, ...]] = {
    "registry_service": ("service",),
    "registry_service/storage/s3": ("service", "s3"),
    "registry_service/client": (),
    "registry_service/cli": (),
    "registry_service/domain": (),
    "airflow_provider": ("airflow",),
    "benchmarks": ("service", "airflow", "dev"),
    "dags_examples": ("airflow", "dev"),
    "tests": ("service", "s3", "airflow", "dev"),
    "tests/object_stores/inside_swift": ("swift",),
}
OURS = set(CODE) | {file.stem for room in ("benchmarks", "dags_examples") for file in (ROOT / room).glob("*.py")}

# One import name of Airflow belongs to many distributions: each is known by what it alone brings.
OF_AIRFLOW = {"airflow.providers.common.compat": "apache-airflow-providers-common-compat", "airflow": "apache-airflow"}

# What belongs to the public interface of something that is asked for comes with it.
COMES_WITH = {"fsspec": "apache-airflow", "joblib": "scikit-learn", "numpy": "scikit-learn", "urllib3": "minio"}

# No code imports these, for a reason.
NOT_IMPORTED = {
    "httptools": "uvicorn imports it when its protocol on httptools is asked for",
}


def asked_for(*extras: str) -> dict[str, Requirement]:
    """The direct requirements by normalised name, of extras and groups; those of the client are always among them."""
    lists = PROJECT["optional-dependencies"] | GROUPS
    groups = [PROJECT["dependencies"], *(lists[extra] for extra in extras)]
    found = [Requirement(text) for group in groups for text in group]
    return {canonicalize_name(wanted.name): wanted for wanted in found if wanted.name != PROJECT["name"]}


def imports(directory: Path) -> Iterator[tuple[Path, str]]:
    """Each absolute import of each file, as a dotted name."""
    for file in sorted(directory.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Import):
                yield from ((file, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                yield file, node.module


def distributions(module: str, known: dict[str, list[str]]) -> set[str]:
    """What may bring a module, by normalised name; nothing for the standard library and for ourselves."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top in OURS:
        return set()
    for prefix, name in OF_AIRFLOW.items():
        if module == prefix or module.startswith(f"{prefix}."):
            return {name}
    return {COMES_WITH[top]} if top in COMES_WITH else {canonicalize_name(name) for name in known.get(top, [top])}


def place_of(file: Path) -> str:
    path = file.relative_to(ROOT).as_posix()
    return max((place for place in CODE if path.startswith(f"{place}/")), key=len)


@pytest.fixture(scope="module")
def imported() -> dict[str, dict[str, set[str]]]:
    """By the place of the code: each imported module, and what may bring it."""
    known = {name: list(found) for name, found in packages_distributions().items()}
    by_place: dict[str, dict[str, set[str]]] = {place: {} for place in CODE}
    for top in sorted({place.partition("/")[0] for place in CODE}):
        for file, module in imports(ROOT / top):
            if found := distributions(module, known):
                by_place[place_of(file)][module] = found
    return by_place


@pytest.mark.parametrize("name", [*PINNED, "swift", "uv"])
def test_pins_are_exact_and_hold_no_address(name: str) -> None:
    lines = (ROOT / f"requirements/{name}.txt").read_text().splitlines()
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==\d[\w.]*( ; [\w .*'=<>!()]+)?", line)] == []


@pytest.mark.parametrize(("name", "extras"), PINNED.items())
def test_every_dependency_is_pinned_within_its_bounds(name: str, extras: tuple[str, ...]) -> None:
    pins: dict[str, list[str]] = {}
    for line in (ROOT / f"requirements/{name}.txt").read_text().splitlines():
        pin = Requirement(line)
        pins.setdefault(canonicalize_name(pin.name), []).append(next(iter(pin.specifier)).version)

    wanted = asked_for(*extras)
    assert sorted(set(wanted) - set(pins)) == []
    assert {
        name: pins[name] for name, wish in wanted.items() if not all(map(wish.specifier.contains, pins[name]))
    } == {}


@pytest.mark.parametrize("place", CODE)
def test_whatever_is_imported_is_asked_for(place: str, imported: dict[str, dict[str, set[str]]]) -> None:
    allowed = set(asked_for(*CODE[place]))
    assert {module: found for module, found in imported[place].items() if not found & allowed} == {}


@pytest.mark.parametrize("extra", ["client", "service", "s3", "airflow"])
def test_whatever_is_asked_for_is_imported(extra: str, imported: dict[str, dict[str, set[str]]]) -> None:
    client = set(asked_for())
    wanted = client if extra == "client" else set(asked_for(extra)) - client
    used = set[str]().union(
        *(found for place in CODE if place.startswith(("registry_", "airflow_")) for found in imported[place].values())
    )
    assert sorted(wanted - used - set(NOT_IMPORTED)) == []
    assert sorted(used & set(NOT_IMPORTED)) == [], "these are imported by now and need no mention"


@pytest.mark.slow
def test_compiling_the_pins_anew_changes_nothing(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "README.md", "LICENSE", "Makefile"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")

    done = subprocess.run(
        ["make", "requirements"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    for file in sorted((ROOT / "requirements").glob("*.txt")):
        assert (tmp_path / "requirements" / file.name).read_text() == file.read_text(), (
            f"{file.name}: make requirements"
        )
