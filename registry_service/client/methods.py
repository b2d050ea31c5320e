"""Methods made of call descriptions, so that no signature is written twice."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def described_by(build: Callable[..., object]) -> Callable[[F], F]:
    """Give a method the name, words and signature of the function that builds its call."""

    def decorate(method: F) -> F:
        method.__name__ = build.__name__
        method.__doc__ = build.__doc__
        described = inspect.signature(build)
        me = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        answer = str(described.return_annotation).removeprefix("Call[").removesuffix("]")
        signature = described.replace(parameters=[me, *described.parameters.values()], return_annotation=answer)
        method.__signature__ = signature  # type: ignore[attr-defined] # inspect looks for it on any callable
        return method

    return decorate
