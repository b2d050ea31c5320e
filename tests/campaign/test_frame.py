"""The campaign's frame, with harnesses that only pretend: verdicts, exit codes, the report, and an end in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.campaign.__main__ import main
from tests.campaign.frame import Findings, Harness, Run
from tests.campaign.harnesses import HARNESSES
from tests.campaign.mutants import all_mutants
from tests.campaign.report import commit_of
from tests.campaign.serving import ROOT


def keeps(run: Run) -> Findings:
    run.say("looking")
    return Findings({"kills": 3, "scale": run.scale, "dice": run.random("dice").random()})


def sees_the_mutant(run: Run) -> Findings:
    return Findings(violations=["lost version 7"] if run.mutant == "planted" else [])


def breaks(run: Run) -> Findings:
    raise LookupError("no server")


def skips(run: Run) -> Findings:
    return Findings(skipped="there is no strace here")


GOOD = Harness(name="good", promise="nothing is lost", run=keeps)
SEEING = Harness(name="seeing", promise="nothing is lost", run=sees_the_mutant, mutants=("planted",))
BROKEN = Harness(name="broken", promise="nothing is lost", run=breaks)
SKIPPING = Harness(name="skipping", promise="nothing is lost", run=skips)


def test_a_kept_promise_exits_with_zero_and_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "report.json"
    assert main(["--short", "--seed", "7", "--output", str(output)], (GOOD, SEEING)) == 0
    report = json.loads(output.read_text())
    assert [(one["harness"], one["verdict"], one["seed"]) for one in report["harnesses"]] == [
        ("good", "kept", 7),
        ("seeing", "kept", 7),
    ]
    assert report["harnesses"][0]["findings"]["figures"]["kills"] == 3
    told = capsys.readouterr().out
    assert "seed 7, short" in told and "good: looking" in told


def test_a_seed_makes_the_chance_of_a_run_repeatable(tmp_path: Path) -> None:
    def dice(seed: int) -> float:
        output = tmp_path / "report.json"
        main(["--seed", str(seed), "--output", str(output)], (GOOD,))
        return float(json.loads(output.read_text())["harnesses"][0]["findings"]["figures"]["dice"])

    assert dice(1) == dice(1) != dice(2)


def test_a_violation_exits_with_one_and_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--mutant", "planted"], (GOOD, SEEING)) == 1
    told = capsys.readouterr().out
    assert "VIOLATION: lost version 7" in told
    assert "good" not in told, "only who claims to see the mutant is asked"


def test_a_broken_harness_is_neither_a_pass_nor_a_violation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], (BROKEN, GOOD)) == 2
    assert "LookupError: no server" in capsys.readouterr().out


def test_a_skipped_harness_says_so_loudly(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], (GOOD, SKIPPING)) == 2, "nobody knows whether all is kept"
    assert "SKIPPED: there is no strace here" in capsys.readouterr().out


def test_a_violation_beside_a_skipped_harness_stays_a_violation() -> None:
    assert main(["--mutant", "planted"], (SEEING, replace(SKIPPING, mutants=("planted",)))) == 1
    assert main(["--mutant", "planted"], (replace(SKIPPING, mutants=("planted",)),)) == 2


def test_each_planted_bug_is_claimed_by_a_harness_and_each_claim_is_planted() -> None:
    assert {mutant for harness in HARNESSES for mutant in harness.mutants} == set(all_mutants())
    assert len({harness.name for harness in HARNESSES}) == len(HARNESSES)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    directory = tmp_path / "checkout"
    directory.mkdir()
    git(directory, "init", "--quiet")
    commit(directory, "first")
    return directory


def git(directory: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(directory), *words], check=True, capture_output=True)


def commit(directory: Path, content: str) -> None:
    (directory / "code.py").write_text(content)
    git(directory, "add", "code.py")
    git(directory, "-c", "user.name=ada", "-c", "user.email=ada@example.org", "commit", "--quiet", "-m", content)


def ended_by_hand(run: Run) -> Findings:
    raise KeyboardInterrupt


STOPPED = Harness(name="seeing", promise="nothing is lost", run=ended_by_hand)


def report_of(output: Path) -> dict[str, tuple[str, bool]]:
    return {one["harness"]: (one["verdict"], one["taken_over"]) for one in json.loads(output.read_text())["harnesses"]}


def test_a_stopped_run_is_gone_on_with_and_what_was_kept_is_not_done_again(checkout: Path, tmp_path: Path) -> None:
    output = tmp_path / "report.json"
    assert main(["--output", str(output)], (GOOD, STOPPED), checkout) == 130
    assert report_of(output) == {"good": ("kept", False)}
    undone = Harness(name="good", promise="nothing is lost", run=breaks)
    assert main(["--output", str(output), "--continue"], (undone, SEEING), checkout) == 0
    assert report_of(output) == {"good": ("kept", True), "seeing": ("kept", False)}
    assert json.loads(output.read_text())["commit"] == commit_of(checkout)


def test_a_run_that_is_stopped_again_keeps_what_it_would_have_taken_over(checkout: Path, tmp_path: Path) -> None:
    output = tmp_path / "report.json"
    assert main(["--output", str(output)], (GOOD,), checkout) == 0
    assert main(["--output", str(output), "--continue"], (STOPPED, GOOD), checkout) == 130
    assert report_of(output) == {"good": ("kept", True)}


def test_the_report_is_there_after_each_harness(checkout: Path, tmp_path: Path) -> None:
    output = tmp_path / "report.json"

    def looks(run: Run) -> Findings:
        return Findings({"reported": len(report_of(output))})

    looking = Harness(name="looking", promise="nothing is lost", run=looks)
    assert main(["--output", str(output)], (GOOD, looking), checkout) == 0
    assert json.loads(output.read_text())["harnesses"][1]["findings"]["figures"] == {"reported": 1}


@pytest.mark.parametrize("change", ["another commit", "an edited file", "a new file", "the other form", "not kept"])
def test_nothing_is_taken_over_from_a_run_that_judged_something_else(
    checkout: Path, tmp_path: Path, change: str
) -> None:
    output = tmp_path / "report.json"
    first = BROKEN if change == "not kept" else Harness(name="broken", promise="nothing is lost", run=keeps)
    main(["--output", str(output)], (first,), checkout)
    match change:
        case "another commit":
            commit(checkout, "second")
        case "an edited file":
            (checkout / "code.py").write_text("edited")
        case "a new file":
            (checkout / "new.py").touch()
    words = ["--output", str(output), "--continue", *(["--short"] if change == "the other form" else [])]
    assert main(words, (BROKEN,), checkout) == 2
    assert report_of(output) == {"broken": ("broken", False)}


def test_a_directory_that_is_no_checkout_has_no_commit(tmp_path: Path) -> None:
    assert commit_of(tmp_path) is None


@pytest.mark.parametrize("words", [["--continue"], ["--continue", "--output", "x", "--mutant", "planted"]])
def test_going_on_needs_a_report_and_no_planted_bug(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words, (SEEING,))
    assert ended.value.code == 2
    assert "--continue goes with" in capsys.readouterr().err


INTERRUPTIBLE = """
import sys
from dataclasses import replace
from pathlib import Path
from tests.campaign.__main__ import main
from tests.campaign.frame import Findings, Harness
from tests.campaign.serving import CampaignServer

def run(run):
    server = CampaignServer(run.directory / "home", mutant=run.mutant)
    try:
        server.start()
        run.say(f"serving as {server.process.pid} in {run.directory}")
        server.wait_until_dead(250)
    finally:
        server.stop()
    return Findings()

sys.exit(main([], (Harness(name="long", promise="none", run=run),)))
"""


@pytest.mark.slow
@pytest.mark.campaign
def test_an_interrupted_campaign_ends_what_it_started_and_reports_what_it_has(tmp_path: Path) -> None:
    output = tmp_path / "output"
    with output.open("wb") as sink:
        campaign = subprocess.Popen([sys.executable, "-c", INTERRUPTIBLE], cwd=ROOT, stdout=sink, stderr=sink)
    deadline = time.monotonic() + 120
    while "serving as" not in output.read_text():
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.05)
    words = output.read_text().split("serving as ")[1].split()
    campaign.send_signal(signal.SIGINT)
    assert campaign.wait(120) == 130, output.read_text()
    assert "interrupted" in output.read_text()
    with pytest.raises(ProcessLookupError):
        os.kill(int(words[0]), 0)
    assert not Path(words[2]).exists()
