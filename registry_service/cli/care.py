"""What keeps a registry healthy."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from registry_service.cli.endings import REFUSED
from registry_service.cli.offline import with_registry, with_store
from registry_service.cli.options import Rate, Span
from registry_service.cli.state import Command, State, pass_state
from registry_service.cli.text import cell, count, printable, size
from registry_service.client import CollectedArtifact, CollectGarbage, CollectionStep, DamagedArtifact, Scrub, ScrubStep

if TYPE_CHECKING:
    from registry_service.care.backup import BackedUp, Restored
    from registry_service.care.fsck import Report
    from registry_service.services.registry import Registry
    from registry_service.settings import Settings
    from registry_service.storage.base import ArtifactStore

_SHOW_EVERY: Final = 0.5
_SHOWN: Final = 20

S = TypeVar("S", CollectionStep, ScrubStep)
Alone = Callable[[str | None], Awaitable[S]]

offline = click.option(
    "--offline", is_flag=True, help="Work on database and store directly, with the settings of the service."
)


@click.command(cls=Command)
@click.option("--deep", is_flag=True, help="Read all bytes and compare their digests.")
@click.pass_context
@pass_state
def fsck(state: State, ctx: click.Context, *, deep: bool) -> None:
    """Check database and artifacts whole, without changing anything. The service may run meanwhile.

    Uses the settings of the service (variables that begin with MODEL_REGISTRY_). Exit code 0: sound; 1: not.
    """

    async def check(settings: Settings, store: ArtifactStore) -> Report:
        from registry_service.care.fsck import check_registry  # noqa: PLC0415 - only the service's extra brings it

        return await check_registry(settings.database_url, store, deep=deep, progress=_progress(state))

    report = with_store(check)
    state.show(report, lambda: report_text(report))
    if not report.sound:
        ctx.exit(REFUSED)


@click.command(cls=Command)
@click.option("--grace", type=Span(), default="24h", show_default=True, help="Keep what is younger than this.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed; change nothing.")
@offline
@pass_state
def gc(state: State, grace: int, *, dry_run: bool, offline: bool) -> None:
    """Remove artifacts that no version and no open upload needs.

    It may be interrupted at any time, and called again. Versions keep their bytes, revoked ones and those of deleted
    models too.
    """

    total = Collection(state, dry_run=dry_run)

    def body(cursor: str | None) -> CollectGarbage:
        return CollectGarbage(grace=grace, dry_run=dry_run, cursor=cursor)

    def alone(registry: Registry) -> Alone[CollectionStep]:
        from registry_service.care.gc import collect_step  # noqa: PLC0415 - only the service's extra brings it
        from registry_service.services.registry import SYSTEM  # noqa: PLC0415

        return lambda cursor: collect_step(registry, SYSTEM, body(cursor))

    _walk(total.add, lambda cursor: state.client.collect_garbage(body(cursor)), alone if offline else None)
    total.show()


@click.command(cls=Command)
@click.option("--rate", type=Rate(), help="Read no faster, such as 100MB/s.")
@click.option("--restart", is_flag=True, help="Begin anew, not where the last scrub stopped.")
@offline
@click.pass_context
@pass_state
def scrub(state: State, ctx: click.Context, rate: int | None, *, restart: bool, offline: bool) -> None:
    """Read all bytes again, and set aside those that have changed.

    It may be interrupted at any time; the next one goes on. Who still has damaged bytes heals them by uploading them.
    Exit code 0: all are whole; 1: some are not, whether found now or by an earlier scrub.
    """

    total = Scrubbing(state)

    def body(cursor: str | None) -> Scrub:
        return Scrub(cursor=cursor, rate=rate)

    def alone(registry: Registry) -> Alone[ScrubStep]:
        # Only the service's extra brings these.
        from registry_service.care.reading import Unfinished  # noqa: PLC0415
        from registry_service.care.scrub import scrub_step  # noqa: PLC0415
        from registry_service.services.registry import SYSTEM  # noqa: PLC0415

        unfinished = Unfinished()
        return lambda cursor: scrub_step(registry, SYSTEM, body(cursor), unfinished)

    begin = "start" if restart else None
    _walk(total.add, lambda cursor: state.client.scrub(body(cursor)), alone if offline else None, begin)
    total.show()
    if total.damaged or total.unhealed:
        ctx.exit(REFUSED)


@click.command(cls=Command)
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--without-artifacts", is_flag=True, help="Leave the bytes to whatever keeps their bucket safe.")
@click.pass_context
@pass_state
def backup(state: State, ctx: click.Context, directory: Path, *, without_artifacts: bool) -> None:
    """Add a snapshot to the backup in DIRECTORY. The service may run meanwhile.

    Bytes that DIRECTORY has already are not copied again. Uses the settings of the service. Exit code 0: all is in the
    backup; 1: bytes are missing from the store, and so from the backup.
    """

    async def run(settings: Settings, store: ArtifactStore) -> BackedUp:
        from registry_service.care.backup import back_up  # noqa: PLC0415 - only the service's extra brings it

        return await back_up(
            settings.database_url,
            store,
            directory,
            now=datetime.now(UTC),
            with_artifacts=not without_artifacts,
            progress=_counter(state),
        )

    made = with_store(run)
    state.show(made, lambda: backup_text(made))
    if made.missing:
        ctx.exit(REFUSED)


@click.command(cls=Command)
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="Home of the restored registry.")
@click.option("--snapshot", help="Which; else the newest.")
@click.option("--trust-store", is_flag=True, help="Don't read again what the store has already; scrub it later.")
@click.pass_context
@pass_state
def restore(
    state: State, ctx: click.Context, directory: Path, *, home: Path | None, snapshot: str | None, trust_store: bool
) -> None:
    """Fill an empty home and an empty database from the backup in DIRECTORY, and check the outcome.

    Artifacts that are in the store already are read again; where they were altered, the backup's take their place.
    Uses the settings of the service that is to run there. Tokens work as before; readers of the event log are told that
    it was restored. Exit code 0: restored and sound; 1: restored, and not sound.
    """

    async def run(settings: Settings, store: ArtifactStore) -> Restored:
        # Only the service's extra brings these.
        from registry_service.app import now  # noqa: PLC0415
        from registry_service.care import backup  # noqa: PLC0415

        return await backup.restore(
            settings.database_url,
            store,
            directory,
            now=now,
            snapshot=snapshot,
            trust_store=trust_store,
            progress=_counter(state),
        )

    done = with_store(run, home=home)
    state.show(done, lambda: restore_text(done))
    if not done.report.sound:
        ctx.exit(REFUSED)


def _walk(
    add: Callable[[S], S],
    ask: Callable[[str | None], S],
    alone: Callable[[Registry], Alone[S]] | None,
    cursor: str | None = None,
) -> None:
    """Take step after step, each by the cursor that the one before gave, and add up what they did: `alone` on the
    registry itself; None: by asking the service."""

    if alone is None:
        while (cursor := add(ask(cursor)).cursor) is not None:
            pass
        return

    async def walk(registry: Registry) -> None:
        step, at = alone(registry), cursor
        while (at := add(await step(at)).cursor) is not None:
            pass

    with_registry(walk)


class Collection:
    """The sum of a collection's steps."""

    def __init__(self, state: State, *, dry_run: bool) -> None:
        self._state = state
        self._dry_run = dry_run
        self._say = _now_and_then(state)
        self._collected: list[CollectedArtifact] = []
        self._adopted = self._leftovers = self._kept_back = 0

    def add(self, step: CollectionStep) -> CollectionStep:
        self._collected += step.collected
        self._adopted += step.adopted
        self._leftovers += step.leftovers
        self._kept_back += step.kept_back
        if step.cursor is not None:
            self._say(lambda: f"{step.cursor}: {count(len(self._collected), 'artifact')}, {size(self._bytes)}")
        return step

    @property
    def _bytes(self) -> int:
        return sum(artifact.size for artifact in self._collected)

    def show(self) -> None:
        answer = {
            "dry_run": self._dry_run,
            "collected": self._collected,
            "bytes": self._bytes,
            "adopted": self._adopted,
            "leftovers": self._leftovers,
            "kept_back": self._kept_back,
        }
        self._state.show(answer, self._text)

    def _text(self) -> str:
        lines = []
        if self._dry_run:
            lines = [f"{one.digest}  {size(one.size)}, since {cell(one.since)}" for one in self._collected[:_SHOWN]]
            if len(self._collected) > _SHOWN:
                lines.append(f"and {len(self._collected) - _SHOWN} more; --json names all")
        would = "would be " if self._dry_run else ""
        lines.append(f"{count(len(self._collected), 'artifact')} of {size(self._bytes)} {would}removed.")
        if self._adopted:
            lines.append(
                f"{count(self._adopted, 'artifact')} without a row: their grace {would and 'would '}begin now."
            )
        if self._leftovers:
            lines.append(f"What {count(self._leftovers, 'ended upload')} had left behind {would or 'is '}discarded.")
        if self._kept_back:
            lines.append(f"{count(self._kept_back, 'artifact')} stay for the next collection.")
        return "\n".join(lines)


