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
        taken = [parameter for name, parameter in described.parameters.items() if name != "self"]
        answer = str(described.return_annotation)
        if answer.startswith(("Call[", "Plan[")):
            answer = answer[len("Call[") : -len("]")]
        signature = described.replace(parameters=[me, *taken], return_annotation=answer)
        method.__signature__ = signature  # type: ignore[attr-defined] # inspect looks for it on any callable
        return method

    return decorate
