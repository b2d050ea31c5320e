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


def installed(directory: Path, extras: str = "") -> dict[str, float]:
    """MB (10^6 bytes) of this project with these extras and all that it needs, pinned: the files, and what Python keeps
    of them compiled, which pip writes at once and others at the first start."""
    uv = Path(sys.executable).with_name("uv")
    target = directory / f"installed-{extras}"
    command: list[str | Path] = [uv, "pip", "install", "--quiet", "--target", target, "--python", sys.executable]
    pins = ROOT / "requirements" / "service.txt"
    subprocess.run([*command, "--constraint", pins, f"{ROOT}[{extras}]" if extras else ROOT], check=True)
    files = size_of(target)
    subprocess.run([sys.executable, "-m", "compileall", "-q", target], check=False)  # templates of code fail to compile
    return {"mb": files, "with_bytecode_mb": size_of(target)}


def size_of(directory: Path) -> float:
    return sum(file.lstat().st_size for file in directory.rglob("*") if file.is_file()) / 1e6


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
            for name, extras in (("client", ""), (OURS, "service"), ("with s3", "service,s3")):
                report.progress("installed", 0, name)
                report.add("installed", name, installed(directory, extras))
            if MLFLOW.exists():
                report.add("installed", "MLflow", {"with_bytecode_mb": size_of(MLFLOW.parents[1])})
    report.finish()


if __name__ == "__main__":
    main()
