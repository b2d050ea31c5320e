"""How fast a file of 1 GiB goes up, digest verified and durable, and comes down, over HTTP on loopback; beside `dd`
with fsync and SHA-256 of as many bytes; and the memory of the service before and after.

    python benchmarks/transfers.py [--size MIB] [--rounds N] [--peers]
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from _data import small_registry
from _report import OURS, Report
from _servers import Server, mlflow, registry, scratch

MIB = 2**20


class Payload:
    """Bytes that are cheap to make and never the same twice, with their digest, known before the time runs."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.piece = os.urandom(MIB)
        hasher = hashlib.sha256()
        for piece in self:
            hasher.update(piece)
        self.digest = f"sha256:{hasher.hexdigest()}"

    def __iter__(self) -> Iterator[bytes]:
        return (self.piece for _ in range(self.size // MIB))


def send(url: str, token: str | None, path: str, payload: Payload) -> float:
    """Seconds from the first byte to the answer."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
    headers = {"Content-Length": str(payload.size), **({"Authorization": f"Bearer {token}"} if token else {})}
    begun = time.perf_counter()
    connection.request("PUT", path, payload, headers)
    answer = connection.getresponse()
    body = answer.read()
    seconds = time.perf_counter() - begun
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {body[:500]!r}")
    return seconds


def receive(url: str, token: str | None, path: str, size: int) -> float:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
    begun = time.perf_counter()
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
    answer = connection.getresponse()
    received, buffer = 0, memoryview(bytearray(MIB))
    while count := answer.readinto(buffer):
        received += count
    seconds = time.perf_counter() - begun
    connection.close()
    if (answer.status, received) != (200, size):
        raise RuntimeError(f"{answer.status}, {received} bytes")
    return seconds


def ask(url: str, token: str, path: str, body: object) -> dict[str, object]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
    connection.request("POST", path, json.dumps(body), {"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    found: dict[str, object] = json.loads(answer.read())
    if answer.status != 201:
        raise RuntimeError(str(found))
    return found


def upload_and_download(server: Server, token: str, report: Report, size: int) -> None:
    payload = Payload(size)
    file = {"digest": payload.digest, "size": size}
    session = ask(server.url, token, "/api/v1/uploads", {"model": "m", "files": [file]})["id"]
    before = server.cpu()
    seconds = send(server.url, token, f"/api/v1/uploads/{session}/files/{payload.digest}", payload)
    report.add("upload", OURS, rate(size, seconds, server.cpu() - before))
    body = {"files": [{**file, "path": "model.bin"}], "upload": session}
    number = ask(server.url, token, "/api/v1/models/m/versions", body)["number"]
    before = server.cpu()
    seconds = receive(server.url, token, f"/api/v1/models/m/versions/{number}/files/model.bin", size)
    report.add("download", OURS, rate(size, seconds, server.cpu() - before))


def mlflow_up_and_down(server: Server, report: Report, size: int) -> None:
    payload, path = Payload(size), "/api/2.0/mlflow-artifacts/artifacts/model.bin"
    before = server.cpu()
    report.add("upload", "MLflow", rate(size, send(server.url, None, path, payload), server.cpu() - before))
    before = server.cpu()
    report.add("download", "MLflow", rate(size, receive(server.url, None, path, size), server.cpu() - before))


def rate(size: int, seconds: float, cpu: float | None = None) -> dict[str, float]:
    figures = {"mib_per_second": size / MIB / seconds}
    return figures if cpu is None else {**figures, "cpu_ms_per_gib": cpu * 1000 / (size / 2**30)}


def dd(directory: Path, size: int, report: Report) -> None:
    target = directory / "dd"
    begun = time.perf_counter()
    command = ["dd", "if=/dev/zero", f"of={target}", "bs=1M", f"count={size // MIB}", "conv=fsync", "status=none"]
    subprocess.run(command, check=True)
    figures = rate(size, time.perf_counter() - begun)
    target.unlink()
    report.add("upload", "dd conv=fsync", figures)


def sha256(size: int, report: Report) -> None:
    begun = time.perf_counter()
    Payload(size)
    figures = rate(size, time.perf_counter() - begun)
    for work in ("upload", "download"):
        report.add(work, "SHA-256 in one thread", figures)


def main() -> None:
    report = Report(__doc__ or "")
    report.parser.add_argument("--size", type=int, metavar="MIB", help="default: 1024")
    options = report.options()
    options.size = options.size or (8 if options.smoke else 1024)
    size = options.size * MIB
    with ExitStack() as stack:
        directory, home = stack.enter_context(scratch("transfers")), stack.enter_context(scratch("transfers-ours"))
        token = small_registry(home, ["m"])["airflow"]
        server = stack.enter_context(registry(home))
        turns: list[tuple[str, Callable[[], None]]] = [
            (OURS, partial(upload_and_download, server, token, report, size)),
            ("dd", partial(dd, directory, size, report)),
            ("SHA-256", partial(sha256, size, report)),
        ]
        if options.peers:
            peer = stack.enter_context(mlflow(directory))
            turns.append(("MLflow", partial(mlflow_up_and_down, peer, report, size)))
        report.add("memory", OURS, {"before_mib": server.memory()})
        for number in range(options.rounds):
            for who, turn in turns[number % len(turns) :] + turns[: number % len(turns)]:
                report.progress("upload and download", number, who)
                turn()
        report.add("memory", OURS, {"after_mib": server.memory()})
    report.finish()


if __name__ == "__main__":
    main()
