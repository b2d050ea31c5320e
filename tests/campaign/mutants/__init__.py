"""Planted bugs, one module each. `plant()` replaces one piece of the service in the process that calls it, which only
the campaign's own server does; the module's docstring says what is wrong with it."""

from __future__ import annotations

import importlib
import pkgutil


def all_mutants() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def plant(name: str) -> None:
    """:raises ModuleNotFoundError: there is no such mutant."""
    importlib.import_module(f"{__name__}.{name}").plant()
