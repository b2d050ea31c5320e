"""docker-compose.yml as a Compose tool reads it: parsed, merged, with the variables of a .env put in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "Dockerfile"
PAGE = ROOT / "docs" / "production.md"

Config = dict[str, Any]


class NotReadable(AssertionError):
    """The tool refused the file. The message is what it said."""


def read_compose(directory: Path, variables: Mapping[str, str], *, text: str | None = None) -> Config:
    """What a Compose tool makes of the file.

    :param directory: an empty one, for what the tool needs.
    :param variables: those of the .env; nothing of this process's environment is seen.
    :param text: a changed copy in place of the file.
    :raises NotReadable: the tool refused it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / COMPOSE.name
    file.write_text(COMPOSE.read_text() if text is None else text)
    (directory / ".env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    # The tool asks Podman for its version before it does anything; for reading it needs nothing else of it.
    podman = directory / "podman"
    podman.write_text("#!/bin/sh\necho podman version 5.0.0\n")
    podman.chmod(0o700)
    tool = Path(sys.executable).with_name("podman-compose")
    done = subprocess.run(
        [tool, "--podman-path", podman, "--file", file, "config"],
        cwd=directory,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode != 0:
        raise NotReadable(done.stderr)
    config: Config = yaml.safe_load(done.stdout)
    return config


def make_env(directory: Path) -> dict[str, str]:
    """What `make env` writes in a checkout that has no .env."""
    for name in ("Makefile", COMPOSE.name):
        (directory / name).write_text((ROOT / name).read_text())
    subprocess.run(["make", "--silent", "env"], cwd=directory, check=True, capture_output=True, timeout=60)
    lines = (directory / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)
