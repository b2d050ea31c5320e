"""What the service costs while it does nothing: memory idle, time to the first healthy answer with 100,000 versions in
the database, and installed sizes of the client and of the service.

    python benchmarks/footprint.py [--rounds N] [--sizes] [--peers]

Memory is the proportional share (PSS) of all processes. The floor of memory and start is Litestar with one route on the
same server. `--sizes` installs the pinned requirements into environments of their own, from the package index.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from _data import SIZES, SMOKE_SIZES, large_registry
from _report import OURS, ROOT, Report
from _servers import MLFLOW, Server, litestar_from_memory, mlflow, registry, scratch

SETTLE = 2.0


def start(serving: Callable[[], AbstractContextManager[Server]]) -> dict[str, float]:
    with serving() as server:
        time.sleep(SETTLE)
        return {"start_seconds": server.started_in, "idle_mib": server.memory()}


def installed(directory: Path, requirements: str) -> float:
    """MiB of an environment with the pinned requirements and this project, without what every environment has."""
    uv = Path(sys.executable).with_name("uv")
    target = directory / requirements
    arguments = ["--quiet", "--target", str(target), "--python", sys.executable]
    pins = ROOT / "requirements" / f"{requirements}.txt"
    subprocess.run([uv, "pip", "install", *arguments, "--no-deps", "-r", str(pins)], check=True)
    subprocess.run([uv, "pip", "install", *arguments, "--no-deps", str(ROOT)], check=True)
    return size_of(target)


def size_of(directory: Path) -> float:
    return sum(file.lstat().st_size for file in directory.rglob("*") if file.is_file()) / 2**20


def main() -> None:
    report = Report(__doc__ or "")
    report.parser.add_argument("--sizes", action="store_true", help="installed sizes too")
    options = report.options()
    home = large_registry(SMOKE_SIZES if options.smoke else SIZES)
    with scratch("footprint") as directory:
        contestants = {
            OURS: partial(start, partial(registry, home)),
            "Litestar, one route": partial(start, partial(litestar_from_memory, directory, b"{}")),
        }
        if options.peers:
            contestants["MLflow, empty"] = partial(start, partial(mlflow, directory))
        report.alternate("start and idle", contestants)
        if options.sizes:
            report.add("installed", "client", {"mib": installed(directory, "client")})
            report.add("installed", "service", {"mib": installed(directory, "service")})
            if MLFLOW.exists():
                report.add("installed", "MLflow", {"mib": size_of(MLFLOW.parents[1])})
    report.finish()


if __name__ == "__main__":
    main()
