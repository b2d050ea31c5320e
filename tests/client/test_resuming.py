"""Large files over lines that break, by clients that die, to services that restart."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from registry_service.client import RegistryClient, RegistryError, RetryPolicy, Unavailable
from registry_service.client.plans import CONTINUED_FROM
from tests.client.broken_line import broken_line
from tests.client.conftest import Connect
from tests.service_fixture import RunningService

MIB = 1024 * 1024
SIZE = CONTINUED_FROM + 5 * MIB + 7

pytestmark = pytest.mark.slow


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Bytes that no version has yet."""
    path = tmp_path / "weights.bin"
    path.write_bytes(os.urandom(MIB) * (SIZE // MIB) + b"the end")
    assert path.stat().st_size == SIZE
    return path


def assert_same(client: Any, name: str, large: Path, tmp_path: Path) -> None:
    client.download(name, "latest", tmp_path / "live")
    assert (tmp_path / "live" / "weights.bin").read_bytes() == large.read_bytes()


def test_a_line_that_breaks_costs_only_what_was_under_way(
    connect: Connect, shared_service: RunningService, large: Path, tmp_path: Path
) -> None:
    name = f"broken-{tmp_path.name}"
    with broken_line(shared_service.settings.port, iter([20 * MIB, 3 * MIB, 30 * MIB])) as port:
        client = connect(url=f"http://127.0.0.1:{port}", token=shared_service.person)
        version = client.register(name, large)
    assert version.size == SIZE
    with client_of(shared_service) as direct:
        assert_same(direct, name, large, tmp_path)


def client_of(service: RunningService) -> RegistryClient:
    return RegistryClient(service.url, service.person)


REGISTER = """
import sys, time
from registry_service.client import RegistryClient

def slowly(path, done, total):
    if done > 30_000_000:
        print("far enough", flush=True)
        time.sleep(60)

RegistryClient(sys.argv[1], sys.argv[2]).register(sys.argv[3], sys.argv[4], progress=slowly)
"""


def test_a_client_that_died_is_gone_on_with_by_the_next(
    shared_service: RunningService, large: Path, tmp_path: Path
) -> None:
    dying = subprocess.Popen(
        [sys.executable, "-c", REGISTER, shared_service.url, shared_service.person, "orphan", str(large)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert dying.stdout is not None
    assert dying.stdout.readline() == "far enough\n"
    dying.send_signal(signal.SIGKILL)
    dying.wait(10)
    dying.stdout.close()

    firsts: list[int] = []
    with client_of(shared_service) as client:
        client.register("orphan", large, progress=lambda path, done, total: firsts.append(done))
        assert firsts[0] > 25 * MIB, "it began anew"
        assert_same(client, "orphan", large, tmp_path)
        assert list(client.iterate_uploads()) == []


def test_a_service_that_restarts_is_waited_for(service: RunningService, large: Path, tmp_path: Path) -> None:
    restarting: list[threading.Thread] = []

    def restart(path: str, done: int, total: int) -> None:
        if done > 20 * MIB and not restarting:
            restarting.append(threading.Thread(target=service.restart))
            restarting[0].start()

    with RegistryClient(service.url, service.person, retries=RetryPolicy(attempts=30, base=0.2, cap=1.0)) as client:
        client.register("patient", large, progress=restart)
        restarting[0].join(60)
        assert not restarting[0].is_alive()
        assert_same(client, "patient", large, tmp_path)


def test_a_service_that_stays_away_leaves_what_has_arrived_to_the_next_try(
    service: RunningService, large: Path, tmp_path: Path
) -> None:
    stopping: list[threading.Thread] = []

    def stop(path: str, done: int, total: int) -> None:
        if done > 20 * MIB and not stopping:
            stopping.append(threading.Thread(target=service.stop))
            stopping[0].start()

    with RegistryClient(service.url, service.person, retries=RetryPolicy(attempts=2, base=0.0, cap=0.0)) as client:
        with pytest.raises(Unavailable) as away:
            client.register("away", large, progress=stop)
        stopping[0].join(60)
        assert "register again to go on" in away.value.__notes__[-1]
        service.start()
        firsts: list[int] = []
        client.register("away", large, progress=lambda path, done, total: firsts.append(done))
        assert firsts[0] > 15 * MIB


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """Four large files, that are sent side by side."""
    directory = tmp_path / "several"
    directory.mkdir()
    for number in range(4):
        (directory / f"{number}.bin").write_bytes(os.urandom(MIB) * (SIZE // MIB))
    return directory


def test_what_is_sent_side_by_side_ends_with_the_program_error_of_one(
    connect: Connect, shared_service: RunningService, several: Path
) -> None:
    reached: dict[str, int] = {}

    def fails_at_one(path: str, done: int, total: int) -> None:
        reached[path] = done
        if path == "0.bin":
            raise LookupError("a bug in the caller's own report")
        time.sleep(0.02)

    client = connect(url=shared_service.url, token=shared_service.person)
    with pytest.raises(LookupError):
        client.register("faulty-report", several, progress=fails_at_one)
    assert max(reached.values()) < SIZE // MIB * MIB


REGISTER_SLOWLY = """
import sys, time
from registry_service.client import RegistryClient

def slowly(path, done, total):
    print(done, flush=True)
    if done:
        time.sleep(0.5)

RegistryClient(sys.argv[1], sys.argv[2]).register(sys.argv[3], sys.argv[4], progress=slowly)
"""


def test_an_interrupted_client_ends_without_sending_the_rest(shared_service: RunningService, several: Path) -> None:
    words = [shared_service.url, shared_service.person, "interrupted", str(several)]
    client = subprocess.Popen([sys.executable, "-c", REGISTER_SLOWLY, *words], stdout=subprocess.PIPE, text=True)
    assert client.stdout is not None
    while client.stdout.readline().strip() in {"", "0"}:
        assert client.poll() is None
    client.send_signal(signal.SIGINT)
    try:
        # Sending all of it would take two minutes.
        assert client.wait(40) != 0
    finally:
        client.kill()
        client.stdout.close()


def test_twins_may_go_on_with_the_same_session(shared_service: RunningService, large: Path, tmp_path: Path) -> None:
    numbers: list[int] = []

    def register() -> None:
        with client_of(shared_service) as client:
            numbers.append(client.register("twins", large).number)

    threads = [threading.Thread(target=register) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(numbers) == [1, 2]
    with client_of(shared_service) as client:
        assert_same(client, "twins", large, tmp_path)


def test_a_refused_registration_keeps_what_took_long_to_send(
    shared_service: RunningService, large: Path, tmp_path: Path
) -> None:
    firsts: list[int] = []
    with client_of(shared_service) as client:
        with pytest.raises(RegistryError, match="is a stage"):
            client.register("refused", large, aliases=["production"])
        client.register("refused", large, progress=lambda path, done, total: firsts.append(done))
    assert firsts == [SIZE], "sent again"
