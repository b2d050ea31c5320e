from __future__ import annotations

from collections.abc import Iterable

import click

from registry_service.cli import completing, options
from registry_service.cli.progress import progress_text
from registry_service.cli.state import Group, State, pass_state
from registry_service.cli.text import facts, joined, section, table
from registry_service.client import (
    ApplyPromotion,
    CancelPromotion,
    Decision,
    FailPromotion,
    PossibleReviewers,
    Promotion,
    ReleaseLease,
    RequestPromotion,
    Review,
    TakeLease,
    quoted,
)
from registry_service.domain.entities.review import Spoken, end_of

_holder = click.option("--holder", required=True, help="Names the run that deploys; a retry of it uses the same.")


@click.group(cls=Group)
def promotions() -> None:
    """Requests to make a version current in a stage."""


@promotions.command("list")
@options.listing
@click.option("--model", shell_complete=completing.models, help="Of this model.")
@click.option("--stage", shell_complete=completing.stages, help="To this stage.")
@click.option("--open", "is_open", is_flag=True, help="Those that may still be applied.")
@pass_state
def list_promotions(
    state: State,
    where: str | None,
    order_by: str | None,
    limit: int,
    model: str | None,
    stage: str | None,
    *,
    is_open: bool,
) -> None:
    """Promotions, newest first."""

    conditions = [f"({where})"] if where else []
    conditions += [f"model = {quoted(model)}"] if model else []
    conditions += [f"stage = {quoted(stage)}"] if stage else []
    conditions += [OPEN] if is_open else []
    found = state.client.iterate_promotions(**options.paging(" AND ".join(conditions) or None, order_by, limit))
    state.show_list(
        found,
        limit,
        lambda items: table(
            ["promotion", "model", "version", "stage", "phase", "requested", "by"],
            [
                (item.id, item.model_name, item.version, item.stage, _phase(item), item.requested_at, item.requested_by)
                for item in items
            ],
            empty="No promotions. Request one: model-registry promotions request MODEL SELECTOR --stage STAGE",
        ),
    )


@promotions.command("show")
@options.promotion
@click.option("--holder", help="Judge for this run: its own lease isn't in the way.")
@pass_state
def show_promotion(state: State, promotion: str, holder: str | None) -> None:
    """One promotion, judged now: what stands in its way, and who could help."""
    found = state.client.get_promotion(promotion, holder=holder)
    state.show(found, lambda: promotion_text(found))


@promotions.command("request")
@options.model
@options.selector
@click.option("--stage", required=True, shell_complete=completing.stages)
@click.option("--reason", default="", help="Why; reviewers read it.")
@options.people
@pass_state
def request_promotion(
    state: State, model: str, selector: str, stage: str, reason: str, people: tuple[str, ...]
) -> None:
    """Ask for a version to become current in a stage. An open request of the same content is answered again."""
    body = RequestPromotion(model=model, version=selector, stage=stage, reason=reason, people=list(people))
    made = state.client.request_promotion(body)
    state.show(made, lambda: progress_text(made, "Requested"))


@promotions.command("apply")
@options.promotion
@click.option("--holder", help="The run that holds the lease, where one is held.")
@pass_state
def apply_promotion(state: State, promotion: str, holder: str | None) -> None:
    """Make the version current. Judged again at this moment."""
    applied = state.client.apply_promotion(promotion, ApplyPromotion(holder=holder))
    state.show(applied, lambda: progress_text(applied, "Applied"))


@promotions.command("cancel")
@options.promotion
@click.option("--reason", default="")
@pass_state
def cancel_promotion(state: State, promotion: str, reason: str) -> None:
    """Take a request back."""
    cancelled = state.client.cancel_promotion(promotion, CancelPromotion(reason=reason))
    state.show(cancelled, lambda: progress_text(cancelled, "Cancelled"))


@promotions.command("lease")
@options.promotion
@_holder
@click.option("--seconds", type=click.IntRange(1), help="How long; else as the policy says.")
@pass_state
def take_lease(state: State, promotion: str, holder: str, seconds: int | None) -> None:
    """Begin to deploy: nobody else moves the stage meanwhile."""
    leased = state.client.take_lease(promotion, TakeLease(holder=holder, seconds=seconds))
    state.show(leased, lambda: progress_text(leased, "Leased"))


