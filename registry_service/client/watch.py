"""How the threads of a plan learn that nobody waits for them any more."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event


class Abandoned(Exception):
    """Nobody waits any more for what this thread does."""


class Watch:
    """Of one plan. A thread can't be ended from outside, so each looks here at every piece of a file and before every
    repetition: else whoever interrupts the registration of several large files waits until they are sent."""

    def __init__(self) -> None:
        self._over = Event()

    def abandon(self) -> None:
        self._over.set()

    def over(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The same pieces, until the plan is abandoned."""
        for piece in pieces:
            self.pause(0)
            yield piece

    def pause(self, seconds: float) -> None:
        """:raises Abandoned: the plan was abandoned."""
        if self._over.wait(seconds):
            raise Abandoned
