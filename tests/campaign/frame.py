"""What a harness of the fault campaign is, and how one is carried out.

A harness does harm to a real service and then decides, from outside, whether the service kept its promise. It also
names mutants: planted bugs under which it must find a violation, since a harness that finds nothing may also be one
that can't see.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from random import Random

Figure = int | float | str

Say = Callable[[str], None]


class Scale(StrEnum):
    """`SHORT` is a sample that continuous integration has time for, `WHOLE` is what the goals are measured by."""

    SHORT = "short"
    WHOLE = "whole"


@dataclass
class Findings:
    """Figures by name, with the unit in the name where there is one; and each broken promise, in words that tell where
    to look. `skipped` says why nothing could be tried here."""

    figures: dict[str, Figure] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    skipped: str | None = None


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a harness gets. All of its chance comes from `random`, all that it writes goes below `directory`, which is
    removed afterwards; `say` tells a line of progress. `mutant` goes to each server that it starts."""

    scale: Scale
    seed: int
    mutant: str | None
    directory: Path
    say: Say

    @property
    def is_short(self) -> bool:
        return self.scale is Scale.SHORT

    def random(self, *purpose: object) -> Random:
        """A source of chance for one purpose, which other purposes don't disturb."""
        return Random(f"{self.seed} {purpose}")


@dataclass(frozen=True, kw_only=True)
class Harness:
    """`name` as the command line has it, `promise` as the goals have it, `mutants` as `tests/campaign/mutants` names
    them. `run` may raise: then the harness itself is broken, which is neither a pass nor a violation."""

    name: str
    promise: str
    run: Callable[[Run], Findings]
    mutants: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One harness, carried out. `broken`: the traceback of what kept it from deciding. `taken_over`: an earlier run of
    the same commit did it."""

    harness: str
    promise: str
    scale: Scale
    seed: int
    mutant: str | None
    seconds: float
    findings: Findings
    broken: str | None = None
    taken_over: bool = False

    @property
    def verdict(self) -> str:
        if self.broken is not None:
            return "broken"
        if self.findings.violations:
            return "violated"
        return "skipped" if self.findings.skipped else "kept"


def carry_out(harness: Harness, *, scale: Scale, seed: int, mutant: str | None, say: Say) -> Outcome:
    """Run a harness in a directory of its own. Only KeyboardInterrupt and its like come out of it."""

    began = time.monotonic()
    findings, broken = Findings(), None
    with scratch(f"campaign-{harness.name}-") as directory:
        run = Run(
            scale=scale,
            seed=seed,
            mutant=mutant,
            directory=directory,
            say=lambda line: say(f"{harness.name}: {line}"),
        )
        try:
            findings = harness.run(run)
        except Exception:
            broken = traceback.format_exc()
    return Outcome(
        harness=harness.name,
        promise=harness.promise,
        scale=scale,
        seed=seed,
        mutant=mutant,
        seconds=round(time.monotonic() - began, 1),
        findings=findings,
        broken=broken,
    )


@contextlib.contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A directory that is gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
