"""Every benchmark after the other, with the options that all of them take.

    python benchmarks/_all.py [--peers] [--rounds N] [--seconds S] [--only WORK] [--json DIRECTORY] [--smoke]

An option of one program is given to that program: `python benchmarks/search.py --million`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from _report import CACHE, common_options
from _servers import MLFLOW

HERE = Path(__file__).parent
PROGRAMS = sorted(file.stem for file in HERE.glob("[a-z]*.py"))
BESIDE_PEERS = ("reads", "writes", "search", "transfers", "footprint")


def main() -> None:
    parser = common_options(__doc__ or "")
    options, unknown = parser.parse_known_args()
    if unknown:
        parser.error(f"not for every benchmark: {' '.join(unknown)}. Give it to one: python benchmarks/NAME.py --help")
    if options.json and options.json.suffix == ".json":
        parser.error("--json must be a directory: each benchmark writes a document of its own")
    if options.peers and not MLFLOW.exists():
        parser.error("MLflow's server is not there: `make bench-peers` installs it")
    programs = BESIDE_PEERS if options.peers else PROGRAMS
    begun, failed = time.monotonic(), []
    for number, name in enumerate(programs, start=1):
        print(f"== {name}, {number} of {len(programs)}, after {time.monotonic() - begun:.0f} s", flush=True)
        if subprocess.run([sys.executable, HERE / f"{name}.py", *sys.argv[1:]], check=False).returncode:
            failed.append(name)
    print(f"\n{len(programs)} benchmarks in {time.monotonic() - begun:.0f} s; documents: {options.json or CACHE}")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
