"""How a thread's result reaches the coroutine that waits for it."""

from __future__ import annotations

import asyncio
from typing import Any


def settle(answer: asyncio.Future[Any], result: object, error: Exception | None) -> None:
    """Give the result, or the error, to whoever waits; on the event loop's thread. No one may wait any more."""

    if answer.done():
        return
    if error is None:
        answer.set_result(result)
        return
    if isinstance(error, StopIteration):  # a future refuses it, since it would end the awaiting coroutine unnoticed
        disguised = RuntimeError("StopIteration was raised")
        disguised.__cause__ = error
        error = disguised
    answer.set_exception(error)
