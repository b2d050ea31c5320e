"""The report of a campaign: a table for people, JSON for whoever keeps it, and for a run that goes on with it."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from tests.campaign.frame import Outcome, Scale

UNKNOWN_EXIT = 2


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """0: nothing was violated; 1: something was; 2: a harness is broken or could try nothing here, so nobody knows."""
    verdicts = {outcome.verdict for outcome in outcomes}
    if "broken" in verdicts:
        return UNKNOWN_EXIT
    if "violated" in verdicts:
        return 1
    return UNKNOWN_EXIT if "skipped" in verdicts else 0


def table(outcomes: Sequence[Outcome]) -> str:
    """A line for each harness, below it its figures, and every violation in full."""
    lines = [f"{'harness':<18} {'form':<6} {'verdict':<9} {'violations':>10} {'seconds':>8}  {'seed':<12} mutant"]
    for outcome in outcomes:
        findings = outcome.findings
        lines.append(
            f"{outcome.harness:<18} {outcome.scale:<6} {outcome.verdict:<9} {len(findings.violations):>10}"
            f" {outcome.seconds:>8.1f}  {outcome.seed:<12} {outcome.mutant or '-'}"
        )
        lines += [f"    {name:<48} {value}" for name, value in findings.figures.items()]
        if outcome.taken_over:
            lines.append("    (taken over from an earlier run of this commit)")
        if findings.skipped:
            lines.append(f"    SKIPPED: {findings.skipped}")
        lines += [f"    VIOLATION: {violation}" for violation in findings.violations]
        if outcome.broken:
            lines += [f"    | {line}" for line in outcome.broken.splitlines()]
    return "\n".join(lines)


def document(outcomes: Sequence[Outcome], commit: str | None) -> str:
    """The same as JSON. `commit` is what was judged, as `commit_of` has it."""
    content: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "python": platform.python_version(),
        "exit_code": exit_code(outcomes),
        "harnesses": [{**asdict(outcome), "verdict": outcome.verdict} for outcome in outcomes],
    }
    return json.dumps(content, indent=2) + "\n"


def write(file: Path, outcomes: Sequence[Outcome], commit: str | None) -> None:
    """Exchange the file in one step: a run that is ended at any moment leaves a whole report."""
    draft = file.with_name(f"{file.name}.draft")
    draft.write_text(document(outcomes, commit))
    draft.replace(file)


def commit_of(checkout: Path) -> str | None:
    """The commit that is checked out; followed by `-dirty` where anything differs from it, ignored files aside. None
    where there is no git, or no repository."""
    try:
        commit = _git(checkout, "rev-parse", "HEAD")
        return f"{commit}-dirty" if _git(checkout, "status", "--porcelain") else commit
    except (OSError, subprocess.CalledProcessError):
        return None


def taken_over(file: Path, scale: Scale, commit: str | None) -> list[Outcome]:
    """What a report says was kept, without a planted bug, in this form and at this commit. Nothing where the commit is
    not known or something differs from it: who could say that the same was judged?

    :raises msgspec.DecodeError: the file is no report.
    """
    if commit is None or commit.endswith("-dirty") or not file.exists():
        return []
    report = msgspec.json.decode(file.read_bytes())
    if report.get("commit") != commit:
        return []
    outcomes = msgspec.convert(report["harnesses"], list[Outcome])
    return [
        replace(one, taken_over=True)
        for one in outcomes
        if one.verdict == "kept" and one.scale is scale and one.mutant is None
    ]


def _git(checkout: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(checkout), *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()
