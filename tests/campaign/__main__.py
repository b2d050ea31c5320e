"""The fault campaign: do harm to a real service, and see whether it keeps its promises.

    python -m tests.campaign                        every harness, whole (hours are possible)
    python -m tests.campaign --short --only kills   a sample of one
    python -m tests.campaign --only kills --mutant answer_before_commit     with a planted bug: must exit with 1
    python -m tests.campaign --output FILE --continue   go on with a run that was stopped: what FILE says was kept, in
                                                    this form and at this very commit, isn't done again

Exit codes: 0 nothing was violated; 1 something was; 2 a harness is broken, skipped, or used wrongly.
"""

from __future__ import annotations

import argparse
import secrets
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.campaign.frame import Harness, Outcome, Say, Scale, carry_out
from tests.campaign.harnesses import HARNESSES
from tests.campaign.report import commit_of, exit_code, table, taken_over, write
from tests.campaign.serving import ROOT

INTERRUPTED = 130


def main(words: Sequence[str] | None = None, harnesses: tuple[Harness, ...] = HARNESSES, checkout: Path = ROOT) -> int:
    given = _read(words, harnesses)
    scale = Scale.SHORT if given.short else Scale.WHOLE
    chosen = [one for one in harnesses if given.only in (None, one.name)]
    if given.mutant is not None:
        chosen = [one for one in chosen if given.mutant in one.mutants]
        if not chosen:
            print(f"No chosen harness claims to see the mutant '{given.mutant}'.", file=sys.stderr)
            return 2
    say = _clocked()
    commit = commit_of(checkout)
    say(f"commit: {commit}")
    earlier = {one.harness: one for one in taken_over(given.output, scale, commit)} if given.go_on else {}
    if given.go_on and not earlier:
        say("there is nothing to take over: no report of this form at this commit, or something differs from it")
    outcomes: list[Outcome] = []
    interrupted = False

    def keep() -> None:
        """Write the report. What was taken over and comes later in the order stays in it if this run is stopped."""
        if given.output is not None:
            done = {one.harness for one in outcomes}
            write(given.output, [*outcomes, *(one for name, one in earlier.items() if name not in done)], commit)

    try:
        for harness in chosen:
            if harness.name in earlier:
                outcomes.append(earlier[harness.name])
                say(f"{harness.name}: kept, as the report says")
                continue
            say(f"{harness.name}: {harness.promise} (seed {given.seed}, {scale})")
            outcomes.append(carry_out(harness, scale=scale, seed=given.seed, mutant=given.mutant, say=say))
            say(f"{harness.name}: {outcomes[-1].verdict}")
            keep()
    except KeyboardInterrupt:
        interrupted = True
        say("interrupted; all that was started is stopped")
    print(table(outcomes), flush=True)
    keep()
    return INTERRUPTED if interrupted else exit_code(outcomes)


def _read(words: Sequence[str] | None, harnesses: tuple[Harness, ...]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.campaign", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="a sample instead of everything")
    parser.add_argument("--only", metavar="NAME", choices=[one.name for one in harnesses], help="one harness")
    parser.add_argument(
        "--mutant",
        metavar="NAME",
        choices=sorted({mutant for one in harnesses for mutant in one.mutants}),
        help="plant a bug in the service: those who claim to see it must exit with 1",
    )
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**9), help="repeat a run, as far as threads do")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the report as JSON")
    parser.add_argument("--continue", dest="go_on", action="store_true", help="go on with the report in FILE")
    given = parser.parse_args(words)
    if given.go_on and (given.output is None or given.mutant is not None):
        parser.error("--continue goes with --output, and without a mutant")
    return given


def _clocked() -> Say:
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:7.1f} s] {line}", flush=True)

    return say


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(main())
