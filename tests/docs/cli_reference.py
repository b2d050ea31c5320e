"""The page about the command line, made from the command itself: `python -m tests.docs.cli_reference > docs/cli.md`."""

from __future__ import annotations

from collections.abc import Iterator

import click

from registry_service.cli import main

HEAD = """# Command line

`model-registry` is the client for people and scripts. `--json` gives stable output for programs, anywhere on the line.
Exit codes: 0 done, 1 refused, 2 used wrongly or not configured, 3 the registry can't be reached.

`eval "$(model-registry completion bash)"` (or zsh; `model-registry completion fish | source`) completes commands
and, from the registry that would be asked, whatever has a name or an id: models, selectors, stages, open promotions,
people, policies, known registries. Before the command may stand `--url`, `--token-file`, `--profile`, and `--registry`
where one knows [several](python.md#several-registries).

This page is made from the command itself; `model-registry COMMAND --help` says the same.
"""


def reference() -> str:
    """The whole page."""
    parts = [HEAD]
    context = click.Context(main, info_name="model-registry")
    for path, command, inner in _commands(context):
        title = "#" * min(len(path) + 1, 3)
        parts.append(f"{title} {' '.join(path)}\n\n{_about(command)}")
        if not isinstance(command, click.Group):
            usage = command.collect_usage_pieces(inner)
            parts.append(f"    model-registry {' '.join([*path, *usage])}\n")
            options = [record for one in command.get_params(inner) if (record := _option(one, inner))]
            if options:
                parts.append("\n".join(options) + "\n")
    return "\n".join(parts)


def _commands(context: click.Context) -> Iterator[tuple[list[str], click.Command, click.Context]]:
    group = context.command
    assert isinstance(group, click.Group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        path = [*inner.command_path.split()[1:]]
        yield path, command, inner
        if isinstance(command, click.Group):
            yield from _commands(inner)


def _about(command: click.Command) -> str:
    return " ".join((command.help or "").split()) + "\n"


def _option(parameter: click.Parameter, context: click.Context) -> str | None:
    """One line of the list. `--help` and `--json` are everywhere, and said once; arguments stand in the usage."""
    if not isinstance(parameter, click.Option) or {"--help", "--json"} & set(parameter.opts):
        return None
    record = parameter.get_help_record(context)
    return f"- `{record[0]}` {' '.join(record[1].split())}".rstrip() if record else None


if __name__ == "__main__":
    print(reference(), end="")
