"""Retention rules, what is known of the versions that they judge, and previews of what they would let go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Row, Select, bindparam, exists, func, select

from registry_service.db.filters import matching
from registry_service.db.paging import Ordering, PageRequest, page_of, refuse_filter
from registry_service.db.prepared import Prepared
from registry_service.db.queries.needed import NEEDED
from registry_service.db.queries.revoked import content_revoked
from registry_service.db.queries.uses import uses_of
from registry_service.db.tables import (
    models,
    previewed_versions,
    retention_previews,
    retention_rules,
    version_lineage,
    versions,
)
from registry_service.db.types import UtcTimestamp
from registry_service.db.view import View
from registry_service.domain.entities import (
    Fate,
    Keep,
    LineageKind,
    Page,
    PreviewedVersion,
    PreviewPhase,
    RetentionPreview,
    RetentionRule,
)
from registry_service.domain.errors import PreviewNotFound, RuleNotFound
from registry_service.domain.names import check_rule_name, fold
from registry_service.domain.permissions import Action, Role, Scope, pattern_in_sight
from registry_service.domain.retention import MAX_REASONS, Candidate, Descendant, Judgement, judge_all
from registry_service.domain.retention_rules import RetentionDocument, rules_for
from registry_service.domain.selectors import MAX_NUMBER
from registry_service.domain.strictness import convert_strictly

MODELS_AT_ONCE: Final = 200
VERSIONS_AT_ONCE: Final = 5_000

_RULES: Final = Ordering(columns={"name": retention_rules.c.name}, tie_breakers=[], default="name")
_PREVIEWS: Final = Ordering(
    columns={"created_at": retention_previews.c.created_at},
    tie_breakers=[retention_previews.c.id],
    default="created_at desc",
)
_PREVIEWED: Final = Ordering(columns={"position": previewed_versions.c.position}, tie_breakers=[], default="position")
_NEWEST: Final = Prepared(
    select(retention_rules)
    .where(retention_rules.c.name == bindparam("name"))
    .order_by(retention_rules.c.version.desc())
    .limit(1)
)
_VERSION: Final = Prepared(
    select(retention_rules).where(
        retention_rules.c.name == bindparam("name"), retention_rules.c.version == bindparam("version")
    )
)


def newest_rules() -> Select[Any]:
    """The newest version of each rule that holds."""

    newest = (
        select(retention_rules.c.name, func.max(retention_rules.c.version).label("version"))
        .group_by(retention_rules.c.name)
        .subquery()
    )
    return (
        select(retention_rules)
        .join(
            newest,
            (newest.c.name == retention_rules.c.name) & (newest.c.version == retention_rules.c.version),
        )
        .where(retention_rules.c.ended_at.is_(None))
    )


_IN_FORCE: Final = Prepared(newest_rules().order_by(retention_rules.c.name))


class RulesInForce:
    """The rules that hold now."""

    def __init__(self, view: View) -> None:
        self.rows = _IN_FORCE.rows(view.connection)
        self._documents = [convert_strictly(row.document, RetentionDocument) for row in self.rows]
        self._versions = {row.name: row.version for row in self.rows}

    def about(self, model_name: str) -> list[RetentionDocument]:
        return rules_for(self._documents, model_name)

    def named(self, documents: Sequence[RetentionDocument]) -> list[str]:
        """Which versions of which rules these are: `nightly@2`."""
        return [f"{document.name}@{self._versions[document.name]}" for document in documents]


def find_rule(view: View, name: str, version: int | None = None) -> Row[Any] | None:
    """The row of a version of a rule, whether it holds or not; None: the newest."""

    check_rule_name(name)
    if version is None:
        return _NEWEST.row(view.connection, name=name)
    # PostgreSQL refuses to compare with what its integers can't hold.
    return _VERSION.row(view.connection, name=name, version=version if version <= MAX_NUMBER else 0)


def get_rule(view: View, name: str, *, version: int | None = None) -> RetentionRule:
    """:raises RuleNotFound: there is none, or it speaks of models that are out of sight."""

    view.authorize_somewhere(Action.RETENTION_READ)
    row = find_rule(view, name, version)
    if row is None or not _in_sight(view, row):
        which = f"retention rule '{name}'" if version is None else f"version {version} of retention rule '{name}'"
        raise RuleNotFound(f"There is no {which}, or you may not read it.", rule=name, version=version)
    return describe_rule(row)


def list_rules(view: View, page: PageRequest) -> Page[RetentionRule]:
    """Those that hold, and speak of models in sight."""

    refuse_filter(page)
    view.authorize_somewhere(Action.RETENTION_READ)
    visible = [row.name for row in _IN_FORCE.rows(view.connection) if _in_sight(view, row)]
    statement = newest_rules().where(retention_rules.c.name.in_(visible))
    return page_of(view.connection, statement, _RULES, page, lambda rows: [describe_rule(row) for row in rows])


def _in_sight(view: View, row: Row[Any]) -> bool:
    return pattern_in_sight(view.actor, Action.RETENTION_READ, row.document["pattern"])


def describe_rule(row: Row[Any]) -> RetentionRule:
    return RetentionRule(
        name=row.name,
        version=row.version,
        # What this release doesn't know must not be judged as if it weren't there.
        document=convert_strictly(row.document, RetentionDocument),
        created_at=row.created_at,
        created_by=row.created_by,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        next_at=row.next_at,
    )


# ---------------------------------------------------------------------------------------------------- candidates


def candidates_of(
    view: View, model: Row[Any], rules: Sequence[RetentionDocument], number: int | None = None
) -> list[Candidate]:
    """What is known of the versions of a model that are there, the newest first; or of one, whose descendants then
    have no number, since nothing is judged together with it."""

    there = (versions.c.model_id == model.id) & versions.c.deleted_at.is_(None)
    statement = select(versions.c.number, versions.c.created_at, content_revoked().label("revoked")).where(there)
    newer = 0
    if number is not None:
        statement = statement.where(versions.c.number == number)
        good = select(func.count()).select_from(versions).where(there, versions.c.number > number, ~content_revoked())
        newer = view.connection.execute(good).scalar_one()
    uses = uses_of(view, model, None if number is None else [number])
    found = _found_by(view, model, rules, number)
    made = _descendants(view, model, number)
    candidates = []
    for row in view.connection.execute(statement.order_by(versions.c.number.desc())):
        candidates.append(
            Candidate(
                number=row.number,
                created_at=row.created_at,
                newer=newer,
                uses=tuple(uses.get(row.number, ())),
                found_by=frozenset(found.get(row.number, ())),
                descendants=tuple(made.get(row.number, ())),
            )
        )
        newer += not row.revoked
    return candidates


def _found_by(
    view: View, model: Row[Any], rules: Sequence[RetentionDocument], number: int | None
) -> Mapping[int, list[str]]:
    """By version: the rules whose filter finds it."""

    found: dict[int, list[str]] = defaultdict(list)
    for rule in rules:
        if rule.keep_where is None:
            continue
        statement = (
            select(versions.c.number)
            .join(models, models.c.id == versions.c.model_id)
            .where(versions.c.model_id == model.id, matching("versions", rule.keep_where, now=view.now))
        )
        if number is not None:
            statement = statement.where(versions.c.number == number)
        for one in view.connection.execute(statement).scalars():
            found[one].append(rule.name)
    return found


def _descendants(view: View, model: Row[Any], number: int | None) -> Mapping[int, list[Descendant]]:
    """By version: what was made from it and is there, in whatever model, deleted ones too: they may come back."""

    made = made_from_versions_of(model.id)
    if number is not None:
        made = made.where(version_lineage.c.parent_number == number).limit(MAX_REASONS)
    found: dict[int, list[Descendant]] = defaultdict(list)
    for row in view.connection.execute(made):
        together = row.number if row.id == model.id and number is None else None
        found[row.parent_number].append(Descendant(f"{row.name}/{row.number}", together))
    return found


def made_from_versions_of(model_id: str) -> Select[Any]:
    """What is there that was made from versions of the model."""

    return (
        select(version_lineage.c.parent_number, models.c.id, models.c.name, versions.c.number)
        .join(
            versions,
            (versions.c.model_id == version_lineage.c.model_id) & (versions.c.number == version_lineage.c.number),
        )
        .join(models, models.c.id == versions.c.model_id)
        .where(
            version_lineage.c.parent_model_id == model_id,
            version_lineage.c.kind == LineageKind.PARENT_VERSION.value,
            versions.c.deleted_at.is_(None),
        )
        .order_by(version_lineage.c.parent_number, models.c.name, versions.c.number)
    )


# ------------------------------------------------------------------------------------------------------ previews


def find_preview(view: View, preview: str, *, lock: bool = False) -> Row[Any]:
    """:raises PreviewNotFound: there is none, or it was forgotten."""

    statement = select(retention_previews).where(retention_previews.c.id == preview)
    row = view.connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    if row is None:
        raise PreviewNotFound(f"There is no preview '{preview}'. They are forgotten after a week.", preview=preview)
    return row


def get_preview(view: View, preview: str) -> RetentionPreview:
    view.authorize(Action.RETENTION_RUN, None)
    return describe_preview(find_preview(view, preview))


def list_previews(view: View, page: PageRequest) -> Page[RetentionPreview]:
    """The newest first."""

    refuse_filter(page)
    view.authorize(Action.RETENTION_RUN, None)
    return page_of(
        view.connection,
        select(retention_previews),
        _PREVIEWS,
        page,
        lambda rows: [describe_preview(row) for row in rows],
    )


def list_previewed_versions(
    view: View, preview: str, page: PageRequest, *, fate: Fate | None = None
) -> Page[PreviewedVersion]:
    """Model by model; of each what goes first, in the order in which it is deleted."""

    refuse_filter(page)
    view.authorize(Action.RETENTION_RUN, None)
    find_preview(view, preview)
    statement = (
        select(
            previewed_versions,
            models.c.name.label("model_name"),
            versions.c.digest,
            versions.c.size,
            versions.c.created_at,
        )
        .join(
            versions,
            (versions.c.model_id == previewed_versions.c.model_id) & (versions.c.number == previewed_versions.c.number),
        )
        .join(models, models.c.id == versions.c.model_id)
        .where(previewed_versions.c.preview_id == preview)
    )
    if fate is not None:
        statement = statement.where(previewed_versions.c.fate == fate)
    return page_of(view.connection, statement, _PREVIEWED, page, lambda rows: [_describe_version(row) for row in rows])


def describe_preview(row: Row[Any]) -> RetentionPreview:
    return RetentionPreview(
        id=row.id,
        pattern=row.pattern,
        rule=row.rule,
        phase=PreviewPhase(row.phase),
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        models=row.models,
        versions=row.versions,
        going=row.going,
        bytes_freed=row.bytes_freed,
        deleted=row.deleted,
        skipped=row.skipped,
        finished_at=row.finished_at,
    )


def _describe_version(row: Row[Any]) -> PreviewedVersion:
    return PreviewedVersion(
        model_name=row.model_name,
        version=row.number,
        digest=row.digest,
        size=row.size,
        created_at=row.created_at,
        fate=Fate(row.fate),
        kept_by=msgspec.convert(row.kept_by, list[Keep]),
        rules=row.rules,
    )


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What one step of a preview judged: versions by their models, in the order in which they are deleted. `after`:
    the id of the last model that was looked at; `whole`: there is none behind it."""

    after: str
    whole: bool
    models: int
    versions: list[tuple[str, Judgement, list[str]]]


