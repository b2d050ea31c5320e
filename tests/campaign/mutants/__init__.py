"""Planted bugs, one module each. `plant()` replaces one piece of the service in the process that calls it, which only
the campaign's own server does; the module's docstring says what is wrong with it. `SHOWN_AT` are the failpoints at
which a death shows it, and the system calls whose failure does: where short forms go first."""

from __future__ import annotations

import importlib
import pkgutil


def all_mutants() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def plant(name: str) -> None:
    """:raises ModuleNotFoundError: there is no such mutant."""
    importlib.import_module(f"{__name__}.{name}").plant()


def shown_at(name: str) -> tuple[str, ...]:
    places: tuple[str, ...] = importlib.import_module(f"{__name__}.{name}").SHOWN_AT
    return places


def put(owner: object, name: str, piece: object) -> None:
    """Put a piece in the place of the one that is there; a name that is gone is a mutant that shows nothing."""
    assert hasattr(owner, name), f"{owner} has no {name} any more"
    setattr(owner, name, piece)
