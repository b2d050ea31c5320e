"""The demo as its user meets it: a command, and Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.airflow, pytest.mark.slow]


def processes_of(directory: Path) -> list[psutil.Process]:
    """All that live with something of this directory on their command line or in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            told = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            continue
        if any(str(directory) in text for text in told):
            found.append(process)
    return found


def test_ctrl_c_in_the_middle_of_the_start_leaves_nothing_behind(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
    output = tmp_path / "output"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with output.open("wb") as sink:
        demo = subprocess.Popen(
            [sys.executable, "-m", "tests.demo"],
            cwd=ROOT,
            env=environment | {"TMPDIR": str(temporary)},
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 120
        while "starting Airflow's triggerer" not in output.read_text() and time.monotonic() < deadline:
            assert demo.poll() is None, output.read_text()
            time.sleep(0.2)
        assert len(processes_of(temporary)) >= 6
        demo.send_signal(signal.SIGINT)
        time.sleep(1)
        demo.send_signal(signal.SIGINT)  # an impatient user

        assert demo.wait(timeout=60) == 0
        left = processes_of(temporary)
    finally:
        demo.kill()
        for process in processes_of(temporary):
            process.kill()

    assert re.search(r"stopping\n.*everything is stopped", output.read_text())
    assert "Traceback" not in output.read_text()
    assert left == []
    assert list(temporary.glob("model-registry-demo-*")) == []
