"""How a command ends that doesn't do what it was asked: for people one line, for programs one JSON document on stderr,
and an exit code that tells a refusal from wrong use and from a registry that isn't there."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, Final

import click

from registry_service.cli.text import printable
from registry_service.client import NotConfigured, UnexpectedAnswer
from registry_service.domain.errors import RegistryError, Unavailable

REFUSED: Final = 1
USAGE: Final = 2  # click's own
NOT_REACHABLE: Final = 3


class Stopped(click.ClickException):
    """The command itself doesn't go on. Nothing was changed."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class NobodyToAsk(Stopped):
    """A question that needs `--yes` where no person is at a terminal."""

    exit_code = USAGE

    def __init__(self, question: str) -> None:
        super().__init__("confirmation_needed", f"{question} Nobody is there to ask: say --yes to go ahead.")


class Ended(click.ClickException):
    """An end that knows how to say itself to people and to programs."""

    exit_code = REFUSED

    def __init__(
        self, code: str, message: str, *, details: dict[str, Any], notes: Sequence[str] = (), as_json: bool
    ) -> None:
        super().__init__(message)
        self._code, self._details, self._notes, self._as_json = code, details, notes, as_json

    def show(self, file: Any = None) -> None:  # noqa: ANN401 - as click declares it
        if self._as_json:
            document = {"error": {"code": self._code, "message": self.message, "details": self._details}}
            click.echo(json.dumps(document, default=str), file=file or sys.stderr)
            return
        lines = [f"Error: {printable(self.message)} [{printable(self._code)}]", *self._notes]
        click.echo("\n  ".join(lines), file=file or sys.stderr)


class Misused(Ended):
    exit_code = USAGE


class NotReachable(Ended):
    exit_code = NOT_REACHABLE


def refusal(error: RegistryError, *, as_json: bool) -> Ended:
    """How a command ends that the registry, or the lack of one, has refused."""

    kind = Ended
    if isinstance(error, (Unavailable, UnexpectedAnswer)):
        kind = NotReachable
    elif isinstance(error, NotConfigured):
        kind = Misused
    code = error.details.get("code", error.code) if type(error) is RegistryError else error.code
    notes = getattr(error, "__notes__", ())
    return kind(str(code), error.message, details=error.details, notes=notes, as_json=as_json)


def wrong_file(error: OSError) -> Stopped:
    return Stopped("file_failed", f"{error.filename or 'A file'}: {error.strerror or error}")


def for_programs(error: click.ClickException) -> Ended:
    """The same end as JSON."""

    kind = Misused if error.exit_code == USAGE else Ended
    code = "usage" if isinstance(error, click.UsageError) else getattr(error, "code", "not_done")
    return kind(code, error.format_message(), details={}, as_json=True)
