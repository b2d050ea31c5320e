"""Each failpoint is somewhere in the code, the code reaches no other, and only a watcher makes anything of it."""

from __future__ import annotations

import ast
import errno
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import registry_service
from registry_service import failpoints
from registry_service.failpoints import POINTS, reach
from tests.campaign.arming import Arming, Rule, parse_rule

CODE = Path(registry_service.__file__).parent


@pytest.fixture(autouse=True)
def unwatched() -> Iterator[None]:
    yield
    failpoints.watch(None)


def reached_in_code() -> list[ast.expr]:
    return [
        node.args[0]
        for file in CODE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "reach"
    ]


def test_the_code_reaches_exactly_the_points_that_are_listed() -> None:
    found = [argument.value for argument in reached_in_code() if isinstance(argument, ast.Constant)]
    assert len(found) == len(reached_in_code()), "a point is named by a literal, so that a search finds it"
    assert set(found) == POINTS
    assert len(POINTS) >= 40


def test_nothing_in_the_service_sets_a_watcher() -> None:
    users = [file.name for file in CODE.rglob("*.py") if "failpoints" in file.read_text()]
    setting = [file.name for file in CODE.rglob("*.py") if "failpoints.watch" in file.read_text()]
    assert len(users) > 10 and setting == []


def test_unwatched_a_point_does_nothing() -> None:
    for point in POINTS:
        reach(point)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("upload.synced=kill@3", Rule("upload.synced", "kill", 3)),
        ("writer.begun=delay:0.5@1", Rule("writer.begun", "delay", 1, 0.5)),
        ("writer.begun=eio@2", Rule("writer.begun", "eio", 2)),
    ],
)
def test_a_rule_is_read_as_it_is_written(text: str, rule: Rule) -> None:
    assert parse_rule(text) == rule
    assert str(rule) == text


@pytest.mark.parametrize("text", ["nowhere.at_all=kill@1", "writer.begun=explode@1", "writer.begun", ""])
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="names no failpoint"):
        parse_rule(text)


def test_an_error_is_raised_at_its_arrival_and_only_there() -> None:
    arming = Arming([parse_rule("upload.synced=enospc@2")])
    failpoints.watch(arming)
    reach("upload.synced")
    with pytest.raises(OSError, match="No space") as raised:
        reach("upload.synced")
    assert raised.value.errno == errno.ENOSPC
    reach("upload.synced")
    assert arming.counts == {"upload.synced": 3}


def test_a_kill_is_sudden() -> None:
    script = (
        "import atexit; from registry_service import failpoints; from tests.campaign.arming import *\n"
        "atexit.register(print, 'said goodbye'); failpoints.watch(Arming([parse_rule('writer.begun=kill@2')]))\n"
        "failpoints.reach('writer.begun'); print('once', flush=True); failpoints.reach('writer.begun'); print('twice')"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=CODE.parent)
    assert (ended.returncode, ended.stdout) == (-9, "once\n")
