"""What an operator does beside the service: with its settings, on its machine."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import click

from registry_service.cli.endings import REFUSED, Stopped
from registry_service.cli.state import Command, State, pass_state
from registry_service.cli.text import count, printable, size

if TYPE_CHECKING:
    from registry_service.care.fsck import Report

_SHOW_EVERY: Final = 0.5


@click.command(cls=Command)
@click.option("--deep", is_flag=True, help="Read all bytes and compare their digests.")
@click.pass_context
@pass_state
def fsck(state: State, ctx: click.Context, *, deep: bool) -> None:
    """Check database and artifacts whole, without changing anything. The service may run meanwhile.

    Uses the settings of the service (variables that begin with MODEL_REGISTRY_). Exit code 0: sound; 1: not.
    """

    require_service()
    # Only the service's extra brings what these need.
    from registry_service.app import open_store  # noqa: PLC0415
    from registry_service.care.fsck import check_registry  # noqa: PLC0415
    from registry_service.settings import read_settings  # noqa: PLC0415

    settings = read_settings()

    async def check() -> Report:
        store = open_store(settings)
        try:
            return await check_registry(settings.database_url, store, deep=deep, progress=_progress(state))
        finally:
            await store.close()

    report = asyncio.run(check())
    state.show(report, lambda: report_text(report))
    if not report.sound:
        ctx.exit(REFUSED)


def require_service() -> None:
    """:raises Stopped: the service's own packages are not installed here."""

    missing = [name for name in ("litestar", "sqlalchemy", "uvicorn") if find_spec(name) is None]
    if missing:
        raise Stopped(
            "not_installed",
            f"The service isn't installed here ({', '.join(missing)} missing). Install it with:"
            " pip install 'airflow-model-registry[service]'",
        )


def report_text(report: Report) -> str:
    lines = [f"FAULT {printable(fault.message)} [{fault.code}]" for fault in report.faults]
    lines += [f"note  {printable(note.message)} [{note.code}]" for note in report.notes]
    lines += [f"      and {more} more [{code}]" for code, more in report.left_out.items()]
    read = f", {size(report.bytes_read)} of them read" if report.bytes_read else ""
    looked = f"{report.checks} checks, {count(report.artifacts, 'artifact')} of {size(report.bytes)}{read}"
    faults = len(report.faults) + sum(report.left_out.values())
    lines.append(f"{'Sound' if report.sound else count(faults, 'fault')}: {looked}.")
    return "\n".join(lines)


def _progress(state: State) -> Callable[[int, int], None] | None:
    """Says on a terminal how far it is, now and then."""

    if state.as_json or not sys.stderr.isatty():
        return None
    shown = time.monotonic()

    def show(artifacts: int, read: int) -> None:
        nonlocal shown
        if time.monotonic() - shown >= _SHOW_EVERY:
            shown = time.monotonic()
            state.say(f"{count(artifacts, 'artifact')}, {size(read)} read")

    return show
