"""How long a version was current, where a rollback leads, and when a stage may be emptied or rearranged.

A rollback is bound to what it undoes. If that is no longer current it changes nothing, hence pressing twice goes back
once. It restores the last version that was current before and is still good: not failed here, not revoked, and not the
same content again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from registry_service.domain.entities import Hold, Stage, StageRecord
from registry_service.domain.errors import (
    Conflict,
    InUse,
    InvalidInput,
    NameClash,
    NoRollbackTarget,
    NothingToRollBack,
    StageVacant,
    TooLarge,
    VersionRevoked,
)
from registry_service.domain.names import check_stage_name, fold

MAX_STAGES: Final = 16
DEFAULT_STAGES: Final = ("staging", "production")


def hold_is_active(hold: Hold | None, now: datetime) -> bool:
    """Whether the hold keeps promotions out at `now`. Rollbacks may always go back."""
    return hold is not None and (hold.until is None or now < hold.until)


def seconds_current(spells: Iterable[tuple[datetime, datetime | None]], now: datetime) -> float:
    """For how long, in sum, a version was current until now. A spell lasts from when it became current to the next
    change of the stage (None: there was none yet). One that ends before it began, by a clock that was set back, is
    none."""

    return sum((max((end or now) - begun, timedelta()) for begun, end in spells), timedelta()).total_seconds()


# --------------------------------------------------------------------------------------------------- going back


class StagePointer(msgspec.Struct, frozen=True, kw_only=True):
    """Where a stage points: `version` with its content, made current by `promotion_id`; None where it is vacant."""

    stage: str
    version: int | None
    digest: str | None
    promotion_id: str | None


class RollbackPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a rollback will do: abandon `from_version`, which becomes failed here, and restore `to_version`. `undoes`
    and `restores` are the promotions that made each current."""

    from_version: int
    undoes: str | None
    to_version: int
    digest: str
    restores: str | None


def rollback_plan(
    pointer: StagePointer,
    history: Sequence[StageRecord],
    *,
    failed: Collection[int],
    revoked: Collection[int],
    deleted: Collection[int] = (),
    within: int,
    from_version: int | None = None,
    promotion: str | None = None,
    to: int | None = None,
) -> RollbackPlan:
    """Where going back from `from_version` (or from what `promotion` brought; both given must agree) leads.

    `history` is the stage's, in any order; `failed` and `revoked` are those of its numbers, and of `to`, whose content
    failed here or was revoked, and `deleted` those that are deleted; `within` says how many applied promotions before
    the current one may be looked at. `to` None: the last version that is still good.

    :raises InvalidInput: neither `from_version` nor `promotion` is given, or `to` is what is to be undone.
    :raises NothingToRollBack: what is to be undone isn't current.
    :raises NoRollbackTarget: no earlier version is good, or `to` never held the stage, or not lately, or failed here.
    :raises VersionRevoked: `to` is revoked.
    """

    current = _undone(pointer, from_version, promotion)
    # By revisions, which only grow. Times need not: clocks are set back, replicas have each their own, and who had to
    # wait for the model took the time before.
    entries = sorted(history, key=lambda entry: entry.revision, reverse=True)
    # The first is what made the current version current.
    earlier = [entry for entry in entries if entry.version is not None][1 : within + 1]
    if to is None:
        bad = {*failed, *revoked, *deleted}
        found = next((entry for entry in earlier if entry.digest != pointer.digest and entry.version not in bad), None)
        if found is None:
            raise NoRollbackTarget(
                f"No version that was current in '{pointer.stage}' before {current}, within its last {within}"
                " promotions, is still good. Promote a new version; or revoke this one and vacate the stage.",
                stage=pointer.stage,
                from_version=current,
            )
    else:
        found = _named_target(pointer, earlier, current, to, failed=failed, revoked=revoked)
    assert found.version is not None
    assert found.digest is not None
    return RollbackPlan(
        from_version=current,
        undoes=pointer.promotion_id,
        to_version=found.version,
        digest=found.digest,
        restores=found.promotion_id,
    )


def _undone(pointer: StagePointer, from_version: int | None, promotion: str | None) -> int:
    if from_version is None and promotion is None:
        raise InvalidInput("Say what to undo: `from_version`, or `promotion` as its id.")
    if (
        pointer.version is None
        or (from_version is not None and from_version != pointer.version)
        or (promotion is not None and promotion != pointer.promotion_id)
    ):
        undone = f"version {from_version}" if from_version is not None else f"what promotion {promotion} brought"
        now = "nothing" if pointer.version is None else f"version {pointer.version}"
        raise NothingToRollBack(
            f"Nothing to roll back: {undone} is not current in '{pointer.stage}'; {now} is. It was undone already,"
            " or something else was promoted since. Nothing was changed.",
            stage=pointer.stage,
            current=pointer.version,
        )
    return pointer.version


