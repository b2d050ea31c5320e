"""How far transfers have come."""

from __future__ import annotations

import sys

import click

from registry_service.cli.text import printable, size


def transfer_progress() -> Progress | None:
    """What shows it; None where nobody looks."""
    return Progress() if sys.stderr.isatty() else None


class Progress:
    """How far each file has come, on one line of the terminal."""

    def __init__(self) -> None:
        self._shown = ("", -1)

    def __call__(self, path: str, done: int, total: int) -> None:
        percent = 100 if total == 0 else done * 100 // total
        if (path, percent) == self._shown:
            return
        self._shown = (path, percent)
        end = "\n" if percent == 100 else ""
        click.echo(f"\r\x1b[K{percent:3d} %  {size(total):>10}  {printable(path)}{end}", err=True, nl=False)
