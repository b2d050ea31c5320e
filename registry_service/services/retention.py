"""Writing retention rules, keeping what they would let go, and deleting that, one version in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import Row, delete, func, insert, select, update

from registry_service.db.filters import matching
from registry_service.db.locks import LINEAGE_LOCK, RETENTION_LOCK, lock_key
from registry_service.db.queries.retention import (
    RulesInForce,
    candidates_of,
    describe_preview,
    describe_rule,
    find_preview,
    find_rule,
)
from registry_service.db.tables import models, previewed_versions, retention_previews, retention_rules, versions
from registry_service.domain.entities import Fate, Keep, PreviewPhase, RetentionPreview, RetentionRule
from registry_service.domain.errors import (
    Conflict,
    PreviewOutdated,
    RevisionMismatch,
    RevisionRequired,
    RuleNotFound,
    TooLarge,
)
from registry_service.domain.events import EventKind
from registry_service.domain.permissions import Action, check_pattern
from registry_service.domain.requests import StartPreview, WriteRetentionRule
from registry_service.domain.retention import Judgement, judge_one
from registry_service.domain.retention_rules import RetentionDocument, check_rule
from registry_service.services.ids import new_id
from registry_service.services.keeping import mark_deleted
from registry_service.services.work import Work

MAX_RULES: Final = 200
# What was seen longer ago than this, nobody has before their eyes.
HOLDS_FOR: Final = timedelta(days=1)
FORGOTTEN_AFTER: Final = timedelta(days=7)
FORGOTTEN_AT_ONCE: Final = 2_000


# --------------------------------------------------------------------------------------------------------- rules


def write_rule(work: Work, body: WriteRetentionRule, *, if_match: int | None = None) -> RetentionRule:
    """A new rule, or the next version of one.

    :raises RevisionRequired: the rule exists, and the caller doesn't say which version they saw.
    :raises RevisionMismatch: it has a newer version than that.
    :raises InvalidRule, InvalidFilter: the document can't be kept.
    """

    work.authorize(Action.RETENTION_WRITE, None)
    lock_key(work.connection, RETENTION_LOCK)
    document = body.document
    check_rule(document)
    if document.keep_where is not None:
        matching("versions", document.keep_where, now=work.now)
    newest = find_rule(work, document.name)
    if newest is None and if_match is not None:
        raise RuleNotFound(f"There is no retention rule '{document.name}' yet. Leave If-Match out.", rule=document.name)
    if newest is not None and newest.ended_at is None and if_match is None:
        raise RevisionRequired(
            f"Retention rule '{newest.name}' exists. Say with If-Match which version you saw; the newest is"
            f" {newest.version}.",
            present=newest.version,
        )
    if newest is not None and if_match is not None and if_match != newest.version:
        raise RevisionMismatch(
            f"Retention rule '{newest.name}' is at version {newest.version}, not {if_match}. Read it again.",
            seen=if_match,
            present=newest.version,
        )
    if newest is None and len(RulesInForce(work).rows) >= MAX_RULES:
        raise TooLarge(f"There are {MAX_RULES} retention rules, the limit. End one that is no longer needed.")
    version = 1 if newest is None else newest.version + 1
    _take_no_turn(work, document.name)
    work.connection.execute(
        insert(retention_rules).values(
            name=document.name,
            version=version,
            document=document,
            created_at=work.now,
            created_by=work.actor.name,
            next_at=_next_turn(work, document),
        )
    )
    work.record(
        EventKind.RETENTION_RULE_WRITTEN, subject=document.name, version=version, model_pattern=document.pattern
    )
    return _described(work, document.name)


def end_rule(work: Work, name: str) -> RetentionRule:
    """Let a rule hold no longer. What it kept may then go by others; what no rule is about stays.

    :raises RuleNotFound: there is none.
    :raises Conflict: it was ended before.
    """

    work.authorize(Action.RETENTION_WRITE, None)
    lock_key(work.connection, RETENTION_LOCK)
    newest = find_rule(work, name)
    if newest is None:
        raise RuleNotFound(f"There is no retention rule '{name}'.", rule=name)
    if newest.ended_at is not None:
        raise Conflict(f"Retention rule '{name}' was ended already. Nothing was changed.")
    work.connection.execute(
        update(retention_rules)
        .where(retention_rules.c.name == name, retention_rules.c.version == newest.version)
        .values(ended_at=work.now, ended_by=work.actor.name, next_at=None)
    )
    work.record(EventKind.RETENTION_RULE_ENDED, subject=name, version=newest.version)
    return _described(work, name)


def _take_no_turn(work: Work, name: str) -> None:
    """Of a version that another one follows."""
    work.connection.execute(update(retention_rules).where(retention_rules.c.name == name).values(next_at=None))


def _next_turn(work: Work, document: RetentionDocument) -> Any:  # noqa: ANN401 - a time or none
    return None if document.every is None else work.now + timedelta(seconds=document.every)


def _described(work: Work, name: str) -> RetentionRule:
    row = find_rule(work, name)
    assert row is not None
    return describe_rule(row)


# ------------------------------------------------------------------------------------------------------ previews


def start_preview(work: Work, body: StartPreview) -> RetentionPreview:
    """Begin to find out what the rules would let go, of the models that a pattern matches."""

    work.authorize(Action.RETENTION_RUN, None)
    return _start(work, check_pattern(body.pattern), rule=None)


def take_turn(work: Work) -> RetentionPreview | None:
    """Begin a preview for the rule whose turn has come; None: none has."""

    lock_key(work.connection, RETENTION_LOCK)
    due = [row for row in RulesInForce(work).rows if row.next_at is not None and row.next_at <= work.now]
    if not due:
        return None
    row = min(due, key=lambda row: (row.next_at, row.name))
    document = describe_rule(row).document
    work.connection.execute(
        update(retention_rules)
        .where(retention_rules.c.name == row.name, retention_rules.c.version == row.version)
        .values(next_at=_next_turn(work, document))
    )
    return _start(work, document.pattern, rule=row.name)


def _start(work: Work, pattern: str, *, rule: str | None) -> RetentionPreview:
    preview = new_id()
    work.connection.execute(
        insert(retention_previews).values(
            id=preview,
            pattern=pattern,
            rule=rule,
            phase=PreviewPhase.JUDGING,
            after="",
            step="",
            created_at=work.now,
            created_by=work.actor.name,
            expires_at=work.now + HOLDS_FOR,
            models=0,
            versions=0,
            going=0,
            deleted=0,
            skipped=0,
        )
    )
    return describe_preview(find_preview(work, preview))


class Step(msgspec.Struct, frozen=True):
    """Whose turn it is to go on with a preview."""

    id: str


def begin_step(work: Work, preview: str) -> Step | None:
    """Take over the judging; what somebody else had not finished is begun anew. None: all is judged."""

    row = find_preview(work, preview, lock=True)
    if row.phase != PreviewPhase.JUDGING:
        return None
    refuse_outdated(work, row)
    step = Step(new_id())
    of_preview = previewed_versions.c.preview_id == preview
    work.connection.execute(delete(previewed_versions).where(of_preview, previewed_versions.c.position >= row.versions))
    work.connection.execute(_change(row, step=step.id))
    return step


def keep_judged(
    work: Work, preview: str, step: Step, first: int, judged: Sequence[tuple[str, Judgement, Sequence[str]]]
) -> None:
    """Keep what was judged of some versions, from the position `first` on; nothing where somebody else took over."""

    if find_preview(work, preview, lock=True).step != step.id:
        return
    rows = [
        {
            "preview_id": preview,
            "position": position,
            "model_id": model_id,
            "number": judgement.number,
            "fate": Fate.GOES if judgement.goes else Fate.STAYS,
            "kept_by": judgement.kept_by,
            "rules": rules,
        }
        for position, (model_id, judgement, rules) in enumerate(judged, start=first)
    ]
    work.connection.execute(insert(previewed_versions), rows)


def end_step(work: Work, preview: str, step: Step, *, after: str, models: int, versions: int, going: int) -> None:
    """Count what a step judged, up to the model `after`; nothing where somebody else took over."""

    row = find_preview(work, preview, lock=True)
    if row.step == step.id:
        counts = {"models": row.models + models, "versions": row.versions + versions, "going": row.going + going}
        work.connection.execute(_change(row, after=after, **counts))


def end_judging(work: Work, preview: str, step: Step, bytes_freed: int) -> None:
    """All versions are judged."""

    row = find_preview(work, preview, lock=True)
    if row.step == step.id:
        work.connection.execute(_change(row, phase=PreviewPhase.READY, bytes_freed=bytes_freed, step=""))


def begin_applying(work: Work, preview: str) -> RetentionPreview:
    """:raises Conflict: not all versions are judged yet.
    :raises PreviewOutdated: it was made too long ago.
    """

    row = find_preview(work, preview, lock=True)
    if row.phase == PreviewPhase.JUDGING:
        raise Conflict(f"Preview '{preview}' isn't finished. Continue it until its phase is READY, then apply it.")
    if row.phase != PreviewPhase.APPLIED:
        refuse_outdated(work, row)
        work.connection.execute(_change(row, phase=PreviewPhase.APPLYING))
    return describe_preview(find_preview(work, preview))


def refuse_outdated(work: Work, row: Row[Any]) -> None:
    """:raises PreviewOutdated: as it says."""

    if row.expires_at <= work.now:
        raise PreviewOutdated(
            f"Preview '{row.id}' held until {row.expires_at:%Y-%m-%d %H:%M}Z, and what it shows may be out of date."
            " Make a new one.",
            preview=row.id,
        )


def delete_previewed(work: Work, preview: str, position: int) -> None:
    """Delete one version that a preview let go, if it is let go now as well. What is used by now, or kept by a rule as
    it is now, is passed over, and the preview says why."""

    mark = work.connection.execute(select(previewed_versions).where(_at(preview, position))).one()
    model = work.connection.execute(select(models).where(models.c.id == mark.model_id).with_for_update()).one()
    # Nothing may be said to come from it between the judgement and the end of this transaction.
    lock_key(work.connection, LINEAGE_LOCK)
    row = find_preview(work, preview, lock=True)
    refuse_outdated(work, row)
    fate = work.connection.execute(select(previewed_versions.c.fate).where(_at(preview, position))).scalar_one()
    if fate != Fate.GOES:
        return  # another process was faster
    rules = RulesInForce(work)
    about = rules.about(model.name) if model.deleted_at is None else []
    found = candidates_of(work, model, about, mark.number)
    kept = judge_one(about, found[0], work.now).kept_by if found else ()
    if not found or kept:
        _note(work, row, position, Fate.SKIPPED, kept)
        return
    version = work.connection.execute(
        select(versions).where(versions.c.model_id == model.id, versions.c.number == mark.number)
    ).one()
    named = rules.named(about)
    work.authorize(Action.VERSION_DELETE, model.name)
    mark_deleted(work, model, version, f"let go by retention: {', '.join(named)}", rules=named, preview=preview)
    _note(work, row, position, Fate.DELETED, ())


def _note(work: Work, row: Row[Any], position: int, fate: Fate, kept: Sequence[Keep]) -> None:
    work.connection.execute(
        update(previewed_versions).where(_at(row.id, position)).values(fate=fate, kept_by=list(kept))
    )
    counted = {"deleted": row.deleted + 1} if fate is Fate.DELETED else {"skipped": row.skipped + 1}
    work.connection.execute(_change(row, **counted))


def end_applying(work: Work, preview: str) -> RetentionPreview:
    """Nothing is left to delete. It is told once."""

    row = find_preview(work, preview, lock=True)
    if row.phase == PreviewPhase.APPLYING:
        work.connection.execute(_change(row, phase=PreviewPhase.APPLIED, finished_at=work.now))
        work.record(
            EventKind.RETENTION_APPLIED,
            subject=preview,
            model_pattern=row.pattern,
            rule=row.rule,
            deleted=row.deleted,
            skipped=row.skipped,
        )
    return describe_preview(find_preview(work, preview))


def forget_old_previews(work: Work, *, at_once: int = FORGOTTEN_AT_ONCE) -> None:
    """Forget some of what was previewed long ago. Of what was deleted, the log and the tombstones tell."""

    old = (
        select(retention_previews.c.id)
        .where(retention_previews.c.created_at <= work.now - FORGOTTEN_AFTER)
        .order_by(retention_previews.c.created_at, retention_previews.c.id)
        .limit(1)
    )
    preview = work.connection.execute(old).scalar_one_or_none()
    if preview is None:
        return
    of_preview = previewed_versions.c.preview_id == preview
    last = work.connection.execute(select(func.max(previewed_versions.c.position)).where(of_preview)).scalar_one()
    if last is not None:
        some = of_preview & (previewed_versions.c.position > last - at_once)
        work.connection.execute(delete(previewed_versions).where(some))
    if last is None or last < at_once:
        work.connection.execute(delete(retention_previews).where(retention_previews.c.id == preview))


def _change(row: Row[Any], **values: object) -> Any:  # noqa: ANN401 - a statement
    return update(retention_previews).where(retention_previews.c.id == row.id).values(**values)


def _at(preview: str, position: int) -> Any:  # noqa: ANN401 - a condition
    return (previewed_versions.c.preview_id == preview) & (previewed_versions.c.position == position)
