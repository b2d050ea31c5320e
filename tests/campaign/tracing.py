"""Watching the system calls of one thread of a running process with strace, and letting one of them fail."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.campaign.serving import wait_until

# All by which this service changes a file system. SQLite's log of page numbers is memory, which nothing is called for.
CALLS: Final = (
    "pwrite64", "pwritev", "writev", "write", "ftruncate", "fallocate", "fsync", "fdatasync", "sync_file_range",
    "rename", "renameat", "renameat2", "mkdir", "unlink",
)  # fmt: skip
_LINE = re.compile(r"(?:\d+ +)?(\w+)\((.*)")
_DESCRIPTOR = re.compile(r"\d+<([^>]*)>")
_TEXT = re.compile(r'"([^"]*)"')


@dataclass(frozen=True)
class Call:
    """`path` is the file that it is about, or the first of two; `to` the second. `injected`: it was made to fail."""

    name: str
    path: str
    to: str | None
    injected: bool

    @property
    def is_on_a_file(self) -> bool:
        return self.path.startswith("/")


@dataclass(frozen=True)
class Fault:
    """What befalls the `number`th call of that name. `action` is ENOSPC, EIO or KILL."""

    call: str
    action: str
    number: int

    @property
    def injection(self) -> str:
        what = f"signal={self.action}" if self.action == "KILL" else f"error={self.action}"
        return f"inject={self.call}:{what}:when={self.number}"


class CannotTrace(Exception):
    """Why not."""


def require_strace() -> str:
    """The path of strace.

    :raises CannotTrace: there is none, or it may not trace here.
    """
    found = shutil.which("strace")
    if found is None:
        raise CannotTrace("there is no strace. Install it, on Debian with: apt-get install strace")
    # On its own child first: whether it may at all.
    ended = subprocess.run([found, "-e", "trace=none", "true"], capture_output=True, text=True, check=False)
    if ended.returncode:
        raise CannotTrace(f"strace may not trace here: {ended.stderr.strip()}")
    return found


@contextmanager
def traced(thread: int, log: Path, *faults: Fault) -> Iterator[None]:
    """While the body runs, the thread's calls are written down in `log`, and each fault befalls it. It goes on
    undisturbed afterwards."""
    log.unlink(missing_ok=True)
    names = ",".join(CALLS)
    command = [require_strace(), "-y", "-s", "0", "-o", str(log), "-p", str(thread), "-e", f"trace={names}"]
    for fault in faults:
        command += ["-e", fault.injection]
    notes = log.with_suffix(".notes")
    with notes.open("wb") as sink:
        tracer = subprocess.Popen(command, stderr=sink, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        attached = wait_until(lambda: "attached" in notes.read_text() or tracer.poll() is not None, 20)
        if not attached or tracer.poll() is not None:
            raise CannotTrace(f"strace can't attach to the server: {notes.read_text().strip()}")
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(20)


def calls_in(log: Path) -> list[Call]:
    """What was called, in order."""
    return [call for line in log.read_text(errors="replace").splitlines() if (call := _read(line)) is not None]


def _read(line: str) -> Call | None:
    found = _LINE.match(line)
    if found is None or found[1] not in CALLS:
        return None
    descriptor, texts = _DESCRIPTOR.match(found[2]), _TEXT.findall(found[2])
    path = descriptor[1] if descriptor else (texts[0] if texts else "")
    return Call(found[1], path, texts[1] if not descriptor and len(texts) > 1 else None, "(INJECTED)" in line)


def count(calls: Sequence[Call]) -> dict[str, int]:
    """How often each was called for the sake of a file. What goes to the event loop's own descriptors is its business:
    no file is written by `write`, which the loop uses as well."""
    on_files = [call for call in calls if call.is_on_a_file]
    stray = [call for call in on_files if call.name == "write"]
    assert not stray, f"a file is written by a call that isn't let fail: {stray}"
    return {name: n for name in CALLS if (n := sum(call.name == name for call in on_files))}
