"""Each benchmark runs whole, for a moment and on little data: real servers, real load. No time is asserted."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PROGRAMS = {
    "footprint": {("start and idle", "Litestar, one route", "idle_mib")},
    "growth": set(),
    "lists": {
        ("versions of a model", "ours, 100 versions", "p50_ms"),
        ("what was live", "ours, 100 versions", "p50_ms"),
    },
    "many_files": set(),
    "pages": {
        ("home", "the aim", "p50_ms"),
        ("a model of many versions", "the aim", "p95_ms"),
        ("compare, 20 versions", "the aim", "served_kb"),
    },
    "reads": {
        ("read by alias", "Litestar from memory", "per_second"),
        ("read by stage", "Litestar from memory", "per_second"),
        ("read by alias, not modified", "Litestar from memory", "cpu_us"),
        ("read by alias, 1,000 models in turn", "Litestar from memory", "cpu_us"),
        (
            "read by alias while 50 versions a second are registered in the same model",
            "Litestar from memory",
            "aside_per_second",
        ),
    },
    "search": {
        ("search by tag, 20 of 1,000 versions", "the statement", "p50_ms"),
        ("search by tag, 20 of 1,000 versions", "ours, 100 versions", "cpu_us"),
        ("search by tag, sizes request by request", "ours, 100 versions", "p50_ms"),
        ("pages of 100 versions, number 10", "the first page", "p50_ms"),
    },
    "storage_throughput": set(),
    "streams": {
        ("one event to 20 readers", "raw sockets", "p99_ms"),
    },
    "transfers": {
        ("upload", "dd conv=fsync", "mib_per_second"),
        ("download", "SHA-256 in one thread", "mib_per_second"),
    },
    "use_cases": set(),
    "writes": {
        ("register, metadata only", "raw statements", "per_second"),
        ("promote", "raw statements", "per_second"),
    },
}


def run(program: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / f"{program}.py"), *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=280)
        except BaseException:
            # Its servers would go on, and keep from others what they have.
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def document_of(directory: Path, program: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((directory / f"{program}.json").read_text())
    return found


def test_every_program_is_tried() -> None:
    assert {file.stem for file in BENCHMARKS.glob("[a-z]*.py")} == set(PROGRAMS)


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_benchmark_writes_what_it_measured_and_the_ratios(program: str, tmp_path: Path) -> None:
    done = run(program, "--smoke", "--rounds", "2", "--seconds", "0.05", "--json", str(tmp_path))

    assert done.returncode == 0, done.stderr[-3000:]
    document = document_of(tmp_path, program)
    assert document["options"]["rounds"] == "2"
    for work, contestants in document["works"].items():
        assert f"\n{work}\n" in done.stdout
        for figures in contestants.values():
            assert figures
            assert all(summary["values"] and min(summary["values"]) >= 0 for summary in figures.values())
    for work, who, name in PROGRAMS[program]:
        ours, others = (document["works"][work][one][name]["values"] for one in ("ours", who))
        ratio = document["ratios"][work][who][name]
        assert ratio["values"] == [a / b for a, b in zip(ours, others, strict=True) if b]
        assert len(ratio["values"]) == 2
        assert ratio["median"] == statistics.median(ratio["values"]) > 0


@pytest.mark.slow
def test_only_the_works_asked_for_are_measured(tmp_path: Path) -> None:
    done = run("use_cases", "--smoke", "--only", "approve", "--json", str(tmp_path))

    assert done.returncode == 0, done.stderr[-3000:]
    assert list(document_of(tmp_path, "use_cases")["works"]) == ["register, request, approve, apply"]


@pytest.mark.slow
@pytest.mark.parametrize("options", [("--million",), ("--rounds", "0"), ("--seconds", "-1"), ("--roun", "2")])
def test_what_only_some_benchmarks_take_is_refused_before_any_is_run(options: tuple[str, ...]) -> None:
    done = run("_all", *options)

    assert done.returncode == 2
    assert options[0] in done.stderr
    assert "==" not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_benchmark_names_the_options_that_it_does_not_know(program: str) -> None:
    done = run(program, "--milion")

    assert done.returncode == 2
    assert "unrecognized arguments: --milion" in done.stderr
