"""When to ask again, and how long to wait before."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """At most `attempts` tries in all, and none later than `total` seconds after the first failure.

    The pause before try n+1 is drawn evenly between 0 and `base` · 2^(n-1), at most `cap` ("full jitter": Brooker,
    *Exponential Backoff and Jitter*, AWS Architecture Blog, 2015), on top of what `Retry-After` asks for.
    """

    attempts: int = 6
    base: float = 0.25
    cap: float = 10.0
    total: float = 60.0


DEFAULT_RETRIES: Final = RetryPolicy()


class Attempts:
    """The tries of one call."""

    def __init__(self, policy: RetryPolicy, random: Random) -> None:
        self._policy = policy
        self._random = random
        self._failures = 0
        self._first_failure = 0.0

    def pause(self, now: float, *, at_least: float = 0.0) -> float | None:
        """Count a failure at `now`; seconds to wait before the next try, or None: give up."""

        if self._failures == 0:
            self._first_failure = now
        self._failures += 1
        if self._failures >= self._policy.attempts:
            return None
        ceiling = min(self._policy.cap, self._policy.base * 2.0 ** (self._failures - 1))
        pause = at_least + self._random.uniform(0.0, ceiling)
        return pause if now + pause - self._first_failure <= self._policy.total else None

    def progressed(self) -> None:
        """Bytes arrived that are kept: the next failure counts as the first."""
        self._failures = 0
