"""Parameters as DAG authors give them: a value, or what another task is going to return."""

from __future__ import annotations

from typing import TypeAlias, TypeVar, cast

from airflow.providers.common.compat.sdk import XComArg

T = TypeVar("T")

Templated: TypeAlias = T | XComArg
"""A value of a templated field, or an `XComArg` in its place: `version=train()`, `promotion=approved.output`."""


def rendered(parameter: Templated[T]) -> T:
    """What the parameter is in `execute`: Airflow resolves templated fields before it calls that."""
    return cast("T", parameter)
