"""The first lines of the quickstart, typed where nothing but a clone and a Python is."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.docs.pages import blocks
from tests.packaging.environments import ROOT, make

pytestmark = pytest.mark.slow


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a clone holds of use here: the sdist, unpacked."""
    make(sys.executable, "-m", "build", "--sdist", "--installer", "uv", "--outdir", str(tmp_path), str(ROOT))
    [sdist] = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / sdist.name.removesuffix(".tar.gz")


def test_the_service_is_installed_as_the_quickstart_says(clone: Path) -> None:
    [typed] = blocks(ROOT / "docs" / "quickstart.md", "bash")
    asked = "command -v model-registry; model-registry --version; python -c 'import registry_service.app'"
    try:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{typed}\n{asked}"],
            env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(clone)},
            cwd=clone,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"{clone / 'venv/bin/model-registry'}\n" in done.stdout
    finally:
        shutil.rmtree(clone / "venv", ignore_errors=True)