class Scrubbing:
    """The sum of a scrub's steps."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._say = _now_and_then(state)
        self._artifacts = self._bytes = self.unhealed = 0
        self.damaged: list[DamagedArtifact] = []

    def add(self, step: ScrubStep) -> ScrubStep:
        self._artifacts += step.artifacts
        self._bytes += step.bytes
        self.damaged += step.damaged
        self.unhealed = step.unhealed
        if step.cursor is not None:
            self._say(lambda: f"{self._read}, {len(self.damaged)} damaged")
        return step

    @property
    def _read(self) -> str:
        return f"{count(self._artifacts, 'artifact')} of {size(self._bytes)} read"

    def show(self) -> None:
        answer = {
            "artifacts": self._artifacts,
            "bytes": self._bytes,
            "damaged": self.damaged,
            "unhealed": self.unhealed,
        }
        self._state.show(answer, self._text)

    def _text(self) -> str:
        lines = []
        for one in self.damaged:
            now = "gone" if one.actual is None else f"{one.actual} now"
            needed = ", ".join(map(printable, one.versions)) or "no version"
            lines.append(f"DAMAGED {one.digest} is {now}; needed by {needed}")
        lines.append(f"{self._read}, {len(self.damaged)} damaged.")
        if self.unhealed:
            lines.append(
                f"{count(self.unhealed, 'artifact')} that versions need {'is' if self.unhealed == 1 else 'are'} damaged"
                " and not healed yet: model-registry fsck names them, and an upload of the same bytes heals them."
            )
        return "\n".join(lines)


def report_text(report: Report) -> str:
    lines = [f"FAULT {printable(fault.message)} [{fault.code}]" for fault in report.faults]
    lines += [f"note  {printable(note.message)} [{note.code}]" for note in report.notes]
    lines += [f"      and {more} more [{code}]" for code, more in report.left_out.items()]
    read = f", {size(report.bytes_read)} of them read" if report.bytes_read else ""
    looked = f"{report.checks} checks, {count(report.artifacts, 'artifact')} of {size(report.bytes)}{read}"
    faults = len(report.faults) + sum(report.left_out.values())
    lines.append(f"{'Sound' if report.sound else count(faults, 'fault')}: {looked}.")
    return "\n".join(lines)


def backup_text(made: BackedUp) -> str:
    lines = [f"MISSING {digest}" for digest in made.missing]
    lines.append(
        f"Snapshot {made.snapshot}: up to event {made.last_event}, {count(made.artifacts, 'artifact')} of"
        f" {size(made.bytes)}, of which {made.copied} of {size(made.copied_bytes)} were new to the backup."
    )
    return "\n".join(lines)


def restore_text(done: Restored) -> str:
    lines = [f"MISSING {digest}" for digest in done.missing]
    lines.append(
        f"Restored snapshot {done.snapshot}: up to event {done.last_event}, {count(done.artifacts, 'artifact')}."
    )
    return "\n".join([*lines, report_text(done.report)])


def _counter(state: State) -> Callable[[int, int], None]:
    say = _now_and_then(state)
    return lambda done, of: say(lambda: f"{done} of {count(of, 'artifact')}")


def _progress(state: State) -> Callable[[int, int], None]:
    say = _now_and_then(state)
    return lambda artifacts, read: say(lambda: f"{count(artifacts, 'artifact')}, {size(read)} read")


def _now_and_then(state: State) -> Callable[[Callable[[], str]], None]:
    """Says on a terminal how far it is, not too often."""

    shown = time.monotonic()
    watched = not state.as_json and sys.stderr.isatty()

    def say(text: Callable[[], str]) -> None:
        nonlocal shown
        if watched and time.monotonic() - shown >= _SHOW_EVERY:
            shown = time.monotonic()
            state.say(text())

    return say
