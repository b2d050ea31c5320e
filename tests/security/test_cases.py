"""The rows of cases.yaml against a real service, and bugs that they must find."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.security.driver import EVERY_PATH, Case, Range, is_a_test, read_cases
from tests.security.plants import PLACE, PLANTS
from tests.service_fixture import RunningService, running, settings_for

CASES = read_cases()
SENT = [case for case in CASES if case.send]


@pytest.fixture(scope="module")
def ground(shared_service: RunningService) -> Range:
    return Range(shared_service)


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=[pytest.mark.slow] if case.send == EVERY_PATH else [], id=case.id) for case in SENT],
)
def test_the_answer_is_safe(ground: Range, case: Case) -> None:
    assert ground.complaints(case) == []


def test_each_row_is_whole_and_has_a_name_of_its_own() -> None:
    names = [case.id for case in CASES]
    assert len(names) == len(set(names)) > 45
    for case in CASES:
        assert bool(case.send) is bool(case.answer) is not bool(case.tests), case.id


def test_the_tests_that_rows_name_exist() -> None:
    assert [name for case in CASES for name in case.tests if not is_a_test(name)] == []
    assert not is_a_test("tests/web/test_guard.py::test_nothing_of_the_kind")
    assert not is_a_test("tests/web/test_nowhere.py::test_x")


@pytest.fixture
def planted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Range]:
    wrap = PLANTS[request.param][0]
    PLACE[0] = str(tmp_path / "service")
    with running(settings_for(tmp_path / "service"), wrap=wrap) as service:
        yield Range(service)


@pytest.mark.parametrize(("planted", "name"), [(name, name) for name in PLANTS], indirect=["planted"])
def test_a_planted_bug_is_found(planted: Range, name: str) -> None:
    _, case_id, words = PLANTS[name]
    [case] = [case for case in CASES if case.id == case_id]
    complaints = planted.complaints(case)
    assert any(re.search(words, complaint) for complaint in complaints), complaints
