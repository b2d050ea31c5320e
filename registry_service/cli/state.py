"""What the commands share: which registry, how to answer, how to ask, and what a refusal becomes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

import click
import msgspec

from registry_service.cli.endings import Ended, NobodyToAsk, Stopped, for_programs, refusal, wrong_file
from registry_service.client import RetryPolicy
from registry_service.client.credentials import PERSON, Credentials, find
from registry_service.domain.errors import RegistryError

if TYPE_CHECKING:
    # Loading the HTTP library takes longer than most of what happens without it, such as `--help`.
    import httpx

    from registry_service.client import RegistryClient

P = ParamSpec("P")
T = TypeVar("T")

# Somebody is waiting at a terminal.
RETRIES: Final = RetryPolicy(attempts=4, base=0.2, cap=2.0, total=15.0)


def _stdin_is_terminal() -> bool:
    return sys.stdin.isatty()


@dataclass
class State:
    """The options that stand before the command, and what comes of them."""

    url: str | None = None
    token_file: Path | None = None
    profile: str = PERSON
    registry: str | None = None
    as_json: bool = False
    transport: httpx.BaseTransport | None = field(default=None, repr=False)
    at_terminal: bool = field(default_factory=_stdin_is_terminal)
    retries: RetryPolicy = RETRIES
    timeout: float = 30.0

    @cached_property
    def client(self) -> RegistryClient:
        """The client of whoever is logged in, for the length of the command."""
        return self.connect(find(self.url, token_file=self.token_file, registry=self.registry, profile=self.profile))

    def connect(self, credentials: Credentials) -> RegistryClient:
        from registry_service.client import RegistryClient  # noqa: PLC0415 - see above

        client = RegistryClient(
            credentials.url,
            credentials.token,
            retries=self.retries,
            timeout=self.timeout,
            verify=credentials.ca_file or True,
            transport=self.transport,
        )
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
            filters = any("--filter" in one.opts for one in click.get_current_context().command.params)
            narrow = ", or narrow by --filter" if filters else ""
            click.echo(f"There are more than these {limit}: raise --limit{narrow}.", err=True)

    def say(self, text: str) -> None:
        """Words for people, beside the answer. A program finds on stderr nothing but why it was refused."""
        if not self.as_json:
            click.echo(text, err=True)

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask whoever is at the terminal.

        :raises Stopped: they say no, or nobody is there to ask: a program, a pipe, a timer.
        """

        if yes:
            return
        if self.as_json or not self.at_terminal:
            raise NobodyToAsk(question)
        if not click.confirm(question, err=True):
            raise Stopped("not_confirmed", "Nothing was changed.")


pass_state = click.make_pass_decorator(State, ensure=True)


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

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if ctx.resilient_parsing and args and args[-1].startswith("-"):
            # A shell asks what may follow the option; without its value, click would read none of the arguments.
            args = args[:-1]
        return _parsed(super().parse_args, ctx, args)


class Group(click.Group):
    command_class = Command
    group_class = type

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return _parsed(super().parse_args, ctx, args)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click declares it
        try:
            return super().invoke(ctx)
        except Ended:
            raise
        except BrokenPipeError:
            raise  # click ends quietly, as a pipe wants it
        except RegistryError as error:
            raise refusal(error, as_json=_as_json(ctx)) from error
        except (click.ClickException, OSError) as error:
            ending = wrong_file(error) if isinstance(error, OSError) else error
            if _as_json(ctx):
                raise for_programs(ending) from error
            if ending is error:
                raise
            raise ending from error


def _parsed(parse: Callable[[click.Context, list[str]], list[str]], ctx: click.Context, args: list[str]) -> list[str]:
    """What click makes of the words. Where it can't, `--json` may be among those that it didn't get to."""

    words = list(args)
    try:
        return parse(ctx, args)
    except click.UsageError as error:
        if "--json" in words:
            raise for_programs(error) from error
        raise


def _as_json(ctx: click.Context) -> bool:
    # The command's own option, and that of the root where no command was found to run.
    return ctx.ensure_object(State).as_json or bool(ctx.params.get("as_json"))


def _set_json(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's callback
    if value:
        ctx.ensure_object(State).as_json = True


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
