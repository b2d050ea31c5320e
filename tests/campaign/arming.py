"""What happens at the failpoints of a server, said in words on its command line.

register.row_written=kill@3        the third time that the point is reached, the process ends itself with SIGKILL
upload.synced=enospc@1             OSError(ENOSPC) is raised there, once; `eio` likewise
writer.before_commit=delay:0.2@5   it sleeps for so many seconds there, from the fifth time on
"""

from __future__ import annotations

import errno
import os
import re
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass

from registry_service.failpoints import POINTS

_RULE = re.compile(r"([a-z_.]+)=(kill|enospc|eio|delay:([0-9.]+))@([0-9]+)")


@dataclass(frozen=True)
class Rule:
    point: str
    action: str
    arrival: int
    seconds: float = 0.0

    def __str__(self) -> str:
        action = f"delay:{self.seconds}" if self.action == "delay" else self.action
        return f"{self.point}={action}@{self.arrival}"


def parse_rule(text: str) -> Rule:
    """:raises ValueError: it isn't one, or no point has this name."""
    found = _RULE.fullmatch(text)
    if found is None or found[1] not in POINTS:
        raise ValueError(f"'{text}' names no failpoint with an action.")
    return Rule(found[1], found[2].partition(":")[0], int(found[4]), float(found[3] or 0))


class Arming:
    """Watches the points of this process: counts how often each is reached, and does what the rules say. Threads of
    the server reach points at the same time."""

    def __init__(self, rules: list[Rule]) -> None:
        self.counts: Counter[str] = Counter()
        self._rules = {rule.point: rule for rule in rules}
        self._lock = threading.Lock()

    def __call__(self, point: str) -> None:
        with self._lock:
            self.counts[point] += 1
            arrival = self.counts[point]
        rule = self._rules.get(point)
        if rule is None or arrival < rule.arrival:
            return
        if rule.action == "delay":
            time.sleep(rule.seconds)
        elif arrival == rule.arrival:
            self._act(rule)

    def _act(self, rule: Rule) -> None:
        if rule.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        number = errno.ENOSPC if rule.action == "enospc" else errno.EIO
        raise OSError(number, os.strerror(number))
