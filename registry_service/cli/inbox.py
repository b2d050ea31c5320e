"""What waits for whoever is logged in."""

from __future__ import annotations

import click

from registry_service.cli.comments import comment_text
from registry_service.cli.state import Command, State, pass_state
from registry_service.cli.text import Cell, section, table
from registry_service.client import AwaitedReview, Comment, Inbox, MarkRead


@click.command(cls=Command)
@click.option("--read", "comments", multiple=True, metavar="COMMENT", help="You have read it; may be given again.")
@pass_state
def inbox(state: State, comments: tuple[str, ...]) -> None:
    """What waits for you: reviews, mentions, policy changes to confirm."""

    client = state.client
    found = client.mark_mentions_read(MarkRead(comments=list(comments))) if comments else client.get_inbox()
    state.show(found, lambda: _text(found))


def _text(found: Inbox) -> str:
    parts = []
    if found.reviews:
        headers = ["promotion", "version", "stage", "since", "by", "missing"]
        parts.append(section("reviews", table(headers, [_review(one) for one in found.reviews], empty="")))
    if found.mentions:
        shown = [f"{_on(one.comment)}\n{comment_text(one.comment)}" for one in found.mentions]
        parts.append(section("mentions", "\n\n".join(shown)))
    if found.policy_changes:
        changes = [(one.id, one.kind, one.policy, one.proposed_at, one.proposed_by) for one in found.policy_changes]
        parts.append(section("policy changes", table(["change", "kind", "policy", "since", "by"], changes, empty="")))
    if found.more:
        parts.append("\nThere is more; it comes when these are done.")
    return "\n".join(parts).strip("\n") or "Nothing waits for you."


def _review(one: AwaitedReview) -> tuple[Cell, ...]:
    missing = " ".join(reason.message for reason in one.missing)
    return (one.promotion_id, f"{one.model_name} {one.version}", one.stage, one.since, one.requested_by, missing)


def _on(comment: Comment) -> str:
    if comment.promotion_id is not None:
        return f"on promotion {comment.promotion_id} of {comment.model_name}"
    return f"on {comment.model_name}" + ("" if comment.version is None else f" {comment.version}")
