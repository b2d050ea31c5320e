"""Comments, on a model, on one of its versions, or on a promotion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from registry_service.cli import options
from registry_service.cli.state import Group, State, pass_state
from registry_service.cli.text import cell, printable
from registry_service.client import Comment, WriteComment


@click.group(cls=Group)
def comments() -> None:
    """What people write to each other about models, versions and promotions."""


def _on(function: Callable[..., Any]) -> Callable[..., Any]:
    """What a comment is on: TARGET is a model, model/selector, or with --promotion a promotion's id."""

    for decorate in (
        click.option("--promotion", "is_promotion", is_flag=True, help="TARGET is the id of a promotion."),
        click.argument("target"),
    ):
        function = decorate(function)
    return function


@comments.command("list")
@_on
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Show at most so many.")
@pass_state
def list_comments(state: State, target: str, limit: int, *, is_promotion: bool) -> None:
    """Comments, the oldest first. TARGET is a model, or model/selector."""

    page = min(limit + 1, options.MAX_PAGE)
    model, slash, selector = target.partition("/")
    if is_promotion:
        found = state.client.iterate_promotion_comments(target, limit=page)
    elif slash:
        found = state.client.iterate_version_comments(model, selector, limit=page)
    else:
        found = state.client.iterate_model_comments(model, limit=page)
    state.show_list(found, limit, lambda shown: "\n\n".join(map(comment_text, shown)) or "No comments.")


@comments.command("add")
@_on
@click.argument("text")
@pass_state
def add_comment(state: State, target: str, text: str, *, is_promotion: bool) -> None:
    """Write TEXT, Markdown in which @name mentions somebody. TARGET is a model, or model/selector."""

    body = WriteComment(text=text)
    model, slash, selector = target.partition("/")
    if is_promotion:
        added = state.client.comment_on_promotion(target, body)
    elif slash:
        added = state.client.comment_on_version(model, selector, body)
    else:
        added = state.client.comment_on_model(model, body)
    state.show(added, lambda: comment_text(added))


@comments.command("show")
@click.argument("comment")
@pass_state
def show_comment(state: State, comment: str) -> None:
    """One comment, by its id."""
    found = state.client.get_comment(comment)
    state.show(found, lambda: comment_text(found))


@comments.command("edit")
@click.argument("comment")
@click.argument("text")
@pass_state
def edit_comment(state: State, comment: str, text: str) -> None:
    """Write your own comment anew."""
    edited = state.client.edit_comment(comment, WriteComment(text=text))
    state.show(edited, lambda: comment_text(edited))


@comments.command("remove")
@click.argument("comment")
@options.yes
@pass_state
def remove_comment(state: State, comment: str, *, yes: bool) -> None:
    """Take your own comment back, or as an admin another's; its place stays, without the text."""
    state.confirm(f"Remove comment {comment} for good?", yes=yes)
    removed = state.client.remove_comment(comment)
    state.show(removed, lambda: comment_text(removed))


def comment_text(comment: Comment) -> str:
    """Source as it is, harmless to a terminal; nothing is rendered."""

    edited = f", edited {cell(comment.edited_at)}" if comment.edited_at else ""
    head = f"{comment.author}, {cell(comment.at)}{edited}  ({comment.id})"
    text = printable(comment.text) if comment.removed_at is None else "(removed)"
    return head + "".join(f"\n  {line}" for line in text.split("\n"))
