"""Server processes that start in tenths of a second: forked from one that has imported everything already.

A start by itself takes seconds, most of them for imports, and a campaign starts its server a thousand times. What
counts, the process, its sockets, its files and its death, is as real as ever. How long a start takes from nothing is
measured on processes that are started from nothing.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path

from tests.campaign.server import run_forked

_NURSERY = get_context("forkserver")
_NURSERY.set_forkserver_preload(["tests.campaign.server"])


class WarmProcess:
    """A server in a session of its own, its output in a file. It makes no processes of its own."""

    def __init__(self, words: Sequence[str], *, environment: Mapping[str, str], output: Path) -> None:
        self.output = output
        # Should this process end without having stopped it, it ends as well.
        self._process = _NURSERY.Process(target=run_forked, args=(list(words), dict(environment), output), daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative if a signal ended it."""
        return self._process.exitcode

    def signal(self, number: signal.Signals) -> None:
        if self.exit_code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self._process.join(10)

    def tail(self, lines: int = 30) -> str:
        """The end of the output, for messages of failed waits."""
        return "\n".join(self.output.read_text(errors="replace").splitlines()[-lines:])
