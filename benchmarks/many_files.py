"""A version of very many tiny files: what the client and the service need to plan it, to open its session, to list
that, and to go on when the client was killed half way.

    python benchmarks/many_files.py [--files N]

A version may have 100,000.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from _data import small_registry
from _report import OURS, Figures, Report
from _servers import Server, registry, scratch
from typing_extensions import override

from registry_service.client import RegistryClient

FILES = 5_000
A_DIRECTORY = 1_000


def make_files(directory: Path, count: int) -> None:
    for number in range(count):
        path = directory / f"{number // A_DIRECTORY:03d}" / f"{number:06d}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{directory} {number}")


# ---------------------------------------------------------------------------------------------- the client, a process


class Watching(httpx.HTTPTransport):
    """Notes how long the service took over the calls of a registration; says so after `until` files, and waits to be
    killed."""

    def __init__(self, until: int | None) -> None:
        super().__init__()
        self.figures: dict[str, float] = {"files": 0}
        self._until = until
        self._begun = time.perf_counter()
        self._first_file = 0.0

    @override
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        begun = time.perf_counter()
        answer = super().handle_request(request)
        answer.read()
        seconds = time.perf_counter() - begun
        if request.method == "PUT":
            self._first_file = self._first_file or begun
            self.figures["files"] += 1
            self.figures["files_per_second"] = self.figures["files"] / (time.perf_counter() - self._first_file)
            if self.figures["files"] == self._until:
                self.tell()
                time.sleep(3600)
        elif request.url.path.endswith("/uploads"):
            self.figures["plan_seconds"] = begun - self._begun
            self.figures["open_seconds"] = seconds
        elif request.url.path.endswith("/versions") and request.method == "POST":
            self.figures["register_seconds"] = seconds
        return answer

    def tell(self) -> None:
        print(json.dumps(self.figures), flush=True)


def as_client(url: str, token: str, directory: Path, until: int | None) -> None:
    watching = Watching(until)
    with RegistryClient(url, token, transport=watching, timeout=600) as client:
        client.register("m", directory)
    watching.tell()


def sending(server: Server, token: str, directory: Path, until: int | None) -> Figures:
    """What a client process measured that registers `directory`, and is killed after `until` files."""
    command = [sys.executable, __file__, "--as-client", server.url, token, str(directory), str(until or 0)]
    before = server.cpu()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    if until:
        process.send_signal(signal.SIGKILL)
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    if not line:
        raise RuntimeError("the client told nothing")
    figures: dict[str, float] = json.loads(line)
    return figures | {
        "client_peak_mib": used.ru_maxrss / 1024,
        "client_cpu_seconds": used.ru_utime + used.ru_stime,
        "service_cpu_seconds": server.cpu() - before,
        "service_peak_mib": peak_of(server.process.pid),
    }


# ------------------------------------------------------------------------------------------------------- the measuring


def peak_of(pid: int) -> float:
    """MiB that a process had in memory at most."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(float(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 1024


def asking(server: Server, token: str, path: str) -> tuple[Any, Figures]:
    begun = time.perf_counter()
    answer = httpx.get(server.url + path, headers={"authorization": f"Bearer {token}"}, timeout=600)
    answer.raise_for_status()
    return answer.json(), {"seconds": time.perf_counter() - begun, "answer_mib": len(answer.content) / 2**20}


def measure(report: Report, server: Server, token: str, directory: Path, count: int) -> None:
    report.add("the first client, killed half way", OURS, sending(server, token, directory, count // 2))
    listed, figures = asking(server, token, "/api/v1/uploads")
    report.add("list the open sessions", OURS, figures)
    report.add("ask for the session", OURS, asking(server, token, f"/api/v1/uploads/{listed['items'][0]['id']}")[1])
    report.add("the next client, to the version", OURS, sending(server, token, directory, None))
    report.add("memory of the service afterwards", OURS, {"mib": server.memory()})


def main() -> None:
    report = Report(__doc__ or "")
    report.parser.add_argument("--files", type=int, help=f"default: {FILES}")
    report.parser.add_argument("--as-client", nargs=4, help=argparse.SUPPRESS)
    options = report.options()
    if options.as_client:
        url, token, directory, until = options.as_client
        as_client(url, token, Path(directory), int(until) or None)
        return
    count = options.files or (60 if options.smoke else FILES)
    with scratch("many-files") as home:
        token = small_registry(home, ["m"])["airflow"]
        with registry(home) as server:
            for number in range(options.rounds):
                report.progress(f"{count:,} files", number, OURS)
                directory = home / f"files-{number}"
                make_files(directory, count)
                measure(report, server, token, directory, count)
    report.finish()


if __name__ == "__main__":
    main()
