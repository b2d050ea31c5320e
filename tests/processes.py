"""Servers that tests start: each in a session of its own, so that it can be ended whole, and nothing else with it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil


class ServerProcess:
    """A command in its own session, its output in a file.

    Children may make process groups of their own (Airflow does so for each task), but they stay in the session, and a
    session's id isn't reused while it has members. So the members are exactly what the command started.

    :param user: as whom to run it; None: as the caller.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        output: Path,
        directory: Path,
        user: str | None = None,
    ) -> None:
        self.name = name
        self.output = output
        with output.open("ab") as sink:
            self._leader = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=user,
            )

    @property
    def pid(self) -> int:
        """The process id of the command; also its session's id."""
        return self._leader.pid

    @property
    def exit_code(self) -> int | None:
        """None while the command runs; negative if a signal ended it."""
        return self._leader.poll()

    def members(self) -> list[psutil.Process]:
        """Every living process of the session."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, ProcessLookupError):
                if os.getsid(process.pid) == self.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def memory(self) -> int:
        """Proportional set size of the whole session in bytes: shared pages are counted once over all sharers."""
        total = 0
        for process in self.members():
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().pss
        return total

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process of the session."""
        for process in self.members():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def kill(self) -> None:
        """End the session at once, as a crash of its machine would."""
        # Someone may fork between the look and the signal: look until nobody is left.
        while self.members():
            self.signal(signal.SIGKILL)
            time.sleep(0.02)
        self._leader.wait(timeout=10)

    def tail(self, lines: int = 30) -> str:
        """The end of the output, for messages of failed waits."""
        return "\n".join(self.output.read_text(errors="replace").splitlines()[-lines:])


def stop_all(processes: Sequence[ServerProcess], *, grace: float = 10.0) -> None:
    """Ask all to end, then make those end that are still there after `grace` seconds."""
    for process in processes:
        process.signal(signal.SIGTERM)
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline and any(process.members() for process in processes):
        time.sleep(0.1)
    for process in processes:
        process.kill()
