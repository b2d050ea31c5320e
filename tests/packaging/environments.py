"""Virtual environments that hold a wheel of this project and what it asks for, and nothing of this checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]


def make(*what: str) -> str:
    """What a tool of this checkout prints. If it fails, what it said is shown."""
    done = subprocess.run(what, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, f"{what}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def uv(*words: str | Path) -> str:
    return make(str(Path(sys.executable).with_name("uv")), *map(str, words))


class Environment:
    """An environment with the wheel, one of its extras (or none), and the pinned versions of what they ask for.

    A context, which leaves the directory but removes the packages: pytest keeps the directories of several runs.

    :param directory: where it is made; must not exist.
    :param pins: the file in `requirements/` that pins what is installed.
    """

    def __init__(self, directory: Path, wheel: Path, *, extra: str | None, pins: str) -> None:
        self.directory = directory
        uv("venv", "--quiet", "--python", sys.executable, directory / "venv")
        wanted = f"airflow-model-registry{f'[{extra}]' if extra else ''} @ {wheel.as_uri()}"
        constraints = ("--constraint", ROOT / f"requirements/{pins}.txt")
        # Compiled, as pip does: so that sizes are those that people get.
        uv("pip", "install", "--quiet", "--compile-bytecode", "--python", self.program("python"), *constraints, wanted)
        listed = json.loads(uv("pip", "list", "--format", "json", "--python", self.program("python")))
        self.distributions = {entry["name"]: entry["version"] for entry in listed}
        self.megabytes = _size(directory / "venv") / 1e6
        print(f"{extra or 'client'}: {len(self.distributions)} distributions, {self.megabytes:.1f} MB")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.directory / "venv")

    def program(self, name: str) -> Path:
        return self.directory / "venv/bin" / name

    def variables(self, **more: str) -> dict[str, str]:
        """What a program of the environment sees: nothing of who runs the tests, and a home of its own."""
        return {
            "PATH": os.pathsep.join([str(self.directory / "venv/bin"), "/usr/bin", "/bin"]),
            "HOME": str(self.directory),
            "MODEL_REGISTRY_HOME": str(self.directory / "registry"),
            "AIRFLOW_HOME": str(self.directory / "airflow"),
            **more,
        }

    def run(self, name: str, *words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, in a directory where nothing of this checkout can be imported."""
        return subprocess.run(
            [self.program(name), *words],
            env=self.variables(**variables),
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def answer(self, name: str, *words: str | Path) -> Any:
        """The JSON that a program prints.

        :raises AssertionError: it failed; the message is what it said.
        """
        done = self.run(name, *words)
        assert done.returncode == 0, f"{name} {words}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)


def _size(directory: Path) -> int:
    """Bytes of all files; the interpreter itself is a link and doesn't count."""
    return sum(file.lstat().st_size for file in directory.rglob("*") if file.is_file() and not file.is_symlink())
