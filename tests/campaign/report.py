"""The report of a campaign: a table for people, JSON for whoever keeps it."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from tests.campaign.frame import Outcome

BROKEN_EXIT = 2


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """0: nothing was violated; 1: something was; 2: a harness is broken, so nobody knows."""
    verdicts = {outcome.verdict for outcome in outcomes}
    if "broken" in verdicts:
        return BROKEN_EXIT
    return 1 if "violated" in verdicts else 0


def table(outcomes: Sequence[Outcome]) -> str:
    """A line for each harness, below it its figures, and every violation in full."""
    lines = [f"{'harness':<14} {'form':<6} {'verdict':<9} {'violations':>10} {'seconds':>8}  {'seed':<12} mutant"]
    for outcome in outcomes:
        findings = outcome.findings
        lines.append(
            f"{outcome.harness:<14} {outcome.scale:<6} {outcome.verdict:<9} {len(findings.violations):>10}"
            f" {outcome.seconds:>8.1f}  {outcome.seed:<12} {outcome.mutant or '-'}"
        )
        lines += [f"    {name:<48} {value}" for name, value in findings.figures.items()]
        if findings.skipped:
            lines.append(f"    SKIPPED: {findings.skipped}")
        lines += [f"    VIOLATION: {violation}" for violation in findings.violations]
        if outcome.broken:
            lines += [f"    | {line}" for line in outcome.broken.splitlines()]
    return "\n".join(lines)


def document(outcomes: Sequence[Outcome]) -> str:
    """The same as JSON."""
    content: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "exit_code": exit_code(outcomes),
        "harnesses": [{**asdict(outcome), "verdict": outcome.verdict} for outcome in outcomes],
    }
    return json.dumps(content, indent=2) + "\n"
