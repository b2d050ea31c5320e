"""Approving and rejecting: what a person signs is shown before they do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import click

from registry_service.cli import completing, options
from registry_service.cli.checks import checks_text
from registry_service.cli.endings import REFUSED, Stopped
from registry_service.cli.progress import progress_text
from registry_service.cli.promotions import OPEN, decision_text
from registry_service.cli.state import Command, Group, State, pass_state
from registry_service.cli.text import Cell, count, facts, section, table
from registry_service.client import (
    Check,
    GiveReview,
    ModelVersion,
    Promotion,
    PromotionNotFound,
    PromotionReview,
    ReviewOutcome,
    ReviewPromotions,
    StageVacant,
    Verdict,
    VersionNotFound,
    quoted,
)

_DONE: Final = MappingProxyType({Verdict.APPROVE: "Approved", Verdict.REJECT: "Rejected"})


def _of_a_promotion(function: Callable[..., Any]) -> Callable[..., Any]:
    for decorate in reversed(
        (
            click.argument("target", shell_complete=completing.targets),
            click.option("--stage", help="Where TARGET is model/selector: the stage that is asked for."),
            click.option("--digest", help="Refuse unless it is this digest, as read elsewhere."),
            options.yes,
            pass_state,
        )
    ):
        function = decorate(function)
    return function


@click.command(cls=Command)
@click.option("--comment", default="", help="Stays with the review.")
@_of_a_promotion
def approve(state: State, target: str, stage: str | None, digest: str | None, comment: str, *, yes: bool) -> None:
    """Approve a promotion. TARGET is its id, or model/selector with --stage."""
    _review(state, Verdict.APPROVE, target, stage, digest, comment, yes=yes)


@click.command(cls=Command)
@click.option("--comment", required=True, help="Why: whoever asked reads it.")
@_of_a_promotion
def reject(state: State, target: str, stage: str | None, digest: str | None, comment: str, *, yes: bool) -> None:
    """Reject a promotion, which ends it. TARGET is its id, or model/selector with --stage."""
    _review(state, Verdict.REJECT, target, stage, digest, comment, yes=yes)


@click.group(cls=Group)
def reviews() -> None:
    """Reviews of many promotions at once."""


@reviews.command("bulk")
@click.argument("file", type=options.JSON_FILE)
@options.yes
@pass_state
@click.pass_context
def review_many(ctx: click.Context, state: State, file: Path, *, yes: bool) -> None:
    """Give the reviews that FILE lists; - reads it from stdin.

    FILE is a JSON list of at most 100 objects with promotion, digest, verdict (approve or reject) and comment. Each
    review is given or refused by itself. Exit code 0: all were given; 1: some were refused.
    """

    listed = options.read_json(file, list[PromotionReview])
    verdicts = ", ".join(
        f"{word} {count(number, 'promotion')}"
        for word in Verdict
        if (number := sum(review.verdict is word for review in listed))
    )
    state.confirm(f"{verdicts.capitalize()}?", yes=yes)
    outcomes = state.client.review_promotions(ReviewPromotions(reviews=listed)).outcomes
    state.show(outcomes, lambda: _outcomes_text(outcomes))
    if not all(outcome.reviewed for outcome in outcomes):
        ctx.exit(REFUSED)


def _outcomes_text(outcomes: list[ReviewOutcome]) -> str:
    return table(
        ["promotion", "reviewed", "phase", "refused", "why"],
        [(one.promotion_id, one.reviewed, one.phase, one.code, one.message) for one in outcomes],
        empty="No reviews.",
    )


def _review(
    state: State, verdict: Verdict, target: str, stage: str | None, digest: str | None, comment: str, *, yes: bool
) -> None:
    promotion = _find(state, target, stage)
    if digest is not None and digest != promotion.digest:
        raise Stopped("digest_mismatch", f"The promotion is of {promotion.digest}, not of {digest}. Nothing was sent.")
    if not yes:
        version = state.client.get_version(promotion.model_name, promotion.version)
        checks = list(state.client.iterate_checks(promotion.model_name, promotion.version))
        state.say(_evidence(promotion, version, _current(state, promotion), checks))
    state.confirm(f"{verdict.capitalize()} {promotion.model_name} {promotion.version} for {promotion.stage}?", yes=yes)
    # The digest that was shown: should anything else be asked for by now, the registry refuses.
    body = GiveReview(verdict=verdict, digest=promotion.digest, comment=comment)
    reviewed = state.client.review_promotion(promotion.id, body)
    state.show(reviewed, lambda: progress_text(reviewed, _DONE[verdict]))


def _find(state: State, target: str, stage: str | None) -> Promotion:
    model, slash, selector = target.partition("/")
    if not slash:
        return state.client.get_promotion(target)
    if stage is None:
        raise click.UsageError("Say which --stage is asked for, or give the promotion's id.")
    number = state.client.get_version(model, selector).number
    where = f"model = {quoted(model)} AND stage = {quoted(stage)} AND version = {number} AND {OPEN}"
    page = state.client.list_promotions(filter=where, limit=1)
    if not page.items:
        raise PromotionNotFound(
            f"Nobody asks for {model} {number} in {stage}. Request it: model-registry promotions request"
            f" {model!r} {number} --stage {stage}",
            model=model,
            stage=stage,
            version=number,
        )
    return page.items[0]


def _current(state: State, promotion: Promotion) -> ModelVersion | None:
    try:
        return state.client.get_version(promotion.model_name, f"@{promotion.stage}")
    except (StageVacant, VersionNotFound):
        return None


def _evidence(promotion: Promotion, version: ModelVersion, current: ModelVersion | None, checks: list[Check]) -> str:
    now = "nothing is current" if current is None else f"version {current.number} is current"
    text = facts(
        {
            "version": f"{promotion.model_name} {promotion.version}",
            "digest": promotion.digest,
            "stage": f"{promotion.stage} (now {now})",
            "requested": promotion.requested_at,
            "requested by": promotion.requested_by,
            "reason": promotion.reason or None,
        }
    )
    text += "\n" + section("decision", decision_text(promotion.decision))
    text += "\n" + section("metrics", _metrics_text(version, current))
    text += "\n" + section("checks", checks_text(checks))
    return text + (("\n" + section("description", version.description)) if version.description else "") + "\n"


def _metrics_text(version: ModelVersion, current: ModelVersion | None) -> str:
    before = {} if current is None else current.metadata.metrics
    rows: list[tuple[Cell, ...]] = []
    for name in dict.fromkeys([*version.metadata.metrics, *before]):
        value, was = version.metadata.metrics.get(name), before.get(name)
        change = None if value is None or was is None else f"{value - was:+g}"
        compared = () if current is None else (was, change)
        rows.append((name, value, *compared, version.metadata.direction(name).replace("_", " ")))
    columns = [] if current is None else [f"now {current.number}", "change"]
    return table(["metric", f"version {version.number}", *columns, ""], rows, empty="None.")
