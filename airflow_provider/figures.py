"""Figures have to be numbers: JSON, and so Airflow's database and the registry, knows neither NaN nor infinity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from airflow_provider.exceptions import ModelRegistryRefused


def check_figures(value: object, name: str) -> None:
    """Look for what is no finite number, at any depth.

    :param value: what a task was given or has measured.
    :param name: what to call it.
    :raises ModelRegistryRefused: something is NaN or infinite; the message says where.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise ModelRegistryRefused(
            f"{name} is {value}, which is no number that can be kept or compared. Leave it out, or find out why it "
            "couldn't be measured."
        )
    if isinstance(value, Mapping):
        for key, item in value.items():
            check_figures(item, f"{name}[{key!r}]")
    elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        for index, item in enumerate(value):
            check_figures(item, f"{name}[{index}]")