def judge_next(view: View, preview: Row[Any], *, at_once: int = VERSIONS_AT_ONCE) -> Judged:
    """Judge the models that come next, until there are `at_once` versions or more."""

    rules = RulesInForce(view)
    # Whatever the case, as rules are: else a rule that takes its turn would pass over models that it is about.
    pattern = Scope(Role.READER, fold(preview.pattern))
    judged: list[tuple[str, Judgement, list[str]]] = []
    after, seen = preview.after, 0
    coming = (
        select(models)
        .where(models.c.id > after, models.c.deleted_at.is_(None))
        .order_by(models.c.id)
        .limit(MODELS_AT_ONCE)
    )
    rows = view.connection.execute(coming).all()
    for model in rows:
        after = model.id
        about = rules.about(model.name)
        if about and pattern.covers(fold(model.name)):
            named = rules.named(about)
            found = judge_all(about, candidates_of(view, model, about), view.now)
            judged += [(model.id, judgement, named) for judgement in found]
            seen += 1
            if len(judged) >= at_once:
                return Judged(after=after, whole=False, models=seen, versions=judged)
    return Judged(after=after, whole=len(rows) < MODELS_AT_ONCE, models=seen, versions=judged)


def bytes_freed_by(view: View, preview: str) -> int:
    """Bytes that versions which go keep, by their files or their checks' attachments, and no other version that is
    there, each counted once."""

    going = previewed_versions.alias()
    needed = NEEDED.alias()
    owners = versions.alias()
    going_too = previewed_versions.alias()
    gone = (
        select(NEEDED.c.digest, func.max(NEEDED.c.size).label("size"))
        .join(going, (going.c.model_id == NEEDED.c.model_id) & (going.c.number == NEEDED.c.number))
        .where(going.c.preview_id == preview, going.c.fate == Fate.GOES)
        .group_by(NEEDED.c.digest)
        .subquery()
    )
    stays = exists().where(
        needed.c.digest == gone.c.digest,
        owners.c.model_id == needed.c.model_id,
        owners.c.number == needed.c.number,
        owners.c.deleted_at.is_(None),
        ~exists().where(
            going_too.c.preview_id == preview,
            going_too.c.model_id == needed.c.model_id,
            going_too.c.number == needed.c.number,
            going_too.c.fate == Fate.GOES,
        ),
    )
    total = select(func.coalesce(func.sum(gone.c.size), 0)).where(~stays)
    return int(view.connection.execute(total).scalar_one())


_NEXT_GOING: Final = Prepared(
    select(previewed_versions.c.position)
    .where(previewed_versions.c.preview_id == bindparam("preview"), previewed_versions.c.fate == Fate.GOES.value)
    .order_by(previewed_versions.c.position)
    .limit(1)
)


def next_going(view: View, preview: str) -> int | None:
    """The position of the version that is to be deleted next."""
    found: int | None = _NEXT_GOING.value(view.connection, preview=preview)
    return found


_UNDER_WAY: Final = Prepared(
    select(retention_previews)
    .where(
        retention_previews.c.rule.is_not(None),
        retention_previews.c.finished_at.is_(None),
        retention_previews.c.expires_at > bindparam("now", type_=UtcTimestamp()),
    )
    .order_by(retention_previews.c.expires_at)
    .limit(1)
)


def turn_under_way(view: View) -> RetentionPreview | None:
    """What the service itself began, and has not finished."""

    row = _UNDER_WAY.row(view.connection, now=view.now)
    return None if row is None else describe_preview(row)


def some_turn_is_due(view: View) -> bool:
    due = exists().where(retention_rules.c.next_at <= view.now)
    return bool(view.connection.execute(select(due)).scalar_one())