def _named_target(
    pointer: StagePointer,
    earlier: Sequence[StageRecord],
    current: int,
    to: int,
    *,
    failed: Collection[int],
    revoked: Collection[int],
) -> StageRecord:
    if to == current:
        raise InvalidInput(f"Version {to} is both what to undo and where to go. Name an earlier version, or none.")
    if to in revoked:
        raise VersionRevoked(
            f"Version {to} was revoked and can't come back. Name another version, or none.", version=to
        )
    if to in failed:
        raise NoRollbackTarget(
            f"Version {to} failed in '{pointer.stage}'. Name another version, or let an approver clear the failure"
            " first.",
            version=to,
        )
    found = next((entry for entry in earlier if entry.version == to), None)
    if found is None:
        raise NoRollbackTarget(
            f"Version {to} was not current in '{pointer.stage}' within the {len(earlier)} promotions before {current}."
            " Name one that was, or request a promotion.",
            version=to,
        )
    if found.digest == pointer.digest:
        raise NoRollbackTarget(
            f"Version {to} has the same content as {current}, which is to be undone. Name another version, or none.",
            version=to,
        )
    return found


# ------------------------------------------------------------------------------------- emptying and rearranging


def check_vacate(
    pointer: StagePointer, from_version: int, *, is_revoked: bool, good_target: int | None, is_archived: bool = False
) -> None:
    """Whether the stage may be emptied: its version is revoked and nothing good is left to go back to, or the model
    is archived and nobody is to be served. `good_target` is where a rollback would lead.

    :raises StageVacant: it is empty already.
    :raises NothingToRollBack: `from_version` is not current.
    :raises Conflict: there is a better way, which the message names.
    """

    if pointer.version is None:
        raise StageVacant(f"'{pointer.stage}' is vacant already.", stage=pointer.stage)
    if pointer.version != from_version:
        raise NothingToRollBack(
            f"Version {from_version} is not current in '{pointer.stage}', {pointer.version} is. Nothing was changed.",
            stage=pointer.stage,
            current=pointer.version,
        )
    if is_archived:
        return
    if good_target is not None:
        raise Conflict(
            f"Version {good_target} was current in '{pointer.stage}' before and is still good. Roll back to it; or"
            " archive the model first if it is to serve nobody any more.",
            stage=pointer.stage,
            to=good_target,
        )
    if not is_revoked:
        raise Conflict(
            f"Version {from_version} is current in '{pointer.stage}' and not revoked. Revoke it first; or archive"
            " the model if it is to serve nobody any more.",
            stage=pointer.stage,
            version=from_version,
        )


def check_arrange(
    existing: Sequence[Stage], wanted: Sequence[str], *, used: Collection[str], aliases: Collection[str]
) -> None:
    """Whether the model's stages may become `wanted`, in this order. `used` are stages that have a history or were
    ever asked for; `aliases` share the stages' namespace.

    :raises InvalidInput: there is none at all.
    :raises TooLarge: there are more than 16.
    :raises InvalidName: one is no name of a stage.
    :raises NameClash: two differ at most by case, or one is an alias.
    :raises InUse: one that is left out is or was in use.
    """

    if not wanted:
        raise InvalidInput("A model has at least one stage. Name those that it is to have, in order.")
    if len(wanted) > MAX_STAGES:
        raise TooLarge(f"A model has at most {MAX_STAGES} stages; {len(wanted)} were named.")
    taken = {fold(alias): alias for alias in aliases}
    seen: dict[str, str] = {}
    for name in wanted:
        check_stage_name(name)
        if fold(name) in seen:
            raise NameClash(f"'{name}' and '{seen[fold(name)]}' are the same name to people. Keep one.", name=name)
        if fold(name) in taken:
            raise NameClash(
                f"'{taken[fold(name)]}' is an alias of this model. Remove the alias, or name the stage otherwise.",
                name=name,
            )
        seen[fold(name)] = name
    kept = set(wanted)
    lost = [
        stage.name for stage in existing if stage.name not in kept and (stage.name in used or stage.version is not None)
    ]
    if lost:
        raise InUse(
            f"{', '.join(lost)} can't be left out: a history would lose its stage. Name them as well.",
            used_by=lost,
        )
