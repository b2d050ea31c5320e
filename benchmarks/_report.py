"""Figures to a table for people and a JSON document for machines; and the options that every benchmark has.

Machines are noisy, so what is compared takes turns: `Report.alternate` runs each contestant once per round, the order
turning with every round, and the ratio is taken round by round. No figure is ever asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sqlite3
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypedDict

Figures = Mapping[str, float]
Contestant = Callable[[], Figures]

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache" / "benchmarks"

OURS = "ours"
_PACKAGES = ("airflow-model-registry", "litestar", "sqlalchemy", "msgspec", "uvicorn", "uvloop", "httptools", "asyncpg")


class Summary(TypedDict):
    """One figure of all rounds."""

    median: float
    min: float
    max: float
    values: list[float]


def common_options(about: str, seconds: float = 4.0) -> argparse.ArgumentParser:
    """What every benchmark takes, so that `make bench ARGS=...` can give it to all of them."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--rounds", type=_positive(int), help="turns of each contestant; default: 3")
    parser.add_argument(
        "--seconds", type=_positive(float), help=f"of each turn, where a turn has no end by itself; default: {seconds}"
    )
    parser.add_argument("--only", default="", help="only works whose name holds this")
    parser.add_argument("--peers", action="store_true", help="beside MLflow too, where it has such work")
    parser.add_argument("--json", type=Path, help="file or directory of the document; default: .cache/benchmarks/")
    parser.add_argument(
        "--smoke", action="store_true", help="on little data and for a moment: whether it runs, not how fast"
    )
    return parser


def _positive(kind: type[int | float]) -> Callable[[str], float]:
    def parse(text: str) -> float:
        if (value := kind(text)) <= 0:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    return parse


class Report:
    """What one run of a benchmark measured: figures by work, contestant and name, one value per round."""

    def __init__(self, about: str, seconds: float = 4.0) -> None:
        self.parser = common_options(about, seconds)
        self.name = Path(sys.argv[0]).stem
        self._seconds = seconds
        self.measured: dict[str, dict[str, dict[str, list[float]]]] = {}
        self.notes: dict[str, object] = {}

    def options(self) -> argparse.Namespace:
        self.given = self.parser.parse_args()
        self.given.rounds = self.given.rounds or (1 if self.given.smoke else 3)
        self.given.seconds = self.given.seconds or (0.2 if self.given.smoke else self._seconds)
        # Told to end, it ends as by an error: the servers that it started end with it.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
        return self.given

    def add(self, work: str, who: str, figures: Figures) -> None:
        kept = self.measured.setdefault(work, {}).setdefault(who, {})
        for name, value in figures.items():
            kept.setdefault(name, []).append(value)

    def alternate(self, work: str, contestants: Mapping[str, Contestant]) -> None:
        """Each contestant once per round; the first of a round is another one every time."""
        if not self.wants(work):
            return
        names = list(contestants)
        for number in range(self.given.rounds):
            turned = names[number % len(names) :] + names[: number % len(names)]
            for who in turned:
                self.progress(work, number, who)
                self.add(work, who, contestants[who]())

    def wants(self, work: str) -> bool:
        return self.given.only in work

    def progress(self, work: str, number: int, who: str) -> None:
        print(f"{work}: round {number + 1} of {self.given.rounds}, {who}", file=sys.stderr, flush=True)

    def finish(self) -> None:
        """Print the table and write the document."""
        document = {
            "benchmark": self.name,
            "host": _host(),
            "options": {name: str(value) for name, value in vars(self.given).items()},
            "notes": self.notes,
            "works": {
                work: {
                    who: {name: _summary(values) for name, values in figures.items()} for who, figures in all_.items()
                }
                for work, all_ in self.measured.items()
            },
            "ratios": self._ratios(),
        }
        self._print()
        target = self.given.json or CACHE
        target = target if target.suffix == ".json" else target / f"{self.name}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(document, indent=2) + "\n")
        print(f"\n{target}")

    def _ratios(self) -> dict[str, dict[str, dict[str, Summary]]]:
        """Of each figure, ours over another's, round by round."""
        found: dict[str, dict[str, dict[str, Summary]]] = {}
        for work, all_ in self.measured.items():
            ours = all_.get(OURS, {})
            for who, figures in all_.items():
                if who == OURS:
                    continue
                for name in figures.keys() & ours.keys():
                    pairs = [a / b for a, b in zip(ours[name], figures[name], strict=True) if b]
                    if pairs:
                        found.setdefault(work, {}).setdefault(who, {})[name] = _summary(pairs)
        return found

    def _print(self) -> None:
        ratios = self._ratios()
        for work, all_ in self.measured.items():
            print(f"\n{work}")
            for who, figures in all_.items():
                for name, values in figures.items():
                    line = f"  {who:26}{name:18}{_line(values)}"
                    ratio = ratios.get(work, {}).get(who, {}).get(name)
                    print(line if ratio is None else f"{line}   ours / this {ratio['median']:8.3g}")


def _summary(values: Sequence[float]) -> Summary:
    return Summary(median=statistics.median(values), min=min(values), max=max(values), values=list(values))


def _line(values: Sequence[float]) -> str:
    return "".join(f"{value:12.4g}" for value in (statistics.median(values), min(values), max(values)))


def _host() -> dict[str, object]:
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
