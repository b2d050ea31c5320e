"""What the commands share: which registry, how to answer, and how a refusal ends the process."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

import click
import msgspec

from registry_service.cli.text import printable
from registry_service.client import NotConfigured, RetryPolicy, UnexpectedAnswer
from registry_service.client.credentials import PERSON, Credentials, find
from registry_service.domain.errors import RegistryError, Unavailable

if TYPE_CHECKING:
    # Loading the HTTP library takes longer than most of what happens without it, such as `--help`.
    import httpx

    from registry_service.client import RegistryClient

P = ParamSpec("P")
T = TypeVar("T")

REFUSED: Final = 1
USAGE: Final = 2  # click's own
NOT_REACHABLE: Final = 3

# Somebody is waiting at a terminal.
RETRIES: Final = RetryPolicy(attempts=4, base=0.2, cap=2.0, total=15.0)


@dataclass
class State:
    """The options that stand before the command, and what comes of them."""

    url: str | None = None
    token_file: Path | None = None
    profile: str = PERSON
    as_json: bool = False
    transport: httpx.BaseTransport | None = field(default=None, repr=False)

    @cached_property
    def client(self) -> RegistryClient:
        """The client of whoever is logged in, for the length of the command."""
        return self.connect(find(self.url, token_file=self.token_file, profile=self.profile))

    def connect(self, credentials: Credentials) -> RegistryClient:
        from registry_service.client import RegistryClient  # noqa: PLC0415 - see above

        client = RegistryClient(credentials.url, credentials.token, retries=RETRIES, transport=self.transport)
        click.get_current_context().call_on_close(client.close)
        return client

    def show(self, value: object, text: Callable[[], str]) -> None:
        """Answer: the value as JSON for programs, or the text for people."""
        click.echo(_json(value) if self.as_json else text())

    def show_list(self, items: Iterable[T], limit: int, text: Callable[[list[T]], str]) -> None:
        """Answer with the first items of a list, and say so where there are more."""

        found = list(islice(items, limit + 1))
        shown = found[:limit]
        self.show(shown, lambda: text(shown))
        if len(found) > limit:
            click.echo(f"There are more than these {limit}: raise --limit, or narrow by --filter.", err=True)

    def say(self, text: str) -> None:
        """Words for people, beside the answer."""
        click.echo(text, err=True)

    def confirm(self, question: str, *, yes: bool) -> None:
        """:raises click.ClickException: the person says no, or nobody is there to ask."""

        if yes:
            return
        try:
            confirmed = click.confirm(question, err=True)
        except click.Abort:
            if sys.stdin.isatty():
                raise
            raise click.ClickException("Nobody is there to ask. Give --yes to go ahead without.") from None
        if not confirmed:
            raise click.ClickException("Nothing was changed.")


pass_state = click.make_pass_decorator(State, ensure=True)


class Refused(click.ClickException):
    """A refusal as the end of a command: the message and its code on stderr, and an exit code that tells a refusal
    from a registry that isn't there."""

    exit_code = REFUSED

    def __init__(self, error: RegistryError, *, as_json: bool) -> None:
        super().__init__(error.message)
        self._error = error
        self._as_json = as_json

    def show(self, file: Any = None) -> None:  # noqa: ANN401 - as click declares it
        error = self._error
        code = error.details.get("code", error.code) if type(error) is RegistryError else error.code
        if self._as_json:
            document = {"error": {"code": code, "message": error.message, "details": error.details}}
            click.echo(json.dumps(document, default=str), file=file or sys.stderr)
            return
        lines = [f"error: {printable(error.message)} [{printable(str(code))}]", *getattr(error, "__notes__", ())]
        click.echo("\n  ".join(lines), file=file or sys.stderr)


class NotReachable(Refused):
    exit_code = NOT_REACHABLE


class NotUsable(Refused):
    exit_code = USAGE


def ending(error: RegistryError, *, as_json: bool) -> Refused:
    """How a command ends that the registry, or the lack of one, has refused."""

    if isinstance(error, (Unavailable, UnexpectedAnswer)):
        return NotReachable(error, as_json=as_json)
    return (NotUsable if isinstance(error, NotConfigured) else Refused)(error, as_json=as_json)


class Command(click.Command):
    """Takes `--json` itself too, because that is where people write it: at the end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(
            click.Option(
                ["--json", "as_json"],
                is_flag=True,
                expose_value=False,
                callback=_set_json,
                help="Answer with JSON.",
            )
        )


class Group(click.Group):
    command_class = Command
    group_class = type

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click declares it
        try:
            return super().invoke(ctx)
        except RegistryError as error:
            raise ending(error, as_json=ctx.ensure_object(State).as_json) from error
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise  # click ends quietly, as a pipe wants it
            raise click.ClickException(f"{error.filename or 'A file'}: {error.strerror or error}") from error


def _set_json(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's callback
    if value:
        ctx.ensure_object(State).as_json = True


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