@promotions.command("release")
@options.promotion
@_holder
@pass_state
def release_lease(state: State, promotion: str, holder: str) -> None:
    """Give the lease up without deploying."""
    released = state.client.release_lease(promotion, ReleaseLease(holder=holder))
    state.show(released, lambda: progress_text(released, "Released"))


@promotions.command("fail")
@options.promotion
@_holder
@options.reason
@pass_state
def fail_promotion(state: State, promotion: str, holder: str, reason: str) -> None:
    """End the promotion, because deploying failed."""
    failed = state.client.fail_promotion(promotion, FailPromotion(holder=holder, reason=reason))
    state.show(failed, lambda: progress_text(failed, "Failed"))


@promotions.command("reviewers")
@options.promotion
@pass_state
def list_possible_reviewers(state: State, promotion: str) -> None:
    """Whom to ask: who could approve what is still missing."""
    found = state.client.list_possible_reviewers(promotion)
    state.show(found, lambda: _reviewers_text(found))


@promotions.command("withdraw")
@options.promotion
@pass_state
def withdraw_review(state: State, promotion: str) -> None:
    """Take your own review back."""
    open_again = state.client.withdraw_review(promotion)
    state.show(open_again, lambda: progress_text(open_again, "Withdrawn"))


def _reviewers_text(found: PossibleReviewers) -> str:
    if not found.missing:
        return "No review is missing."
    missing = "\n".join(reason.message for reason in found.missing)
    rows = [(one.name, one.display_name, joined(one.standing_in_for)) for one in found.people]
    people = table(["name", "called", "stands in for"], rows, empty="Nobody could, as roles stand.")
    more = "\nNot all who may review the model were looked at." if found.more else ""
    return f"{missing}\n\n{people}{more}"


OPEN = "phase IN ('PENDING', 'APPROVED', 'APPLYING')"


def promotion_text(promotion: Promotion) -> str:
    lease, closure = promotion.lease, promotion.closure
    text = facts(
        {
            "promotion": promotion.id,
            "version": f"{promotion.model_name} {promotion.version}",
            "stage": promotion.stage,
            "phase": _phase(promotion),
            "kind": promotion.kind if promotion.undoes else None,
            "undoes": promotion.undoes,
            "replaces": promotion.replaces,
            "digest": promotion.digest,
            "reason": promotion.reason or None,
            "requested": promotion.requested_at,
            "requested by": promotion.requested_by,
            "took part": joined(promotion.people),
            "expires": None if promotion.phase.is_final else promotion.expires_at,
            "policies": joined([f"{pin.name} v{pin.version}" for pin in promotion.policies]),
            "lease": None
            if lease is None
            else f"{lease.holder}, until {lease.expires_at.astimezone():%Y-%m-%d %H:%M:%S%z}",
            "applied": promotion.applied_at,
            "applied by": promotion.applied_by,
            "closed": None if closure is None else closure.at,
            "closed by": None if closure is None else closure.by,
            "why": None if closure is None else closure.reason or None,
            "url": promotion.url,
        }
    )
    if promotion.reviews:
        text += "\n" + section("reviews", _reviews_text(promotion.reviews))
    if not promotion.phase.is_final:
        text += "\n" + section("decision", decision_text(promotion.decision))
    return text


def decision_text(decision: Decision) -> str:
    """The outcome, and every reason for it in words."""

    lines = [decision.outcome.upper()]
    lines += [f"- {reason.message} [{reason.code}]" for reason in decision.reasons]
    lines += [f"+ {reason.message}" for reason in decision.satisfied]
    lines += [f"~ waived: {reason.message}" for reason in decision.waived]
    # Two policies may ask for the same.
    return "\n".join(dict.fromkeys(lines))


def with_end(text: str, review: Spoken, among: Iterable[Spoken]) -> str:
    """What is said of a review, and how it ended."""
    end = end_of(review, among)
    return f"{text} ({end})" if end else text


def _reviews_text(reviews: list[Review]) -> str:
    return table(
        ["reviewer", "verdict", "at", "comment"],
        [
            (
                item.reviewer,
                with_end(str(item.verdict), item, reviews),
                item.at,
                item.comment or None,
            )
            for item in reviews
        ],
        empty="",
    )


def _phase(promotion: Promotion) -> str:
    return f"{promotion.phase}, current" if promotion.is_current else promotion.phase
